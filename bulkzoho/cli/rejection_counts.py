"""Which refusals are frequent in a file of dead letters."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Final

__all__ = ["count_rejections"]

LOOKED_AT: Final = 200_000  # letters; enough to know what is frequent, and read within a second

# code, then field, stand before anything that a record holds, and a quote inside a JSON text is escaped
_CODE = re.compile(r'"code":\s*"((?:[^"\\]|\\.)*)",\s*"field":\s*(?:null|"((?:[^"\\]|\\.)*)")')


def count_rejections(path: str) -> list[tuple[str, str, int]]:
    """Give (code, field, letters) of the refusals in the file at *path*, frequent ones first; nothing if it cannot be read."""
    try:
        with Path(path).open(encoding="utf-8", errors="replace", newline="") as file:
            counts = Counter(islice(_csv_codes(file) if path.endswith(".csv") else _json_codes(file), LOOKED_AT))
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
