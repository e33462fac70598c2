"""Settle how a CSV is written from its header line: the delimiter, and the names of the columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from bulkzoho.errors import RefusedError
from bulkzoho.formats.encoding import encoding_remedy, has_undecodable, printable

__all__ = ["check_delimiter", "check_header", "delimiter_of"]

_CANDIDATES: Final = ",;\t|"  # on a tie the earlier one wins
_WORDS: Final = {"tab": "\t", "\\t": "\t", "comma": ",", "semicolon": ";", "pipe": "|"}
_SHOWN_CHARACTERS: Final = 60  # of a column's name in a message


def check_delimiter(delimiter: str) -> str:
    r"""Give the character that *delimiter* stands for; ``tab`` and ``\t`` are a tab.

    Raises:
        RefusedError: It cannot part cells.
    """
    character = _WORDS.get(delimiter.lower(), delimiter)
    if len(character) != 1 or character in '"\r\n\0 ' or character.isalnum():
        raise RefusedError(
            f"{delimiter!r} cannot be a delimiter.",
            hint="Give one character that is no letter, digit, quote or blank, or the word tab.",
            code="BAD_DELIMITER",
        )
    return character


def delimiter_of(header_line: str) -> str:
    """Give the delimiter that stands most often outside the quotes of *header_line*; a comma when none does."""
    outside = "".join(header_line.split('"')[::2])
    return max(_CANDIDATES, key=outside.count)


def check_header(header: Sequence[str], *, name: str, encoding: str) -> tuple[str, ...]:
    """Give the names of the columns as they stand.

    Raises:
        RefusedError: One is blank, unreadable or there twice; names are compared trimmed and without case.
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
                hint="Name every column in the first line, or take the column out.",
                code="BLANK_COLUMN",
            )
        if key in seen:
            raise RefusedError(
                f"{name}: columns {seen[key]} and {position} of the header are both named {_shown(column.strip())}.",
                hint="Give each column a name of its own.",
                code="DUPLICATE_COLUMN",
            )
        seen[key] = position
    return tuple(header)


def _shown(column: str) -> str:
    text = printable(column).replace("\0", "\\0")
    return f'"{text[:_SHOWN_CHARACTERS]}…"' if len(text) > _SHOWN_CHARACTERS else f'"{text}"'
