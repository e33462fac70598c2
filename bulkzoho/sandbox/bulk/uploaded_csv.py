"""Read the CSV in the zip of a bulk write: unpack, decode, detect the delimiter (zoho-api, section 9.2)."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
import zlib
from dataclasses import dataclass
from typing import Any

from bulkzoho.sandbox.unverified_behaviors import HandlingBehavior, UnverifiedBehavior
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["UploadedCsv", "read_csv"]

DELIMITERS = ",;:|"  # Zoho docs, "Bulk Write limitations"
MAX_ROWS = 25_000
MAX_COLUMNS = 200
MAX_CELL = 1 << 20  # characters


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedCsv:
    """One parsed CSV file."""

    name: str
    header: list[str]
    rows: list[list[str]]


def read_csv(packed: bytes, names: list[str], encoding: str, strict: UnverifiedBehavior) -> UploadedCsv:
    """Read a CSV file of a zip; *names* selects the file, an empty *encoding* is auto-detected.

    Raises:
        ApiError: the file is missing or unreadable, or has too many rows or columns.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = [each for each in archive.namelist() if each.lower().endswith(".csv")]
            if len(members) > 1 and not names:
                raise _unsupported()
            wanted = next((each for each in members if not names or each in names), None)
            if wanted is None:
                raise ApiError(400, "FILE_NOT_FOUND", "file not found", file_names=names)
            raw = archive.read(wanted)
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):  # damaged, unsupported or encrypted
        raise _unsupported() from None
    header, *rest = _rows(_decoded(raw, encoding))
    if len(header) > MAX_COLUMNS:
        raise ApiError(400, "HEADER_LIMIT_EXCEEDED", "header limit exceeded", limit=MAX_COLUMNS)
    titles = [each.strip() for each in header if each.strip()]
    if strict.duplicate_headers is HandlingBehavior.REFUSE and len(set(titles)) < len(titles):
        raise _unsupported(header=next(each for each in titles if titles.count(each) > 1))
    if strict.blank_lines is HandlingBehavior.IGNORE:
        rest = [each for each in rest if each]
    if len(rest) > MAX_ROWS:
        raise ApiError(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_ROWS)
    return UploadedCsv(name=wanted, header=[each.strip() for each in header], rows=rest)


def _rows(text: str) -> list[list[str]]:
    if csv.field_size_limit() < MAX_CELL:  # process-wide: never lower a limit set elsewhere
        csv.field_size_limit(MAX_CELL)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    except csv.Error:
        raise _unsupported() from None
    if not rows or not rows[0] or any(len(cell) > MAX_CELL for row in rows for cell in row):
        raise _unsupported()
    return rows


def _unsupported(**details: Any) -> ApiError:
    return ApiError(400, "FILE_NOT_SUPPORTED", "File not supported for bulk write", **details)


def _decoded(raw: bytes, encoding: str) -> str:
    if raw.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        guesses = ["utf-16"]
    else:
        guesses = [encoding] if encoding else ["utf-8-sig", "cp1252", "latin-1"]
    for guess in guesses:
        try:
            return raw.decode("utf-8-sig" if guess.lower() in ("utf-8", "utf8") else guess)
        except (LookupError, UnicodeDecodeError):
            continue
    raise _unsupported(character_encoding=encoding)


def _delimiter(text: str) -> str:
    """Return the most frequent delimiter of the header; headers that contain several are ambiguous."""
    head = text.partition("\n")[0]
    return max(DELIMITERS, key=head.count)
