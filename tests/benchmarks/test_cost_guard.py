"""What an import may do for a batch of a hundred rows, counted and not timed: one call a row more is too many."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from benchmarks.leads import write_csv
from benchmarks.measuring import measured
from benchmarks.standin import Standin

# Calls by and to functions of the product for 100 rows, some 15 more or less with the moment at which answers come in.  A call a
# row is 100 more, so the bound stands less than 100 above what is counted: whoever saves calls lowers it.
CALLS_A_BATCH = 770
KEPT_BLOCKS_A_BATCH = 50  # of memory, in use after a batch and not before it
FEW, MANY = 2000, 6000

Counting = Callable[..., float]


@pytest.fixture(scope="module")
def standin() -> Iterator[Standin]:
    with Standin() as running:
        yield running


@pytest.fixture
def a_batch(standin: Standin, tmp_path: Path) -> Counting:
    """Give what counts a thing for 100 rows: the difference of two imports, so that what a run does once is left out."""

    def count(what: str, *more: str) -> float:
        files = [str(write_csv(tmp_path, rows)) for rows in (100, FEW, MANY)]
        told = {**standin.environment, "BULKZOHO_HOME": str(tmp_path / "home")}
        ended = measured([sys.executable, "-m", "benchmarks.counted", what, *files, *more], environment=told)
        _, few, many = json.loads(ended.out.splitlines()[-1])
        return float(many - few) / ((MANY - FEW) / 100)

    return count


def test_a_batch_takes_no_call_a_row_more_than_it_did(a_batch: Counting) -> None:
    calls = a_batch("calls")

    assert calls <= CALLS_A_BATCH
    assert calls > CALLS_A_BATCH - 100, "fewer calls than the bound was made for: lower it, or it misses the next one"


def test_one_call_a_row_more_breaks_the_bound(a_batch: Counting) -> None:
    assert a_batch("calls", "--one-more-a-row") > CALLS_A_BATCH


def test_nothing_is_kept_of_a_batch_that_is_settled(a_batch: Counting) -> None:
    assert a_batch("blocks") <= KEPT_BLOCKS_A_BATCH


def test_one_object_a_row_that_is_kept_breaks_the_bound(a_batch: Counting) -> None:
    assert a_batch("blocks", "--one-more-a-row") > KEPT_BLOCKS_A_BATCH
