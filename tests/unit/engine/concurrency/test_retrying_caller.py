"""The retrying caller: which calls it repeats, which it returns, when it gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.progress import QuotaStatus
from bulkzoho.domain.model.responses import NotSent, RateLimited, Rejected, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.run import StopReason
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.errors import AccessError, UnreachableError
from bulkzoho.interfaces import MetadataApi


class UnlimitedLimiter:
    """A limiter without limits that notes its calls."""

    def __init__(self) -> None:
        self.calls: list[str] = []

    @asynccontextmanager
    async def permit(self, price: CallCost) -> AsyncIterator[None]:
        del price
        yield

    def report_rate_limit(self, *, retry_after_s: float | None, credits_remaining: int | None) -> None:
        self.calls.append(f"throttled {retry_after_s} {credits_remaining}")

    def report_success(self, *, credits_remaining: int | None) -> None:
        self.calls.append(f"answered {credits_remaining}")

    def close(self) -> None:
        self.calls.append("closed")

    def status(self) -> QuotaStatus:
        raise AssertionError


class Tokens:
    """The part of a CRM that renews tokens."""

    def __init__(self, *replies: Reply) -> None:
        self.renewals: list[int] = []
        self._replies = list(replies) or [Succeeded()]

    async def renew_token(self, serial: int) -> Reply:
        self.renewals.append(serial)
        return self._replies.pop(0) if len(self._replies) > 1 else self._replies[0]


class Notes:
    """An observer that notes its calls."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def before_send(self) -> None:
        self.seen.append("before_send")

    def not_sent(self) -> None:
        self.seen.append("not_sent")


class Bench:
    """A caller that receives scripted replies."""

    def __init__(self, *, give_up_after_s: float = 900.0, tokens: Tokens | None = None) -> None:
        self.limiter = UnlimitedLimiter()
        self.tokens = tokens or Tokens()
        self.stop = StopSignal()
        self.caller = RetryingCaller(
            limiter=self.limiter,
            crm=cast(MetadataApi, self.tokens),
            stop=self.stop,
            jitter=lambda: 0.0,
            give_up_after_s=give_up_after_s,
            wall=lambda: 1000.0,
        )

    def script(self, *replies: Reply) -> Callable[[], Awaitable[Reply]]:
        left = list(replies)

        async def call() -> Reply:
            return left.pop(0)

        return call


async def test_a_rate_limited_call_is_repeated_and_slows_every_sender() -> None:
    """A 429 had no effect: the call is released meanwhile and counted, and the limiter slows all senders."""
    bench, notes = Bench(), Notes()

    reply = await bench.caller.call(
        bench.script(RateLimited(retry_after_s=7.0, credits_remaining=3), Succeeded(credits_remaining=2)),
        CallCost(),
        observer=notes,
    )

    assert isinstance(reply, Succeeded)
    assert notes.seen == ["before_send", "not_sent", "before_send"]
    assert bench.limiter.calls == ["throttled 7.0 3", "answered 2"]
    counts = bench.caller.counts
    assert (counts.total, counts.retried, counts.throttled, counts.credits) == (2, 1, 1, 2)


async def test_an_expired_token_is_renewed_once_and_the_call_repeated() -> None:
    """The serial identifies the token."""
    bench = Bench()

    await bench.caller.call(bench.script(TokenRejected(token_serial=4, code="INVALID_TOKEN"), Succeeded()), CallCost())

    assert bench.tokens.renewals == [4]


async def test_a_new_token_that_another_program_invalidates_is_renewed_too() -> None:
    """Only some tokens are valid at a time: each new one may invalidate the oldest."""
    bench = Bench()
    rejected = [TokenRejected(token_serial=serial, code="INVALID_TOKEN") for serial in (4, 5)]

    await bench.caller.call(bench.script(Succeeded()), CallCost())
    await bench.caller.call(bench.script(*rejected, Succeeded()), CallCost())

    assert bench.tokens.renewals == [4, 5]


@pytest.mark.parametrize(("before", "renewals"), [((), [4]), ((Succeeded(),), [4, 5])], ids=["at first", "later"])
async def test_rejected_new_tokens_end_the_run(before: tuple[Succeeded, ...], renewals: list[int]) -> None:
    """Exit 6, naming the data center as a likely cause; fewer renewals are tried if no token was ever accepted."""
    bench = Bench()
    rejected = [TokenRejected(token_serial=serial, code="INVALID_TOKEN") for serial in (4, 5, 6)]
    for reply in before:
        await bench.caller.call(bench.script(reply), CallCost())

    with pytest.raises(AccessError, match="newly issued token"):
        await bench.caller.call(bench.script(*rejected), CallCost())

    assert bench.tokens.renewals == renewals


async def test_a_write_without_a_response_is_returned_and_a_read_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a harmless call is repeated."""
    bench = Bench()
    monkeypatch.setattr(bench.stop, "sleep", lambda _seconds: asyncio.sleep(0))

    write = await bench.caller.call(bench.script(ResponseLost(reason="reset")), CallCost(), observer=Notes())
    read = await bench.caller.call(bench.script(ResponseLost(reason="reset"), Succeeded(payload=1)), CallCost())

    assert write == ResponseLost(reason="reset")
    assert read == Succeeded(payload=1)


async def test_a_call_that_was_not_sent_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection had no effect, for writes and reads."""
    bench, notes = Bench(), Notes()
    monkeypatch.setattr(bench.stop, "sleep", lambda _seconds: asyncio.sleep(0))

    reply = await bench.caller.call(bench.script(NotSent(reason="refused"), Succeeded()), CallCost(), observer=notes)

    assert isinstance(reply, Succeeded)
    assert notes.seen == ["before_send", "not_sent", "before_send"]


async def test_an_outage_ends_the_run_after_the_configured_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted from the first call without a response, not from the last response."""
    bench = Bench(give_up_after_s=0.0)
    monkeypatch.setattr(bench.stop, "sleep", lambda _seconds: asyncio.sleep(0))

    with pytest.raises(UnreachableError, match="cannot be reached"):
        await bench.caller.call(bench.script(NotSent(reason="connection refused")), CallCost())


async def test_a_rejected_call_is_returned() -> None:
    """The sender judges it."""
    bench = Bench()
    rejected = Rejected(status=400, code="INVALID_DATA", message="")

    assert await bench.caller.call(bench.script(rejected), CallCost(), observer=Notes()) == rejected


async def test_nothing_is_sent_once_the_run_is_stopped() -> None:
    """Neither a first call nor a repeated one."""
    bench, notes = Bench(), Notes()
    bench.stop.request(StopReason.SIGNAL)

    with pytest.raises(StopRequestedError):
        await bench.caller.call(bench.script(Succeeded()), CallCost(), observer=notes)

    assert notes.seen == []
    assert bench.caller.counts.total == 0


async def test_a_rate_limited_renewal_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts server allows ten tokens in ten minutes; asking sooner prolongs the wait."""
    bench = Bench(tokens=Tokens(RateLimited(retry_after_s=30.0), Succeeded()))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(bench.stop, "sleep", sleep)

    await bench.caller.call(bench.script(TokenRejected(token_serial=1, code="INVALID_TOKEN"), Succeeded()), CallCost())

    assert slept == [30.0]


async def test_the_clock_skew_is_learned_from_responses() -> None:
    """A lookup asks for records created since a request was sent, by the service's clock."""
    bench = Bench()

    await bench.caller.call(bench.script(Succeeded(service_time=1060.0)), CallCost())

    assert bench.caller.skew_s == 60.0
