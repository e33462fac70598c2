"""Dead letters and results as bytes: JSON Lines, or a CSV with the input's own columns in front.

CSV is UTF-8 without a byte order mark and with CRLF.  A mark would become part of the first column's name for every program
that does not look for one, and the input's columns are to stand untouched.  Cells go out as they came in, also those that a
spreadsheet takes for a formula (``=``, ``+``, ``-``, ``@`` in front): to defuse them would change what a replay sends.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any, Final

from bulkzoho.domain.model.dead_letter import LETTER_VERSION, DeadLetter
from bulkzoho.domain.model.rows import ABSENT, Cell
from bulkzoho.domain.transform.exact_json import encode_json

__all__ = [
    "LETTER_COLUMNS",
    "RESULT_COLUMNS",
    "CsvDeadLetterWriter",
    "CsvResultWriter",
    "JsonDeadLetterWriter",
    "JsonResultWriter",
]

LETTER_COLUMNS: Final = (
    "bulkzoho_run",
    "bulkzoho_source",
    "bulkzoho_row",
    "bulkzoho_code",
    "bulkzoho_field",
    "bulkzoho_message",
    "bulkzoho_stage",
    "bulkzoho_attempts",
    "bulkzoho_at",
    "bulkzoho_raw",  # last, beyond the promised ones: without it an unreadable row would be lost
)
RESULT_COLUMNS: Final = ("bulkzoho_row", "bulkzoho_id", "bulkzoho_action", "bulkzoho_source")


class JsonDeadLetterWriter:
    """Dead letters, one JSON object a line; the keys and their order are a contract."""

    def head(self, header: Sequence[str]) -> bytes:
        """Give nothing: JSON Lines has no head."""
        del header
        return b""

    def encode(self, letters: Sequence[DeadLetter]) -> bytes:
        """Give one line a letter."""
        return b"".join([encode_json(_letter_object(letter)) + b"\n" for letter in letters])


class CsvDeadLetterWriter:
    """Dead letters as a CSV that a person can mend in a spreadsheet.

    Args:
        header: The columns of a file that is continued (see :func:`columns_of`); a new one gets
            them from :meth:`head`.
    """

    def __init__(self, header: Sequence[str] = ()) -> None:
        self._header = tuple(header)

    def head(self, header: Sequence[str]) -> bytes:
        """Give the line of column names, and keep to these columns from now on."""
        self._header = tuple(header)
        return _csv_lines([(*header, *LETTER_COLUMNS)])

    def encode(self, letters: Sequence[DeadLetter]) -> bytes:
        """Give one line a letter; cells are put under their own columns, whatever order their source has them in."""
        return _csv_lines((*self._cells(letter), *_letter_cells(letter)) for letter in letters)

    def _cells(self, letter: DeadLetter) -> list[str]:
        if tuple(letter.header) == self._header and len(letter.cells) == len(self._header):
            return _cell_texts(letter.cells)
        by_column = dict(zip(letter.header, letter.cells, strict=False))  # an unreadable row has no cells
        return [_cell_text(by_column.get(column, ABSENT)) for column in self._header]


class JsonResultWriter:
    """Accepted rows, one JSON object a line.  Hot: one join a batch."""

    def head(self, header: Sequence[str]) -> bytes:
        """Give nothing: JSON Lines has no head."""
        del header
        return b""

    def encode(
        self,
        *,
        rows: Sequence[int],
        sources: Sequence[str] | str,
        ids: Sequence[str],
        actions: Sequence[str] | str,
        cells: Sequence[Sequence[Cell]],
    ) -> bytes:
        """Give one line an accepted row."""
        del cells
        if isinstance(sources, str) and isinstance(actions, str) and _is_plain(ids) and _is_plain(actions):
            tail = f'","action":"{actions!s}","source":{encode_json(sources).decode()}}}\n'
            return "".join([f'{{"row":{row},"id":"{one}{tail}' for row, one in zip(rows, ids, strict=True)]).encode()
        lines = zip(rows, ids, _each(actions, len(rows)), _each(sources, len(rows)), strict=True)
        return b"".join(
            [
                encode_json({"row": row, "id": one, "action": str(action), "source": source}) + b"\n"
                for row, one, action, source in lines
            ]
        )


class CsvResultWriter:
    """Accepted rows as a CSV: the input's columns, then what became of the row."""

    def __init__(self, header: Sequence[str] = ()) -> None:
        self._width = len(header)

    def head(self, header: Sequence[str]) -> bytes:
        """Give the line of column names."""
        self._width = len(header)
        return _csv_lines([(*header, *RESULT_COLUMNS)])

    def encode(
        self,
        *,
        rows: Sequence[int],
        sources: Sequence[str] | str,
        ids: Sequence[str],
        actions: Sequence[str] | str,
        cells: Sequence[Sequence[Cell]],
    ) -> bytes:
        """Give one line an accepted row."""
        width = self._width or len(cells[0])
        lines = zip(cells, rows, ids, _each(actions, len(rows)), _each(sources, len(rows)), strict=True)
        return _csv_lines(
            (*_fitted(_cell_texts(own), width), row, one, str(action), source) for own, row, one, action, source in lines
        )


def _letter_object(letter: DeadLetter) -> dict[str, Any]:
    rejection = letter.rejection
    written: dict[str, Any] = {
        "v": LETTER_VERSION,
        "run": letter.run,
        "source": letter.source,
        "row": letter.row,
        "crm_module": letter.crm_module,
        "operation": str(letter.operation),
        "code": rejection.code,
        "field": rejection.field,
        "message": rejection.message,
        "details": dict(rejection.details),
        "stage": str(rejection.stage),
        "attempts": letter.attempts,
        "at": letter.at,
        "record": None if letter.record is None else dict(letter.record),
        "match_on": list(letter.match_on),
        "trigger": letter.trigger,
        "org": letter.org,
    }
    if letter.raw is not None:
        written["raw"] = letter.raw
    return written


def _letter_cells(letter: DeadLetter) -> tuple[str | int, ...]:
    rejection = letter.rejection
    return (
        letter.run,
        letter.source,
        letter.row,
        rejection.code,
        rejection.field or "",
        rejection.message,
        str(rejection.stage),
        letter.attempts,
        letter.at,
        letter.raw or "",
    )


def _cell_texts(cells: Sequence[Cell]) -> list[str]:
    if {str}.issuperset(map(type, cells)):  # a row of a CSV
        return [*cells]
    return [*map(_cell_text, cells)]


def _cell_text(cell: Cell) -> str:
    """Give a cell as a CSV can hold it: a JSON null, which clears a field, is not told from a blank there."""
    match cell:
        case str():
            return cell
        case None:
            return ""
        case _:
            return "" if cell is ABSENT else encode_json(cell).decode()


def _csv_lines(lines: Iterable[Sequence[str | int]]) -> bytes:
    written = io.StringIO(newline="")
    csv.writer(written).writerows(lines)  # CRLF: with LF alone a lone CR in a cell would not be quoted
    return written.getvalue().encode()


def _fitted(cells: list[str], width: int) -> list[str]:
    return cells if len(cells) == width else cells[:width] + [""] * (width - len(cells))


def _is_plain(texts: Sequence[str]) -> bool:
    """Whether *texts* need no escape in JSON."""
    joined = "".join(texts)
    return joined.isascii() and joined.encode().isalnum()  # of bytes: a tenth of the time


def _each(value: Sequence[str] | str, count: int) -> Sequence[str]:
    return [value] * count if isinstance(value, str) else value
