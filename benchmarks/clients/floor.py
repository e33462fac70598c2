"""The floor (a): aiohttp, one prepared body, ``read()`` and ``orjson.loads``; no journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import aiohttp
import orjson

from benchmarks.clients.batches import PER_CALL, TOKEN, TRIGGER, ClientArguments


async def send(options: ClientArguments) -> None:
    """Make as many calls as the rows need."""
    body = orjson.dumps({"data": next(options.batches()), "trigger": TRIGGER})
    calls = iter(range((options.rows + PER_CALL - 1) // PER_CALL))
    async with aiohttp.ClientSession(headers=TOKEN) as session, asyncio.TaskGroup() as group:
        for _ in range(options.in_flight):
            group.create_task(_sender(session, options.url, body, calls))


async def _sender(session: aiohttp.ClientSession, url: str, body: bytes, calls: Iterator[int]) -> None:
    for _ in calls:
        async with session.post(url, data=body) as response:
            assert orjson.loads(await response.read())["data"]


if __name__ == "__main__":
    asyncio.run(send(ClientArguments.from_command_line()))
