"""Read records by id.  COQL: one credit for up to 100 records, and it sees a write immediately (docs v7, v8)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from bulkzoho.domain.coql.builder import ids_in
from bulkzoho.domain.model.limits_and_costs import COQL_IN_VALUES, COQL_SAFE_IN_VALUES, FIELDS_PER_CALL
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError

__all__ = ["Held", "RecordFetcher"]

ALWAYS: Final = ("id", "Modified_Time", "Modified_By")

Held = Mapping[str, Any]  #: API name to value


class RecordFetcher:
    """Reads records of one module.

    Attributes:
        unreadable: Fields that a query rejects, as far as known; they are missing from the records.
    """

    def __init__(self, coql: CoqlReader) -> None:
        self.unreadable: dict[str, None] = {}
        self._coql = coql
        self._ids_at_once = COQL_IN_VALUES

    async def read(self, ids: Sequence[str], names: Sequence[str]) -> Mapping[str, Held]:
        """Return the existing records among *ids*, by id, with the fields *names*, Modified_Time and Modified_By.

        Raises:
            QueryRejectedError: The CRM rejects the query.
            StopRequestedError: The run was stopped meanwhile.
            AccessError: The token may not query.
            BulkZohoError: The CRM cannot be asked.
        """
        records: dict[str, dict[str, Any]] = {}
        left = list(ids)
        while left:
            some = left[: self._ids_at_once]
            try:
                for group in _groups(names):
                    for record in await self._ask(some, group):
                        records.setdefault(str(record["id"]), {}).update(record)
            except QueryRejectedError:
                if len(some) <= COQL_SAFE_IN_VALUES:
                    raise
                self._ids_at_once = COQL_SAFE_IN_VALUES
                continue
            left = left[len(some) :]
        return records

    async def _ask(self, ids: Sequence[str], names: Sequence[str]) -> Sequence[Held]:
        while True:
            wanted = [name for name in names if name not in self.unreadable]
            try:
                page = await self._coql.page([*ALWAYS, *wanted], [ids_in(ids)], rows=len(ids))
            except QueryRejectedError as error:
                if error.column not in wanted:
                    raise
                self.unreadable[str(error.column)] = None
            else:
                return page.records


def _groups(names: Sequence[str]) -> Iterator[Sequence[str]]:
    """Split *names* into groups of as many as one query can select; one group when there are none."""
    most = FIELDS_PER_CALL - len(ALWAYS)
    return (names[at : at + most] for at in range(0, max(1, len(names)), most))
