"""Check the sandbox's responses against Zoho's OpenAPI files, if a copy is available."""

from __future__ import annotations

from bulkzoho.sandbox.contract.response_recorder import ANSWERS_VARIABLE, ResponseRecorder, recorder_from_environment

__all__ = ["ANSWERS_VARIABLE", "ResponseRecorder", "recorder_from_environment"]
