"""Check a run's journal and files from outside, as they are after a crash.  Uses none of the program's code."""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["RunState", "audit", "copy_of", "find_run"]

RESULTS, DEAD_LETTERS = "results.jsonl", "dead-letter.jsonl"
JOURNAL = "journal.db"
COPIED_FILES = (
    JOURNAL,
    f"{JOURNAL}-wal",
    RESULTS,
    DEAD_LETTERS,
)  # without the -shm: SQLite rebuilds it from the log after a crash
COUNTERS = ("created", "updated", "deleted", "unchanged", "dead_lettered", "already_settled")

Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunState:
    """State of a run according to its journal and files."""

    command: str
    status: str
    read: int  #: rows read
    complete: bool  #: the whole input was read
    settled: frozenset[int]
    in_doubt: frozenset[int]
    tally: dict[str, int]
    results: list[Line]  #: within the length recorded in the journal
    dead_letters: list[Line]
    beyond: dict[str, int]  #: bytes of each file beyond that length

    @property
    def accepted(self) -> int:
        """Rows accepted."""
        return sum(self.tally[name] for name in ("created", "updated", "deleted", "unchanged"))

    @property
    def unsent(self) -> int:
        """Rows read that have no outcome and are not in doubt."""
        return self.read - self.accepted - self.tally["dead_lettered"] - self.tally["already_settled"] - len(self.in_doubt)

    @property
    def done(self) -> bool:
        """Whether the run is complete."""
        return self.status == "completed" and not self.in_doubt and not self.unsent


def copy_of(run: Path, into: Path) -> Path:
    """Copy what a crash would leave of *run* into a new folder; the run itself is not changed, not even its log."""
    into.mkdir(parents=True)
    for name in COPIED_FILES:
        if (run / name).exists():
            shutil.copyfile(run / name, into / name)
    return into


def find_run(runs: Iterable[Path], command: str) -> Path | None:
    """Return the run of *command* with a complete journal, if any; there must not be two."""
    found = [run for run in runs if _command_of(run) == command]
    assert len(found) <= 1, f"{command} has several runs: {found}"
    return found[0] if found else None


def audit(run: Path) -> RunState:
    """Read the state of a run and check that journal and files agree.

    Raises:
        AssertionError: They do not agree.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return _audit_copy(copy_of(run, Path(scratch) / "copy"))


def _audit_copy(run: Path) -> RunState:
    with closing(sqlite3.connect(run / JOURNAL)) as journal:
        (verdict,) = journal.execute("PRAGMA integrity_check").fetchone()
        assert verdict == "ok", f"{run}: {verdict}"
        command, status = journal.execute("SELECT command, status FROM run").fetchone()
        read, complete = journal.execute("SELECT coalesce(sum(rows_read), 0), coalesce(min(complete), 0) FROM source").fetchone()
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in COUNTERS)
        tally = dict(zip(COUNTERS, journal.execute(f"SELECT {sums} FROM shipment").fetchone(), strict=True))
        shipments = journal.execute("SELECT state, rows FROM shipment").fetchall()
        lengths: dict[str, int] = dict(journal.execute("SELECT name, length FROM file").fetchall())
    settled = _unique([row for state, rows in shipments if state == "settled" for row in _rows(rows)], "settled")
    in_doubt = _unique([row for state, rows in shipments if state == "sent" for row in _rows(rows)], "in doubt")
    assert not settled & in_doubt, f"settled and in doubt: {sorted(settled & in_doubt)}"
    contents = {name: (run / name).read_bytes() if (run / name).exists() else b"" for name in (RESULTS, DEAD_LETTERS)}
    state = RunState(
        command=command,
        status=status,
        read=read,
        complete=bool(complete),
        settled=settled,
        in_doubt=in_doubt,
        tally=tally,
        results=_lines(contents[RESULTS], lengths.get(RESULTS, 0), RESULTS),
        dead_letters=_lines(contents[DEAD_LETTERS], lengths.get(DEAD_LETTERS, 0), DEAD_LETTERS),
        beyond={name: len(content) - lengths.get(name, 0) for name, content in contents.items()},
    )
    _check(state)
    return state


def _check(state: RunState) -> None:
    """Check that each row with an outcome has exactly one line and that the counts add up."""
    assert len(state.results) == state.accepted, f"{len(state.results)} results for {state.accepted} accepted rows"
    assert len(state.dead_letters) == state.tally["dead_lettered"], f"{len(state.dead_letters)} rejected: {state.tally}"
    assert len(state.settled) == state.accepted + state.tally["dead_lettered"] + state.tally["already_settled"], state.tally
    assert state.unsent >= 0, f"more rows have an outcome than were read: {state}"
    named = [(line.get("run", ""), line["source"], line["row"]) for line in state.dead_letters]
    named += [("", line["source"], line["row"]) for line in state.results]
    assert len({(source, row) for _, source, row in named}) == len(named), "a row has two lines"
    if state.command == "import":  # the lines of a replay name the rows of the original file
        assert {row for _, _, row in named} == state.settled, "lines and journal name different rows"


def _lines(content: bytes, length: int, name: str) -> list[Line]:
    assert len(content) >= length, f"{name} has {len(content)} bytes, the journal records {length}"
    valid = content[:length]
    assert valid.endswith(b"\n") or not valid, f"{name} has a partial line at {length}"
    return [json.loads(line) for line in valid.splitlines()]


def _rows(text: str) -> Iterator[int]:
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last) + 1)


def _unique(rows: list[int], what: str) -> frozenset[int]:
    repeated = [row for row, count in Counter(rows).items() if count > 1]
    assert not repeated, f"rows {what} twice: {repeated[:10]}"
    return frozenset(rows)


def _command_of(run: Path) -> str | None:
    with tempfile.TemporaryDirectory() as scratch:
        copy = copy_of(run, Path(scratch) / "copy")
        if not (copy / JOURNAL).exists():
            return None
        try:
            with closing(sqlite3.connect(copy / JOURNAL)) as journal:
                row = journal.execute("SELECT command FROM run").fetchone()
        except sqlite3.DatabaseError:  # killed while it was created: no call was made yet
            return None
    return None if row is None else str(row[0])
