"""Rate limiter shared by all processes of one organization."""

from __future__ import annotations

from bulkzoho.ratelimit.clock import boot_id
from bulkzoho.ratelimit.ledger_queries import ClockReading
from bulkzoho.ratelimit.limiter import open_limiter
from bulkzoho.ratelimit.usage_view import LedgerView

__all__ = ["ClockReading", "LedgerView", "boot_id", "open_limiter"]
