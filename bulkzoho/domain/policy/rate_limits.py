"""Decide how fast calls may leave: limits, fair shares, the reaction to a 429, and the binding limit.

Pure: time and jitter are arguments.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from bulkzoho.domain.model.limits_and_costs import HEAVY_CALLS_IN_FLIGHT, PLANS, Plan, PlanName, daily_credits, plan_of_edition
from bulkzoho.domain.model.metadata import Organization
from bulkzoho.domain.model.settings import QuotaSettings
from bulkzoho.domain.policy.retry import delay_s

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
PACE_AHEAD: Final = 1.02  # pace over N/60, so that pacing spreads calls but the minute stays the limit
FORMULA_RESERVE: Final = 0.1  # share of the credits left to other clients unless the user set the credits
SLOWEST: Final = 1 / 64  # of the full pace: the minimum after any number of 429s
RECOVERY_PER_S: Final = 0.05  # of the full pace regained per second of successful calls
ANSWER_GAP_S: Final = 1.0  # seconds between two successful calls that count as recovery, at most


class LimitKind(StrEnum):
    """Limit that can delay a call; the values are shown to the user."""

    MINUTE = "calls a minute"
    DAY = "calls a day"
    CREDITS = "credits a day"
    IN_FLIGHT = "calls in flight"
    HEAVY = "heavy calls in flight"
    PAUSE = "the pause after HTTP 429"
    LEDGER = "the rate limit ledger, locked by another process"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaLimits:
    """Limits of one organization, minus the reserve."""

    plan: PlanName
    calls_per_minute: int
    calls_per_day: int  #: in any 24 hours
    credits_per_day: int | None  #: in any 24 hours; None: unlimited
    calls_in_flight: int
    heavy_in_flight: int
    credits_set_by_user: bool = False  #: the service's figure may lower them, not raise them
    credits_reserve: float = 0.0  #: share of the credits left to other clients, also of the service's figure
    notes: tuple[str, ...] = ()  #: messages for the user about assumed limits


def resolve_limits(settings: QuotaSettings, organization: Organization | None) -> QuotaLimits:
    """Return the limits that the user set, else those of the edition, else those of the standard plan.

    Credits by formula need the edition and the number of licences; a tenth of them is reserved for other clients.
    """
    plan, notes = _resolve_plan(settings, organization)
    reserve = min(max(settings.reserve, 0.0), 0.95)
    in_flight = _minus_reserve(settings.calls_in_flight or plan.calls_in_flight, reserve)
    credits_total = _total_credits(settings, organization)
    credits_set_by_user = settings.credits_per_day is not None
    credits_reserve = reserve if credits_set_by_user else max(reserve, FORMULA_RESERVE)
    bound = None if credits_total is None else _minus_reserve(credits_total, credits_reserve)
    return QuotaLimits(
        plan=plan.name,
        calls_per_minute=_minus_reserve(settings.calls_per_minute or plan.calls_per_minute, reserve),
        calls_per_day=_minus_reserve(settings.calls_per_day or plan.calls_per_day, reserve),
        credits_per_day=bound,
        calls_in_flight=in_flight,
        heavy_in_flight=min(in_flight, _minus_reserve(HEAVY_CALLS_IN_FLIGHT, reserve)),
        credits_set_by_user=credits_set_by_user,
        credits_reserve=credits_reserve if bound is not None else reserve,
        notes=notes,
    )


def _resolve_plan(settings: QuotaSettings, organization: Organization | None) -> tuple[Plan, tuple[str, ...]]:
    if settings.plan is not None:
        return PLANS[settings.plan], ()
    edition = organization.edition if organization is not None else None
    standard = PLANS[PlanName.STANDARD]
    fallback = f"using the standard plan's {standard.calls_per_minute} calls a minute; set another with `--plan`."
    if edition is None:
        return standard, (f"The CRM's edition is unknown (no permission to read it): {fallback}",)
    known = plan_of_edition(edition)
    if known is None:
        return standard, (f"The CRM's edition {edition!r} is unknown to bulkzoho: {fallback}",)
    return PLANS[known], ()


def _total_credits(settings: QuotaSettings, organization: Organization | None) -> int | None:
    if not settings.bound_credits:
        return None
    if settings.credits_per_day is not None:
        return settings.credits_per_day
    if organization is None or organization.edition is None or organization.licences is None:
        return None
    edition = plan_of_edition(organization.edition)
    return None if edition is None else daily_credits(edition, licences=organization.licences)


def _minus_reserve(limit: int, reserve: float) -> int:
    return max(1, math.floor(limit * (1.0 - reserve) + 1e-9))


def pace_per_s(limits: QuotaLimits) -> float:
    """Return the calls per second that pacing admits, for all processes together."""
    return PACE_AHEAD * limits.calls_per_minute / MINUTE_S


def max_min_shares(total: float, wants: Sequence[float]) -> list[float]:
    """Divide *total* max-min fairly: no share could grow without reducing a smaller one.

    A demand below an equal share is met in full.  The unwanted rest is spread over all, so that a growing demand is met at once.
    """
    shares = [0.0] * len(wants)
    left = total
    order = sorted(range(len(wants)), key=wants.__getitem__)
    for done, index in enumerate(order):
        shares[index] = min(wants[index], left / (len(order) - done))
        left -= shares[index]
    slack = max(0.0, left) / len(wants) if wants else 0.0
    return [share + slack for share in shares]


def max_min_integer_shares(total: int, wants: Sequence[int], *, turn: int) -> list[int]:
    """Divide *total* indivisible units in the same way; the owner of an odd unit changes with *turn*.

    With fewer units than processes, each process has one for part of the time.
    """
    shares = [math.floor(share + 1e-9) for share in max_min_shares(total, wants)]
    left = total - sum(shares)
    order = [(turn + step) % len(wants) for step in range(len(wants))] if wants else []
    for index in sorted(order, key=lambda i: shares[i] >= wants[i]):  # stable: unmet demands first, in turn
        if left <= 0:
            break
        shares[index] += 1
        left -= 1
    return shares


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableCapacity:
    """What a process could have used of each limit while it had work."""

    minutes: float = 0.0  #: calls: its share of N/60, summed over the seconds
    in_flight: float = 0.0  #: calls in flight times seconds
    heavy: float = 0.0  #: heavy calls in flight times seconds

    def plus(self, other: UsableCapacity) -> UsableCapacity:
        """Return the sum of both."""
        return UsableCapacity(
            minutes=self.minutes + other.minutes, in_flight=self.in_flight + other.in_flight, heavy=self.heavy + other.heavy
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class BindingLimit:
    """The limit that is reached first, and the calls that it allowed."""

    kind: LimitKind
    calls: float


def binding_limit(capacity: UsableCapacity, *, latency_s: float, heavy_share: float) -> BindingLimit:
    """Return the lowest of N x 60/(60 + L), calls in flight / L and heavy calls / L.

    Args:
        capacity: What could have been used.
        latency_s: Mean seconds from permit to response, L.
        heavy_share: Share of heavy calls, 0.0 to 1.0.
    """
    latency_s = max(latency_s, 1e-6)
    candidates = [
        BindingLimit(kind=LimitKind.MINUTE, calls=capacity.minutes * MINUTE_S / (MINUTE_S + latency_s)),
        BindingLimit(kind=LimitKind.IN_FLIGHT, calls=capacity.in_flight / latency_s),
    ]
    if heavy_share > 0.0:
        candidates.append(BindingLimit(kind=LimitKind.HEAVY, calls=capacity.heavy / (latency_s * heavy_share)))
    return min(candidates, key=lambda limit: limit.calls)


class AdaptiveThrottle:
    """Pace control by AIMD: a 429 halves the pace and pauses, successful calls raise it slowly.

    Attributes:
        factor: Usable share of the full pace and of the calls in flight, 0.0 to 1.0.
        paused_until: No call leaves before this time, on the caller's clock.
    """

    __slots__ = ("_streak", "_succeeded_at", "factor", "paused_until")

    def __init__(self) -> None:
        self.factor = 1.0
        self.paused_until = -math.inf
        self._streak = 0
        self._succeeded_at = -math.inf

    def slow_down(self, now: float, *, retry_after_s: float | None, jitter: float) -> None:
        """React to a 429: pause 1, 2, 4 ... seconds with *jitter* (0.0 to 1.0), or as long as the service asks.

        Several 429s within one pause count as one: their calls were in flight when the first arrived.
        """
        if now >= self.paused_until:
            self._streak += 1
            self.factor = max(SLOWEST, self.factor / 2.0)
            pause_s = delay_s(self._streak, jitter=jitter) if retry_after_s is None else retry_after_s
            self.paused_until = now + pause_s
        elif retry_after_s is not None:
            self.paused_until = max(self.paused_until, now + retry_after_s)

    def speed_up(self, now: float) -> None:
        """React to a successful call."""
        if now < self.paused_until:
            return  # the call left before the 429
        self._streak = 0
        if self.factor < 1.0:
            self.factor = min(1.0, self.factor + RECOVERY_PER_S * min(now - self._succeeded_at, ANSWER_GAP_S))
        self._succeeded_at = now
