"""Decide who created a record, and whether it was created while a request without a response was running.  Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Final

__all__ = [
    "CLOCK_MARGIN_S",
    "CreationWindow",
    "RecordOwnership",
    "created_s",
    "creation_window",
    "ownership_of",
    "parse_timestamp_s",
    "user_id_of",
]

# Created_Time has whole seconds, and so has the Date header from which the service's time is known
CLOCK_MARGIN_S: Final = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CreationWindow:
    """When the records of a request can have been created, in seconds of the service's time, both ends included."""

    start_s: float
    end_s: float


class RecordOwnership(Enum):
    """Who created a record."""

    OURS = "ours"  #: this user in the window, and no row of a run here is known to have it
    EARLIER = "earlier"  #: this user, outside the window
    OTHERS = "others"  #: another user, or a row of a run here has it already
    UNKNOWN = "unknown"  #: the answer does not say who created it, or when


def creation_window(sent_at: float, *, skews_s: Iterable[float], call_ends_after_s: float) -> CreationWindow:
    """Return the window of a request that was sent at *sent_at* (our time).

    *skews_s* are known values of the service's time minus ours, when the request was sent and now.  They differ when our clock
    was set in between, or just before; the window then covers both.
    """
    sent_s = [sent_at + skew_s for skew_s in skews_s]
    return CreationWindow(
        start_s=math.floor(min(sent_s) - CLOCK_MARGIN_S), end_s=math.ceil(max(sent_s) + call_ends_after_s + CLOCK_MARGIN_S)
    )


def parse_timestamp_s(text: Any) -> float | None:
    """Return a timestamp of an answer in seconds since the epoch; None for anything else, or without a time zone."""
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return None if moment.tzinfo is None else moment.timestamp()


def created_s(record: Mapping[str, Any]) -> float | None:
    """Return when *record* was created, in seconds since the epoch; None if that is unknown."""
    return parse_timestamp_s(record.get("Created_Time"))


def user_id_of(value: Any) -> str | None:
    """Return the id of the user in a field such as Created_By; None for an empty field."""
    user_id = value.get("id") if isinstance(value, dict) else value
    return str(user_id) if user_id else None


def ownership_of(record: Mapping[str, Any], window: CreationWindow, *, user_id: str | None, is_known: bool) -> RecordOwnership:
    """Decide who created *record*.

    Args:
        record: With Created_Time and Created_By.
        window: When the request ran.
        user_id: Who the token acts as; None if unknown: any creator then counts as this user.
        is_known: Whether a row of a run here is known to have the record.
    """
    if is_known:
        return RecordOwnership.OTHERS
    created, creator_id = created_s(record), user_id_of(record.get("Created_By"))
    if created is None or (user_id is not None and creator_id is None):
        return RecordOwnership.UNKNOWN
    if user_id is not None and creator_id != user_id:
        return RecordOwnership.OTHERS
    return RecordOwnership.OURS if window.start_s <= created <= window.end_s else RecordOwnership.EARLIER
