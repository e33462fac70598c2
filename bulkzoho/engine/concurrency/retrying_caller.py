"""Execute one API call with retries.  The only place that waits and retries.

It repeats only calls that are known to have had no effect (429, an expired token, nothing sent), and reads.  A write without a
response goes back to the caller: what may be done about it depends on the operation.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.responses import NotSent, RateLimited, Rejected, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.settings import GIVE_UP_AFTER_S
from bulkzoho.domain.policy.retry import access_error, delay_s
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.errors import AccessError, RunFailedError, UnreachableError
from bulkzoho.interfaces import LimiterClosedError, MetadataApi, RateLimiter
from bulkzoho.interfaces.call_context import CURRENT_COST

__all__ = ["CallObserver", "Meaningful", "Outage", "RetryingCaller", "require_payload"]

FIRST_CONTACT_S: Final = 10.0  # seconds without any response before an address counts as wrong, unless the user set another limit
OUTAGE_SHOWN_AFTER_S: Final = 5.0  # seconds without any response
# Ten access tokens of a refresh token are valid at a time (docs "Token limits"), so another program's next token may invalidate
# ours; and no more than ten are issued in ten minutes, so a permanently rejected token must not cost many renewals.
MAX_RENEWALS: Final = 2  # for one call, once a token was accepted; before that one new token is tried

Meaningful = Succeeded | Rejected | ResponseLost

_LOG = logging.getLogger(__name__)


class CallObserver(Protocol):
    """Records that a write is about to be sent, and that it had no effect."""

    async def before_send(self) -> None:
        """Make it durable that the call is about to be sent."""

    def not_sent(self) -> None:
        """Note that the call is known to have had no effect."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A period in which the CRM did not respond."""

    since: float  #: on the loop's clock
    since_wall: float  #: seconds since the epoch
    attempts: int
    reason: str  #: of the last call without a response


