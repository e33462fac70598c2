"""Exports while another program inserts, changes and deletes all the time: each record once, in a state of that time."""

from __future__ import annotations

import csv
import json
import os
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from .harness import Program, SandboxMaker, SandboxProcess, wait_until

TOP = Path(__file__).resolve().parents[2]
ROUTES = ("list", "coql", "bulk")
LONG_AGO = 0.0


@dataclass(slots=True)
class _Life:
    """One change of a record: when it was requested and answered, and the new Score; -1 for its deletion."""

    steps: list[tuple[float, float, int]] = field(default_factory=list)

    def may_show(self, score: int, start: float, end: float) -> bool:
        """Return whether it may have had that score between *start* and *end*."""
        for number, (before, _, made) in enumerate(self.steps):
            is_over = number + 1 < len(self.steps) and self.steps[number + 1][1] < start
            if made == score and before <= end and not is_over:
                return True
        return False

    def was_there(self, start: float, end: float) -> bool:
        """Return whether it existed all the time."""
        return self.steps[0][1] < start and (self.steps[-1][2] != -1 or self.steps[-1][0] > end)


@contextmanager
def _other_at_work(sandbox: SandboxProcess, log: Path) -> Iterator[None]:
    known = "".join(json.dumps({"id": one["id"]}) + "\n" for one in sandbox.records("Leads"))
    words = [sys.executable, "-m", "tests.e2e.other_client"]
    environment = {**os.environ, **sandbox.environment}
    with log.open("wb") as out:
        process = subprocess.Popen(words, cwd=TOP, env=environment, stdin=subprocess.PIPE, stdout=out)
        assert process.stdin is not None
        process.stdin.write(known.encode() + b"\n")
        process.stdin.flush()
        wait_until(lambda: log.stat().st_size, what="a change")
        try:
            yield
            told = log.stat().st_size
            wait_until(lambda: log.stat().st_size > told, what="what it was doing at the end")
        finally:
            process.kill()
            process.wait()
            process.stdin.close()


def _lives(sandbox_ids: list[str], log: Path) -> dict[str, _Life]:
    lives: dict[str, _Life] = defaultdict(_Life)
    for one in sandbox_ids:
        lives[one].steps.append((LONG_AGO, LONG_AGO, 0))
    *lines, _ = log.read_text(encoding="utf-8").split("\n")
    for line in lines:
        done = json.loads(line)
        for record_id, score in done["scores"].items():
            lives[record_id].steps.append((done["before"], done["after"], score))
    return lives


def _check(rows: list[dict[str, str]], summary: dict[str, Any], lives: dict[str, _Life], start: float, end: float) -> None:
    times = Counter(row["id"] for row in rows)
    bound = datetime.fromisoformat(summary["export"]["made_until"]).timestamp()
    assert max(times.values()) == 1, "a record came twice"
    assert {one for one, life in lives.items() if life.was_there(start, end)} <= times.keys(), "a record is missing"
    assert [row for row in rows if not lives[row["id"]].may_show(int(row["Score"]), start, end)] == []
    assert [row["id"] for row in rows if lives[row["id"]].steps[0][0] > bound + 1] == [], "made after the bound"
    assert summary["export"]["difference"] == 0 or summary["export"]["why"]


def test_each_record_is_exported_once_in_a_state_of_that_time_by_each_route(tmp_path: Path, new_sandbox: SandboxMaker) -> None:
    sandbox = new_sandbox("--edition", "ultimate", "--licences", "1000", "--latency", "0.1")
    sandbox.change(job_time_s=1.0)
    sandbox.put("Leads", ({"Last_Name": f"Lead {n}", "Score": 0} for n in range(2_500)))
    ids = [str(one["id"]) for one in sandbox.records("Leads")]
    programs = {route: Program(tmp_path / route, dict(sandbox.environment)) for route in ROUTES}
    for program in programs.values():
        program.folder.mkdir()

    # bulkzoho export Leads --route list, coql and bulk at once, while another program works through the API
    with _other_at_work(sandbox, tmp_path / "log"):
        start = time.time()
        running = {
            route: program.start("export", "Leads", "-o", "leads.csv", "--fields", "Score", "--route", route, "--json")
            for route, program in programs.items()
        }
        ends = {route: one.wait().expect(0) for route, one in running.items()}
        end = time.time()

    lives = _lives(ids, tmp_path / "log")
    for route, program in programs.items():
        with (program.folder / "leads.csv").open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        _check(rows, ends[route].summary, lives, start, end)
    calls = [one for one in sandbox.calls() if one["operation"] in ("insert", "update", "delete")]
    assert len(calls) >= 8
