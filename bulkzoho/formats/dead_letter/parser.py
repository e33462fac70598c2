"""Parse one rejected row from a JSON object or CSV row of a dead-letter file, fixed or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from bulkzoho.domain.model.rows import Cell, RowOrigin, Stage
from bulkzoho.errors import RefusedError
from bulkzoho.formats.dead_letter.columns import DeadLetterColumns

__all__ = ["ParsedDeadLetter", "parse_csv_row", "parse_json_object"]

_RESUME_HINT: Final = "Resume the run to find out whether the CRM has them: bulkzoho resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDeadLetter:
    """A rejected row: with ``record`` (JSON), with ``cells`` (CSV), or with neither if there is nothing to send."""

    origin: RowOrigin
    code: str
    message: str
    raw: str
    record: dict[str, Any] | None = None
    cells: Sequence[Cell] | None = None
    crm_module: str = ""
    operation: str = ""
    match_on: tuple[str, ...] = ()
    trigger: str = ""
    org: str = ""


def parse_json_object(values: Mapping[str, Any], *, number: int, name: str) -> ParsedDeadLetter:
    """Return the rejected row in a JSON object.

    Raises:
        RefusedError: It is not a rejected row, or it is a row in doubt.
    """
    if values.get("in_doubt"):
        raise RefusedError(
            f"{name}: holds rows in doubt, not rejected rows: the CRM may have them already.",
            hint=f"{_RESUME_HINT} {values.get('run', '')}".rstrip(),
            code="IN_DOUBT_FILE",
        )
    record = values.get("record")
    if not (record is None or isinstance(record, dict)):
        _refuse(name, number, "its record is not a JSON object")
    match_on = values.get("match_on") or []
    if not isinstance(match_on, list):
        _refuse(name, number, "its match_on is not a list")
    return ParsedDeadLetter(
        origin=_origin(values, number=number, name=name),
        code=_text(values, "code"),
        message=_text(values, "message"),
        raw=_text(values, "raw"),
        record=record,
        crm_module=_text(values, "crm_module"),
        operation=_text(values, "operation"),
        match_on=tuple(map(str, match_on)),
        trigger=_text(values, "trigger"),
        org=_text(values, "org"),
    )


def parse_csv_row(row: Sequence[str], columns: DeadLetterColumns, *, number: int, name: str) -> ParsedDeadLetter:
    """Return the rejected row in a CSV row.

    Raises:
        RefusedError: It is not a rejected row.
    """
    values, cells = columns.ours(row), columns.input_cells(row)
    is_still_unreadable = values.get("stage") == Stage.READ and not any(map(str.strip, cells))
    return ParsedDeadLetter(
        origin=_origin(values, number=number, name=name),
        code=values.get("code", ""),
        message=values.get("message", ""),
        raw=values.get("raw", ""),
        cells=None if is_still_unreadable else cells,
    )


def _origin(values: Mapping[str, Any], *, number: int, name: str) -> RowOrigin:
    run, source = _text(values, "run"), _text(values, "source")
    if not run or not source:
        _refuse(name, number, f"it has no {'source' if run else 'run'}")
    row = _count(values.get("row"))
    if not row:
        _refuse(name, number, "its row is not a number")
    return RowOrigin(run=run, source=source, row=row, attempts=_count(values.get("attempts")) or 0)


def _text(values: Mapping[str, Any], key: str) -> str:
    value = values.get(key)
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    """Return a number of rows or attempts, None if *value* is not one."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _refuse(name: str, number: int, problem: str) -> NoReturn:
    raise RefusedError(
        f"{name}, rejected row {number}: it cannot be replayed: {problem}.",
        hint="Change only the record of a rejected row, and leave its other keys unchanged.",
        code="NO_LETTER",
    )
