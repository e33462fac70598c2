"""The state of a sandbox in figures, for tests and for a person."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bulkzoho.sandbox.state.crm import Crm

__all__ = ["figures"]


def figures(crm: Crm) -> dict[str, Any]:
    """Give counts of records, calls, tokens and violations, and the peaks that were measured."""
    now = crm.clock.monotonic()
    arrivals = crm.arrivals.figures(now)
    return {
        "url": crm.url,
        "records": {name: len(store) for name, store in crm.stores.items()},
        "deleted": {name: len(store.deleted) for name, store in crm.stores.items()},
        "calls": {"total": crm.calls.total, "by_status": dict(crm.calls.by_status)},
        "arrivals": {
            "total": arrivals.total,
            "most_in_60_s": arrivals.most_in_60_s,
            "by_full_minute": list(arrivals.by_full_minute),
        },
        "in_flight": {
            "now": crm.in_flight,
            "peak": crm.peak_in_flight,
            "heavy_now": crm.heavy_in_flight,
            "heavy_peak": crm.peak_heavy,
        },
        "credits": {"limit": crm.credits_limit, "left": crm.quotas.credits_left(now, crm.settings)},
        "tokens_issued": crm.tokens.issued,
        "violations": {
            "total": sum(crm.violations.by_kind.values()),
            "by_kind": dict(crm.violations.by_kind),
            "first": [asdict(each) for each in crm.violations[:100]],
        },
    }
