"""Bytes to text: find the encoding, and carry bytes that do not decode along instead of stopping at them.

A byte that does not decode becomes one character of U+DC00 to U+DCFF, whatever the encoding.  No encoding yields such a
character otherwise, so that the row it stands in can be told, and told exactly.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from typing import Final

from bulkzoho.errors import RefusedError
from bulkzoho.formats.raw_input import Chunks

__all__ = [
    "DEFAULT_ENCODING",
    "TextDecoder",
    "encoding_from_bom",
    "encoding_remedy",
    "has_undecodable",
    "printable",
    "strip_undecodable",
]

DEFAULT_ENCODING: Final = "utf-8"

_BOMS: Final = (  # longest first: the mark of UTF-16 begins that of UTF-32
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_CARRY_ON: Final = "bulkzoho-carry-on"
_DAMAGE: Final = re.compile("[\0\udc00-\udcff]")
_BAD_BYTE: Final = re.compile("[\udc00-\udcff]")
_BOM: Final = "\ufeff"
_MARKS_NEEDED: Final = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}


def _carry_on(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.end


codecs.register_error(_CARRY_ON, _carry_on)


def encoding_from_bom(first: bytes) -> str:
    """Give the encoding that a byte order mark at the beginning of *first* names, else UTF-8."""
    return next((encoding for bom, encoding in _BOMS if first.startswith(bom)), DEFAULT_ENCODING)


def has_undecodable(text: str) -> bool:
    """Whether *text* holds a byte that did not decode, or a NUL character, which no field of a CRM takes."""
    return _DAMAGE.search(text) is not None


def strip_undecodable(line: bytes) -> str:
    """Give *line*, which should be UTF-8, as :class:`TextDecoder` would."""
    return line.decode(DEFAULT_ENCODING, _CARRY_ON)


def printable(text: str) -> str:
    r"""Give *text* with bytes that did not decode written out, such as ``\xe9``."""
    return _BAD_BYTE.sub(lambda match: f"\\x{ord(match.group()) - 0xDC00:02x}", text)


def encoding_remedy(encoding: str) -> str:
    """Say what to do about text that is not in *encoding*."""
    other = "cp1252 or utf-16" if codecs.lookup(encoding).name == DEFAULT_ENCODING else DEFAULT_ENCODING
    return f"Name the file's own encoding, for instance --encoding {other}."


class TextDecoder:
    """An input as pieces of text, its byte order mark taken off.

    Attributes:
        encoding: The encoding in use, once the first piece was given.
        is_damaged: Whether :func:`holds_damage` is true of anything given so far.

    Raises:
        RefusedError: There is no such encoding, or it is none of text.
    """

    def __init__(self, chunks: Chunks, *, encoding: str | None, name: str) -> None:
        self.encoding = encoding or DEFAULT_ENCODING
        self.is_damaged = False
        self._chunks = chunks
        self._is_told = encoding is not None
        self._name = name
        _check_encoding(self.encoding, name)

    def __iter__(self) -> Iterator[str]:
        """Give the text.

        Raises:
            RunFailedError: What the chunks raise, when everything before was given.
        """
        first = next(self._chunks, b"")  # never cut within a mark: see expanded()
        if not self._is_told:
            self.encoding = encoding_from_bom(first)
        _check_mark(self.encoding, first, self._name)
        decoder = codecs.getincrementaldecoder(self.encoding)("strict")
        decoder, text = self._decoded(decoder, first, is_last=False)
        yield text.removeprefix(_BOM)
        for chunk in self._chunks:
            decoder, text = self._decoded(decoder, chunk, is_last=False)
            yield text
        _, text = self._decoded(decoder, b"", is_last=True)
        yield text

    def _decoded(
        self, decoder: codecs.IncrementalDecoder, chunk: bytes, *, is_last: bool
    ) -> tuple[codecs.IncrementalDecoder, str]:
        state = decoder.getstate()
        try:
            text = decoder.decode(chunk, is_last)
        except UnicodeError:
            self.is_damaged = True
            decoder = codecs.getincrementaldecoder(self.encoding)(_CARRY_ON)
            decoder.setstate(state)
            text = decoder.decode(chunk, is_last)
        if "\0" in text:
            self.is_damaged = True
        return decoder, text


def _check_mark(encoding: str, first: bytes, name: str) -> None:
    """Refuse an encoding whose byte order only a mark could tell, when there is none."""
    marks = _MARKS_NEEDED.get(codecs.lookup(encoding).name)
    if marks is not None and first and not first.startswith(marks):
        word = codecs.lookup(encoding).name
        raise RefusedError(
            f"{name}: has no byte order mark, so it is not {encoding}, or its byte order is not known.",
            hint=f"Try --encoding {word}-le or {word}-be, or leave --encoding out.",
            code="BAD_ENCODING",
        )


def _check_encoding(encoding: str, name: str) -> None:
    try:
        b"text".decode(encoding, "replace")  # what is no encoding of text, such as rot13, shows only then
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError, TypeError) as error:
        raise RefusedError(
            f"{name}: there is no encoding {encoding!r}.",
            hint="Give one that Python knows, for instance --encoding cp1252, utf-8 or utf-16.",
            code="NO_SUCH_ENCODING",
        ) from error
