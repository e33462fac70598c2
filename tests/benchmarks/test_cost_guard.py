"""What an import may do for a row and for a batch of a hundred, counted and not timed: one call a row more is too many."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.leads import write_csv
from benchmarks.measurement import measured
from benchmarks.stub_server.process import Standin

# What is called for every row, and how often.  Whoever adds a name here says why it cannot be done per column or per batch.
CALLS_A_ROW = {
    "formats/csv_reader.py calls <method 'split' of 'str' objects>": 1,  # cells of a line
}
# For 100 rows in all; some 40 more or less with the number of writes to the disk, which hangs on when answers come in.
CALLS_A_BATCH = 850
KEPT_BLOCKS_A_BATCH = 60  # of memory, in use after a batch and not before it

Counting = Callable[..., tuple[Any, Any]]


@pytest.fixture(scope="module")
def standin() -> Iterator[Standin]:
    with Standin() as running:
        yield running


@pytest.fixture
def counts(standin: Standin, tmp_path: Path) -> Counting:
    """Give what counts a thing over two numbers of rows, after an import that loads what is loaded once."""

    def count(what: str, few: int, many: int, *more: str) -> tuple[Any, Any]:
        files = [str(write_csv(tmp_path, rows)) for rows in (100, few, many)]
        told = {**standin.environment, "BULKZOHO_HOME": str(tmp_path / "home")}
        ended = measured([sys.executable, "-m", "benchmarks.counted", what, *files, *more], environment=told)
        _, first, second = json.loads(ended.out.splitlines()[-1])
        return first, second

    return count


def calls_a_batch(counts: Counting, *more: str) -> dict[str, float]:
    few, many = counts("calls", 2000, 6000, *more)
    return {name: (called - few.get(name, 0)) / 40 for name, called in many.items()}


def calls_a_row(batch: dict[str, float]) -> dict[str, int]:
    return {name: times for name, called in batch.items() if (times := int(called / 100 + 0.25))}


def test_nothing_is_called_for_each_row_but_what_is_known(counts: Counting) -> None:
    batch = calls_a_batch(counts)

    assert {name: times for name, times in calls_a_row(batch).items() if times > CALLS_A_ROW.get(name, 0)} == {}
    assert sum(batch.values()) <= CALLS_A_BATCH


def test_one_call_a_row_more_is_seen_and_named(counts: Counting) -> None:
    batch = calls_a_batch(counts, "--one-more-a-row")

    assert calls_a_row(batch)["one_more"] == 1


def test_nothing_is_kept_of_a_batch_that_is_settled(counts: Counting) -> None:
    few, many = counts("blocks", 6000, 14_000)

    assert (many - few) / 80 <= KEPT_BLOCKS_A_BATCH


def test_one_object_a_row_that_is_kept_breaks_the_bound(counts: Counting) -> None:
    few, many = counts("blocks", 6000, 14_000, "--one-more-a-row")

    assert (many - few) / 80 > KEPT_BLOCKS_A_BATCH
