"""The share of the tightest bound that was used while there was work."""

from __future__ import annotations

from bulkzoho.domain.policy.rate_limits import LimitKind
from bulkzoho.ratelimit.allocation import Allocation
from bulkzoho.ratelimit.utilization import UtilizationMeter
from bulkzoho.testing.limiter_simulation import limits

OURS = limits(minute=600, in_flight=5)
GRANT = Allocation(in_flight=5, heavy=5)


def work(meter: UtilizationMeter, *, start: float, seconds: float, calls: int, wanted: int, latency_s: float) -> None:
    """Let *calls* leave, evenly or not, while so many were wanted at a time."""
    meter.busy(start, wanted=wanted)
    for _ in range(calls):
        meter.begun(heavy=False)
        meter.ended(latency_s)
    meter.settle(start + seconds, GRANT, waits_for=None, wanted=0)


def test_the_share_is_of_the_tightest_bound() -> None:
    meter = UtilizationMeter(OURS)
    work(meter, start=0.0, seconds=20.0, calls=40, wanted=10, latency_s=2.0)  # five at a time allow 50

    share, bound = meter.used()
    assert (round(share, 6), bound) == (0.8, LimitKind.IN_FLIGHT)


def test_one_call_after_another_is_held_back_by_no_limit() -> None:
    meter = UtilizationMeter(OURS)
    for step in range(5):
        work(meter, start=step * 2.0, seconds=2.0, calls=1, wanted=1, latency_s=2.0)
    work(meter, start=10.0, seconds=20.0, calls=50, wanted=10, latency_s=2.0)

    share, bound = meter.used()
    assert (round(share, 6), bound) == (1.0, LimitKind.IN_FLIGHT)


def test_a_run_of_nothing_but_single_calls_is_measured_by_these() -> None:
    meter = UtilizationMeter(limits(minute=600, in_flight=1))
    for step in range(5):
        meter.busy(step * 2.0, wanted=1)
        meter.begun(heavy=False)
        meter.ended(2.0)
        meter.settle(step * 2.0 + 2.0, Allocation(in_flight=1, heavy=1), waits_for=None, wanted=0)

    share, bound = meter.used()
    assert (round(share, 6), bound) == (1.0, LimitKind.IN_FLIGHT)


def test_a_day_that_was_waited_for_longer_than_worked_is_the_bound() -> None:
    meter = UtilizationMeter(OURS)
    work(meter, start=0.0, seconds=20.0, calls=40, wanted=10, latency_s=2.0)
    meter.busy(20.0, wanted=3)
    meter.settle(3_620.0, GRANT, waits_for=LimitKind.DAY, wanted=0)

    assert meter.used() == (1.0, LimitKind.DAY)


def test_calls_that_end_after_the_last_has_left_leave_nothing_unused() -> None:
    meter = UtilizationMeter(OURS)
    work(meter, start=0.0, seconds=20.0, calls=50, wanted=10, latency_s=2.0)
    meter.close()
    meter.settle(22.0, GRANT, waits_for=None, wanted=0)

    share, bound = meter.used()
    assert (round(share, 6), bound) == (1.0, LimitKind.IN_FLIGHT)
