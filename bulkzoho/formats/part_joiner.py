"""Join the partition files of an export into one file, which appears only when it is complete, or into standard output."""

from __future__ import annotations

import os
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, Protocol

from bulkzoho.domain.model.export import Compression
from bulkzoho.errors import RefusedError
from bulkzoho.storage.files.atomic_write import AtomicFile
from bulkzoho.storage.files.write_errors import CANNOT_WRITE

__all__ = ["NOWHERE", "ByteSink", "Part", "chunks_of", "refuse_unwritable", "require_compressor", "stream_parts", "write_parts"]

CHUNK_BYTES: Final = 1 << 20
_GZIP_WBITS: Final = zlib.MAX_WBITS | 16

Compress = Callable[[Iterator[bytes]], Iterator[bytes]]
Part = tuple[Path, int]  #: a file and its valid length in bytes


class ByteSink(Protocol):
    """A destination of bytes."""

    def write(self, data: bytes, /) -> object:
        """Write *data*."""


class NullSink:
    """A destination that ignores all data."""

    def write(self, data: bytes, /) -> object:
        """Ignore *data*."""


NOWHERE: Final = NullSink()


def refuse_unwritable(path: Path) -> None:
    """Check before anything is read that a file can be written at *path*.

    Raises:
        RefusedError: It is a folder, or its folder does not exist or is not writable.
    """
    if path.is_dir():
        raise RefusedError(f"{path}: is a folder.", hint="Name a file in it.", code=CANNOT_WRITE)
    if path.exists() and not path.is_file():  # a device would be replaced by a file
        raise RefusedError(f"{path}: is not a regular file.", hint="Write to it with -o - and a redirection.", code=CANNOT_WRITE)
    try:
        path = path.resolve()
    except (OSError, RuntimeError) as error:  # a cycle of links
        raise RefusedError(f"{path}: the link has no target.", hint="Name a file in a folder.", code=CANNOT_WRITE) from error
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise RefusedError(
            f"{path}: its folder does not exist or is not writable.",
            hint="Name a file in a folder that you may write to.",
            code=CANNOT_WRITE,
        )


def require_compressor(compression: Compression) -> None:
    """Check before anything is read that the file can be compressed at the end.

    Raises:
        RefusedError: The extra for zstd is not installed.
    """
    if compression is Compression.ZSTD:
        try:
            import zstandard  # noqa: F401, PLC0415  an optional extra
        except ImportError as error:
            raise RefusedError(
                "zstd needs an extra package.", hint="Install it: pip install 'bulkzoho[zstd]'", code="NO_ZSTD"
            ) from error


def write_parts(path: Path, head: bytes, parts: Sequence[Part], compression: Compression, *, run: str) -> int:
    """Write *head* and *parts* into the file *path*, completely or not at all; return its size in bytes.

    Raises:
        OSError: The disk is full, for example; the old file is unchanged.
    """
    path = path.resolve()  # a symbolic link stays: its target is replaced
    with AtomicFile(path, temporary_name=f".{run}.tmp") as file:  # a name derived from *path* might be too long
        size = stream_parts(file, head, parts, compression)
        file.commit()
    return size


def stream_parts(file: ByteSink, head: bytes, parts: Sequence[Part], compression: Compression) -> int:
    """Write *head* and *parts*, compressed, into *file*; the same content makes the same bytes.  Return their number."""
    size = 0
    for chunk in _COMPRESSORS[compression](chain([head] if head else [], chunks_of(parts))):
        file.write(chunk)
        size += len(chunk)
    return size


def chunks_of(parts: Sequence[Part], size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """Read *parts*, one after another, in chunks of at most *size* bytes.

    Raises:
        OSError: A part cannot be read, or is shorter than its valid length.
    """
    for path, length in parts:
        left = length
        with path.open("rb") as file:
            while left and (chunk := file.read(min(size, left))):
                left -= len(chunk)
                yield chunk
        if left:
            raise OSError(0, "is shorter than what was written to it", str(path))


def _plain(chunks: Iterator[bytes]) -> Iterator[bytes]:
    return chunks


def _gzip(chunks: Iterator[bytes]) -> Iterator[bytes]:
    compressor = zlib.compressobj(wbits=_GZIP_WBITS)  # its header has no time and no name
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()


def _zstd(chunks: Iterator[bytes]) -> Iterator[bytes]:
    import zstandard  # noqa: PLC0415  an optional extra, loaded only for a file that needs it

    compressor = zstandard.ZstdCompressor().compressobj()
    for chunk in chunks:
        yield compressor.compress(chunk)
    yield compressor.flush()


_COMPRESSORS: Final[dict[Compression, Compress]] = {Compression.NONE: _plain, Compression.GZIP: _gzip, Compression.ZSTD: _zstd}
