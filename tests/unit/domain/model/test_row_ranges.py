"""Row numbers as merged ranges."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.row_ranges import RowRanges, ranges_of

NUMBERS = st.sets(st.integers(1, 200), max_size=80)


@given(NUMBERS)
def test_ranges_hold_exactly_the_numbers_they_were_made_of(numbers: set[int]) -> None:
    """Nothing is lost or added when numbers become ranges."""
    ranges = ranges_of(sorted(numbers))

    assert [n for first, last in ranges for n in range(first, last + 1)] == sorted(numbers)
    assert all(after[0] > before[1] + 1 for before, after in pairwise(ranges))


@given(st.permutations(range(1, 60)))
def test_the_order_in_which_rows_are_settled_does_not_matter(numbers: list[int]) -> None:
    """Whatever the order, all rows end in one range."""
    rows = RowRanges()
    for number in numbers:
        rows.add([number])

    assert rows.ranges() == [(1, 59)]
    assert len(rows) == 59


@given(NUMBERS, st.integers(1, 200), st.integers(0, 20))
def test_overlap_and_cover_agree_with_a_plain_set(numbers: set[int], first: int, width: int) -> None:
    """The questions a reader asks of it are answered as a set would."""
    rows = RowRanges(ranges_of(sorted(numbers)))
    wanted = set(range(first, first + width + 1))

    assert rows.overlaps(first, first + width) == bool(wanted & numbers)
    assert rows.covers(first, first + width) == (wanted <= numbers)
    assert list(rows) == sorted(numbers)


def test_a_row_settled_twice_is_an_error() -> None:
    """That is the defect the set exists to catch."""
    rows = RowRanges([(1, 100)])

    with pytest.raises(ValueError, match="some were there already"):
        rows.add_range(100, 110)


def test_rows_can_be_taken_out_of_the_middle() -> None:
    """What stays are the two ends."""
    rows = RowRanges([(1, 10)])

    rows.remove_range(4, 6)

    assert rows.ranges() == [(1, 3), (7, 10)]
    with pytest.raises(ValueError, match="not all there"):
        rows.remove_range(3, 4)
