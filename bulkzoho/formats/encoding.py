"""Decode bytes to text: find the encoding, and keep undecodable bytes in the text instead of stopping at them.

An undecodable byte becomes one character of U+DC00 to U+DCFF in any encoding.  No encoding decodes to such a character
otherwise, so that the row with the byte can be rejected, and only that row.
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

_BOMS: Final = (  # longest first: the mark of UTF-32 begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_KEEP_BYTES: Final = "bulkzoho-keep-bytes"
_DAMAGE: Final = re.compile("[\0\ud800-\udfff]")
_LENIENT: Final = frozenset(
    {"utf-7", "unicode-escape", "raw-unicode-escape"}
)  # decode halves of surrogate pairs without an error
_BOM: Final = "\ufeff"
_MARKS_NEEDED: Final = {
    "utf-16": (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE),
    "utf-32": (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE),
}


def _keep_bytes(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    bad = error.object[error.start : error.end]
    return "".join(chr(0xDC00 + byte) for byte in bad), error.end


codecs.register_error(_KEEP_BYTES, _keep_bytes)


def encoding_from_bom(first: bytes) -> str:
    """Return the encoding of the byte order mark at the beginning of *first*, UTF-8 without one."""
    return next((encoding for bom, encoding in _BOMS if first.startswith(bom)), DEFAULT_ENCODING)


def has_undecodable(text: str) -> bool:
    """Return whether *text* has an undecodable byte, half of a surrogate pair, or a NUL: no field of the CRM takes them."""
    return _DAMAGE.search(text) is not None


def strip_undecodable(line: bytes) -> str:
    """Return *line*, which should be UTF-8, decoded as by :class:`TextDecoder`."""
    return line.decode(DEFAULT_ENCODING, _KEEP_BYTES)


def printable(text: str) -> str:
    r"""Return *text* with what :func:`has_undecodable` finds escaped, such as ``\xe9``."""
    return _DAMAGE.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    code = ord(match.group())
    return f"\\x{code & 0xFF:02x}" if code == 0 or 0xDC00 <= code <= 0xDCFF else f"\\u{code:04x}"  # noqa: PLR2004  see _keep_bytes


def encoding_remedy(encoding: str) -> str:
    """Return the hint for text that is not in *encoding*."""
    other = "cp1252 or utf-16" if codecs.lookup(encoding).name == DEFAULT_ENCODING else DEFAULT_ENCODING
    return f"Set the encoding of the file, for example --encoding {other}."


class TextDecoder:
    """An input as pieces of text, without its byte order mark.

    Attributes:
        encoding: The encoding in use, after the first piece.
        is_damaged: Whether :func:`has_undecodable` is true of any text so far.

    Raises:
        RefusedError: There is no such text encoding.
    """

    def __init__(self, chunks: Chunks, *, encoding: str | None, name: str) -> None:
        self.encoding = encoding or DEFAULT_ENCODING
        self.is_damaged = False
        self._chunks = chunks
        self._is_given = encoding is not None
        self._name = name
        _check_encoding(self.encoding, name)

    def __iter__(self) -> Iterator[str]:
        """Return the text piece by piece.

        Raises:
            RunFailedError: The chunks raise it; the text before was returned.
        """
        first = next(self._chunks, b"")  # holds a whole mark: see decompress()
        if not self._is_given:
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
            decoder = codecs.getincrementaldecoder(self.encoding)(_KEEP_BYTES)
            decoder.setstate(state)
            text = decoder.decode(chunk, is_last)
        if "\0" in text or codecs.lookup(self.encoding).name in _LENIENT:
            self.is_damaged = True
        return decoder, text


def _check_mark(encoding: str, first: bytes, name: str) -> None:
    """Refuse an encoding whose byte order is unknown without a byte order mark."""
    marks = _MARKS_NEEDED.get(codecs.lookup(encoding).name)
    if marks is not None and first and not first.startswith(marks):
        word = codecs.lookup(encoding).name
        raise RefusedError(
            f"{name}: has no byte order mark, so it is not {encoding}, or its byte order is unknown.",
            hint=f"Try --encoding {word}-le or {word}-be, or leave --encoding out.",
            code="BAD_ENCODING",
        )


def _check_encoding(encoding: str, name: str) -> None:
    try:
        b"text".decode(encoding, "replace")  # a codec that is not a text encoding, such as rot13, fails here
        codecs.getincrementaldecoder(encoding)
    except (LookupError, ValueError, TypeError) as error:
        raise RefusedError(
            f"{name}: there is no encoding {encoding!r}.",
            hint="Use an encoding of Python, for example --encoding cp1252, utf-8 or utf-16.",
            code="NO_SUCH_ENCODING",
        ) from error
