"""Settings that a replay inherits from a dead-letter file, read from all of its rows before the first one is sent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import InputSettings
from bulkzoho.errors import RefusedError
from bulkzoho.formats.dead_letter.parser import ParsedDeadLetter
from bulkzoho.formats.dead_letter.reader import read_dead_letters

__all__ = ["DeadLetterFileInfo", "read_file_info"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeadLetterFileInfo:
    """The runs and settings of the rejected rows.  A CSV file names only the runs; their journals hold the settings."""

    run: str  #: of the first row; "" if there is none
    runs: tuple[str, ...]  #: all of them, in first-seen order
    rows: int
    crm_module: str = ""
    operation: Operation | None = None  #: None in CSV
    match_on: tuple[str, ...] = ()
    trigger: str = ""
    org: str = ""


@dataclass(slots=True)
class _FileSummary:
    rows: int = 0
    runs: dict[str, None] = field(default_factory=dict)
    crm_module: dict[str, None] = field(default_factory=dict)
    operation: dict[str, None] = field(default_factory=dict)
    match_on: dict[str, None] = field(default_factory=dict)
    trigger: dict[str, None] = field(default_factory=dict)
    org: dict[str, None] = field(default_factory=dict)

    def add(self, rows: Iterable[ParsedDeadLetter]) -> None:
        for row in rows:
            self.rows += 1
            self.runs[row.origin.run] = None
            self.crm_module[row.crm_module] = None
            self.operation[row.operation] = None
            self.match_on[",".join(row.match_on)] = None
            self.trigger[row.trigger] = None
            if row.org:  # a row that was rejected before the first call has no organization
                self.org[row.org] = None


def read_file_info(path: str, settings: InputSettings | None = None) -> DeadLetterFileInfo:
    """Return the settings in the dead-letter file *path*, after reading all of it.

    Raises:
        RefusedError: There is no such file, something in it is not a rejected row, or its rows have different settings.
        RunFailedError: The file is damaged.
    """
    summary = _FileSummary()
    for rows in read_dead_letters(path, settings or InputSettings()):
        summary.add(rows)
    runs = tuple(summary.runs)
    return DeadLetterFileInfo(
        run=runs[0] if runs else "",
        runs=runs,
        rows=summary.rows,
        crm_module=_only([*summary.crm_module], "modules", path),
        operation=_operation(_only([*summary.operation], "operations", path), path),
        match_on=tuple(filter(None, _only([*summary.match_on], "--match-on fields", path).split(","))),
        trigger=_only([*summary.trigger], "automations to run", path),
        org=_only([*summary.org], "organizations", path),
    )


def _only(values: Sequence[str], what: str, path: str) -> str:
    if len(values) > 1:
        raise RefusedError(
            f"{path}: its rows have different {what}: {', '.join(value or 'none' for value in values)}.",
            hint="Split the file and replay the parts.",
            code="MIXED_LETTERS",
        )
    return values[0] if values else ""


def _operation(word: str, path: str) -> Operation | None:
    if not word:
        return None
    try:
        return Operation(word)
    except ValueError:
        raise RefusedError(
            f"{path}: unknown operation {word!r}.", hint=f"Use one of {', '.join(Operation)}.", code="NO_LETTER"
        ) from None
