"""Check every answer against Zoho's own OpenAPI files, wherever a copy of them is at hand."""

from __future__ import annotations

from bulkzoho.sandbox.contract.response_recorder import ANSWERS_VARIABLE, ResponseRecorder, keeper_from_environment

__all__ = ["ANSWERS_VARIABLE", "ResponseRecorder", "keeper_from_environment"]
