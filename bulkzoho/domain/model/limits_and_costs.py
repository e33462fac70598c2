"""Every limit of the Zoho CRM API and the credit cost of every call, each with its source.

Calls per minute and per day are defaults of this product, by edition.  Everything else is Zoho's.  ``UNVERIFIED`` marks a value
that no page of Zoho's documentation that we could read confirms, or on which sources disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

__all__ = [
    "BULK_READ_DOWNLOADS_PER_MINUTE",
    "BULK_READ_FIELDS",
    "BULK_READ_IN_VALUES",
    "BULK_READ_JOB_COST",
    "BULK_READ_RECORDS",
    "COQL_COST_TIERS",
    "COQL_GUARANTEED_ROWS",
    "COQL_IN_VALUES",
    "COQL_PAGE_ROWS",
    "COQL_SAFE_IN_VALUES",
    "DEFAULT_COST",
    "DELETED_PAGE_COST",
    "FIELDS_PER_CALL",
    "HEAVY_CALLS_IN_FLIGHT",
    "IDS_PER_LIST_CALL",
    "LIST_PAGE_RECORDS",
    "MAX_BATCH_RECORDS",
    "PAGE_TOKEN_RECORDS",
    "PLANS",
    "CallCost",
    "Plan",
    "PlanName",
    "coql_cost",
    "coql_credits",
    "daily_credits",
    "plan_of_edition",
    "write_cost",
]


class PlanName(StrEnum):
    """Editions that the command line accepts."""

    FREE = "free"
    STANDARD = "standard"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"
    ULTIMATE = "ultimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Call limits of one edition."""

    name: PlanName
    calls_per_minute: int  #: default of this product; Zoho's docs state no limit per minute
    calls_per_day: int  #: default of this product; Zoho counts credits
    calls_in_flight: int  #: docs "API Limits" (v8), concurrency


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

# docs "API Limits" (v2, v4, v8): base + factor x licences, capped; None means no cap
_DAILY_CREDITS: Final[dict[PlanName, tuple[int, int, int | None]]] = {
    PlanName.FREE: (5_000, 0, 5_000),
    PlanName.STANDARD: (50_000, 250, 100_000),
    PlanName.PROFESSIONAL: (50_000, 500, 3_000_000),
    PlanName.ENTERPRISE: (50_000, 1_000, 5_000_000),
    PlanName.ULTIMATE: (50_000, 2_000, None),
}

# docs "API Limits" (v8): "Enterprise / Zoho One", "Ultimate / CRM Plus", "Standard / Starter"
_EDITIONS: Final = {
    "crmplus": PlanName.ULTIMATE,
    "crmplusstarter": PlanName.STANDARD,
    "starter": PlanName.STANDARD,
    "zohooneenterprise": PlanName.ENTERPRISE,
    "zohoonestandard": PlanName.ENTERPRISE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCost:
    """Cost of one API call."""

    credits: int = 1
    heavy: bool = False  #: counts against :data:`HEAVY_CALLS_IN_FLIGHT`


# --- every call
HEAVY_CALLS_IN_FLIGHT: Final = 10  # docs "API Limits" (v8), sub-concurrency, all editions
DEFAULT_COST: Final = CallCost()  # docs "API Limits" (v8): 1 credit unless another number is given

# --- insert, update, upsert, delete
MAX_BATCH_RECORDS: Final = 100  # records per call; docs "Insert Records", "Update", "Upsert", "Delete" (v7, v8)
_RECORDS_PER_CREDIT: Final = 10  # docs "API Limits" (v8)
_LIGHT_RECORDS: Final = 10  # records; a call with more is heavy; docs "API Limits" (v8), sub-concurrency

# --- list of records
LIST_PAGE_RECORDS: Final = 200  # records per call; docs "Get Records" (v7)
PAGE_TOKEN_RECORDS: Final = 100_000  # records that page tokens reach; docs "Get Records" (v7)
FIELDS_PER_CALL: Final = 50  # docs "Get Records" (v7); UNVERIFIED for COQL, where sources say 50 or 500
IDS_PER_LIST_CALL: Final = 50  # the parameter ``ids`` takes 1,024 characters; OpenAPI "record" (v8)

# --- deleted records
DELETED_PAGE_COST: Final = CallCost(credits=2)  # docs "API Limits" (v2); UNVERIFIED for v8, where sources say 1 or 2

# --- COQL
COQL_PAGE_ROWS: Final = 2_000  # rows per call; docs "COQL limitations" (v7)
COQL_GUARANTEED_ROWS: Final = 200  # rows per call in older versions: a page with fewer rows than this is the last in any version
COQL_IN_VALUES: Final = 100  # values of one ``in``; UNVERIFIED: notes of third parties on the v8 docs
COQL_SAFE_IN_VALUES: Final = 50  # no example in the docs (v7) has more
COQL_COST_TIERS: Final = ((200, 1), (1_000, 2), (COQL_PAGE_ROWS, 3))  # LIMIT, credits; docs "API Limits" (v8); always heavy

# --- bulk read
BULK_READ_JOB_COST: Final = CallCost(credits=50, heavy=True)  # docs "API Limits" (v8); UNVERIFIED whether it is heavy
BULK_READ_RECORDS: Final = 200_000  # records per job; docs "Bulk Read" (v7)
BULK_READ_FIELDS: Final = 200  # fields per job; docs "Bulk Read" (v7)
BULK_READ_IN_VALUES: Final = 200  # values of one condition; OpenAPI "bulk-read" (v8); UNVERIFIED: other notes say 20
BULK_READ_DOWNLOADS_PER_MINUTE: Final = 10  # more are refused for a minute; docs "Bulk Read limitations" (v7)


def plan_of_edition(paid_type: str) -> PlanName | None:
    """Return the plan for Zoho's ``license_details.paid_type``, or None if the word is unknown."""
    word = paid_type.strip().casefold()
    if word in _EDITIONS:
        return _EDITIONS[word]
    return PlanName(word) if word in PLANS else None


def daily_credits(plan: PlanName, *, licences: int) -> int:
    """Return the credits of a rolling 24 hours by Zoho's formula."""
    base, factor, cap = _DAILY_CREDITS[plan]
    total = base + factor * licences
    return total if cap is None else min(total, cap)


def write_cost(records: int, *, delete: bool = False) -> CallCost:
    """Return the cost of one insert, update, upsert or delete call: a delete costs 1 credit, the others 1 per 10 records."""
    if delete:
        return DEFAULT_COST
    return CallCost(credits=-(-records // _RECORDS_PER_CREDIT), heavy=records > _LIGHT_RECORDS)


def coql_credits(records: int) -> int:
    """Return the credits that reading *records* by COQL costs."""
    full, rest = divmod(records, COQL_PAGE_ROWS)
    last = next(price for rows, price in COQL_COST_TIERS if rest <= rows)
    return full * COQL_COST_TIERS[-1][1] + (last if rest or not full else 0)


def coql_cost(limit: int) -> CallCost:
    """Return the cost of one query with LIMIT *limit*."""
    return CallCost(credits=coql_credits(limit), heavy=True)
