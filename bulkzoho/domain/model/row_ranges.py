"""Set of row numbers, kept as merged ranges: millions of settled rows cost a few numbers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence

__all__ = ["RowRanges", "ranges_of"]


def ranges_of(numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return *numbers* (ascending, no repeats) as inclusive ranges."""
    if not numbers:
        return []
    first, last = numbers[0], numbers[-1]
    if last - first + 1 == len(numbers):  # the usual batch: consecutive rows of the file
        return [(first, last)]
    ranges: list[tuple[int, int]] = []
    start = previous = first
    for number in numbers[1:]:
        if number != previous + 1:
            ranges.append((start, previous))
            start = number
        previous = number
    ranges.append((start, previous))
    return ranges


class RowRanges:
    """Row numbers as sorted, disjoint, inclusive ranges.

    Adding a row twice is an error: a row settled twice is the defect this set exists to catch.
    """

    __slots__ = ("_ends", "_starts")

    def __init__(self, ranges: Iterable[tuple[int, int]] = ()) -> None:
        self._starts: list[int] = []
        self._ends: list[int] = []
        for first, last in ranges:
            self.add_range(first, last)

    def add(self, numbers: Sequence[int]) -> None:
        """Add *numbers* (ascending).

        Raises:
            ValueError: One of them is in the set already.
        """
        for first, last in ranges_of(numbers):
            self.add_range(first, last)

    def add_range(self, first: int, last: int) -> None:
        """Add the rows *first* to *last*, both included.

        Raises:
            ValueError: One of them is in the set already, or the range is empty.
        """
        if last < first:
            raise ValueError(f"the range {first}-{last} is empty")
        at = bisect_right(self._starts, first)
        if (at and self._ends[at - 1] >= first) or (at < len(self._starts) and self._starts[at] <= last):
            raise ValueError(f"rows {first}-{last}: some are in the set already")
        joins_left = at > 0 and self._ends[at - 1] == first - 1
        joins_right = at < len(self._starts) and self._starts[at] == last + 1
        if joins_left and joins_right:
            self._ends[at - 1] = self._ends[at]
            del self._starts[at], self._ends[at]
        elif joins_left:
            self._ends[at - 1] = last
        elif joins_right:
            self._starts[at] = first
        else:
            self._starts.insert(at, first)
            self._ends.insert(at, last)

    def __contains__(self, number: int) -> bool:
        at = bisect_right(self._starts, number) - 1
        return at >= 0 and self._ends[at] >= number

    def __len__(self) -> int:
        return sum(self._ends) - sum(self._starts) + len(self._starts)

    def __iter__(self) -> Iterator[int]:
        for first, last in self.ranges():
            yield from range(first, last + 1)

    def ranges(self) -> list[tuple[int, int]]:
        """Return the ranges, ascending."""
        return list(zip(self._starts, self._ends, strict=True))

    def overlaps(self, first: int, last: int) -> bool:
        """Return whether any of *first* to *last* is in the set."""
        at = bisect_right(self._starts, last) - 1
        return at >= 0 and self._ends[at] >= first
