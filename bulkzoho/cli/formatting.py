"""Numbers, durations and the state of a run in words; pure, so that bar, plain lines and summary say the same."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from bulkzoho.domain.model.progress import ProgressSnapshot, QuotaStatus
from bulkzoho.domain.model.results import RowCounts

__all__ = ["duration", "format_count", "format_rate", "pluralize", "state_words", "waiting_words"]

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_TENTHS_BELOW_S = 20  # seconds: a shorter time is worth a tenth
_TENTHS_BELOW_RATE = 10.0  # records a second: likewise


def format_count(number: int) -> str:
    """Give *number* with its thousands apart."""
    return f"{number:,}"


def pluralize(number: int, one: str, more: str | None = None) -> str:
    """Give *number* with its noun, in the right number."""
    return f"{number:,} {one if number == 1 else more or one + 's'}"


def duration(seconds: float) -> str:
    """Give *seconds* as a person says them: ``7.1 s``, ``3 min 05 s``, ``2 h 10 min``, ``3 d 4 h``."""
    if seconds < _TENTHS_BELOW_S:
        return f"{max(seconds, 0.0):.1f} s"
    whole = round(seconds)
    if whole < _MINUTE_S:
        return f"{whole} s"
    if whole < _HOUR_S:
        return f"{whole // _MINUTE_S} min {whole % _MINUTE_S:02} s"
    if whole < _DAY_S:
        return f"{whole // _HOUR_S} h {whole % _HOUR_S // _MINUTE_S:02} min"
    return f"{whole // _DAY_S} d {whole % _DAY_S // _HOUR_S} h"


def format_rate(records_per_second: float) -> str:
    """Give a rate of records."""
    number = f"{records_per_second:.1f}" if records_per_second < _TENTHS_BELOW_RATE else format_count(round(records_per_second))
    return f"{number} records/s"


def state_words(snapshot: ProgressSnapshot, *, records_per_second: float, left_s: float | None) -> str:
    """Give the state of a run as one line, most wanted first; what is zero is left out."""
    return ", ".join(_parts(snapshot, records_per_second, left_s))


def waiting_words(quota: QuotaStatus | None) -> str:
    """Give what the run waits for and until when, local time; empty while it does not wait."""
    if quota is None or not quota.waiting_for:
        return ""
    if quota.waiting_until is None:
        return f"waiting for {quota.waiting_for}"
    until = datetime.fromtimestamp(round(quota.waiting_until)).astimezone()
    days = (until.date() - datetime.now().astimezone().date()).days
    return f"waiting for {quota.waiting_for} until {until:%H:%M:%S}" + (f" on {until:%A}" if days else "")


def _parts(snapshot: ProgressSnapshot, records_per_second: float, left_s: float | None) -> Iterator[str]:
    tally = snapshot.tally
    if snapshot.expected is None:
        yield f"{format_count(_settled(tally))} of {format_count(tally.read)} rows settled"
    else:
        of = f" of {format_count(max(snapshot.expected, tally.read))}" if snapshot.expected else ""
        yield f"{format_count(tally.read)}{of} records read"
    if tally.dead_lettered:
        yield pluralize(tally.dead_lettered, "dead letter")
    if tally.in_doubt:
        yield f"{format_count(tally.in_doubt)} await an answer"  # while a run works, sent rows without an outcome are just that
    yield format_rate(records_per_second)
    if snapshot.quota is not None:
        yield f"{format_count(snapshot.quota.calls_last_minute)}/{format_count(snapshot.quota.calls_per_minute)} calls a minute"
    if snapshot.calls.throttled:
        yield f"{format_count(snapshot.calls.throttled)} throttled"
    if left_s is not None:
        yield f"about {duration(left_s)} left"


def _settled(tally: RowCounts) -> int:
    return tally.accepted + tally.dead_lettered + tally.already_settled
