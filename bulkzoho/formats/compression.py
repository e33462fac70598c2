"""Decompress gzip and zstd in pieces of bounded size; other content passes through unchanged."""

from __future__ import annotations

import contextlib
import zlib
from collections.abc import Iterator
from itertools import chain
from typing import Final

from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.formats.raw_input import CHUNK_BYTES, Chunks

__all__ = ["decompress"]

_GZIP: Final = b"\x1f\x8b"  # RFC 1952, 2.3.1
_ZSTD: Final = b"\x28\xb5\x2f\xfd"  # RFC 8878, 3.1.1
_ZSTD_SKIPPABLE: Final = b"\x2a\x4d\x18"  # RFC 8878, 3.1.2; after a first byte of 0x50 to 0x5f
_EXCEL: Final = ("is an Excel workbook", "Export it as CSV UTF-8.")
_ARCHIVE: Final = ("is a zip archive", "Unpack it and import the files in it.")
_OTHERS: Final = {  # first bytes that no text has
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": _EXCEL,  # before 2007
    b"%PDF-": ("is a PDF", "Import the table that it was made from."),
    b"7z\xbc\xaf\x27\x1c": ("is a 7z archive", "Unpack it and import the files in it."),
    b"\xfd7zXZ\x00": ("is compressed with xz", "Unpack it, or compress it with gzip or zstd."),
    **{
        b"BZh%d1AY&SY" % level: ("is compressed with bzip2", "Unpack it, or compress it with gzip or zstd.")
        for level in range(1, 10)
    },
}
_ZIP: Final = b"PK\x03\x04"
_IN_WORKBOOKS: Final = (b"[Content_Types].xml", b"xl/", b"mimetype")  # one of them is near the beginning of a workbook
_MAGIC_BYTES: Final = 4
_ZSTD_FEED_BYTES: Final = 256  # a zstd block of 4 bytes may expand to 128 KB, and a call expands all of its input
_GZIP_WBITS: Final = zlib.MAX_WBITS | 16


def decompress(chunks: Chunks, *, name: str) -> Chunks:
    """Return the decompressed content of *chunks*.  Their first bytes decide, because a name may be wrong.

    Raises:
        RefusedError: The content is zstd and the extra for it is not installed, or it is not text.
        RunFailedError: The compressed data are damaged or end too early; the content before was returned.
    """
    raw = _with_whole_mark(chunks)
    first = next(raw, b"")
    rejoined = chain([first], raw)
    if first.startswith(_GZIP):
        return _with_whole_mark(_gunzip(rejoined, name))
    if first.startswith(_ZSTD) or (first[1:4] == _ZSTD_SKIPPABLE and first[0] & 0xF0 == 0x50):  # noqa: PLR2004  RFC 8878, see above
        return _with_whole_mark(_unzstd(rejoined, name))
    _refuse_other_formats(first, name)
    return rejoined if first else iter(())


def _refuse_other_formats(first: bytes, name: str) -> None:
    """Refuse a file that is not text by its format, before its encoding seems to be wrong."""
    if first.startswith(_ZIP):
        problem, hint = _EXCEL if any(mark in first[:4096] for mark in _IN_WORKBOOKS) else _ARCHIVE
    else:
        problem, hint = next((words for magic, words in _OTHERS.items() if first.startswith(magic)), ("", ""))
    if problem:
        raise RefusedError(f"{name}: {problem}, not text.", hint=hint, code="NOT_TEXT")


def _with_whole_mark(chunks: Iterator[bytes]) -> Chunks:
    """Return *chunks* with the first bytes, which identify a format or an encoding, in one piece."""
    first = b""
    while len(first) < _MAGIC_BYTES and (chunk := next(chunks, b"")):
        first += chunk
    if first:
        yield first
    yield from chunks


def _gunzip(chunks: Iterator[bytes], name: str) -> Chunks:
    member = zlib.decompressobj(wbits=_GZIP_WBITS)
    for chunk in chunks:
        left = chunk
        while left:
            if member.eof:
                left = left.lstrip(b"\0")  # some tools pad the last member with zeros
                if not left:
                    break
                member = zlib.decompressobj(wbits=_GZIP_WBITS)
            before = member.copy()
            try:
                content = member.decompress(left, CHUNK_BYTES)
            except zlib.error as error:
                yield from _before_damage(before, left)
                raise _damaged(name, "gzip") from error
            if content:
                yield content
            left = member.unused_data if member.eof else member.unconsumed_tail
    if not member.eof:
        raise _ends_early(name, "gzip")


def _before_damage(member: zlib._Decompress, data: bytes) -> Chunks:
    """Return the content that a failed call had decompressed: byte by byte, only the bad byte gives nothing."""
    with contextlib.suppress(zlib.error):
        for at in range(len(data)):
            left = data[at : at + 1]
            while left:
                if content := member.decompress(left, CHUNK_BYTES):
                    yield content
                left = member.unconsumed_tail


def _unzstd(chunks: Iterator[bytes], name: str) -> Chunks:
    try:
        import zstandard  # noqa: PLC0415  an optional extra, loaded only for a file that needs it
    except ImportError as error:
        raise RefusedError(
            f"{name}: is compressed with zstd, which needs an extra package.",
            hint="Install it: pip install 'bulkzoho[zstd]'",
            code="NO_ZSTD",
        ) from error
    expander = zstandard.ZstdDecompressor()
    frame = expander.decompressobj()
    for chunk in chunks:
        for start in range(0, len(chunk), _ZSTD_FEED_BYTES):
            left = chunk[start : start + _ZSTD_FEED_BYTES]
            while left:
                if frame.eof:
                    frame = expander.decompressobj()
                try:
                    content = frame.decompress(left)
                except zstandard.ZstdError as error:
                    raise _damaged(name, "zstd") from error
                if content:
                    yield content
                left = frame.unused_data if frame.eof else b""
    if not frame.eof:
        raise _ends_early(name, "zstd")


def _damaged(name: str, kind: str) -> RunFailedError:
    return RunFailedError(
        f"{name}: its {kind} data are damaged; the rows before the damage were read.",
        hint="Get an undamaged copy of the file.",
        code="INPUT_DAMAGED",
    )


def _ends_early(name: str, kind: str) -> RunFailedError:
    return RunFailedError(
        f"{name}: its {kind} data end too early; the rows before the end were read.",
        hint="Get a complete copy of the file.",
        code="INPUT_CUT",
    )
