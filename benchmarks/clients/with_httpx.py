"""httpx: one AsyncClient, its bodies and answers through orjson, every result looked at; nothing is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import httpx
import orjson

from benchmarks.clients.batches import TOKEN, TRIGGER, Given, look_at


async def send(given: Given) -> None:
    """Send the file."""
    batches = given.batches()
    async with httpx.AsyncClient(headers=TOKEN, timeout=60.0) as client, asyncio.TaskGroup() as group:
        for _ in range(given.in_flight):
            group.create_task(_sender(client, given.url, batches))


async def _sender(client: httpx.AsyncClient, url: str, batches: Iterator[list[dict[str, Any]]]) -> None:
    for records in batches:
        answer = await client.post(url, content=orjson.dumps({"data": records, "trigger": TRIGGER}))
        look_at(orjson.loads(answer.content)["data"], len(records))


if __name__ == "__main__":
    asyncio.run(send(Given.read()))
