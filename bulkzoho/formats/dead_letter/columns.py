"""The columns of a dead-letter file in CSV: those of the input, then ours, which begin with ``bulkzoho_``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bulkzoho.errors import RefusedError

__all__ = ["COLUMN_PREFIX", "DEAD_LETTER_COLUMNS", "DeadLetterColumns"]

COLUMN_PREFIX: Final = "bulkzoho_"
DEAD_LETTER_COLUMNS: Final = (
    "bulkzoho_run",
    "bulkzoho_source",
    "bulkzoho_row",
    "bulkzoho_code",
    "bulkzoho_field",
    "bulkzoho_message",
    "bulkzoho_stage",
    "bulkzoho_attempts",
    "bulkzoho_at",
    "bulkzoho_raw",  # last, beyond the promised columns: without it an unreadable row would be lost
)
_REQUIRED: Final = ("run", "source", "row")


class DeadLetterColumns:
    """The positions of the input's columns and of ours, which a spreadsheet may have moved.

    Attributes:
        header: Names of the input's columns.

    Raises:
        RefusedError: One of our required columns is missing.
    """

    def __init__(self, header: Sequence[str], *, name: str) -> None:
        names = [column.strip().casefold() for column in header]
        self._ours = {name.removeprefix(COLUMN_PREFIX): at for at, name in enumerate(names) if name.startswith(COLUMN_PREFIX)}
        self._inputs = [at for at, name in enumerate(names) if not name.startswith(COLUMN_PREFIX)]
        self.header = tuple(header[at] for at in self._inputs)
        for column in _REQUIRED:
            if column not in self._ours:
                raise RefusedError(
                    f"{name}: not a dead-letter file: it has no column {COLUMN_PREFIX}{column}.",
                    hint="Keep the bulkzoho_ columns when you fix rows; to import a new file use: bulkzoho import",
                    code="NO_LETTER",
                )

    def ours(self, row: Sequence[str]) -> dict[str, str]:
        """Return the cells of our columns by name, without the prefix."""
        return {column: row[at] for column, at in self._ours.items()}

    def input_cells(self, row: Sequence[str]) -> list[str]:
        """Return the cells of the input's columns."""
        return [row[at] for at in self._inputs]
