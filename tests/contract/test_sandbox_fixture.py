"""The sandbox in somebody else's tests: the example of the documents, run as they would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"
_EXAMPLE = re.compile(r"<!-- test: (\S+) -->\n+```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_documented_fixtures_work_in_a_project_of_their_own(tmp_path: Path) -> None:
    examples = dict(_EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8")))
    for name, text in examples.items():
        (tmp_path / name).write_text(text)

    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--asyncio-mode=auto", str(tmp_path)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    ended = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False, env=clean)

    assert set(examples) == {"conftest.py", "test_my_loader.py"}
    assert ended.returncode == 0, ended.stdout
    assert re.search(r"\b3 passed", ended.stdout), ended.stdout


def test_the_limits_stand_before_the_use() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")

    assert text.index("## What it does not imitate") < text.index("## Start it") < text.index("## In your own tests")


def test_the_tools_load_no_test_runner() -> None:
    script = "import sys, bulkzoho.sandbox.testing; sys.exit('pytest' in sys.modules or 'jsonschema' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize("name", ["Answer", "Caller", "ManualClock", "calling", "sandbox_process", "served"])
def test_the_names_are_public(name: str) -> None:
    from bulkzoho.sandbox import testing

    assert name in testing.__all__
    assert getattr(testing, name).__doc__
