"""Records of more than one group of fields, each put together from one state only.

A record is joined only when all its groups show the same Modified_Time; else it is read again by its id.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from bulkzoho.domain.coql.builder import ids_in
from bulkzoho.domain.model.edition_limits import COQL_IN_VALUES
from bulkzoho.domain.policy.export_route import MODIFIED
from bulkzoho.engine.concurrency.gather import gather_first_error
from bulkzoho.engine.exporter.record_api import Record, RecordReadCalls
from bulkzoho.errors import RunFailedError

__all__ = ["ByIds", "by_id", "coql_reader", "join_field_groups", "list_reader"]

PATIENCE: Final = 10  # times that a record which changes all the while is read again
RETRY_AFTER_S: Final = 0.5  # seconds before it is
ROWS_BY_IDS: Final = 200  # rows asked for with up to 100 ids: the cheapest query

ByIds = Callable[[Sequence[str]], Awaitable[list[dict[str, Record]]]]
"""Reads records by their ids: for each group of fields what was found, by id."""


def list_reader(reader: RecordReadCalls, groups: Sequence[Sequence[str]]) -> ByIds:
    """Give the way to read by ids that the list has."""

    async def read(ids: Sequence[str]) -> list[dict[str, Record]]:
        found = await gather_first_error([reader.named(fields, ids) for fields in groups])
        return [by_id(records) for records in found]

    return read


def coql_reader(reader: RecordReadCalls, groups: Sequence[Sequence[str]], *, conditions: Sequence[str] = ()) -> ByIds:
    """Give the way to read by ids that COQL has; what does not meet all *conditions* is not found."""

    async def some(fields: Sequence[str], ids: Sequence[str]) -> Sequence[Record]:
        return (await reader.query(fields, [*conditions, ids_in(ids)], rows=ROWS_BY_IDS)).records

    async def read(ids: Sequence[str]) -> list[dict[str, Record]]:
        starts = range(0, len(ids), COQL_IN_VALUES)
        found = await gather_first_error([some(fields, ids[at : at + COQL_IN_VALUES]) for fields in groups for at in starts])
        return [
            by_id([one for records in found[number * len(starts) : (number + 1) * len(starts)] for one in records])
            for number in range(len(groups))
        ]

    return read


async def join_field_groups(main: Sequence[Record], others: Sequence[Mapping[str, Record]], again: ByIds) -> list[Record]:
    """Put the groups of each record together; those that differ in time, or lack a group, are read again.

    Raises:
        RunFailedError: A record changes faster than it can be read.
    """
    if not others:
        return list(main)
    merged: dict[str, Record | None] = {
        str(one["id"]): _merged([one, *(group.get(str(one["id"])) for group in others)]) for one in main
    }
    odd = [record_id for record_id, one in merged.items() if one is None]
    for attempt in range(PATIENCE):
        if not odd:
            break
        if attempt:
            await asyncio.sleep(RETRY_AFTER_S)
        groups = await again(odd)
        for record_id in odd:
            if record_id not in groups[0]:
                del merged[record_id]  # deleted meanwhile
            else:
                merged[record_id] = _merged([group.get(record_id) for group in groups])
        odd = [record_id for record_id in odd if record_id in merged and merged[record_id] is None]
    if odd:
        raise RunFailedError(
            f"record {odd[0]} changes faster than its fields can be read.", hint="Resume when it is quieter.", code="UNSTEADY"
        )
    return [one for one in merged.values() if one is not None]


def _merged(parts: Sequence[Record | None]) -> Record | None:
    """Give one record of its groups, or None when one is missing or shows another state."""
    joined: dict[str, Any] = {}
    for part in parts:
        if part is None or part.get(MODIFIED) != (parts[0] or {}).get(MODIFIED):
            return None
        joined |= part
    return joined


def by_id(records: Sequence[Record]) -> dict[str, Record]:
    """Give *records* by their ids."""
    return {str(one["id"]): one for one in records}
