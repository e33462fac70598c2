"""The cost of the API call that the current task makes, for the log."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Final

from bulkzoho.domain.model.limits_and_costs import CallCost

__all__ = ["CURRENT_COST"]

#: Set by the retrying caller, read by the API client when it logs the call; the client itself does not know prices.
CURRENT_COST: Final[ContextVar[CallCost | None]] = ContextVar("CURRENT_COST", default=None)
