"""The decision to end a run early: made once, seen by all, and made by whoever has the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from bulkzoho.domain.model.run import StopReason
from bulkzoho.errors import AccessError, BulkZohoError, QuotaUsedUpError, UnreachableError

__all__ = ["StopRequestedError", "StopSignal", "stop_reason"]


class StopRequestedError(Exception):
    """Admission was closed before the call left: nothing was sent, the rows are unsent."""


class StopSignal:
    """Closes admission.  Calls in flight end and are settled; nothing new leaves.

    The first reason stands.  Only :meth:`at_once` (the second Ctrl-C) leaves calls unanswered.

    Attributes:
        reason: Why, or None while the run may go on.
        error: The error behind it, if there is one.
        hard: Whether to leave calls in flight unanswered.
    """

    def __init__(self) -> None:
        self.reason: StopReason | None = None
        self.error: BulkZohoError | None = None
        self.hard = False
        self._requested = asyncio.Event()
        self._listeners: list[Callable[[], None]] = []
        self._task: asyncio.Task[object] | None = None

    @property
    def requested(self) -> bool:
        """Whether admission is closed."""
        return self.reason is not None

    def request(self, reason: StopReason, error: BulkZohoError | None = None) -> None:
        """Close admission for *reason*, unless it is closed already."""
        if self.reason is not None:
            return
        self.reason, self.error = reason, error
        self._requested.set()
        for listener in self._listeners:
            listener()

    def at_once(self) -> None:
        """Leave even the calls in flight."""
        self.request(StopReason.SIGNAL)
        self.hard = True
        if self._task is not None:
            self._task.cancel()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call *listener* when admission closes."""
        self._listeners.append(listener)
        if self.requested:
            listener()

    def bind(self, task: asyncio.Task[object] | None) -> None:
        """Name the task that :meth:`at_once` cancels."""
        self._task = task
        if self.hard and task is not None:
            task.cancel()

    async def wait_requested(self) -> None:
        """Wait until admission closes."""
        await self._requested.wait()

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*, or until admission closes."""
        try:
            async with asyncio.timeout(seconds):
                await self._requested.wait()
        except TimeoutError:
            return


def stop_reason(error: BulkZohoError) -> StopReason:
    """Give the reason that *error* ends a run for."""
    if isinstance(error, AccessError):
        return StopReason.ACCESS
    if isinstance(error, QuotaUsedUpError):
        return StopReason.QUOTA
    if isinstance(error, UnreachableError):
        return StopReason.UNREACHABLE
    return StopReason.FAILED


Stop = StopSignal  #: name of 0.1
