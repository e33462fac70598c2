"""Accepted rows as bytes: JSON Lines, or CSV with the columns of the input first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bulkzoho.domain.model.rows import Cell
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.formats.csv_output import cell_texts, csv_lines

__all__ = ["RESULT_COLUMNS", "CsvResultWriter", "JsonResultWriter"]

RESULT_COLUMNS: Final = ("bulkzoho_row", "bulkzoho_id", "bulkzoho_action", "bulkzoho_source")


class JsonResultWriter:
    """Accepted rows, one JSON object per line.  The usual batch is joined without a call per row."""

    def head(self, header: Sequence[str]) -> bytes:
        """Return nothing: JSON Lines has no header."""
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
        """Return one line per accepted row."""
        del cells
        if isinstance(sources, str) and isinstance(actions, str) and _is_alphanumeric(ids) and _is_alphanumeric(actions):
            tail = f'","action":"{actions!s}","source":{encode_json(sources).decode()}}}\n'
            return "".join([f'{{"row":{row},"id":"{record_id}{tail}' for row, record_id in zip(rows, ids, strict=True)]).encode()
        lines = zip(rows, ids, _for_each(actions, len(rows)), _for_each(sources, len(rows)), strict=True)
        return b"".join(
            encode_json({"row": row, "id": record_id, "action": str(action), "source": source}) + b"\n"
            for row, record_id, action, source in lines
        )


class CsvResultWriter:
    """Accepted rows as CSV: the columns of the input, then the result of the row."""

    def __init__(self, header: Sequence[str] = ()) -> None:
        self._width = len(header)

    def head(self, header: Sequence[str]) -> bytes:
        """Return the header line."""
        self._width = len(header)
        return csv_lines([(*header, *RESULT_COLUMNS)])

    def encode(
        self,
        *,
        rows: Sequence[int],
        sources: Sequence[str] | str,
        ids: Sequence[str],
        actions: Sequence[str] | str,
        cells: Sequence[Sequence[Cell]],
    ) -> bytes:
        """Return one line per accepted row."""
        width = self._width or len(cells[0])
        lines = zip(cells, rows, ids, _for_each(actions, len(rows)), _for_each(sources, len(rows)), strict=True)
        return csv_lines(
            (*_padded(cell_texts(row_cells), width), row, record_id, str(action), source)
            for row_cells, row, record_id, action, source in lines
        )


def _padded(cells: list[str], width: int) -> list[str]:
    return cells if len(cells) == width else cells[:width] + [""] * (width - len(cells))


def _is_alphanumeric(texts: Sequence[str]) -> bool:
    joined = "".join(texts)
    return joined.isascii() and joined.encode().isalnum()  # of bytes: a tenth of the time


def _for_each(value: Sequence[str] | str, count: int) -> Sequence[str]:
    return [value] * count if isinstance(value, str) else value
