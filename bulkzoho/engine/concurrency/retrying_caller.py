"""Make one call until it has an answer that means something: the only place that waits and tries again.

Only calls that are known to have done nothing are repeated here (429, a dead token, nothing left), and reads.  A write whose
answer was lost is handed back: what may be done about it depends on what it was.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Final, Protocol

from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.responses import NotSent, RateLimited, Rejected, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.settings import GIVE_UP_AFTER_S
from bulkzoho.domain.policy.backoff import delay_s
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.errors import AccessError, UnreachableError
from bulkzoho.interfaces import LimiterClosedError, MetadataApi, RateLimiter

__all__ = ["CallObserver", "Meaningful", "Outage", "RetryingCaller"]

FIRST_CONTACT_S: Final = 10.0  # seconds without any answer at all before an address counts as wrong, unless others were named
WORTH_TELLING_S: Final = 5.0  # seconds without any answer
# Ten access tokens of a refresh token live at a time (docs "Token limits"), so another program's next one may push out ours; and
# no more than ten are given in ten minutes, so that a token refused for good must not cost many.
MOST_RENEWALS: Final = 2  # for one call, once a token was let in; before that a new one is tried once

Meaningful = Succeeded | Rejected | ResponseLost


class CallObserver(Protocol):
    """Who wants to know that a call leaves and that it did nothing."""

    async def departing(self) -> None:
        """The call is about to leave: make that durable."""

    def returned(self) -> None:
        """The call is known to have done nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """That nothing was heard of the CRM for a while."""

    since: float  #: on the loop's clock
    since_wall: float  #: seconds since the epoch
    attempts: int
    reason: str  #: of the last call without an answer


