"""A minimal exporter for each route: ``python -m benchmarks.clients.exports URL OUT ROUTE``.

It uses aiohttp, ``orjson.loads`` and ``csv.writer``; eight id ranges concurrently for COQL; ``csv.reader`` and ``csv.writer``
for bulk read.  It has no journal, syncs nothing and checks no values.
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

ID_RANGES: Final = 8
PAGE: Final = 2000
COLUMNS: Final = ("id", "Created_Time", "Modified_Time", *HEADER)
_cells: Final = itemgetter(*COLUMNS)


class Exporter:
    """An export to one file."""

    def __init__(self, session: aiohttp.ClientSession, url: str, rows: Any) -> None:
        self._session = session
        self._url = url
        self._rows = rows  # a csv.writer

    async def by_list(self) -> None:
        """Export page by page with page tokens."""
        parameters: dict[str, str] = {}
        while True:
            async with self._session.get(f"{self._url}/crm/v8/Leads", params={"per_page": "200", **parameters}) as response:
                page = orjson.loads(await response.read())
            self._write(page["data"])
            if not page["info"]["more_records"]:
                return
            parameters = {"page_token": page["info"]["next_page_token"]}

    async def by_coql(self) -> None:
        """Export id ranges concurrently."""
        lowest, highest = [int((await self._query(f"order by id {order} limit 1"))["data"][0]["id"]) for order in ("asc", "desc")]
        edges = [lowest - 1 + (highest + 1 - lowest) * part // ID_RANGES for part in range(ID_RANGES + 1)]
        async with asyncio.TaskGroup() as group:
            for above, up_to in pairwise(edges):
                group.create_task(self._export_range(above, up_to))

    async def _export_range(self, above: int, up_to: int) -> None:
        parameters = above < up_to
        while parameters:
            page = await self._query(f"id > '{above}' and id <= '{up_to}' order by id asc limit {PAGE}")
            self._write(page["data"])
            above, parameters = int(page["data"][-1]["id"]), page["info"]["more_records"]

    async def _query(self, clause: str) -> Any:
        body = orjson.dumps({"select_query": f"select {', '.join(COLUMNS)} from Leads where {clause}"})
        async with self._session.post(f"{self._url}/crm/v8/coql", data=body) as response:
            return orjson.loads(await response.read())

    async def by_bulk(self) -> None:
        """Export one job after the other."""
        query: dict[str, Any] = {"module": {"api_name": "Leads"}, "fields": list(COLUMNS)}
        while True:
            jobs = f"{self._url}/crm/bulk/v8/read"
            async with self._session.post(jobs, data=orjson.dumps({"query": query})) as response:
                job = orjson.loads(await response.read())["data"][0]["details"]["id"]
            async with self._session.get(f"{jobs}/{job}") as response:
                result = orjson.loads(await response.read())["data"][0]["result"]
            async with self._session.get(self._url + result["download_url"]) as response:
                zip_bytes = await response.read()
            with zipfile.ZipFile(io.BytesIO(zip_bytes)) as archive, archive.open(archive.namelist()[0]) as file:
                rows = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
                next(rows)
                self._rows.writerows(rows)
            if not result["more_records"]:
                return
            query = {"page_token": result["next_page_token"]}

    def _write(self, records: Iterable[dict[str, Any]]) -> None:
        self._rows.writerows(map(_cells, records))


async def export(url: str, output: Path, route: str) -> None:
    """Export all records by one route."""
    with output.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(COLUMNS)
        async with aiohttp.ClientSession(headers=TOKEN) as session:
            client_future = Exporter(session, url, rows)
            await {"list": client_future.by_list, "coql": client_future.by_coql, "bulk": client_future.by_bulk}[route]()


if __name__ == "__main__":
    asyncio.run(export(sys.argv[1], Path(sys.argv[2]), sys.argv[3]))
