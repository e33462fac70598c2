"""Statistics of a sandbox, for tests and the page."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.quotas import calls_in_flight_limit

__all__ = ["collect_statistics"]


def collect_statistics(crm: Crm) -> dict[str, Any]:
    """Return counts of records, calls, tokens and violations, and measured peaks."""
    now = crm.clock.monotonic()
    arrivals = crm.arrivals.statistics(now)
    return {
        "url": crm.url,
        "organization": {
            "name": "Sandbox Company",
            "id": crm.settings.org_id,
            "edition": crm.settings.edition.value,
            "licences": crm.settings.licences,
        },
        "clock": {"now": crm.zone.format(crm.now_s()), "scale": crm.settings.time_scale},
        "last_day": {"calls": crm.quotas.calls_in_24_h(now)},
        "limits": {
            "calls_per_minute": crm.settings.calls_per_minute,
            "calls_per_day": crm.settings.calls_per_day,
            "calls_in_flight": calls_in_flight_limit(crm.settings),
            "heavy_calls": crm.settings.heavy_calls,
        },
        "records": {name: len(store) for name, store in crm.stores.items()},
        "deleted": {name: len(store.deleted) for name, store in crm.stores.items()},
        "calls": {
            "total": crm.calls.total,
            "by_status": dict(crm.calls.by_status),
        },
        "arrivals": {
            "total": arrivals.total,
            "most_in_60_s": arrivals.most_in_60_s,
            "by_full_minute": list(arrivals.by_full_minute),
            "by_second": crm.arrivals.by_second(now),
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
