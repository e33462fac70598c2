"""The decision to end a run early: made once, visible to every task."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from bulkzoho.domain.model.run import StopReason
from bulkzoho.errors import AccessError, BulkZohoError, QuotaUsedUpError, UnreachableError

__all__ = ["StopRequestedError", "StopSignal", "stop_reason"]

_LOG = logging.getLogger(__name__)


class StopRequestedError(Exception):
    """The run was stopped before the call was sent: its rows are unsent."""


class StopSignal:
    """Stops new calls.  Calls in flight finish and are settled; nothing new is sent.

    The first reason counts.  Only :meth:`cancel_now` (the second Ctrl-C) cancels calls in flight.

    Attributes:
        reason: Why the run stops, or None while it may go on.
        error: The error behind it, if there is one.
        hard: Whether calls in flight are cancelled.
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
        """Whether the run is being stopped."""
        return self.reason is not None

    def request(self, reason: StopReason, error: BulkZohoError | None = None) -> None:
        """Stop the run for *reason*, unless it is being stopped already."""
        if self.reason is not None:
            return
        self.reason, self.error = reason, error
        _LOG.info("stop requested", extra={"reason": reason.value, "code": None if error is None else error.code})
        self._requested.set()
        for listener in self._listeners:
            listener()

    def cancel_now(self) -> None:
        """Cancel even the calls in flight."""
        self.request(StopReason.SIGNAL)
        self.hard = True
        if self._task is not None:
            self._task.cancel()

    at_once = cancel_now  #: name of 0.1

    def listen(self, listener: Callable[[], None]) -> None:
        """Call *listener* when the run is stopped, at once if it is already."""
        self._listeners.append(listener)
        if self.requested:
            listener()

    def set_task(self, task: asyncio.Task[object] | None) -> asyncio.Task[object] | None:
        """Set the task that :meth:`cancel_now` cancels; return the one before it."""
        previous, self._task = self._task, task
        if self.hard and task is not None:
            task.cancel()
        return previous

    async def sleep(self, seconds: float) -> None:
        """Wait for *seconds*, or until the run is stopped."""
        try:
            async with asyncio.timeout(seconds):
                await self._requested.wait()
        except TimeoutError:
            return


def stop_reason(error: BulkZohoError) -> StopReason:
    """Return the reason for which *error* ends a run."""
    if isinstance(error, AccessError):
        return StopReason.ACCESS
    if isinstance(error, QuotaUsedUpError):
        return StopReason.QUOTA
    if isinstance(error, UnreachableError):
        return StopReason.UNREACHABLE
    return StopReason.FAILED


Stop = StopSignal  #: name of 0.1
