"""Rejected rows as bytes: JSON Lines, or CSV with the columns of the input first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bulkzoho.domain.model.dead_letter import DEAD_LETTER_VERSION, DeadLetter
from bulkzoho.domain.model.rows import ABSENT
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.formats.csv_output import cell_text, cell_texts, csv_lines
from bulkzoho.formats.dead_letter.columns import DEAD_LETTER_COLUMNS

__all__ = ["CsvDeadLetterWriter", "JsonDeadLetterWriter"]


class JsonDeadLetterWriter:
    """Rejected rows, one JSON object per line; the keys and their order are a contract."""

    def head(self, header: Sequence[str]) -> bytes:
        """Return nothing: JSON Lines has no header."""
        del header
        return b""

    def encode(self, letters: Sequence[DeadLetter]) -> bytes:
        """Return one line per rejected row."""
        return b"".join([encode_json(_json_object(letter)) + b"\n" for letter in letters])


class CsvDeadLetterWriter:
    """Rejected rows as CSV, for a person to fix in a spreadsheet.

    Args:
        header: The input's columns in a file that is continued; :meth:`head` sets those of a new file.
    """

    def __init__(self, header: Sequence[str] = ()) -> None:
        self._header = tuple(header)

    def head(self, header: Sequence[str]) -> bytes:
        """Return the header line, and use these columns from now on."""
        self._header = tuple(header)
        return csv_lines([(*header, *DEAD_LETTER_COLUMNS)])

    def encode(self, letters: Sequence[DeadLetter]) -> bytes:
        """Return one line per rejected row; each cell is under the column of its name."""
        return csv_lines((*self._input_cells(letter), *_our_cells(letter)) for letter in letters)

    def _input_cells(self, letter: DeadLetter) -> list[str]:
        if tuple(letter.header) == self._header and len(letter.cells) == len(self._header):
            return cell_texts(letter.cells)
        by_column = dict(zip(letter.header, letter.cells, strict=False))  # an unreadable row has no cells
        return [cell_text(by_column.get(column, ABSENT)) for column in self._header]


def _json_object(letter: DeadLetter) -> dict[str, Any]:
    rejection = letter.rejection
    values: dict[str, Any] = {
        "v": DEAD_LETTER_VERSION,
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
        values["raw"] = letter.raw
    return values


def _our_cells(letter: DeadLetter) -> tuple[str | int, ...]:
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