class RetryingCaller:
    """Makes calls within the quota.

    Attributes:
        skew_s: The service's clock minus ours, in seconds, as of its last answer (to the second).
    """

    def __init__(
        self,
        *,
        quota: RateLimiter,
        crm: MetadataApi,
        stop: StopSignal,
        chance: Callable[[], float],
        give_up_after_s: float,
        wall: Callable[[], float],
    ) -> None:
        self.skew_s = 0.0
        self._total = self._retried = self._throttled = self._credits = 0
        self._wall = wall
        self._quota = quota
        self._crm = crm
        self._stop = stop
        self._chance = chance
        self._give_up_after_s = give_up_after_s
        self._heard = self._let_in = False
        self._silence: Outage | None = None

    @property
    def counts(self) -> CallCounts:
        """Calls made so far in this process."""
        return CallCounts(total=self._total, retried=self._retried, throttled=self._throttled, credits=self._credits)

    @property
    def _patience_s(self) -> float:
        is_told = self._heard or self._give_up_after_s != GIVE_UP_AFTER_S
        return self._give_up_after_s if is_told else FIRST_CONTACT_S

    def silence(self) -> tuple[Outage, float] | None:
        """Give the silence that lasts, if one does that is worth telling, and when the run gives up (seconds since the epoch)."""
        silence = self._silence
        if silence is None or asyncio.get_running_loop().time() - silence.since < WORTH_TELLING_S:
            return None
        return silence, silence.since_wall + self._patience_s

    def take_over(self, made: CallCounts) -> None:
        """Count calls as its own that another courier *made* before it."""
        self._total += made.total
        self._retried += made.retried
        self._throttled += made.throttled
        self._credits += made.credits

    async def deliver(
        self, call: Callable[[], Awaitable[Reply]], price: CallCost, *, journey: CallObserver | None = None
    ) -> Meaningful:
        """Make *call* until it has a meaningful answer.

        With a *journey* it is a write: told before each departure, and handed a Lost back.  Without, it is a read and repeated.

        Raises:
            StopRequestedError: Admission closed before it left (again).
            AccessError: New tokens were refused as well, or could not be had.
            QuotaUsedUpError: The day is used up and the run was told to stop.
            UnreachableError: No answer at all for longer than the run was told to wait.
            BulkZohoError: What *journey* raised when the departure could not be journalled.
        """
        renewals = 0
        for attempt in range(1, 1_000_000_000):
            reply = await self._once(call, price, journey, repeated=attempt > 1)
            self._note(reply)
            match reply:
                case Succeeded(credits_remaining=remaining):
                    self._quota.answered(credits_remaining=remaining)
                    return reply
                case Rejected():
                    self._quota.answered(credits_remaining=None)
                    return reply
                case ResponseLost() if journey is not None:
                    self._fell_silent(reply.reason)
                    return reply
                case RateLimited():
                    renewals = 0  # the token was good: it is looked at before the limits
                    self._returned(journey)
                    self._throttled += 1
                    self._quota.throttled(retry_after_s=reply.retry_after_s, credits_remaining=reply.credits_remaining)
                case TokenRejected():
                    self._returned(journey)
                    if renewals == (MOST_RENEWALS if self._let_in else 1):
                        raise _token_refused(reply)
                    await self.renew(reply.token_serial)
                    renewals += 1
                case NotSent() | ResponseLost():
                    self._returned(journey)
                    await self._wait_out_silence(reply.reason)
        raise AssertionError  # the loop has no end

    async def try_once(self, call: Callable[[], Awaitable[Reply]], price: CallCost) -> Reply:
        """Make a read's *call* once, for an answer that is nice to have.

        Raises:
            StopRequestedError: Admission is closed.
            QuotaUsedUpError: The day is used up and the run was told to stop.
        """
        reply = await self._once(call, price, None, repeated=False)
        self._note(reply)
        return reply

    async def renew(self, serial: int) -> None:
        """Have a token newer than *serial*.

        Raises:
            AccessError: The client or the refresh token was refused.
            UnreachableError: The accounts server does not answer.
            StopRequestedError: Admission closed meanwhile.
        """
        while True:
            reply = await self._crm.renew_token(serial)
            match reply:
                case Succeeded():
                    return
                case RateLimited():
                    await self._stop.sleep(reply.retry_after_s or 60.0)
                case NotSent() | ResponseLost():
                    await self._wait_out_silence(reply.reason)
                case Rejected() | TokenRejected():
                    raise AccessError(
                        f"the accounts server refused a new token ({reply.code}).",
                        hint="Check client id, client secret, refresh token and data center.",
                        code=reply.code,
                    )
            if self._stop.requested:
                raise StopRequestedError

    async def _once(
        self, call: Callable[[], Awaitable[Reply]], price: CallCost, journey: CallObserver | None, *, repeated: bool
    ) -> Reply:
        if self._stop.requested:
            raise StopRequestedError
        try:
            async with self._quota.permit(price):
                if self._stop.requested:
                    raise StopRequestedError
                if journey is not None:
                    await journey.departing()
                self._total += 1
                self._credits += price.credits
                self._retried += repeated
                return await call()
        except LimiterClosedError as error:
            raise StopRequestedError from error

    def _note(self, reply: Reply) -> None:
        if isinstance(reply, Succeeded | Rejected | RateLimited | TokenRejected):
            self._heard, self._silence = True, None
            self._let_in = self._let_in or not isinstance(reply, TokenRejected)
        if isinstance(reply, Succeeded | Rejected) and reply.service_time is not None:
            self.skew_s = reply.service_time - self._wall()

    def _returned(self, journey: CallObserver | None) -> None:
        if journey is not None:
            journey.returned()

    def _fell_silent(self, reason: str) -> Outage:
        """Note that a call had no answer; raise when that has lasted too long."""
        now = asyncio.get_running_loop().time()
        before = self._silence or Outage(since=now, since_wall=self._wall(), attempts=0, reason=reason)
        self._silence = replace(before, attempts=before.attempts + 1, reason=reason)
        if now - before.since >= self._patience_s:
            raise UnreachableError(
                f"the CRM cannot be reached ({reason}); nothing was heard for {now - before.since:.0f} s.",
                hint="Check the network, the proxy and the data center (BULKZOHO_DC, BULKZOHO_API_URL), then resume.",
            )
        return self._silence

    async def _wait_out_silence(self, reason: str) -> None:
        silence = self._fell_silent(reason)
        await self._stop.sleep(delay_s(min(silence.attempts, 6), jitter=self._chance()))


def _token_refused(reply: TokenRejected) -> AccessError:
    return AccessError(
        f"the CRM refused a token that it had just given ({reply.code}).",
        hint="The account may live in another data center (BULKZOHO_DC), or the client was revoked; make a new refresh token.",
        code=reply.code,
    )
