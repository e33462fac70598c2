"""The sandbox in tests of other projects: runs the example of docs/sandbox.md."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"
_EXAMPLE = re.compile(r"<!-- test: (\S+) -->\n+```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_documented_fixtures_work_in_another_project(tmp_path: Path) -> None:
    examples = dict(_EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8")))
    for name, text in examples.items():
        (tmp_path / name).write_text(text)

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--asyncio-mode=auto", str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    result = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=environment)

    assert set(examples) == {"conftest.py", "test_my_loader.py"}
    assert result.returncode == 0, result.stdout
    assert re.search(r"\b3 passed", result.stdout), result.stdout


def test_the_page_says_how_to_use_the_fixtures_and_their_limits() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert text.index("## Start") < text.index("## Use in your own tests") < text.index("## What it does not imitate")
    assert "(#what-it-does-not-imitate)" in text.partition("## Start")[0]


def test_the_testing_module_does_not_import_pytest() -> None:
    script = "import sys, bulkzoho.sandbox.testing; sys.exit('pytest' in sys.modules or 'jsonschema' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(
    "name", ["ManualClock", "SandboxClient", "SandboxResponse", "sandbox_client", "sandbox_process", "sandbox_thread"]
)
def test_the_names_are_public(name: str) -> None:
    from bulkzoho.sandbox import testing

    assert name in testing.__all__
    assert getattr(testing, name).__doc__
