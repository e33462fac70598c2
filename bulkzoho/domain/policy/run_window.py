"""Hours in which a run may make calls: ``--window 22:00-06:00``.  Pure: the time is an argument."""

from __future__ import annotations

from datetime import datetime, timedelta

from bulkzoho.domain.model.settings import RunWindow

__all__ = ["closes_at", "opens_at"]


def opens_at(window: RunWindow, now: datetime) -> datetime:
    """Return when the window opens next; *now* itself if it is open."""
    if closes_at(window, now) is not None:
        return now
    today = now.replace(hour=window.start.hour, minute=window.start.minute, second=0, microsecond=0)
    return today if today > now else today + timedelta(days=1)


def closes_at(window: RunWindow, now: datetime) -> datetime | None:
    """Return when the window that is open at *now* closes, or None if it is closed."""
    for day in (-1, 0):  # a window over midnight began yesterday
        start = now.replace(hour=window.start.hour, minute=window.start.minute, second=0, microsecond=0) + timedelta(days=day)
        end = start.replace(hour=window.end.hour, minute=window.end.minute)
        if end <= start:
            end += timedelta(days=1)
        if start <= now < end:
            return end
    return None
