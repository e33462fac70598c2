"""The CSV in the zip of a bulk write: unpacked, decoded, its delimiter found (zoho-api, section 9.2)."""

from __future__ import annotations

import codecs
import csv
import io
import zipfile
from dataclasses import dataclass

from bulkzoho.sandbox.wire.refusals import Refusal

__all__ = ["Sheet", "read_sheet"]

DELIMITERS = ",;:|"  # Zoho docs, "Bulk Write limitations"
MAX_ROWS = 25_000
MAX_COLUMNS = 200
csv.field_size_limit(1 << 20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """One CSV file."""

    name: str
    header: list[str]
    rows: list[list[str]]


def read_sheet(packed: bytes, names: list[str], encoding: str) -> Sheet:
    """Read the CSV file of a zip; *names* may say which, *encoding* is empty where it is to be found out.

    Raises:
        Refusal: there is no such file, or it has too many rows or columns, or cannot be read.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            members = [each for each in archive.namelist() if each.lower().endswith(".csv")]
            if len(members) > 1 and not names:
                raise Refusal(400, "FILE_NOT_SUPPORTED", "File not supported for bulk write")
            wanted = next((each for each in members if not names or each in names), None)
            if wanted is None:
                raise Refusal(400, "FILE_NOT_FOUND", "file not found", file_names=names)
            raw = archive.read(wanted)
    except zipfile.BadZipFile:
        raise Refusal(400, "FILE_NOT_SUPPORTED", "File not supported for bulk write") from None
    text = _decoded(raw, encoding)
    rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))
    if not rows or not rows[0]:
        raise Refusal(400, "FILE_NOT_SUPPORTED", "File not supported for bulk write")
    header, *rest = rows
    if len(header) > MAX_COLUMNS:
        raise Refusal(400, "HEADER_LIMIT_EXCEEDED", "header limit exceeded", limit=MAX_COLUMNS)
    rest = [each for each in rest if each]
    if len(rest) > MAX_ROWS:
        raise Refusal(400, "LIMIT_EXCEEDED", "limit exceeded", limit=MAX_ROWS)
    return Sheet(name=wanted, header=[each.strip() for each in header], rows=rest)


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
    raise Refusal(400, "FILE_NOT_SUPPORTED", "File not supported for bulk write", character_encoding=encoding)


def _delimiter(text: str) -> str:
    """Give the delimiter that the header has most of: a header with several of them is a trap."""
    head = text.partition("\n")[0]
    return max(DELIMITERS, key=head.count)
