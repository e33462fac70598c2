"""Audit a run from outside: its journal as SQLite sees it after a crash, and its files.  Uses none of the program's own code."""

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

__all__ = ["AuditedRun", "audit", "copy_of", "find_run"]

RESULTS, LETTERS = "results.jsonl", "dead-letter.jsonl"
JOURNAL = "journal.db"
KEPT = (JOURNAL, f"{JOURNAL}-wal", RESULTS, LETTERS)  # not the -shm: after a crash it is rebuilt from the log
COUNTERS = ("created", "updated", "deleted", "unchanged", "dead_lettered", "already_settled")

Line = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditedRun:
    """A run as its journal and files have it."""

    command: str
    status: str
    read: int  #: rows
    complete: bool  #: the input was read to its end
    settled: frozenset[int]
    in_doubt: frozenset[int]
    tally: dict[str, int]
    results: list[Line]  #: within the length that the journal knows
    letters: list[Line]
    beyond: dict[str, int]  #: bytes of each file beyond that length

    @property
    def accepted(self) -> int:
        """Rows accepted."""
        return sum(self.tally[name] for name in ("created", "updated", "deleted", "unchanged"))

    @property
    def unsent(self) -> int:
        """Rows read without outcome and not in doubt."""
        return self.read - self.accepted - self.tally["dead_lettered"] - self.tally["already_settled"] - len(self.in_doubt)

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return self.status == "completed" and not self.in_doubt and not self.unsent


def copy_of(run: Path, into: Path) -> Path:
    """Copy what a crash would leave of *run* into a new folder; the run itself is not touched, not even its log."""
    into.mkdir(parents=True)
    for name in KEPT:
        if (run / name).exists():
            shutil.copyfile(run / name, into / name)
    return into


def find_run(runs: Iterable[Path], command: str) -> Path | None:
    """Return the run of *command* with a complete journal, if there is one; there is never a second."""
    found = [run for run in runs if _command_of(run) == command]
    assert len(found) <= 1, f"{command} has several runs: {found}"
    return found[0] if found else None


def audit(run: Path) -> AuditedRun:
    """Read a run in any state and check that journal and files agree.

    Raises:
        AssertionError: They do not; says how.
    """
    with tempfile.TemporaryDirectory() as scratch:
        return _audit_copy(copy_of(run, Path(scratch) / "copy"))


def _audit_copy(run: Path) -> AuditedRun:
    with closing(sqlite3.connect(run / JOURNAL)) as journal:
        (verdict,) = journal.execute("PRAGMA integrity_check").fetchone()
        assert verdict == "ok", f"{run}: {verdict}"
        command, status = journal.execute("SELECT command, status FROM run").fetchone()
        read, complete = journal.execute("SELECT coalesce(sum(rows_read), 0), coalesce(min(complete), 0) FROM source").fetchone()
        sums = ", ".join(f"coalesce(sum({name}), 0)" for name in COUNTERS)
        tally = dict(zip(COUNTERS, journal.execute(f"SELECT {sums} FROM shipment").fetchone(), strict=True))
        shipments = journal.execute("SELECT state, rows FROM shipment").fetchall()
        lengths: dict[str, int] = dict(journal.execute("SELECT name, length FROM file").fetchall())
    settled = _once([row for state, rows in shipments if state == "settled" for row in _rows(rows)], "settled")
    in_doubt = _once([row for state, rows in shipments if state == "sent" for row in _rows(rows)], "in doubt")
    assert not settled & in_doubt, f"settled and in doubt: {sorted(settled & in_doubt)}"
    contents = {name: (run / name).read_bytes() if (run / name).exists() else b"" for name in (RESULTS, LETTERS)}
    audited = AuditedRun(
        command=command,
        status=status,
        read=read,
        complete=bool(complete),
        settled=settled,
        in_doubt=in_doubt,
        tally=tally,
        results=_lines(contents[RESULTS], lengths.get(RESULTS, 0), RESULTS),
        letters=_lines(contents[LETTERS], lengths.get(LETTERS, 0), LETTERS),
        beyond={name: len(content) - lengths.get(name, 0) for name, content in contents.items()},
    )
    _check(audited)
    return audited


def _check(audited: AuditedRun) -> None:
    """Check that each row with an outcome has one line, and that the sum holds."""
    assert len(audited.results) == audited.accepted, f"{len(audited.results)} results for {audited.accepted} accepted rows"
    assert len(audited.letters) == audited.tally["dead_lettered"], f"{len(audited.letters)} letters for {audited.tally}"
    assert len(audited.settled) == audited.accepted + audited.tally["dead_lettered"] + audited.tally["already_settled"], (
        audited.tally
    )
    assert audited.unsent >= 0, f"more rows have an outcome than were read: {audited}"
    named = [(line.get("run", ""), line["source"], line["row"]) for line in audited.letters]
    named += [("", line["source"], line["row"]) for line in audited.results]
    assert len({(source, row) for _, source, row in named}) == len(named), "a row has two lines"
    if audited.command == "import":  # the lines of a replay name the rows of the first file
        assert {row for _, _, row in named} == audited.settled, "lines and journal name different rows"


def _lines(content: bytes, length: int, name: str) -> list[Line]:
    assert len(content) >= length, f"{name} has {len(content)} bytes, the journal knows {length}"
    valid = content[:length]
    assert valid.endswith(b"\n") or not valid, f"{name} is torn at {length}"
    return [json.loads(line) for line in valid.splitlines()]


def _rows(text: str) -> Iterator[int]:
    for part in filter(None, text.split(",")):
        first, _, last = part.partition("-")
        yield from range(int(first), int(last) + 1)


def _once(rows: list[int], what: str) -> frozenset[int]:
    twice = [row for row, count in Counter(rows).items() if count > 1]
    assert not twice, f"rows {what} twice: {twice[:10]}"
    return frozenset(rows)


def _command_of(run: Path) -> str | None:
    with tempfile.TemporaryDirectory() as scratch:
        copy = copy_of(run, Path(scratch) / "copy")
        if not (copy / JOURNAL).exists():
            return None
        try:
            with closing(sqlite3.connect(copy / JOURNAL)) as journal:
                row = journal.execute("SELECT command FROM run").fetchone()
        except sqlite3.DatabaseError:  # killed while it was made: no call was made either
            return None
    return None if row is None else str(row[0])
