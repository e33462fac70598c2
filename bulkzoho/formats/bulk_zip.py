"""Read the rows of the CSV file in a zip as a stream; file names in the zip are ignored."""

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

MAX_CELL: Final = 1 << 24  # characters; no field of a CRM is larger
MAX_RATIO: Final = 1_000  # of expansion: deflate reaches 1,032
BLOCK_ROWS: Final = 1_000


def rows_in_zip(path: Path) -> Iterator[list[list[str]]]:
    """Read the header as a block of its own, then the rows in blocks; nothing from a zip without a file.

    Raises:
        RunFailedError: It is not a zip, is damaged, or is too large when decompressed.
    """
    csv.field_size_limit(MAX_CELL)
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if not entries:
                return
            if entries[0].file_size > (path.stat().st_size + 1) * MAX_RATIO:
                raise _damaged("its decompressed size is too large")
            with archive.open(entries[0]) as packed, io.TextIOWrapper(packed, encoding="utf-8-sig", newline="") as text:
                rows = csv.reader(text, strict=True)
                header = next(rows, [])
                yield [header]
                while block := list(islice(rows, BLOCK_ROWS)):
                    if not {len(header)}.issuperset(map(len, block)):
                        raise _damaged("a row has another number of cells than the header")
                    yield block
    except (zipfile.BadZipFile, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise _damaged(str(error)) from error


def _damaged(why: str) -> RunFailedError:
    return RunFailedError(
        f"the result of a bulk read cannot be read ({why}).",
        hint="Resume: it is downloaded again; if that does not help, export with --route coql.",
        code="RESULT_DAMAGED",
    )
