"""Check every answer against Zoho's own OpenAPI files, wherever a copy of them is at hand."""

from __future__ import annotations

from bulkzoho.sandbox.contract.keeping import ANSWERS_VARIABLE, AnswerKeeper, keeper_from_environment

__all__ = ["ANSWERS_VARIABLE", "AnswerKeeper", "keeper_from_environment"]
