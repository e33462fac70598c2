"""A stub of Zoho CRM with minimal work per call, so that benchmarks measure the client."""

from __future__ import annotations

from benchmarks.stub_server.process import StubServer

__all__ = ["StubServer"]
