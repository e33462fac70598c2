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
    from bulkzoho.assembly import Stop
    from bulkzoho.library import Crm, connect
    from bulkzoho.model.run import Summary

__all__ = ["BulkZohoError", "Crm", "ExitCode", "Stop", "Summary", "connect"]

_HOMES = {
    "Crm": "bulkzoho.library",
    "Stop": "bulkzoho.engine.stopping",
    "Summary": "bulkzoho.model.run",
    "connect": "bulkzoho.library",
}


def __getattr__(name: str) -> Any:
    """Load the engine when it is first asked for: `bulkzoho --help` has no use for it."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415  see above

    return getattr(import_module(_HOMES[name]), name)
