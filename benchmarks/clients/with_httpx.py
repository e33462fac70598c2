"""httpx: one AsyncClient, orjson, a check of every result; no journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import orjson

from benchmarks.clients.batches import TOKEN, TRIGGER, ClientArguments, check_results


async def send(options: ClientArguments) -> None:
    """Send the file."""
    batches = options.batches()
    async with httpx.AsyncClient(headers=TOKEN, timeout=60.0) as client, asyncio.TaskGroup() as group:
        for _ in range(options.in_flight):
            group.create_task(_sender(client, options.url, batches))


async def _sender(client: httpx.AsyncClient, url: str, batches: Iterator[list[dict[str, Any]]]) -> None:
    for records in batches:
        answer = await client.post(url, content=orjson.dumps({"data": records, "trigger": TRIGGER}))
        check_results(orjson.loads(answer.content)["data"], len(records))


if __name__ == "__main__":
    asyncio.run(send(ClientArguments.from_command_line()))
