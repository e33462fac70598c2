"""Leave to make calls, shared by all that work for one organization."""

from __future__ import annotations

from bulkzoho.quota.gate import open_quota

__all__ = ["open_quota"]
