"""Build what asks the CRM for rows whose insert had no answer."""

from __future__ import annotations

from bulkzoho.assembly.connecting import Connected
from bulkzoho.assembly.homes import RunFolder
from bulkzoho.engine.doubts import Lookup
from bulkzoho.model.metadata import CrmModule
from bulkzoho.model.settings import ImportSettings

__all__ = ["lookup_for"]


def lookup_for(crm: Connected, module: CrmModule, settings: ImportSettings, folder: RunFolder) -> Lookup | None:
    """Give the lookup of one run, or None when the user only wants a report."""
    return None
