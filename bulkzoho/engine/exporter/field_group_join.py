"""Join the field groups of records, each record from one state only.

A record is joined only when all its groups show the same Modified_Time; otherwise it is read again by its id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from bulkzoho.domain.coql.builder import ids_in
from bulkzoho.domain.model.export import MODIFIED
from bulkzoho.domain.model.limits_and_costs import COQL_IN_VALUES
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.exporter.record_api import Record, RecordReadCalls
from bulkzoho.errors import RunFailedError

__all__ = ["ByIdReader", "by_id", "coql_reader", "join_field_groups", "list_reader"]

MAX_REREADS: Final = 10  # of a record that keeps changing
REREAD_AFTER_S: Final = 0.5
ROWS_BY_IDS: Final = 200  # rows asked for with up to 100 ids: the cheapest query

ByIdReader = Callable[[Sequence[str]], Awaitable[list[dict[str, Record]]]]
"""Reads records by their ids: for each group of fields the found records by id."""


def list_reader(calls: RecordReadCalls, groups: Sequence[Sequence[str]]) -> ByIdReader:
    """Return a function that reads records by id with the list API."""

    async def read(ids: Sequence[str]) -> list[dict[str, Record]]:
        found = await gather_first_error([calls.by_ids(fields, ids) for fields in groups])
        return [by_id(records) for records in found]

    return read


def coql_reader(calls: RecordReadCalls, groups: Sequence[Sequence[str]], *, conditions: Sequence[str] = ()) -> ByIdReader:
    """Return a function that reads records by id with COQL; records that do not meet all *conditions* are not found."""

    async def read_chunk(fields: Sequence[str], ids: Sequence[str]) -> Sequence[Record]:
        return (await calls.query(fields, [*conditions, ids_in(ids)], rows=ROWS_BY_IDS)).records

    async def read_group(fields: Sequence[str], ids: Sequence[str]) -> dict[str, Record]:
        starts = range(0, len(ids), COQL_IN_VALUES)
        chunks = await gather_first_error([read_chunk(fields, ids[at : at + COQL_IN_VALUES]) for at in starts])
        return by_id([record for chunk in chunks for record in chunk])

    async def read(ids: Sequence[str]) -> list[dict[str, Record]]:
        return await gather_first_error([read_group(fields, ids) for fields in groups])

    return read


async def join_field_groups(main: Sequence[Record], others: Sequence[Mapping[str, Record]], reread: ByIdReader) -> list[Record]:
    """Join the groups of each record; records whose groups differ in time, or lack a group, are read again.

    Raises:
        RunFailedError: A record changes faster than it can be read.
    """
    if not others:
        return list(main)
    joined: dict[str, Record | None] = {
        str(record["id"]): _joined([record, *(group.get(str(record["id"])) for group in others)]) for record in main
    }
    for attempt in range(MAX_REREADS):
        inconsistent = [record_id for record_id, record in joined.items() if record is None]
        if not inconsistent:
            break
        if attempt:
            await asyncio.sleep(REREAD_AFTER_S)
        groups = await reread(inconsistent)
        for record_id in inconsistent:
            if record_id in groups[0]:
                joined[record_id] = _joined([group.get(record_id) for group in groups])
            else:
                del joined[record_id]  # deleted meanwhile
    unsteady = next((record_id for record_id, record in joined.items() if record is None), None)
    if unsteady is not None:
        raise RunFailedError(
            f"record {unsteady} changes faster than its fields can be read.",
            hint="Resume when fewer changes are made.",
            code="UNSTEADY",
        )
    return [record for record in joined.values() if record is not None]


def _joined(parts: Sequence[Record | None]) -> Record | None:
    """Return one record from its groups; None when a group is missing or shows another state."""
    joined: dict[str, Any] = {}
    for part in parts:
        if part is None or part.get(MODIFIED) != (parts[0] or {}).get(MODIFIED):
            return None
        joined |= part
    return joined


def by_id(records: Sequence[Record]) -> dict[str, Record]:
    """Return *records* by their ids."""
    return {str(record["id"]): record for record in records}
