"""Decide how fast calls may leave: limits, fair shares, the answer to a 429, and which bound is the tightest.

Pure: time and jitter are arguments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkzoho.domain.model.edition_limits import HEAVY_CALLS_IN_FLIGHT, PLANS, Plan, PlanName, daily_credits, plan_of_edition
from bulkzoho.domain.model.metadata import Organization
from bulkzoho.domain.model.settings import QuotaSettings
from bulkzoho.domain.policy.backoff import delay_s

__all__ = [
    "DAY_S",
    "MINUTE_S",
    "PACE_AHEAD",
    "AdaptiveThrottle",
    "BindingLimit",
    "LimitKind",
    "QuotaLimits",
    "UsableCapacity",
    "binding_limit",
    "max_min_integer_shares",
    "max_min_shares",
    "pace_per_s",
    "resolve_limits",
]

MINUTE_S: Final = 60.0
DAY_S: Final = 86_400.0
PACE_AHEAD: Final = 1.02  # pace over N/60, so that pacing spreads calls out but is never what bounds a minute
FORMULA_RESERVE: Final = 0.1  # share of the credits left to others when the user did not say how many there are
SLOWEST: Final = 1 / 64  # of the full pace, however many 429s come
RECOVERY_PER_S: Final = 0.05  # of the full pace won back a second of good answers
ANSWER_GAP_S: Final = 1.0  # seconds between two good answers that count as good time, at most


class LimitKind(StrEnum):
    """What can hold a call back; the words are what a person reads."""

    MINUTE = "calls a minute"
    DAY = "calls a day"
    CREDITS = "credits a day"
    IN_FLIGHT = "calls in flight"
    HEAVY = "heavy calls in flight"
    PAUSE = "the service, which asked to slow down"
    LEDGER = "the quota's ledger, which another process holds"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimits:
    """What one organization may do, its reserve already taken off."""

    plan: PlanName
    calls_per_minute: int
    calls_per_day: int  #: in any 24 hours
    credits_per_day: int | None  #: in any 24 hours; None: not bound
    calls_in_flight: int
    heavy_in_flight: int
    credits_told: bool = False  #: the user set the credits: the service may lower them, not raise them
    credits_reserve: float = 0.0  #: share of the credits left to others, also of those the service says there are
    notes: tuple[str, ...] = ()  #: what a person should know of how these came about


def resolve_limits(settings: QuotaSettings, organization: Organization | None) -> QuotaLimits:
    """Give the limits by what the user set, then by the edition, then by the standard plan.

    The credits of the formula bind, a tenth of them reserved, only when edition and licences are known.
    """
    plan, notes = _plan_of(settings, organization)
    reserve = min(max(settings.reserve, 0.0), 0.95)
    in_flight = _less(settings.calls_in_flight or plan.calls_in_flight, reserve)
    credits_total = _credits_of(settings, organization)
    credits_told = settings.credits_per_day is not None
    credits_reserve = reserve if credits_told else max(reserve, FORMULA_RESERVE)
    bound = None if credits_total is None else _less(credits_total, credits_reserve)
    return QuotaLimits(
        plan=plan.name,
        calls_per_minute=_less(settings.calls_per_minute or plan.calls_per_minute, reserve),
        calls_per_day=_less(settings.calls_per_day or plan.calls_per_day, reserve),
        credits_per_day=bound,
        calls_in_flight=in_flight,
        heavy_in_flight=min(in_flight, _less(HEAVY_CALLS_IN_FLIGHT, reserve)),
        credits_told=credits_told,
        credits_reserve=credits_reserve if bound is not None else reserve,
        notes=notes,
    )


def _plan_of(settings: QuotaSettings, organization: Organization | None) -> tuple[Plan, tuple[str, ...]]:
    if settings.plan is not None:
        return PLANS[settings.plan], ()
    edition = organization.edition if organization is not None else None
    standard = PLANS[PlanName.STANDARD]
    remedy = f"the standard plan's {standard.calls_per_minute} calls a minute are taken; `--plan` names another."
    if edition is None:
        return standard, (f"The CRM did not tell its edition: {remedy}",)
    known = plan_of_edition(edition)
    if known is None:
        return standard, (f"The CRM's edition {edition!r} is not known here: {remedy}",)
    return PLANS[known], ()


def _credits_of(settings: QuotaSettings, organization: Organization | None) -> int | None:
    if not settings.bound_credits:
        return None
    if settings.credits_per_day is not None:
        return settings.credits_per_day
    if organization is None or organization.edition is None or organization.licences is None:
        return None
    edition = plan_of_edition(organization.edition)
    return None if edition is None else daily_credits(edition, licences=organization.licences)


def _less(limit: int, reserve: float) -> int:
    return max(1, math.floor(limit * (1.0 - reserve) + 1e-9))


def pace_per_s(limits: QuotaLimits) -> float:
    """Give the calls a second that pacing lets through, for all processes together."""
    return PACE_AHEAD * limits.calls_per_minute / MINUTE_S


def max_min_shares(total: float, wants: Sequence[float]) -> list[float]:
    """Divide *total* so that nobody could have more without taking from somebody who has less (max-min fair).

    Who wants less than an equal share gets what he wants.  What nobody wants is spread over all, so that a want that grows
    is met at once.
    """
    given = [0.0] * len(wants)
    left = total
    order = sorted(range(len(wants)), key=wants.__getitem__)
    for done, at in enumerate(order):
        given[at] = min(wants[at], left / (len(order) - done))
        left -= given[at]
    slack = max(0.0, left) / len(wants) if wants else 0.0
    return [one + slack for one in given]


def max_min_integer_shares(total: int, wants: Sequence[int], *, turn: int) -> list[int]:
    """Divide *total* whole things in the same way; who gets an odd one changes with *turn*.

    So that even when there are fewer things than askers everybody has one for a part of the time.
    """
    given = [math.floor(one + 1e-9) for one in max_min_shares(total, wants)]
    left = total - sum(given)
    order = [(turn + step) % len(wants) for step in range(len(wants))] if wants else []
    for at in sorted(order, key=lambda one: given[one] >= wants[one]):  # stable: those who want more first, in turn
        if left <= 0:
            break
        given[at] += 1
        left -= 1
    return given


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableCapacity:
    """What a process might have used of each bound while it had work."""

    minutes: float = 0.0  #: minutes' worth of calls: its part of N/60, summed over the seconds
    in_flight: float = 0.0  #: calls in flight times seconds
    heavy: float = 0.0  #: heavy calls in flight times seconds

    def plus(self, other: UsableCapacity) -> UsableCapacity:
        """Give both together."""
        return UsableCapacity(
            minutes=self.minutes + other.minutes, in_flight=self.in_flight + other.in_flight, heavy=self.heavy + other.heavy
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingLimit:
    """The bound that is reached first, and the calls that it allowed."""

    bound: LimitKind
    calls: float


def binding_limit(room: UsableCapacity, *, latency_s: float, heavy_share: float) -> BindingLimit:
    """Give the tightest of N x 60/(60 + L), calls in flight / L and heavy calls / L.

    Args:
        room: What could have been used.
        latency_s: Mean seconds from leave to reply, L.
        heavy_share: How many of the calls were heavy, 0.0 to 1.0.
    """
    latency_s = max(latency_s, 1e-6)
    candidates = [
        BindingLimit(bound=LimitKind.MINUTE, calls=room.minutes * MINUTE_S / (MINUTE_S + latency_s)),
        BindingLimit(bound=LimitKind.IN_FLIGHT, calls=room.in_flight / latency_s),
    ]
    if heavy_share > 0.0:
        candidates.append(BindingLimit(bound=LimitKind.HEAVY, calls=room.heavy / (latency_s * heavy_share)))
    return min(candidates, key=lambda one: one.calls)


class AdaptiveThrottle:
    """What 429s do to the pace: halve it and pause, then win it back a little a second (AIMD).

    Attributes:
        factor: What part of the full pace and of the calls in flight is used now, 0.0 to 1.0.
        paused_until: No call leaves before; on the clock that is handed in.
    """

    __slots__ = ("_answered_at", "_streak", "factor", "paused_until")

    def __init__(self) -> None:
        self.factor = 1.0
        self.paused_until = -math.inf
        self._streak = 0
        self._answered_at = -math.inf

    def refused(self, now: float, *, retry_after_s: float | None, jitter: float) -> None:
        """Take a 429: pause 1, 2, 4 ... seconds with *jitter* (0.0 to 1.0), or as long as the service asked.

        Several 429s within one pause are one event: their calls were on their way when the first came.
        """
        if now >= self.paused_until:
            self._streak += 1
            self.factor = max(SLOWEST, self.factor / 2.0)
            pause_s = delay_s(self._streak, jitter=jitter) if retry_after_s is None else retry_after_s
            self.paused_until = now + pause_s
        elif retry_after_s is not None:
            self.paused_until = max(self.paused_until, now + retry_after_s)

    def answered(self, now: float) -> None:
        """Take a good answer."""
        if now < self.paused_until:
            return  # its call left before the 429 and says nothing of the time after it
        self._streak = 0
        if self.factor < 1.0:
            self.factor = min(1.0, self.factor + RECOVERY_PER_S * min(now - self._answered_at, ANSWER_GAP_S))
        self._answered_at = now
