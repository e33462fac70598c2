"""Detect the delimiter of a CSV and check its column names, from the header line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bulkzoho.errors import RefusedError
from bulkzoho.formats.encoding import encoding_remedy, has_undecodable, printable

__all__ = ["check_delimiter", "check_header", "delimiter_of"]

_CANDIDATES: Final = ",;\t|"  # on a tie the earlier one wins
_WORDS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_SHOWN_CHARACTERS: Final = 60  # of a column name in a message


def check_delimiter(delimiter: str) -> str:
    r"""Return the character that *delimiter* means; ``tab`` and ``\t`` are a tab.

    Raises:
        RefusedError: It cannot separate cells.
    """
    character = _WORDS.get(delimiter.lower(), delimiter)
    if len(character) != 1 or character in '"\r\n\0 ' or character.isalnum():
        raise RefusedError(
            f"{delimiter!r} cannot be a delimiter.",
            hint="Use one character other than letters, digits, quotes and blanks, or the word tab.",
            code="BAD_DELIMITER",
        )
    return character


def delimiter_of(header_line: str) -> str:
    """Return the most frequent delimiter outside the quotes of *header_line*; a comma if there is none."""
    outside = "".join(header_line.split('"')[::2])
    return max(_CANDIDATES, key=outside.count)


def check_header(header: Sequence[str], *, name: str, encoding: str) -> tuple[str, ...]:
    """Return the names of the columns unchanged.

    Raises:
        RefusedError: A name is blank, unreadable or used twice; names are compared without case and surrounding blanks.
    """
    seen: dict[str, int] = {}
    for position, column in enumerate(header, start=1):
        if has_undecodable(column):
            raise RefusedError(
                f"{name}: the header is not {encoding}: column {position} reads {_shown(column)}.",
                hint=encoding_remedy(encoding),
                code="BAD_ENCODING",
            )
        key = column.strip().casefold()
        if not key:
            raise RefusedError(
                f"{name}: column {position} of the header has no name.",
                hint="Name every column in the first line, or remove the column.",
                code="BLANK_COLUMN",
            )
        if key in seen:
            raise RefusedError(
                f"{name}: columns {seen[key]} and {position} of the header are both named {_shown(column.strip())}.",
                hint="Use each column name once.",
                code="DUPLICATE_COLUMN",
            )
        seen[key] = position
    return tuple(header)


def _shown(column: str) -> str:
    text = printable(column)
    return f'"{text[:_SHOWN_CHARACTERS]}…"' if len(text) > _SHOWN_CHARACTERS else f'"{text}"'
