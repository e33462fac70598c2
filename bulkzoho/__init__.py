"""Bulk import and export engine for Zoho CRM.

```python
async with bulkzoho.connect() as crm:  # environment or profile
    summary = await crm.import_rows(rows, crm_module="Leads", operation="upsert", match_on=["Email"])
    async for record in crm.export("Contacts", fields=["id", "Email"]): ...
```
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from bulkzoho.errors import BulkZohoError, ExitCode

if TYPE_CHECKING:
    from bulkzoho.client import Client, Crm, connect
    from bulkzoho.domain.model.summary import Summary
    from bulkzoho.engine.concurrency.stop import Stop, StopSignal

__all__ = ["BulkZohoError", "Client", "Crm", "ExitCode", "Stop", "StopSignal", "Summary", "connect"]

_MODULES = {
    "Client": "bulkzoho.client",
    "Crm": "bulkzoho.client",  # name of 0.1
    "Stop": "bulkzoho.engine.concurrency.stop",  # name of 0.1
    "StopSignal": "bulkzoho.engine.concurrency.stop",
    "Summary": "bulkzoho.domain.model.summary",
    "connect": "bulkzoho.client",
}


if not TYPE_CHECKING:  # a type checker must refuse names that do not exist

    def __getattr__(name: str) -> Any:
        """Load the engine on first use: `bulkzoho --help` does not need it."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module  # noqa: PLC0415  see above

        return getattr(import_module(_MODULES[name]), name)
