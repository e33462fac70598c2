"""What the clients share: their command line, and the file's rows in batches of a hundred dicts."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

PER_CALL: Final = 100
TOKEN: Final = {"Authorization": "Zoho-oauthtoken 1000.bench.a", "Content-Type": "application/json"}
TRIGGER: Final[list[str]] = []


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """What a client is to do."""

    url: str  #: of the call that inserts
    file: Path
    rows: int
    in_flight: int

    @classmethod
    def read(cls) -> Self:
        """Read the command line."""
        url, file, rows, in_flight = sys.argv[1:5]
        return cls(url=f"{url}/crm/v8/Leads", file=Path(file), rows=int(rows), in_flight=int(in_flight))

    def batches(self) -> Iterator[list[dict[str, str]]]:
        """Give the rows of a CSV file, a hundred dicts at a time, cells as they are."""
        with self.file.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = next(rows)
            left = self.rows
            while left > 0 and (block := list(islice(rows, min(PER_CALL, left)))):
                left -= len(block)
                yield [dict(zip(header, row)) for row in block]  # noqa: B905  all rows are whole, and strict costs


def look_at(results: list[dict[str, Any]], records: int) -> None:
    """See that there are as many results as records, each a success.

    Raises:
        ValueError: One is none.
    """
    if len(results) != records:
        raise ValueError(f"{len(results)} results for {records} records")
    for result in results:
        if result["code"] != "SUCCESS":
            raise ValueError(result)
