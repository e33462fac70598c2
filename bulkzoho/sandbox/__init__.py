"""A simulated Zoho CRM on localhost, for rehearsals and tests.

It shares no code with the rest of bulkzoho: it is an independent implementation of Zoho's documented API.
"""

from __future__ import annotations

from bulkzoho.sandbox.process import serve
from bulkzoho.sandbox.server import Sandbox, environment_lines
from bulkzoho.sandbox.settings import Edition, SandboxSettings
from bulkzoho.sandbox.state.call_log import Call, Violation
from bulkzoho.sandbox.state.clock import Clock, SystemClock
from bulkzoho.sandbox.state.faults import Fault, FaultKind
from bulkzoho.sandbox.unverified_behaviors import (
    CoqlQuotesBehavior,
    DuplicateKeysBehavior,
    EmojiBehavior,
    HandlingBehavior,
    UnverifiedBehavior,
)

__all__ = [
    "Call",
    "Clock",
    "CoqlQuotesBehavior",
    "DuplicateKeysBehavior",
    "Edition",
    "EmojiBehavior",
    "Fault",
    "FaultKind",
    "HandlingBehavior",
    "Sandbox",
    "SandboxSettings",
    "SystemClock",
    "UnverifiedBehavior",
    "Violation",
    "environment_lines",
    "serve",
]
