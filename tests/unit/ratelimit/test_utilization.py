"""Utilization: the used share of the binding limit while there was work."""

from __future__ import annotations

from bulkzoho.domain.policy.rate_limits import LimitKind
from bulkzoho.ratelimit.allocation import Allocation
from bulkzoho.ratelimit.utilization import UtilizationMeter
from bulkzoho.testing.limiter_simulation import limits

OURS = limits(minute=600, in_flight=5)
ALLOCATION = Allocation(in_flight=5, heavy=5)


def work(meter: UtilizationMeter, *, start: float, seconds: float, calls: int, wanted: int, latency_s: float) -> None:
    """Make *calls* while *wanted* calls were wanted at the same time."""
    meter.mark_busy(start, wanted=wanted)
    for _ in range(calls):
        meter.call_started(heavy=False)
        meter.call_finished(latency_s)
    meter.update(start + seconds, ALLOCATION, exhausted=None, wanted=0)


def test_the_share_refers_to_the_binding_limit() -> None:
    meter = UtilizationMeter(OURS)
    work(meter, start=0.0, seconds=20.0, calls=40, wanted=10, latency_s=2.0)  # five in flight allow 50

    share, bound = meter.used_share()
    assert (round(share, 6), bound) == (0.8, LimitKind.IN_FLIGHT)


def test_sequential_calls_do_not_count_beside_parallel_ones() -> None:
    meter = UtilizationMeter(OURS)
    for step in range(5):
        work(meter, start=step * 2.0, seconds=2.0, calls=1, wanted=1, latency_s=2.0)
    work(meter, start=10.0, seconds=20.0, calls=50, wanted=10, latency_s=2.0)

    share, bound = meter.used_share()
    assert (round(share, 6), bound) == (1.0, LimitKind.IN_FLIGHT)


def test_a_run_with_only_sequential_calls_is_measured_by_them() -> None:
    meter = UtilizationMeter(limits(minute=600, in_flight=1))
    for step in range(5):
        meter.mark_busy(step * 2.0, wanted=1)
        meter.call_started(heavy=False)
        meter.call_finished(2.0)
        meter.update(step * 2.0 + 2.0, Allocation(in_flight=1, heavy=1), exhausted=None, wanted=0)

    share, bound = meter.used_share()
    assert (round(share, 6), bound) == (1.0, LimitKind.IN_FLIGHT)


def test_the_day_binds_if_waiting_took_longer_than_working() -> None:
    meter = UtilizationMeter(OURS)
    work(meter, start=0.0, seconds=20.0, calls=40, wanted=10, latency_s=2.0)
    meter.mark_busy(20.0, wanted=3)
    meter.update(3_620.0, ALLOCATION, exhausted=LimitKind.DAY, wanted=0)

    assert meter.used_share() == (1.0, LimitKind.DAY)


def test_the_time_after_the_last_call_left_does_not_count() -> None:
    meter = UtilizationMeter(OURS)
    work(meter, start=0.0, seconds=20.0, calls=50, wanted=10, latency_s=2.0)
    meter.close()
    meter.update(22.0, ALLOCATION, exhausted=None, wanted=0)

    share, bound = meter.used_share()
    assert (round(share, 6), bound) == (1.0, LimitKind.IN_FLIGHT)
