"""The courier: what it repeats, what it hands back, when it gives up."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import cast

import pytest

from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.model.progress import QuotaStatus
from bulkzoho.domain.model.responses import NotSent, RateLimited, Rejected, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.run import StopReason
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.errors import AccessError, UnreachableError
from bulkzoho.interfaces import MetadataApi


class OpenQuota:
    """A quota without limits that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    @asynccontextmanager
    async def permit(self, price: CallCost) -> AsyncIterator[None]:
        del price
        yield

    def throttled(self, *, retry_after_s: float | None, credits_remaining: int | None) -> None:
        self.told.append(f"throttled {retry_after_s} {credits_remaining}")

    def answered(self, *, credits_remaining: int | None) -> None:
        self.told.append(f"answered {credits_remaining}")

    def close(self) -> None:
        self.told.append("closed")

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
    """A journey that notes departures and returns."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def departing(self) -> None:
        self.seen.append("departing")

    def returned(self) -> None:
        self.seen.append("returned")


class Desk:
    """A courier at work on a script of replies."""

    def __init__(self, *, give_up_after_s: float = 900.0, tokens: Tokens | None = None) -> None:
        self.quota = OpenQuota()
        self.tokens = tokens or Tokens()
        self.stop = StopSignal()
        self.courier = RetryingCaller(
            quota=self.quota,
            crm=cast(MetadataApi, self.tokens),
            stop=self.stop,
            chance=lambda: 0.0,
            give_up_after_s=give_up_after_s,
            wall=lambda: 1000.0,
        )

    def script(self, *replies: Reply) -> Callable[[], Awaitable[Reply]]:
        left = list(replies)

        async def call() -> Reply:
            return left.pop(0)

        return call


async def test_a_throttled_call_is_made_again_and_everyone_is_told() -> None:
    """429 did nothing: released in between, counted, and the quota slows all senders."""
    desk, notes = Desk(), Notes()

    reply = await desk.courier.deliver(
        desk.script(RateLimited(retry_after_s=7.0, credits_remaining=3), Succeeded(credits_remaining=2)),
        CallCost(),
        journey=notes,
    )

    assert isinstance(reply, Succeeded)
    assert notes.seen == ["departing", "returned", "departing"]
    assert desk.quota.told == ["throttled 7.0 3", "answered 2"]
    counts = desk.courier.counts
    assert (counts.total, counts.retried, counts.throttled, counts.credits) == (2, 1, 1, 2)


async def test_a_dead_token_is_renewed_once_and_the_call_made_again() -> None:
    """The serial says which token it was."""
    desk = Desk()

    await desk.courier.deliver(desk.script(TokenRejected(token_serial=4, code="INVALID_TOKEN"), Succeeded()), CallCost())

    assert desk.tokens.renewals == [4]


async def test_a_new_token_that_another_program_pushes_out_at_once_is_renewed_too() -> None:
    """Tokens are few, and whoever asks for more makes the oldest invalid."""
    desk = Desk()
    refused = [TokenRejected(token_serial=serial, code="INVALID_TOKEN") for serial in (4, 5)]

    await desk.courier.deliver(desk.script(Succeeded()), CallCost())
    await desk.courier.deliver(desk.script(*refused, Succeeded()), CallCost())

    assert desk.tokens.renewals == [4, 5]


@pytest.mark.parametrize(("before", "renewals"), [((), [4]), ((Succeeded(),), [4, 5])], ids=["at first", "later"])
async def test_new_tokens_that_are_refused_as_well_end_the_run(before: tuple[Succeeded, ...], renewals: list[int]) -> None:
    """Exit 6, naming the data center as a likely cause; where no token was ever let in, few are spent to see that."""
    desk = Desk()
    refused = [TokenRejected(token_serial=serial, code="INVALID_TOKEN") for serial in (4, 5, 6)]
    for reply in before:
        await desk.courier.deliver(desk.script(reply), CallCost())

    with pytest.raises(AccessError, match="had just given"):
        await desk.courier.deliver(desk.script(*refused), CallCost())

    assert desk.tokens.renewals == renewals


async def test_a_lost_write_is_handed_back_and_a_lost_read_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what cannot do harm is made again."""
    desk = Desk()
    monkeypatch.setattr(desk.stop, "sleep", lambda _seconds: asyncio.sleep(0))

    write = await desk.courier.deliver(desk.script(ResponseLost(reason="reset")), CallCost(), journey=Notes())
    read = await desk.courier.deliver(desk.script(ResponseLost(reason="reset"), Succeeded(payload=1)), CallCost())

    assert write == ResponseLost(reason="reset")
    assert read == Succeeded(payload=1)


async def test_a_call_that_never_left_is_made_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refused connection did nothing, for a write as for a read."""
    desk, notes = Desk(), Notes()
    monkeypatch.setattr(desk.stop, "sleep", lambda _seconds: asyncio.sleep(0))

    reply = await desk.courier.deliver(desk.script(NotSent(reason="refused"), Succeeded()), CallCost(), journey=notes)

    assert isinstance(reply, Succeeded)
    assert notes.seen == ["departing", "returned", "departing"]


async def test_silence_ends_the_run_after_the_time_it_was_given(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first call without an answer, not from the last with one."""
    desk = Desk(give_up_after_s=0.0)
    monkeypatch.setattr(desk.stop, "sleep", lambda _seconds: asyncio.sleep(0))

    with pytest.raises(UnreachableError, match="cannot be reached"):
        await desk.courier.deliver(desk.script(NotSent(reason="connection refused")), CallCost())


async def test_a_refusal_of_the_whole_call_is_handed_back() -> None:
    """What it means is for others to judge."""
    desk = Desk()
    refused = Rejected(status=400, code="INVALID_DATA", message="")

    assert await desk.courier.deliver(desk.script(refused), CallCost(), journey=Notes()) == refused


async def test_nothing_leaves_once_admission_is_closed() -> None:
    """Neither a first call nor a repeated one."""
    desk, notes = Desk(), Notes()
    desk.stop.request(StopReason.SIGNAL)

    with pytest.raises(StopRequestedError):
        await desk.courier.deliver(desk.script(Succeeded()), CallCost(), journey=notes)

    assert notes.seen == []
    assert desk.courier.counts.total == 0


async def test_a_renewal_that_is_throttled_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The accounts server allows ten tokens in ten minutes; asking sooner prolongs it."""
    desk = Desk(tokens=Tokens(RateLimited(retry_after_s=30.0), Succeeded()))
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(desk.stop, "sleep", sleep)

    await desk.courier.deliver(desk.script(TokenRejected(token_serial=1, code="INVALID_TOKEN"), Succeeded()), CallCost())

    assert slept == [30.0]


async def test_the_services_clock_is_learnt_from_its_answers() -> None:
    """A lookup asks for what was created since a call left, by the service's clock."""
    desk = Desk()

    await desk.courier.deliver(desk.script(Succeeded(service_time=1060.0)), CallCost())

    assert desk.courier.skew_s == 60.0
