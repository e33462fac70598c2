"""The floor (a): aiohttp, one body made beforehand, ``read()`` and ``orjson.loads``; nothing is written down."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import aiohttp
import orjson

from benchmarks.clients.batches import PER_CALL, TOKEN, TRIGGER, Given


async def send(given: Given) -> None:
    """Make as many calls as the rows would need."""
    body = orjson.dumps({"data": next(given.batches()), "trigger": TRIGGER})
    calls = iter(range((given.rows + PER_CALL - 1) // PER_CALL))
    async with aiohttp.ClientSession(headers=TOKEN) as session, asyncio.TaskGroup() as group:
        for _ in range(given.in_flight):
            group.create_task(_sender(session, given.url, body, calls))


async def _sender(session: aiohttp.ClientSession, url: str, body: bytes, calls: Iterator[int]) -> None:
    for _ in calls:
        async with session.post(url, data=body) as response:
            assert orjson.loads(await response.read())["data"]


if __name__ == "__main__":
    asyncio.run(send(Given.read()))
