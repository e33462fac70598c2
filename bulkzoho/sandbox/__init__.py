"""A Zoho CRM on localhost, to rehearse and to test against.

It shares no code with the rest of bulkzoho: it is a second, independent reading of what the service does.
"""

from __future__ import annotations

from bulkzoho.sandbox.process import serve
from bulkzoho.sandbox.server import Sandbox, environment_lines
from bulkzoho.sandbox.settings import Edition, SandboxSettings
from bulkzoho.sandbox.state.calls import Call, Violation
from bulkzoho.sandbox.state.clock import Clock, SystemClock
from bulkzoho.sandbox.state.faults import Fault, FaultKind
from bulkzoho.sandbox.strictness import CoqlQuotes, DuplicateKeys, Emoji, Handling, Strictness

__all__ = [
    "Call",
    "Clock",
    "CoqlQuotes",
    "DuplicateKeys",
    "Edition",
    "Emoji",
    "Fault",
    "FaultKind",
    "Handling",
    "Sandbox",
    "SandboxSettings",
    "Strictness",
    "SystemClock",
    "Violation",
    "environment_lines",
    "serve",
]