class RetryingCaller:
    """Makes calls within the quota.

    Attributes:
        skew_s: The service's clock minus ours, in seconds, as of its last response (to the second).
    """

    def __init__(
        self,
        *,
        limiter: RateLimiter,
        crm: MetadataApi,
        stop: StopSignal,
        jitter: Callable[[], float],
        give_up_after_s: float,
        wall: Callable[[], float],
    ) -> None:
        self.skew_s = 0.0
        self._total = self._retried = self._throttled = self._credits = 0
        self._wall = wall
        self._limiter = limiter
        self._crm = crm
        self._stop = stop
        self._jitter = jitter
        self._give_up_after_s = give_up_after_s
        self._reached = self._authorized = False
        self._outage: Outage | None = None

    @property
    def counts(self) -> CallCounts:
        """Calls made so far in this process."""
        return CallCounts(total=self._total, retried=self._retried, throttled=self._throttled, credits=self._credits)

    @property
    def _patience_s(self) -> float:
        is_set = self._reached or self._give_up_after_s != GIVE_UP_AFTER_S
        return self._give_up_after_s if is_set else FIRST_CONTACT_S

    def current_outage(self) -> tuple[Outage, float] | None:
        """Return the outage, if it is long enough to show, and when the run gives up (seconds since the epoch)."""
        outage = self._outage
        if outage is None or asyncio.get_running_loop().time() - outage.since < OUTAGE_SHOWN_AFTER_S:
            return None
        return outage, outage.since_wall + self._patience_s

    def add_counts(self, made: CallCounts) -> None:
        """Add calls that an earlier caller *made* to its own."""
        self._total += made.total
        self._retried += made.retried
        self._throttled += made.throttled
        self._credits += made.credits

    async def call(
        self, call: Callable[[], Awaitable[Reply]], price: CallCost, *, observer: CallObserver | None = None
    ) -> Meaningful:
        """Make *call* until it has a meaningful response.

        With an *observer* the call is a write: the observer is notified before each attempt, and a write without a response is
        returned as ResponseLost.  Without, it is a read and is repeated.

        Raises:
            StopRequestedError: The run was stopped before the call was sent (again).
            AccessError: New tokens were rejected as well, or could not be obtained.
            QuotaUsedUpError: The day's quota is used up and the run is set to stop then.
            UnreachableError: No response at all for longer than the run may wait.
            BulkZohoError: Raised by *observer*: the attempt could not be journaled.
        """
        renewals = 0
        for attempt in range(1, 1_000_000_000):
            reply = await self._attempt(call, price, observer, repeated=attempt > 1)
            match reply:
                case Succeeded(credits_remaining=remaining):
                    self._limiter.report_success(credits_remaining=remaining)
                    return reply
                case Rejected():
                    self._limiter.report_success(credits_remaining=None)
                    return reply
                case ResponseLost() if observer is not None:
                    self._extend_outage(reply.reason)
                    return reply
                case RateLimited():
                    renewals = 0  # the token was accepted: the service checks it before the limits
                    _not_sent(observer)
                    self._slow_down(reply)
                case TokenRejected():
                    _not_sent(observer)
                    if renewals == (MAX_RENEWALS if self._authorized else 1):
                        raise _token_rejected(reply)
                    await self.renew(reply.token_serial)
                    renewals += 1
                case NotSent() | ResponseLost():
                    _not_sent(observer)
                    await self._wait_before_retry(reply.reason)
        raise AssertionError  # the loop has no end

    async def call_once(self, call: Callable[[], Awaitable[Reply]], price: CallCost) -> Reply:
        """Make a read's *call* once, for information that the run can do without.

        Raises:
            StopRequestedError: The run was stopped.
            QuotaUsedUpError: The day's quota is used up and the run is set to stop then.
        """
        return await self._attempt(call, price, None, repeated=False)

    async def renew(self, serial: int) -> None:
        """Obtain a token newer than *serial*.

        Raises:
            AccessError: The client or the refresh token was rejected.
            UnreachableError: The accounts server does not respond.
            StopRequestedError: The run was stopped meanwhile.
        """
        while True:
            reply = await self._crm.renew_token(serial)
            match reply:
                case Succeeded():
                    return
                case RateLimited():
                    await self._stop.sleep(reply.retry_after_s or 60.0)
                case NotSent() | ResponseLost():
                    await self._wait_before_retry(reply.reason)
                case Rejected() | TokenRejected():
                    raise AccessError(
                        f"the accounts server refused a new token ({reply.code}).",
                        hint="Check client id, client secret, refresh token and data center.",
                        code=reply.code,
                    )
            if self._stop.requested:
                raise StopRequestedError

    async def _attempt(
        self, call: Callable[[], Awaitable[Reply]], price: CallCost, observer: CallObserver | None, *, repeated: bool
    ) -> Reply:
        if self._stop.requested:
            raise StopRequestedError
        try:
            async with self._limiter.permit(price):
                if self._stop.requested:
                    raise StopRequestedError
                if observer is not None:
                    await observer.before_send()
                self._total += 1
                self._credits += price.credits
                self._retried += repeated
                CURRENT_COST.set(price)
                reply = await call()
        except LimiterClosedError as error:
            raise StopRequestedError from error
        self._note(reply)
        return reply

    def _note(self, reply: Reply) -> None:
        if isinstance(reply, Succeeded | Rejected | RateLimited | TokenRejected):
            self._reached, self._outage = True, None
            self._authorized = self._authorized or not isinstance(reply, TokenRejected)
        if isinstance(reply, Succeeded | Rejected) and reply.service_time is not None:
            self.skew_s = reply.service_time - self._wall()

    def _slow_down(self, reply: RateLimited) -> None:
        """Make every sender slow down after a 429."""
        self._throttled += 1
        self._limiter.report_rate_limit(retry_after_s=reply.retry_after_s, credits_remaining=reply.credits_remaining)
        _LOG.info("rate limited", extra={"retry_in_s": reply.retry_after_s})

    def _extend_outage(self, reason: str) -> Outage:
        """Note a call without a response; raise when the outage has lasted too long."""
        now = asyncio.get_running_loop().time()
        before = self._outage or Outage(since=now, since_wall=self._wall(), attempts=0, reason=reason)
        self._outage = replace(before, attempts=before.attempts + 1, reason=reason)
        if now - before.since >= self._patience_s:
            raise UnreachableError(
                f"the CRM cannot be reached ({reason}); no response for {now - before.since:.0f} s.",
                hint="Check the network, the proxy and the data center (BULKZOHO_DC, BULKZOHO_API_URL), then resume.",
            )
        return self._outage

    async def _wait_before_retry(self, reason: str) -> None:
        outage = self._extend_outage(reason)
        await self._stop.sleep(delay_s(min(outage.attempts, 6), jitter=self._jitter()))


def require_payload(reply: Meaningful, doing: str, *, hint: str) -> Any:
    """Return the payload of a read; *doing* and *hint* are words for the user.

    Raises:
        AccessError: The token or the user lacks the permission.
        RunFailedError: The CRM rejects the call, or its response cannot be read.
    """
    match reply:
        case Succeeded(payload=payload):
            return payload
        case Rejected() if reply.access_denied:
            raise access_error(reply, doing=doing)
        case Rejected():
            raise RunFailedError(f"{doing}: the CRM rejected it ({reply.code}: {reply.message}).", hint=hint, code=reply.code)
        case ResponseLost():
            raise RunFailedError(f"{doing}: no readable response ({reply.reason}).", hint="Resume it.")


def _not_sent(observer: CallObserver | None) -> None:
    if observer is not None:
        observer.not_sent()


def _token_rejected(reply: TokenRejected) -> AccessError:
    return AccessError(
        f"the CRM rejected a newly issued token ({reply.code}).",
        hint="The account may live in another data center (BULKZOHO_DC), or the client was revoked; make a new refresh token.",
        code=reply.code,
    )
