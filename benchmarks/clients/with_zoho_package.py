"""The package ``zoho``: its own calls and settings, ten tasks; it reads only the first result of each call."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from importlib import import_module
from typing import Any

from benchmarks.clients.batches import ClientArguments


async def send(options: ClientArguments) -> None:
    """Send the file."""
    batches, host = options.batches(), options.url.removesuffix("/crm/v8/Leads")
    client = import_module("zoho").Zoho.from_credentials(
        client_id="1000.BENCH",
        client_secret="bench",
        refresh_token="1000.bench.r",
        accounts_domain=host,
        api_domain=host,
        token_store_backend="memory",
        enable_discovery_cache=False,
        log_level="ERROR",
    )
    async with client, asyncio.TaskGroup() as group:
        for _ in range(options.in_flight):
            group.create_task(_sender(client, batches))


async def _sender(client: Any, batches: Iterator[list[dict[str, Any]]]) -> None:
    for records in batches:
        answer = await client.crm.records.create(module="Leads", data=records)
        assert answer.code == "SUCCESS"


if __name__ == "__main__":
    asyncio.run(send(ClientArguments.from_command_line()))
