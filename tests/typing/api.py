"""Uses of the public API, as a program writes them.  mypy --strict checks this file; it is not run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, assert_type

import bulkzoho


async def rows() -> AsyncIterator[dict[str, Any]]:
    """Yield rows, as a program would from its database."""
    yield {"Last_Name": "Okafor"}


async def imports() -> bulkzoho.Summary:
    """Import from every kind of source."""
    async with bulkzoho.connect(profile="production") as crm:
        assert_type(crm, bulkzoho.Client)
        await crm.import_rows([{"Last_Name": "Okafor"}], crm_module="Leads")
        await crm.import_rows(({"Last_Name": name} for name in ("A", "B")), crm_module="Leads", operation="insert")
        summary = await crm.import_rows(
            rows(), crm_module="Leads", operation="upsert", match_on=["Email"], stop=bulkzoho.StopSignal()
        )
        await crm.import_files("leads.csv", crm_module="Leads", batch_records=50)
        return assert_type(summary, bulkzoho.Summary)


async def exports() -> list[dict[str, Any]]:
    """Export records one by one."""
    crm = bulkzoho.connect()
    return [record async for record in crm.export("Leads", fields=["Email"], where="City = 'Oslo'", include_deleted=True)]


async def goes_on() -> str:
    """Replay and resume."""
    crm = bulkzoho.connect()
    replayed = await crm.replay("dead-letter.csv")
    resumed = await crm.resume()
    if resumed is None:
        return replayed.next
    exit_code: bulkzoho.ExitCode = resumed.exit_code
    return f"{exit_code:d} {resumed.tally.accepted} {[entry.run for entry in crm.runs()]}"


def failure(error: bulkzoho.BulkZohoError) -> str:
    """Read what an error says."""
    return f"{error.code} {error.message} {error.hint} {int(error.exit_code)}"
