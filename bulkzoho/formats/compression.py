"""Expand gzip and zstd on the way, in pieces of bounded size; anything else passes through as it is."""

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
_ZSTD_SKIPPABLE: Final = b"\x2a\x4d\x18"  # RFC 8878, 3.1.2; behind a first byte of 0x50 to 0x5f
_EXCEL: Final = ("is an Excel workbook", "Save it as CSV UTF-8 and import that.")
_ARCHIVE: Final = ("is a zip archive", "Unpack it and import what is in it.")
_OTHERS: Final = {  # beginnings that no text has
    b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1": _EXCEL,  # of before 2007
    b"%PDF-": ("is a PDF", "Import the table that it was made of."),
    b"7z\xbc\xaf\x27\x1c": ("is a 7z archive", "Unpack it and import what is in it."),
    b"\xfd7zXZ\x00": ("is compressed with xz", "Unpack it, or pack it with gzip or zstd."),
    **{
        b"BZh%d1AY&SY" % level: ("is compressed with bzip2", "Unpack it, or pack it with gzip or zstd.") for level in range(1, 10)
    },
}
_ZIP: Final = b"PK\x03\x04"
_IN_WORKBOOKS: Final = (b"[Content_Types].xml", b"xl/", b"mimetype")  # one of them stands at a workbook's beginning
_MAGIC_BYTES: Final = 4
_ZSTD_FEED_BYTES: Final = 256  # a zstd block of 4 bytes may hold 128 KB, and a call gives all that its input holds
_GZIP_WBITS: Final = zlib.MAX_WBITS | 16


def decompress(chunks: Chunks, *, name: str) -> Chunks:
    """Give the content of *chunks*, told by its first bytes: a name may lie about compression, its bytes do not.

    Raises:
        RefusedError: It is zstd, and the extra for it is not installed; or no text at all.
        RunFailedError: The compressed data are damaged or end too early; what stood before was given.
    """
    raw = _gathered(chunks)
    first = next(raw, b"")
    rejoined = chain([first], raw)
    if first.startswith(_GZIP):
        return _gathered(_gunzipped(rejoined, name))
    if first.startswith(_ZSTD) or (first[1:4] == _ZSTD_SKIPPABLE and first[0] & 0xF0 == 0x50):  # noqa: PLR2004  see above
        return _gathered(_unzstd(rejoined, name))
    _refuse_others(first, name)
    return rejoined if first else iter(())


def _refuse_others(first: bytes, name: str) -> None:
    """Say what a file is that is no text, before somebody looks for its encoding."""
    if first.startswith(_ZIP):
        what, hint = _EXCEL if any(mark in first[:4096] for mark in _IN_WORKBOOKS) else _ARCHIVE
    else:
        what, hint = next((words for magic, words in _OTHERS.items() if first.startswith(magic)), ("", ""))
    if what:
        raise RefusedError(f"{name}: {what}, no text.", hint=hint, code="NOT_TEXT")


def _gathered(chunks: Iterator[bytes]) -> Chunks:
    """Give *chunks* with no mark of a format or an encoding cut in two at the beginning."""
    first = b""
    while len(first) < _MAGIC_BYTES and (chunk := next(chunks, b"")):
        first += chunk
    if first:
        yield first
    yield from chunks


def _gunzipped(chunks: Iterator[bytes], name: str) -> Chunks:
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
    """Give what a call that failed had expanded already: byte by byte, only the byte that is bad gives nothing."""
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
        hint="Get the file again.",
        code="INPUT_DAMAGED",
    )


def _ends_early(name: str, kind: str) -> RunFailedError:
    return RunFailedError(
        f"{name}: its {kind} data end too early, the file was cut; the rows before were read.",
        hint="Get the file again.",
        code="INPUT_CUT",
    )
