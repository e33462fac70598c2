"""Row numbers as merged ranges."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.row_ranges import RowRanges, ranges_of

NUMBERS = st.sets(st.integers(1, 200), max_size=80)


@given(NUMBERS)
def test_ranges_contain_exactly_their_numbers(numbers: set[int]) -> None:
    """Nothing is lost or added when numbers become ranges."""
    ranges = ranges_of(sorted(numbers))

    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(numbers)
    assert all(after[0] > before[1] + 1 for before, after in pairwise(ranges))


@given(st.permutations(range(1, 60)))
def test_the_order_of_adding_does_not_matter(numbers: list[int]) -> None:
    """All rows end in one range in any order."""
    rows = RowRanges()
    for number in numbers:
        rows.add([number])

    assert rows.ranges() == [(1, 59)]
    assert len(rows) == 59


@given(NUMBERS, st.integers(1, 200), st.integers(0, 20))
def test_overlap_agrees_with_a_plain_set(numbers: set[int], first: int, width: int) -> None:
    """The reader gets the same answers as from a set."""
    rows = RowRanges(ranges_of(sorted(numbers)))
    wanted = set(range(first, first + width + 1))

    assert rows.overlaps(first, first + width) == bool(wanted & numbers)
    assert list(rows) == sorted(numbers)


def test_a_row_settled_twice_is_an_error() -> None:
    """The set exists to catch that defect."""
    rows = RowRanges([(1, 100)])

    with pytest.raises(ValueError, match="some are in the set already"):
        rows.add_range(100, 110)
