"""Limits for the function calls and memory of an import per row and per batch, counted instead of timed."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmarks.leads import write_csv
from benchmarks.measurement import run_measured
from benchmarks.stub_server.process import StubServer

# Allowed calls per row.  To add one, explain why it cannot be done per column or per batch.
ALLOWED_CALLS_PER_ROW = {
    "formats/csv_reader.py calls <method 'split' of 'str' objects>": 1,  # splits a line into cells
}
# Calls per 100 rows; varies by about 40 with the number of disk writes, which depends on when responses arrive.
MAX_CALLS_PER_BATCH = 850
MAX_BLOCKS_KEPT_PER_BATCH = 60  # memory blocks kept after a batch

Counting = Callable[..., tuple[Any, Any]]


@pytest.fixture(scope="module")
def server() -> Iterator[StubServer]:
    with StubServer() as process:
        yield process


@pytest.fixture
def counts(server: StubServer, tmp_path: Path) -> Counting:
    """Return a function that counts over two numbers of rows, after an import that loads modules."""

    def count(what: str, few: int, many: int, *flags: str) -> tuple[Any, Any]:
        files = [str(write_csv(tmp_path, rows)) for rows in (100, few, many)]
        variables = {**server.environment, "BULKZOHO_HOME": str(tmp_path / "home")}
        completed = run_measured([sys.executable, "-m", "benchmarks.counted", what, *files, *flags], environment=variables)
        _, first, second = json.loads(completed.out.splitlines()[-1])
        return first, second

    return count


def calls_per_batch(counts: Counting, *flags: str) -> dict[str, float]:
    few, many = counts("calls", 2000, 6000, *flags)
    return {name: (called - few.get(name, 0)) / 40 for name, called in many.items()}


def calls_per_row(batch: dict[str, float]) -> dict[str, int]:
    return {name: times for name, called in batch.items() if (times := int(called / 100 + 0.25))}


def test_only_allowed_functions_are_called_per_row(counts: Counting) -> None:
    batch = calls_per_batch(counts)

    assert {name: times for name, times in calls_per_row(batch).items() if times > ALLOWED_CALLS_PER_ROW.get(name, 0)} == {}
    assert sum(batch.values()) <= MAX_CALLS_PER_BATCH


def test_an_extra_call_per_row_is_detected_and_named(counts: Counting) -> None:
    batch = calls_per_batch(counts, "--one-more-a-row")

    assert calls_per_row(batch)["extra_call"] == 1


def test_a_settled_batch_keeps_no_memory(counts: Counting) -> None:
    few, many = counts("blocks", 6000, 14_000)

    assert (many - few) / 80 <= MAX_BLOCKS_KEPT_PER_BATCH


def test_keeping_an_object_per_row_exceeds_the_limit(counts: Counting) -> None:
    few, many = counts("blocks", 6000, 14_000, "--one-more-a-row")

    assert (many - few) / 80 > MAX_BLOCKS_KEPT_PER_BATCH
