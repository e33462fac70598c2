"""A stand-in for Zoho CRM that does next to nothing a call, so that what is measured is the client."""

from __future__ import annotations

from benchmarks.stub_server.process import Standin

__all__ = ["Standin"]
