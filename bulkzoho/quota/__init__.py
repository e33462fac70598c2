"""Leave to make calls, shared by all that work for one organization."""

from __future__ import annotations

from bulkzoho.quota.clock import boot_id
from bulkzoho.quota.gate import open_quota
from bulkzoho.quota.rows import Moment
from bulkzoho.quota.view import LedgerView

__all__ = ["LedgerView", "Moment", "boot_id", "open_quota"]
