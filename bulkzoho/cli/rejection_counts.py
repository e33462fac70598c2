"""Count the reasons for rejections in a dead-letter file."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

__all__ = ["count_rejections"]

MAX_ROWS: Final = 200_000  # enough to know the frequent reasons, and read within a second

# code and field come before anything of the record, and a quote inside a JSON text is escaped
_CODE = re.compile(r'"code":\s*"((?:[^"\\]|\\.)*)",\s*"field":\s*(?:null|"((?:[^"\\]|\\.)*)")')


def count_rejections(path: str) -> list[tuple[str, str, int]]:
    """Return (code, field, rows) of the rejections in the file at *path*, most frequent first; empty if it cannot be read."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace", newline="") as file:
            counts = Counter(islice(_csv_codes(file) if path.endswith(".csv") else _json_codes(file), MAX_ROWS))
    except (OSError, csv.Error):
        return []
    return [(code, field, count) for (code, field), count in counts.most_common()]


def _json_codes(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        match = _CODE.search(line)
        if match:
            yield match[1], match[2] or ""


def _csv_codes(lines: Iterator[str]) -> Iterator[tuple[str, str]]:
    for row in csv.DictReader(lines, strict=True):
        code = row.get("bulkzoho_code")
        if code:
            yield code, row.get("bulkzoho_field") or ""
