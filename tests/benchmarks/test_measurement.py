"""The cost of a process does not include its parent."""

from __future__ import annotations

import sys

import pytest

from benchmarks.measurement import BenchmarkError, run_measured


def test_the_peak_memory_of_a_process_excludes_its_parent() -> None:
    ballast = bytearray(b"x") * (200 << 20)

    small = run_measured([sys.executable, "-c", "pass"])

    assert small.peak_mb < 100 < len(ballast) / (1 << 20)


def test_a_failed_process_raises_an_error() -> None:
    with pytest.raises(BenchmarkError, match=r"ended with 3:\n\noops"):
        run_measured([sys.executable, "-c", "import sys; print('oops', file=sys.stderr); sys.exit(3)"])


def test_cpu_time_is_that_of_the_process() -> None:
    cost = run_measured(
        [sys.executable, "-c", "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"]
    )

    assert 0.3 <= cost.cpu_seconds < 1.0
    assert cost.seconds >= 0.3
