"""Numbers, durations and the state of a run as text.  Pure, so that bar, plain lines and summary agree."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from bulkzoho.domain.model.progress import ProgressSnapshot, QuotaStatus
from bulkzoho.domain.model.results import RowCounts

__all__ = ["format_count", "format_duration", "format_limit", "format_progress", "format_rate", "format_wait", "pluralize"]

_MINUTE_S, _HOUR_S, _DAY_S = 60, 3600, 86400
_TENTHS_BELOW_S = 20  # seconds: tenths matter in a shorter time
_TENTHS_BELOW_RATE = 10.0  # records per second: likewise

#: Names of limits in snapshots and summaries, which are a contract -> names for a person.
_LIMITS: Final = {
    "calls a minute": "API calls per minute",
    "calls a day": "API calls per day",
    "credits a day": "API credits per day",
    "calls in flight": "concurrent API calls",
    "heavy calls in flight": "concurrent heavy API calls",
}


def format_count(number: int) -> str:
    """Return *number* with thousands separators."""
    return f"{number:,}"


def pluralize(number: int, singular: str, plural: str | None = None) -> str:
    """Return *number* with its noun in the right form."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def format_duration(seconds: float) -> str:
    """Return *seconds* as ``7.1 s``, ``3 min 05 s``, ``2 h 10 min`` or ``3 d 4 h``."""
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
    """Return a rate of records."""
    number = f"{records_per_second:.1f}" if records_per_second < _TENTHS_BELOW_RATE else format_count(round(records_per_second))
    return f"{number} records/s"


def format_limit(name: str) -> str:
    """Return the name of a limit for a person; other reasons to wait are already readable."""
    return _LIMITS.get(name, name)


def format_progress(snapshot: ProgressSnapshot, *, records_per_second: float, left_s: float | None) -> str:
    """Return the state of a run as one line, most important facts first, without zeros."""
    return ", ".join(_progress_parts(snapshot, records_per_second, left_s))


def format_wait(quota: QuotaStatus | None) -> str:
    """Return until when (local time) and for which limit the run waits; empty when it does not wait."""
    if quota is None or not quota.waiting_for:
        return ""
    reason = f"limit: {_LIMITS[quota.waiting_for]}" if quota.waiting_for in _LIMITS else quota.waiting_for
    if quota.waiting_until is None:
        return f"waiting ({reason})"
    until = datetime.fromtimestamp(round(quota.waiting_until)).astimezone()
    days = (until.date() - datetime.now().astimezone().date()).days
    return f"waiting until {until:%H:%M:%S}{f' on {until:%A}' if days else ''} ({reason})"


def _progress_parts(snapshot: ProgressSnapshot, records_per_second: float, left_s: float | None) -> Iterator[str]:
    tally = snapshot.tally
    if snapshot.expected is None:
        yield f"{format_count(_finished(tally))} of {format_count(tally.read)} rows done"
    else:
        total = f" of {format_count(max(snapshot.expected, tally.read))}" if snapshot.expected else ""
        yield f"{format_count(tally.read)}{total} records read"
    if tally.dead_lettered:
        yield f"{format_count(tally.dead_lettered)} rejected"
    if tally.in_doubt:
        yield f"{format_count(tally.in_doubt)} awaiting a response"  # during a run, rows in doubt have just been sent
    yield format_rate(records_per_second)
    if snapshot.quota is not None:
        yield f"{format_count(snapshot.quota.calls_last_minute)}/{format_count(snapshot.quota.calls_per_minute)} calls per minute"
    if snapshot.calls.throttled:
        yield f"{format_count(snapshot.calls.throttled)} rate-limited"
    if left_s is not None:
        yield f"about {format_duration(left_s)} left"


def _finished(tally: RowCounts) -> int:
    return tally.accepted + tally.dead_lettered + tally.already_settled
