"""The least that an exporter can do, by each route: ``python -m benchmarks.clients.exports URL OUT ROUTE``.

aiohttp, ``orjson.loads`` and ``csv.writer``; eight stretches of ids at once by COQL; of a bulk read the rows are taken through
``csv.reader`` and ``csv.writer``.  No journal, nothing durable, no check of a value.
"""

from __future__ import annotations

import asyncio
import csv
import io
import sys
import zipfile
from collections.abc import Iterable
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any, Final

import aiohttp
import orjson

from benchmarks.clients.batches import TOKEN
from benchmarks.leads import HEADER

STRETCHES: Final = 8
PAGE: Final = 2000
COLUMNS: Final = ("id", "Created_Time", "Modified_Time", *HEADER)
_cells: Final = itemgetter(*COLUMNS)


class Export:
    """One export into one file."""

    def __init__(self, session: aiohttp.ClientSession, url: str, rows: Any) -> None:
        self._session = session
        self._url = url
        self._rows = rows  # a csv.writer

    async def by_list(self) -> None:
        """Page after page, by tokens."""
        more: dict[str, str] = {}
        while True:
            async with self._session.get(f"{self._url}/crm/v8/Leads", params={"per_page": "200", **more}) as response:
                page = orjson.loads(await response.read())
            self._write(page["data"])
            if not page["info"]["more_records"]:
                return
            more = {"page_token": page["info"]["next_page_token"]}

    async def by_coql(self) -> None:
        """Stretches of ids at once."""
        lowest, highest = [int((await self._query(f"order by id {order} limit 1"))["data"][0]["id"]) for order in ("asc", "desc")]
        edges = [lowest - 1 + (highest + 1 - lowest) * part // STRETCHES for part in range(STRETCHES + 1)]
        async with asyncio.TaskGroup() as group:
            for above, up_to in pairwise(edges):
                group.create_task(self._stretch(above, up_to))

    async def _stretch(self, above: int, up_to: int) -> None:
        more = above < up_to
        while more:
            page = await self._query(f"id > '{above}' and id <= '{up_to}' order by id asc limit {PAGE}")
            self._write(page["data"])
            above, more = int(page["data"][-1]["id"]), page["info"]["more_records"]

    async def _query(self, rest: str) -> Any:
        body = orjson.dumps({"select_query": f"select {', '.join(COLUMNS)} from Leads where {rest}"})
        async with self._session.post(f"{self._url}/crm/v8/coql", data=body) as response:
            return orjson.loads(await response.read())

    async def by_bulk(self) -> None:
        """One job after the other."""
        query: dict[str, Any] = {"module": {"api_name": "Leads"}, "fields": list(COLUMNS)}
        while True:
            jobs = f"{self._url}/crm/bulk/v8/read"
            async with self._session.post(jobs, data=orjson.dumps({"query": query})) as response:
                job = orjson.loads(await response.read())["data"][0]["details"]["id"]
            async with self._session.get(f"{jobs}/{job}") as response:
                result = orjson.loads(await response.read())["data"][0]["result"]
            async with self._session.get(self._url + result["download_url"]) as response:
                packed = await response.read()
            with zipfile.ZipFile(io.BytesIO(packed)) as archive, archive.open(archive.namelist()[0]) as file:
                rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
                next(rows)
                self._rows.writerows(rows)
            if not result["more_records"]:
                return
            query = {"page_token": result["next_page_token"]}

    def _write(self, records: Iterable[dict[str, Any]]) -> None:
        self._rows.writerows(map(_cells, records))


async def export(url: str, output: Path, route: str) -> None:
    """Export everything."""
    with output.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        async with aiohttp.ClientSession(headers=TOKEN) as session:
            one = Export(session, url, rows)
            await {"list": one.by_list, "coql": one.by_coql, "bulk": one.by_bulk}[route]()


if __name__ == "__main__":
    asyncio.run(export(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
