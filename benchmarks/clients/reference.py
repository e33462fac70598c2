"""The reference (d1): aiohttp, dicts of csv.reader, orjson both ways, every result looked at, a commit a batch in SQLite."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import orjson

from benchmarks.clients.batches import TOKEN, TRIGGER, Given, look_at

_SCHEMA = "CREATE TABLE batch (number INTEGER PRIMARY KEY, records INTEGER, first_id TEXT)"


async def send(given: Given) -> None:
    """Send the file."""
    with tempfile.TemporaryDirectory(dir=given.file.parent) as folder:
        journal = sqlite3.connect(Path(folder) / "journal.db", isolation_level=None)
        journal.execute("PRAGMA journal_mode=WAL")
        journal.execute("PRAGMA synchronous=NORMAL")
        journal.execute(_SCHEMA)
        batches = enumerate(given.batches())
        async with aiohttp.ClientSession(headers=TOKEN) as session, asyncio.TaskGroup() as group:
            for _ in range(given.in_flight):
                group.create_task(_sender(session, given.url, batches, journal))
        (sent,) = journal.execute("SELECT sum(records) FROM batch").fetchone()
        assert sent == given.rows, f"{sent} of {given.rows}"
        journal.close()


async def _sender(
    session: aiohttp.ClientSession, url: str, batches: Iterator[tuple[int, list[dict[str, str]]]], journal: sqlite3.Connection
) -> None:
    for number, records in batches:
        async with session.post(url, data=orjson.dumps({"data": records, "trigger": TRIGGER})) as response:
            results = orjson.loads(await response.read())["data"]
        look_at(results, len(records))
        journal.execute("BEGIN")
        journal.execute("INSERT INTO batch VALUES (?, ?, ?)", (number, len(results), results[0]["details"]["id"]))
        journal.execute("COMMIT")


if __name__ == "__main__":
    asyncio.run(send(Given.read()))
