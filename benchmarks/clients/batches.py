"""Shared by the clients: the command line, and the file's rows in batches of a hundred dicts."""

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
class ClientArguments:
    """Command line of a client."""

    url: str  #: URL of the insert call
    file: Path
    rows: int
    in_flight: int

    @classmethod
    def from_command_line(cls) -> Self:
        """Parse the command line."""
        url, file, rows, in_flight = sys.argv[1:5]
        return cls(url=f"{url}/crm/v8/Leads", file=Path(file), rows=int(rows), in_flight=int(in_flight))

    def batches(self) -> Iterator[list[dict[str, str]]]:
        """Yield the rows of the CSV file in batches of a hundred dicts, with unconverted cells."""
        with self.file.open(newline="", encoding="utf-8") as file:
            rows = csv.reader(file)
            header = next(rows)
            left = self.rows
            while left > 0 and (block := list(islice(rows, min(PER_CALL, left)))):
                left -= len(block)
                yield [dict(zip(header, row)) for row in block]  # noqa: B905  all rows are complete, and strict is slower


def check_results(results: list[dict[str, Any]], records: int) -> None:
    """Check that there is one successful result per record.

    Raises:
        ValueError: A result is missing or not successful.
    """
    if len(results) != records:
        raise ValueError(f"{len(results)} results for {records} records")
    for result in results:
        if result["code"] != "SUCCESS":
            raise ValueError(result)
