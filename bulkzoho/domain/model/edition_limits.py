"""Plans, Zoho's own limits, and what calls cost.

Plans are the product's defaults (calls a minute and a day).  Credits, calls in flight and heavy calls are Zoho's
documented limits (docs "API Limits" v2, v4 and v8: 24-hour credits by edition and licences, concurrency, sub-concurrency).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = [
    "CALLS_IN_FLIGHT",
    "COQL_CREDITS",
    "COQL_PAGE_ROWS",
    "DELETED_PAGE_COST",
    "HEAVY_CALLS_IN_FLIGHT",
    "PLANS",
    "CallCost",
    "Plan",
    "PlanName",
    "credits_a_day",
    "plan_of_edition",
    "price_of_query",
    "price_of_write",
]


class PlanName(StrEnum):
    """The plans that can be named on the command line."""

    FREE = "free"
    STANDARD = "standard"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"
    ULTIMATE = "ultimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What one plan allows."""

    name: PlanName
    calls_per_minute: int
    calls_per_day: int
    calls_in_flight: int  #: docs "API Limits" (v8), concurrency: calls in flight by edition


PLANS: Final = {
    plan.name: plan
    for plan in (
        Plan(name=PlanName.FREE, calls_per_minute=200, calls_per_day=200_000, calls_in_flight=5),
        Plan(name=PlanName.STANDARD, calls_per_minute=200, calls_per_day=200_000, calls_in_flight=10),
        Plan(name=PlanName.PROFESSIONAL, calls_per_minute=200, calls_per_day=200_000, calls_in_flight=15),
        Plan(name=PlanName.ENTERPRISE, calls_per_minute=500, calls_per_day=500_000, calls_in_flight=20),
        Plan(name=PlanName.ULTIMATE, calls_per_minute=1_000, calls_per_day=1_000_000, calls_in_flight=25),
    )
}

CALLS_IN_FLIGHT: Final = {name: plan.calls_in_flight for name, plan in PLANS.items()}
HEAVY_CALLS_IN_FLIGHT: Final = 10  # docs "API Limits" (v8), sub-concurrency, all editions

# docs "API Limits" (v2, v4, v8): 50,000 + factor x licences, capped; Free is flat; None means no cap
_CREDITS: Final[dict[PlanName, tuple[int, int, int | None]]] = {
    PlanName.FREE: (5_000, 0, 5_000),
    PlanName.STANDARD: (50_000, 250, 100_000),
    PlanName.PROFESSIONAL: (50_000, 500, 3_000_000),
    PlanName.ENTERPRISE: (50_000, 1_000, 5_000_000),
    PlanName.ULTIMATE: (50_000, 2_000, None),
}

_EDITIONS: Final = {
    "crmplus": PlanName.ULTIMATE,
    "crmplusstarter": PlanName.STANDARD,
    "starter": PlanName.STANDARD,
    "zohooneenterprise": PlanName.ENTERPRISE,
    "zohoonestandard": PlanName.ENTERPRISE,
}  # docs "API Limits": "Enterprise / Zoho One", "Ultimate / CRM Plus", "Standard / Starter"


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCost:
    """What one call costs."""

    credits: int = 1
    heavy: bool = False  #: counts against the ten heavy calls in flight


def plan_of_edition(paid_type: str) -> PlanName | None:
    """Give the plan of Zoho's ``license_details.paid_type``, or None for a word that is not known."""
    word = paid_type.strip().casefold()
    if word in _EDITIONS:
        return _EDITIONS[word]
    return PlanName(word) if word in PLANS else None


def credits_a_day(plan: PlanName, *, licences: int) -> int:
    """Give the credits of a rolling 24 hours by Zoho's formula."""
    base, factor, cap = _CREDITS[plan]
    total = base + factor * licences
    return total if cap is None else min(total, cap)


def price_of_write(records: int, *, delete: bool = False) -> CallCost:
    """Give the price of one insert, update, upsert or delete call.

    1 credit per 10 records, a delete 1 a call; more than 10 records make a heavy call
    (docs "API Limits" v8: credits, sub-concurrency).
    """
    if delete:
        return CallCost(credits=1, heavy=False)
    return CallCost(credits=-(-records // 10), heavy=records > 10)  # noqa: PLR2004  both are the sentence above


# -- reading records ---------------------------------------------------------------------------------------------------

COQL_PAGE_ROWS: Final = 2_000  # rows of one answer; docs "COQL limitations" (v7)
COQL_CREDITS: Final = ((200, 1), (1_000, 2), (COQL_PAGE_ROWS, 3))  # rows asked for, credits; docs "API Limits" (v8)
# docs "API Limits" (older table); v8 says 1 or 2 (UNVERIFIED), so this is the higher price
DELETED_PAGE_COST: Final = CallCost(credits=2)


def price_of_query(rows: int) -> CallCost:
    """Return the price of one COQL query for at most *rows* rows (docs "API Limits" v8: credits, sub-concurrency)."""
    return CallCost(credits=next(price for most, price in COQL_CREDITS if rows <= most), heavy=True)
