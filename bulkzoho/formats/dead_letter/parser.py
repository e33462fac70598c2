"""One dead letter as read back, from its JSON object or its CSV row, mended or not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from bulkzoho.domain.model.rows import Cell, RowOrigin, Stage
from bulkzoho.errors import RefusedError

__all__ = ["DeadLetterColumns", "ParsedDeadLetter", "letter_of_object"]

_PREFIX: Final = "bulkzoho_"
_NEEDED: Final = ("run", "source", "row")
_RESUME_HINT: Final = "Rows in doubt are settled by: bulkzoho resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class ParsedDeadLetter:
    """A letter.  Exactly one of ``record`` (JSON) and ``cells`` (CSV) is there, none when it has nothing to send."""

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


def letter_of_object(letter: Mapping[str, Any], *, number: int, name: str) -> ParsedDeadLetter:
    """Give the letter that a JSON object is.

    Raises:
        RefusedError: It is none, or a row in doubt.
    """
    if letter.get("in_doubt"):
        raise RefusedError(
            f"{name}: holds rows in doubt, not dead letters: they may be in the CRM already.",
            hint=f"{_RESUME_HINT} {letter.get('run', '')}".rstrip(),
            code="IN_DOUBT_FILE",
        )
    record = letter.get("record")
    if not (record is None or isinstance(record, dict)):
        _refuse(name, number, "its record is no JSON object")
    match_on = letter.get("match_on") or []
    if not isinstance(match_on, list):
        _refuse(name, number, "its match_on is no list")
    return ParsedDeadLetter(
        origin=_origin(letter, number=number, name=name),
        code=_text(letter, "code"),
        message=_text(letter, "message"),
        raw=_text(letter, "raw"),
        record=record,
        crm_module=_text(letter, "crm_module"),
        operation=_text(letter, "operation"),
        match_on=tuple(map(str, match_on)),
        trigger=_text(letter, "trigger"),
        org=_text(letter, "org"),
    )


class DeadLetterColumns:
    """Which columns of a CSV of letters are the input's own, and which are ours.

    Raises:
        RefusedError: Ours are missing.
    """

    def __init__(self, header: Sequence[str], *, name: str) -> None:
        self._name = name
        words = [column.strip().casefold() for column in header]
        self._own = {word.removeprefix(_PREFIX): at for at, word in enumerate(words) if word.startswith(_PREFIX)}
        self._inputs = [at for at, word in enumerate(words) if not word.startswith(_PREFIX)]
        self.header = tuple(header[at] for at in self._inputs)
        for word in _NEEDED:
            if word not in self._own:
                raise RefusedError(
                    f"{name}: is no file of dead letters: it has no column {_PREFIX}{word}.",
                    hint="Keep the bulkzoho_ columns when mending letters; to load a new file use: bulkzoho import",
                    code="NO_LETTER",
                )

    def letter_of(self, row: Sequence[str], *, number: int) -> ParsedDeadLetter:
        """Give the letter of one row.

        Raises:
            RefusedError: It is none.
        """
        own = {word: row[at] for word, at in self._own.items()}
        cells = [row[at] for at in self._inputs]
        is_unmended = own.get("stage") == Stage.READ and not any(map(str.strip, cells))
        return ParsedDeadLetter(
            origin=_origin(own, number=number, name=self._name),
            code=own.get("code", ""),
            message=own.get("message", ""),
            raw=own.get("raw", ""),
            cells=None if is_unmended else cells,
        )


def _origin(letter: Mapping[str, Any], *, number: int, name: str) -> RowOrigin:
    run, source = _text(letter, "run"), _text(letter, "source")
    if not run or not source:
        _refuse(name, number, f"it has no {'source' if run else 'run'}")
    row = _count(letter.get("row"))
    if not row:
        _refuse(name, number, "its row is no number")
    return RowOrigin(run=run, source=source, row=row, attempts=_count(letter.get("attempts")) or 0)


def _text(letter: Mapping[str, Any], key: str) -> str:
    value = letter.get(key)
    return value if isinstance(value, str) else ""


def _count(value: object) -> int | None:
    """Give a number of rows or attempts, None when *value* is none."""
    if isinstance(value, str) and value.strip().isascii() and value.strip().isdigit():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _refuse(name: str, number: int, problem: str) -> NoReturn:
    raise RefusedError(
        f"{name}, letter {number}: is no dead letter: {problem}.",
        hint="Mend the record of a letter and leave the rest of it as it is.",
        code="NO_LETTER",
    )
