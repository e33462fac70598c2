"""Open an input in its format: from the settings, else from its name, else from its first bytes."""

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
from bulkzoho.formats.stdin_spool import InputStream, SpoolByteSource, StandardInput, StreamByteSource, is_spool
from bulkzoho.interfaces import InputFingerprint, PassthroughCheck

__all__ = ["FileSource", "RowReader", "detect_format", "open_raw", "open_source", "row_reader_factory"]

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
    """Reads the rows of one format; the constructor may read, and refuse, the header."""

    @property
    def expanding(self) -> bool:
        """Whether later rows may have new columns."""

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Return the next block, None at the end; a block that passes *passthrough* is not decoded."""


class FileSource:
    """A :class:`~bulkzoho.interfaces.Source` for a file or stream.  Nothing is read before the first :meth:`read`."""

    def __init__(self, raw: ByteSource, start: Callable[[Chunks], RowReader], *, name: str) -> None:
        self._raw = raw
        self._start = start
        self._name = name
        self._rows: RowReader | None = None
        self._is_closed = False

    @property
    def name(self) -> str:
        """The name of the source in rejected rows and results."""
        return self._name

    @property
    def blocking(self) -> bool:
        """Whether :meth:`read` may wait for a writer."""
        return self._raw.blocking

    @property
    def expanding(self) -> bool:
        """Whether later rows may have new columns (JSON Lines); known after the first :meth:`read`."""
        return self._rows is not None and self._rows.expanding

    def read(self, passthrough: PassthroughCheck | None = None) -> RowBlock | None:
        """Return the next rows, None at the end; a copy of their bytes is durable where one is needed.

        Raises:
            RefusedError: In the first call only: the input cannot be used.
            RunFailedError: The input is damaged after the rows read so far.
        """
        if self._is_closed:
            return None
        try:
            if self._rows is None:
                self._rows = self._start(decompress(self._raw.chunks(), name=self._name))
            block = self._rows.read(passthrough)
        except SourceClosedError:
            return None
        self._raw.sync()
        return block

    def fingerprint(self) -> InputFingerprint:
        """Return size, time and digest as of the bytes read so far."""
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
    stream: InputStream | None = None,
    digests: bool = True,
) -> FileSource:
    """Open *path*; ``-`` is standard input, which needs a *spool*: a path for its copy.

    A spool is opened again like any file, by its own path; its end mark identifies it.

    Args:
        path: The file, or ``-``.
        settings: Format, encoding and delimiter, if given.
        block_rows: Maximum rows per block.
        spool: Path for the copy of standard input; must not exist yet.
        name: Name of the source in rejected rows and results; None: the name of the file.
        stream: Read in place of standard input.
        digests: Whether to digest the bytes of a file; needless if its whole content was digested.

    Raises:
        RefusedError: There is no such file, or it cannot be read.
        RunFailedError: The copy cannot be created.
    """
    raw, name = open_raw(path, spool=spool, name=name, stream=stream, digests=digests)
    file = spool if path == STANDARD_INPUT and spool is not None else path
    return FileSource(raw, row_reader_factory(path, settings, file=file, name=name, block_rows=block_rows), name=name)


def open_raw(
    path: str,
    *,
    spool: str | None = None,
    name: str | None = None,
    stream: InputStream | None = None,
    digests: bool = True,
) -> tuple[ByteSource, str]:
    """Return the bytes of *path* and the name of the source; as for :func:`open_source`."""
    if path == STANDARD_INPUT:
        if spool is None:
            raise RefusedError("standard input cannot be used here.", hint="Name a file.", code="NO_STANDARD_INPUT")
        return StreamByteSource(stream or StandardInput(), Path(spool)), name or STDIN_NAME
    if is_spool(Path(path)):
        name = name or STDIN_NAME
        return SpoolByteSource(path, name=name), name
    name = name or Path(path).name
    return FileByteSource(path, name=name, digests=digests), name


def row_reader_factory(
    path: str, settings: InputSettings, *, file: str, name: str, block_rows: int
) -> Callable[[Chunks], RowReader]:
    """Return a function that makes the reader for the content of *path*, which is, or will be, in *file*."""

    def start(chunks: Chunks) -> RowReader:
        first = next(chunks, b"")
        chunks = chain([first], chunks) if first else chunks
        form = detect_format(path, settings, first)
        if form is InputFormat.PARQUET:
            return ParquetReader(chunks, path=file, name=name, block_rows=block_rows)
        if form is InputFormat.JSONL:
            return JsonLinesReader(chunks, name=name, encoding=settings.encoding, block_rows=block_rows)
        delimiter = settings.delimiter or ("\t" if _suffix(path) == ".tsv" else None)
        return CsvReader(chunks, name=name, encoding=settings.encoding, delimiter=delimiter, block_rows=block_rows)

    return start


def detect_format(path: str, settings: InputSettings, first: bytes) -> InputFormat:
    """Return the format: from the settings, from the name (also before ``.gz`` and the like), or from the first bytes."""
    if settings.format is not InputFormat.AUTO:
        return settings.format
    by_name = _FORMATS.get(_suffix(path))
    if by_name is not None:
        return by_name
    if first.startswith(MAGIC):
        return InputFormat.PARQUET
    try:
        text = first[:_SNIFFED_BYTES].decode(settings.encoding or encoding_from_bom(first), "replace")
    except (LookupError, UnicodeError):  # no such encoding: refused when the content is decoded
        return InputFormat.CSV
    begins = text.lstrip("\ufeff \t\r\n")[:1]
    return InputFormat.JSONL if begins in ("{", "[") else InputFormat.CSV


def _suffix(path: str) -> str:
    """Return the suffix that names the format, in lower case; "" if there is none."""
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes and suffixes[-1] in _COMPRESSIONS:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""
