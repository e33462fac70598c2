"""The reference (d1): aiohttp, csv.reader dicts, orjson, a check of every result, one SQLite commit per batch."""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import orjson

from benchmarks.clients.batches import TOKEN, TRIGGER, ClientArguments, check_results

_SCHEMA = "CREATE TABLE batch (number INTEGER PRIMARY KEY, records INTEGER, first_id TEXT)"


async def send(options: ClientArguments) -> None:
    """Send the file."""
    with tempfile.TemporaryDirectory(dir=options.file.parent) as folder:
        journal = sqlite3.connect(Path(folder) / "journal.db", isolation_level=None)
        journal.execute("PRAGMA journal_mode=WAL")
        journal.execute("PRAGMA synchronous=NORMAL")
        journal.execute(_SCHEMA)
        batches = enumerate(options.batches())
        async with aiohttp.ClientSession(headers=TOKEN) as session, asyncio.TaskGroup() as group:
            for _ in range(options.in_flight):
                group.create_task(_sender(session, options.url, batches, journal))
        (sent,) = journal.execute("SELECT sum(records) FROM batch").fetchone()
        assert sent == options.rows, f"{sent} of {options.rows}"
        journal.close()


async def _sender(
    session: aiohttp.ClientSession, url: str, batches: Iterator[tuple[int, list[dict[str, str]]]], journal: sqlite3.Connection
) -> None:
    for number, records in batches:
        async with session.post(url, data=orjson.dumps({"data": records, "trigger": TRIGGER})) as response:
            results = orjson.loads(await response.read())["data"]
        check_results(results, len(records))
        journal.execute("BEGIN")
        journal.execute("INSERT INTO batch VALUES (?, ?, ?)", (number, len(results), results[0]["details"]["id"]))
        journal.execute("COMMIT")


if __name__ == "__main__":
    asyncio.run(send(ClientArguments.from_command_line()))
