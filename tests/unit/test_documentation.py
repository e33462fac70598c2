"""The documentation site builds without a warning, needs no network, and is generated from the program where it can be."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from bulkzoho.cli.program import COMMANDS

TOP = Path(__file__).resolve().parents[2]
LOADED = re.compile(
    r"<(?:script|img|iframe)[^>]*\bsrc=\"(https?:|//)|<link[^>]*\bhref=\"(https?:|//)|@import|url\((?:https?:|//)"
)


@pytest.fixture(scope="module", name="site")
def fixture_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the built site."""
    folder = tmp_path_factory.mktemp("site")
    words = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]

    built = subprocess.run(words, cwd=TOP, capture_output=True, text=True, check=False)

    assert built.returncode == 0, built.stderr
    return folder


def test_the_site_loads_nothing_from_other_hosts(site: Path) -> None:
    pages = [page for page in site.rglob("*") if page.suffix in (".html", ".css")]

    assert len(pages) > 30
    assert [page.name for page in pages if LOADED.search(page.read_text(encoding="utf-8"))] == []


def test_the_reference_is_generated_from_the_program(site: Path) -> None:
    commands = (site / "reference" / "cli.html").read_text(encoding="utf-8")
    api = (site / "reference" / "python.html").read_text(encoding="utf-8")

    assert [name for name in COMMANDS if f"bulkzoho {name}" not in commands] == []
    assert "--max-errors" in commands
    for name in ("bulkzoho.client.connect", "bulkzoho.client.Client.import_rows", "bulkzoho.client.Client.export"):
        assert f'id="{name}"' in api
