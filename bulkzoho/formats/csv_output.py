"""Rows as CSV for dead-letter files and results.

CSV is UTF-8 without a byte order mark and with CRLF.  A mark would become part of the first column's name for every program
that does not expect one.  Cells are written as they were read, including those that a spreadsheet takes for a formula (``=``,
``+``, ``-``, ``@`` in front): a changed cell would change the record of a replay.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

from bulkzoho.domain.model.rows import ABSENT, Cell
from bulkzoho.domain.transform.exact_json import encode_json

__all__ = ["cell_text", "cell_texts", "csv_lines"]


def csv_lines(rows: Iterable[Sequence[str | int]]) -> bytes:
    """Return *rows* as lines of CSV."""
    written = io.StringIO(newline="")
    csv.writer(written).writerows(rows)  # CRLF: with LF alone a lone CR in a cell would not be quoted
    return written.getvalue().encode()


def cell_texts(cells: Sequence[Cell]) -> list[str]:
    """Return *cells* as texts."""
    if {str}.issuperset(map(type, cells)):  # a row of a CSV
        return [*cells]
    return [*map(cell_text, cells)]


def cell_text(cell: Cell) -> str:
    """Return a cell as text.  A JSON null, which clears a field, becomes a blank cell: CSV has no null."""
    match cell:
        case str():
            return cell
        case None:
            return ""
        case _:
            return "" if cell is ABSENT else encode_json(cell).decode()
