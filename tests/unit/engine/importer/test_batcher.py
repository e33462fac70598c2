"""Batches: every row once, and never two rows with one key at a time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bulkzoho.domain.model.rows import ABSENT, Batch, RowOrigin
from bulkzoho.domain.transform.row_transformer import TransformedBlock
from bulkzoho.engine.importer.batcher import Batcher, BatchLimits

FIELDS = ("id", "Email", "Customer_Number")
Keys = Sequence[str | None]


def shaped_of(first: int, header: tuple[str, ...] = ("Last_Name",), /, **claims: Keys) -> TransformedBlock:
    """Return a block whose rows have these keys."""
    count = len(next(iter(claims.values())))
    numbers = range(first, first + count)
    return TransformedBlock(
        header=header,
        numbers=numbers,
        records=[{"Last_Name": f"row {n}"} for n in numbers],
        cells=[[f"row {n}"] * len(header) for n in numbers],
        claims=claims,
        origins=[RowOrigin(run="r", source="leads.csv", row=n, attempts=1) for n in numbers],
    )


def batcher_of(max_records: int = 3, blocked_max: int = 100) -> Batcher:
    return Batcher(0, BatchLimits(max_records=max_records, blocked_max=blocked_max), FIELDS)


def numbers(batches: Sequence[Batch]) -> list[list[int]]:
    return [list(batch.numbers) for batch in batches]


def test_rows_are_cut_into_full_batches_and_the_rest_comes_with_flush() -> None:
    batcher = batcher_of(max_records=3)

    full = batcher.feed(shaped_of(1, Email=list("abcdefgh")))
    rest = batcher.flush()

    assert numbers(full) == [[1, 2, 3], [4, 5, 6]]
    assert numbers(rest) == [[7, 8]]
    assert batcher.waiting == 0


def test_a_batch_takes_rows_from_several_blocks() -> None:
    batcher = batcher_of(max_records=4)

    batches = [batch for first in (1, 4, 7) for batch in batcher.feed(shaped_of(first, Email=[f"{first}{n}" for n in range(3)]))]

    assert numbers(batches) == [[1, 2, 3, 4], [5, 6, 7, 8]]
    assert batches[1].records[0] == {"Last_Name": "row 5"}
    assert batches[1].cells[0] == ["row 5"]
    assert batches[1].origins is not None
    assert batches[1].origins[0].row == 5


def test_a_block_that_is_a_batch_is_not_copied() -> None:
    shaped = shaped_of(1, Email=["a", "b", "c"])

    (batch,) = batcher_of(max_records=3).feed(shaped)

    assert batch.records is shaped.records


def test_a_later_row_with_a_key_waits_until_the_earlier_one_is_released() -> None:
    batcher = batcher_of(max_records=2)
    (first,) = batcher.feed(shaped_of(1, Email=["a", "a", "b"]))

    before = batcher.drain(), batcher.blocked
    batcher.release(first.claims)
    after = batcher.flush()

    assert numbers([first]) == [[1, 3]]
    assert before == ([], 1)
    assert numbers(after) == [[2]]


def test_a_row_waits_for_a_blocked_row_even_if_its_other_key_is_free() -> None:
    batcher = batcher_of(max_records=1)
    (first,) = batcher.feed(shaped_of(1, Email=["a", "a", None], Customer_Number=[None, "7", "7"]))

    batcher.release(first.claims)
    (second,) = batcher.drain()
    third = batcher.drain()
    batcher.release(second.claims)

    assert numbers([first, second, *third, *batcher.drain()]) == [[1], [2], [3]]
    assert third == []


def test_rows_without_keys_never_wait() -> None:
    batches = batcher_of(max_records=2).feed(shaped_of(1, Email=[None, None, None, None]))

    assert numbers(batches) == [[1, 2], [3, 4]]
    assert [batch.claims for batch in batches] == [[], []]


def test_the_same_value_in_two_fields_is_two_keys() -> None:
    (batch,) = batcher_of(max_records=2).feed(shaped_of(1, Email=["7", "a"], Customer_Number=["b", "7"]))

    assert sorted(batch.claims) == [("Customer_Number", "7"), ("Customer_Number", "b"), ("Email", "7"), ("Email", "a")]


def test_a_released_row_takes_its_place_in_the_order_of_the_file() -> None:
    batcher = batcher_of(max_records=3)
    (first,) = batcher.feed(shaped_of(1, Email=["a", "b", "a", "c"]))
    batcher.feed(shaped_of(5, Email=["d", "e"]))
    batcher.release(first.claims)

    (second,) = batcher.flush()

    assert numbers([first, second]) == [[1, 2, 4], [3, 5, 6]]


def test_at_the_end_a_batch_waits_for_blocked_rows_but_not_forever() -> None:
    batcher = batcher_of(max_records=3)
    (first,) = batcher.feed(shaped_of(1, Email=["a", "b", "c", "d", "a"]))

    at_once = batcher.flush()
    batcher.release(first.claims)

    assert at_once == []
    assert numbers(batcher.flush()) == [[4, 5]]


def test_a_batch_is_sent_before_it_is_full_when_too_many_rows_are_blocked() -> None:
    batcher = batcher_of(max_records=100, blocked_max=2)

    (early,) = batcher.feed(shaped_of(1, Email=["a", "a", "a", "b"]))

    assert list(early.numbers) == [1, 4]
    assert batcher.full


def test_a_second_release_does_not_unlock_the_keys_of_another_batch() -> None:
    batcher = batcher_of(max_records=1)
    (first,) = batcher.feed(shaped_of(1, Email=["a", "a", "a"]))
    batcher.release(first.claims)
    (second,) = batcher.drain()

    batcher.release(first.claims)

    assert batcher.drain() == []
    batcher.release(second.claims)
    assert numbers(batcher.drain()) == [[3]]


def test_the_claims_of_a_part_release_the_whole_batch() -> None:
    batcher = batcher_of(max_records=2)
    (first,) = batcher.feed(shaped_of(1, Email=["a", "b", "a"]))

    batcher.release(first.pick([1]).claims)

    assert numbers(batcher.flush()) == [[3]]


def test_a_batcher_is_busy_until_its_keys_are_free() -> None:
    batcher = batcher_of()
    states = [batcher.busy]

    batcher.feed(shaped_of(1, Email=["a"]))
    states.append(batcher.busy)
    (batch,) = batcher.flush()
    states.append(batcher.busy)
    batcher.release(batch.claims)
    states.append(batcher.busy)

    assert states == [False, True, True, False]


def test_rows_with_new_columns_share_a_batch_with_earlier_rows() -> None:
    batcher = batcher_of(max_records=2)
    batcher.feed(shaped_of(1, ("Last_Name", "Company"), Email=["a"]))

    (batch,) = batcher.feed(shaped_of(2, ("Last_Name", "Email"), Email=["b"]))

    assert batch.header == ("Last_Name", "Company", "Email")
    assert batch.cells == [["row 1", "row 1", ABSENT], ["row 2", ABSENT, "row 2"]]


class Service:
    """Takes batches, releases them in any order, and checks that no two rows with one key are in flight together."""

    def __init__(self, batcher: Batcher, rows: Mapping[int, set[tuple[str, str]]]) -> None:
        self.batcher = batcher
        self.rows = rows
        self.in_flight: list[Batch] = []
        self.seen: list[int] = []

    def take(self, batches: Sequence[Batch]) -> None:
        for batch in batches:
            claims = [claim for number in batch.numbers for claim in self.rows[number]]
            held = {claim for other in self.in_flight for number in other.numbers for claim in self.rows[number]}
            assert len(claims) == len(set(claims)), "two rows of a key in one batch"
            assert held.isdisjoint(claims), "two rows of a key in two batches under way"
            assert sorted(batch.claims) == sorted(claims)
            assert list(batch.numbers) == sorted(batch.numbers)
            assert batch.records == [{"Last_Name": f"row {n}"} for n in batch.numbers]
            self.in_flight.append(batch)
            self.seen += batch.numbers

    def release_one(self, choice: int) -> None:
        if self.in_flight:
            self.batcher.release(self.in_flight.pop(choice % len(self.in_flight)).claims)


KEY = st.one_of(st.none(), st.sampled_from("abcdef"), st.integers(0, 10**9).map(str))
BLOCKS = st.lists(st.lists(st.tuples(KEY, KEY), min_size=1, max_size=12), max_size=12)


@settings(max_examples=300)
@given(blocks=BLOCKS, max_records=st.integers(1, 9), blocked_max=st.integers(1, 12), data=st.data())
def test_every_row_comes_once_in_the_order_of_its_keys_whatever_the_order_of_release(
    blocks: list[list[tuple[str | None, str | None]]], max_records: int, blocked_max: int, data: st.DataObject
) -> None:
    batcher = batcher_of(max_records, blocked_max)
    rows: dict[int, set[tuple[str, str]]] = {}
    service = Service(batcher, rows)

    def turn() -> int:
        return data.draw(st.integers(0, 7))

    first = 1
    for block in blocks:
        claims: dict[str, list[Any]] = {"Email": [one for one, _ in block], "Customer_Number": [two for _, two in block]}
        for offset in range(len(block)):
            rows[first + offset] = {(name, keys[offset]) for name, keys in claims.items() if keys[offset] is not None}
        service.take(batcher.feed(shaped_of(first, **claims)))
        first += len(block)
        while batcher.full:
            assert service.in_flight, "reading would wait forever"
            service.release_one(turn())
            service.take(batcher.drain())
        if turn() > 4:
            service.release_one(turn())
    while batcher.busy:
        service.take(batcher.flush())
        assert service.in_flight, "the end would wait forever"
        service.release_one(turn())

    assert sorted(service.seen) == sorted(rows)
    for claim in {claim for claims_of_row in rows.values() for claim in claims_of_row}:
        of_key = [number for number in service.seen if claim in rows[number]]
        assert of_key == sorted(of_key)


@pytest.mark.parametrize("repeat", ["a", "z"])
def test_rows_with_one_key_are_sent_one_by_one(repeat: str) -> None:
    batcher = batcher_of(max_records=5, blocked_max=4)
    service = Service(batcher, {n: {("Email", repeat)} for n in range(1, 7)})

    service.take(batcher.feed(shaped_of(1, Email=[repeat] * 6)))
    while batcher.busy:
        service.release_one(0)
        service.take(batcher.drain() or batcher.flush())

    assert service.seen == [1, 2, 3, 4, 5, 6]
