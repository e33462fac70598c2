"""A compact set of record ids: eight bytes each.  Pure."""

from __future__ import annotations

import heapq
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Final

__all__ = ["IdSet"]

SORTED_AT_ONCE: Final = 100_000  # ids
LARGEST: Final = 2**64 - 1  # Zoho's ids have at most 19 digits (OpenAPI "record")


class IdSet:
    """Millions of record ids, with the information which of them occur more than once."""

    def __init__(self, ids: Iterable[str] = ()) -> None:
        self._odd: dict[str, int] = {}  # ids that are not such a number, with their counts
        numbers = self._numbers(ids)
        runs: list[array[int]] = []
        while chunk := list(islice(numbers, SORTED_AT_ONCE)):
            runs.append(array("Q", sorted(chunk)))
        self._sorted = runs[0] if len(runs) == 1 else array("Q", heapq.merge(*runs))

    def __len__(self) -> int:
        return len(self._sorted) + sum(self._odd.values())

    def __contains__(self, record_id: str) -> bool:
        return self.count(record_id) > 0

    def count(self, record_id: str) -> int:
        """Return how often *record_id* occurs: 0, 1, or 2 for more than once."""
        if not _is_number(record_id):
            return min(2, self._odd.get(record_id, 0))
        number = int(record_id)
        at = bisect_left(self._sorted, number)
        return sum(found == number for found in self._sorted[at : at + 2])

    def _numbers(self, ids: Iterable[str]) -> Iterator[int]:
        for record_id in ids:
            if _is_number(record_id):
                yield int(record_id)
            else:
                self._odd[record_id] = self._odd.get(record_id, 0) + 1


def _is_number(record_id: str) -> bool:
    return record_id.isascii() and record_id.isdecimal() and record_id[0] != "0" and int(record_id) <= LARGEST
