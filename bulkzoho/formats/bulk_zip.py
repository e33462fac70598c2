"""Rows of the CSV in a zip, read as a stream: names in the zip are ignored, and nothing of it is held whole."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from bulkzoho.errors import RunFailedError

__all__ = ["rows_in_zip"]

MAX_CELL: Final = 1 << 24  # characters; a cell larger than this is no record of a CRM
MAX_RATIO: Final = 1_000  # bytes a byte of the zip may expand to: deflate reaches 1,032
ROWS: Final = 1_000  # a block


def rows_in_zip(path: Path) -> Iterator[list[list[str]]]:
    """Give the header in a block of its own, then the rows in blocks; nothing for a zip without a file.

    Raises:
        RunFailedError: It is no zip, is damaged, or expands to more than any export.
    """
    csv.field_size_limit(MAX_CELL)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [one for one in archive.infolist() if not one.is_dir()]
            if not entries:
                return
            if entries[0].file_size > (path.stat().st_size + 1) * MAX_RATIO:
                raise _damaged("it expands to more than any export")
            with archive.open(entries[0]) as packed, io.TextIOWrapper(packed, encoding="utf-8-sig", newline="") as text:
                rows = csv.reader(text, strict=True)
                header = next(rows, [])
                yield [header]
                while block := list(islice(rows, ROWS)):
                    if not {len(header)}.issuperset(map(len, block)):
                        raise _damaged("a row has another number of cells than the header")
                    yield block
    except (zipfile.BadZipFile, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise _damaged(str(error)) from error


def _damaged(why: str) -> RunFailedError:
    return RunFailedError(
        f"the result of a bulk read cannot be read ({why}).",
        hint="Resume: it is fetched again; if it is no better then, export with --route coql.",
        code="RESULT_DAMAGED",
    )
