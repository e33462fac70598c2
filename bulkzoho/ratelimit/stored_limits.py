"""Limits as they stand in the ledger, for whoever looks at it."""

from __future__ import annotations

import json
from dataclasses import asdict

from bulkzoho.domain.model.edition_limits import PlanName
from bulkzoho.domain.policy.rate_limits import QuotaLimits

__all__ = ["limits_from_json", "limits_to_json"]


def limits_to_json(limits: QuotaLimits) -> str:
    """Give *limits* as one line."""
    return json.dumps(asdict(limits))


def limits_from_json(text: str) -> QuotaLimits | None:
    """Give the limits that *text* holds, or None when it holds none that are understood."""
    try:
        facts = json.loads(text)
        return QuotaLimits(**{**facts, "plan": PlanName(facts["plan"]), "notes": tuple(facts["notes"])})
    except (KeyError, TypeError, ValueError):
        return None
