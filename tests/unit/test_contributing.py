"""What CONTRIBUTING.md says to a newcomer is true."""

from __future__ import annotations

import os
import re
import subprocess
import tomllib
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
GUIDE = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
DECISIONS = TOP / "docs" / "decisions"


def test_every_make_command_of_the_guide_exists() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (TOP / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))

    named = set(re.findall(r"(?:`|^)(?:sudo )?make ([a-z-]+)", GUIDE, re.MULTILINE))

    assert named - targets == set()
    assert {"setup", "check", "unit", "quick", "test", "crash", "bench", "docs"} <= named


def test_the_table_of_changes_names_a_place_for_each() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \| (.*?) ?\|$", GUIDE.partition("## Where do I change X")[2], re.MULTILINE)[2:]

    assert len(rows) >= 25
    assert [change for change, place, _ in rows if "`" not in place] == []
    places = re.findall(r"`([a-z_/]+(?:\.py|/))`", " ".join(place for _, place, _ in rows))
    assert [place for place in places if "/" in place and not (TOP / "bulkzoho" / place).exists()] == []


def test_every_decision_is_in_the_index_with_its_status() -> None:
    index = (DECISIONS / "README.md").read_text(encoding="utf-8")

    assert [record.name for record in DECISIONS.glob("0*.md") if f"({record.name})" not in index] == []
    superseded = [record for record in DECISIONS.glob("0*.md") if "Status: superseded" in record.read_text(encoding="utf-8")]
    assert [record.name for record in superseded if not re.search(rf"\({record.name}\).*superseded", index)] == []


def test_a_missing_system_tool_is_named_with_its_purpose(tmp_path: Path) -> None:
    script = TOP / "tests" / "system_tools.sh"

    listed = subprocess.run(
        ["/bin/sh", str(script)], env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, check=True
    )

    assert [line.split()[2] for line in listed.stdout.splitlines()[:-1]] == ["strace", "faketime", "chromium", "node", "npm"]
    assert "crash tests kill a run at every system call" in listed.stdout
    assert "make setup-tools" in listed.stdout


def test_ci_measures_coverage() -> None:
    limits = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["coverage"]["report"]

    assert "\nmake coverage\n" in (TOP / ".ci" / "run").read_text(encoding="utf-8")
    assert limits["fail_under"] >= 70
