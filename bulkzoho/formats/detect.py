"""Open an input, whatever it is: by what the settings say, else by its name, else by its first bytes."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Final, Protocol

from bulkzoho.domain.model.journal_events import STDIN_NAME
from bulkzoho.domain.model.rows import RowBlock
from bulkzoho.domain.model.settings import InputFormat, InputSettings
from bulkzoho.errors import RefusedError
from bulkzoho.formats.compression import decompress
from bulkzoho.formats.csv_reader import CsvReader
from bulkzoho.formats.encoding import encoding_from_bom
from bulkzoho.formats.jsonl_reader import JsonLinesReader
from bulkzoho.formats.parquet_reader import MAGIC, ParquetReader
from bulkzoho.formats.raw_input import ByteSource, Chunks, FileByteSource, SourceClosedError
from bulkzoho.formats.stdin_spool import SpoolByteSource, StdinByteSource, is_spool
from bulkzoho.interfaces import InputFingerprint, PassthroughCheck

__all__ = ["FileSource", "RowReader", "open_raw", "open_source", "row_reader_factory"]

STANDARD_INPUT: Final = "-"

_FORMATS: Final = {
    ".csv": InputFormat.CSV,
    ".tsv": InputFormat.CSV,
    ".txt": InputFormat.CSV,
    ".jsonl": InputFormat.JSONL,
    ".ndjson": InputFormat.JSONL,
    ".json-lines": InputFormat.JSONL,
    ".parquet": InputFormat.PARQUET,
}
_COMPRESSIONS: Final = frozenset({".gz", ".zst", ".zstd"})
_SNIFFED_BYTES: Final = 4096


class RowReader(Protocol):
    """Rows of one format; making it may read, and refuse, what stands above the first row."""

    @property
    def expanding(self) -> bool:
        """Whether later rows may bring new columns."""

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Give the next block, None at the end; what *passthrough* lets pass is not taken apart."""


class FileSource:
    """A :class:`~bulkzoho.interfaces.Source` on a file or standard input.  Nothing is read before the first :meth:`read`."""

    def __init__(self, raw: ByteSource, start: Callable[[Chunks], RowReader], *, name: str) -> None:
        self._raw = raw
        self._start = start
        self._name = name
        self._rows: RowReader | None = None
        self._is_closed = False

    @property
    def name(self) -> str:
        """The name that letters carry."""
        return self._name

    @property
    def blocking(self) -> bool:
        """Whether :meth:`read` may wait for somebody."""
        return self._raw.blocking

    @property
    def expanding(self) -> bool:
        """Whether later rows may bring new columns (JSON Lines); known from the first :meth:`read` on."""
        return self._rows is not None and self._rows.expanding

    @property
    def bytes_read(self) -> int:
        """Raw bytes read so far, compressed ones as such."""
        return self._raw.fingerprint().read_bytes

    @property
    def bytes_total(self) -> int | None:
        """Raw bytes there are; None for standard input."""
        return self._raw.bytes_total

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Give the next rows, None at the end; what they came from is durable where it must be.

        Raises:
            RefusedError: The first time only: nothing in the input can be used.
            RunFailedError: The input is damaged from here on.
        """
        if self._is_closed:
            return None
        try:
            if self._rows is None:
                self._rows = self._start(decompress(self._raw.chunks(), name=self._name))
            block = self._rows.read(passthrough)
        except SourceClosedError:
            return None
        self._raw.settle()
        return block

    def fingerprint(self) -> InputFingerprint:
        """Give facts and digest as of what was read so far."""
        return self._raw.fingerprint()

    def close(self) -> None:
        """Release the input, and wake a :meth:`read` that waits in another thread."""
        self._is_closed = True
        self._raw.close()


def open_source(
    path: str,
    settings: InputSettings,
    *,
    block_rows: int = 100,
    spool: str | None = None,
    name: str | None = None,
    descriptor: int = 0,
    digests: bool = True,
) -> FileSource:
    """Open *path*; ``-`` is standard input, which needs a *spool*: a path for its copy.

    A spool is opened again like any file, by its own path, and known by the mark beside it.

    Args:
        path: The file, or ``-``.
        settings: Format, encoding and delimiter, where told.
        block_rows: Rows a block at most.
        spool: Where standard input is copied as it is read; must not exist yet.
        name: The name that letters carry; the file's own where it is None.
        descriptor: What ``-`` is read from: standard input, or the end of a pipe.
        digests: Whether what is read of a file is digested; needless where its whole content was.

    Raises:
        RefusedError: There is no such file, or it may not be read.
        RunFailedError: The copy cannot be made.
    """
    raw, name = open_raw(path, spool=spool, name=name, descriptor=descriptor, digests=digests)
    file = spool if path == STANDARD_INPUT and spool is not None else path
    return FileSource(raw, row_reader_factory(path, settings, file=file, name=name, block_rows=block_rows), name=name)


def open_raw(
    path: str, *, spool: str | None = None, name: str | None = None, descriptor: int = 0, digests: bool = True
) -> tuple[ByteSource, str]:
    """Open the bytes of *path* and settle the name; as for :func:`open_source`."""
    if path == STANDARD_INPUT:
        if spool is None:
            raise RefusedError("standard input cannot be used here.", hint="Give a file.", code="NO_STANDARD_INPUT")
        return StdinByteSource(Path(spool), descriptor=descriptor), name or STDIN_NAME
    if is_spool(Path(path)):
        name = name or STDIN_NAME
        return SpoolByteSource(path, name=name), name
    name = name or Path(path).name
    return FileByteSource(path, name=name, digests=digests), name


def row_reader_factory(
    path: str, settings: InputSettings, *, file: str, name: str, block_rows: int
) -> Callable[[Chunks], RowReader]:
    """Give what makes rows of the content of *path*, which lies, or will lie, in *file*."""

    def start(chunks: Chunks) -> RowReader:
        first = next(chunks, b"")
        chunks = chain([first], chunks) if first else chunks
        form = format_of(path, settings, first)
        if form is InputFormat.PARQUET:
            return ParquetReader(chunks, path=file, name=name, block_rows=block_rows)
        if form is InputFormat.JSONL:
            return JsonLinesReader(chunks, name=name, encoding=settings.encoding, block_rows=block_rows)
        delimiter = settings.delimiter or ("\t" if _suffix(path) == ".tsv" else None)
        return CsvReader(chunks, name=name, encoding=settings.encoding, delimiter=delimiter, block_rows=block_rows)

    return start


def format_of(path: str, settings: InputSettings, first: bytes) -> InputFormat:
    """Give the format: as told, by the name (behind ``.gz`` and the like too), or by the first bytes of the content."""
    if settings.format is not InputFormat.AUTO:
        return settings.format
    by_name = _FORMATS.get(_suffix(path))
    if by_name is not None:
        return by_name
    if first.startswith(MAGIC):
        return InputFormat.PARQUET
    try:
        text = first[:_SNIFFED_BYTES].decode(settings.encoding or encoding_from_bom(first), "replace")
    except (LookupError, UnicodeError):  # no such encoding: refused where the content is decoded
        return InputFormat.CSV
    begins = text.lstrip("\ufeff \t\r\n")[:1]
    return InputFormat.JSONL if begins in ("{", "[") else InputFormat.CSV


def _suffix(path: str) -> str:
    """Give the suffix that tells the format, in small letters; "" when there is none."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
