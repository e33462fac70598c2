"""A process is measured by itself, not by who measures it."""

from __future__ import annotations

import sys

import pytest

from benchmarks.measurement import BenchmarkError, measured


def test_the_peak_of_a_small_process_is_its_own_whoever_started_it() -> None:
    ballast = bytearray(b"x") * (200 << 20)

    small = measured([sys.executable, "-c", "pass"])

    assert small.peak_mb < 100 < len(ballast) / (1 << 20)


def test_a_process_that_does_not_do_its_work_gives_no_figure() -> None:
    with pytest.raises(BenchmarkError, match=r"ended with 3:\n\noops"):
        measured([sys.executable, "-c", "import sys; print('oops', file=sys.stderr); sys.exit(3)"])


def test_processor_time_is_that_of_the_process() -> None:
    cost = measured([sys.executable, "-c", "import time; end = time.process_time() + 0.3\nwhile time.process_time() < end: pass"])

    assert 0.3 <= cost.cpu_seconds < 1.0
    assert cost.seconds >= 0.3
