"""Reject rows of a replay for whose record a later row was accepted: sending them would overwrite new values with old ones.

The CRM is asked by key which record a row belongs to; the results of the runs on this machine show which rows were accepted for
that record.  Rows imported from other state directories, or entered by hand, are not known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from bulkzoho.domain.compare.lookup_plan import KeyLookup
from bulkzoho.domain.compare.record_ownership import RecordOwnership
from bulkzoho.domain.coql.builder import value_in
from bulkzoho.domain.model.batch import AcceptedRowRef
from bulkzoho.domain.model.limits_and_costs import COQL_GUARANTEED_ROWS
from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Operation, Record, RowOrigin, Stage
from bulkzoho.domain.transform.row_transformer import TransformedBlock
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError
from bulkzoho.errors import AccessError

__all__ = ["SUPERSEDED", "AcceptedRowLookup", "SupersededCheck", "SupersededParts"]

SUPERSEDED: Final = "SUPERSEDED"


class AcceptedRowLookup(Protocol):
    """The accepted rows of all runs on this machine."""

    def rows_of(self, ids: Collection[str]) -> Mapping[str, Sequence[AcceptedRowRef]]:
        """Return the rows that were accepted for the records with *ids*.  May take seconds."""

    def is_later(self, row: AcceptedRowRef, than: RowOrigin) -> bool:
        """Return whether *row* comes after *than*: later in its inputs, or in a run that started later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupersededParts:
    """Parts of a :class:`SupersededCheck`."""

    coql: CoqlReader
    operation: Operation
    key_fields: Sequence[FieldMetadata]  #: fields that identify a record: unique ones, and those that an upsert matches by
    accepted: AcceptedRowLookup
    tell: Callable[[str], None]  #: shows one line to the user


class SupersededCheck:
    """Looks up the rows of a replay, block by block."""

    def __init__(self, parts: SupersededParts) -> None:
        self._coql = parts.coql
        self._by_id = parts.operation in (Operation.UPDATE, Operation.DELETE)
        self._key_fields = list(parts.key_fields)
        self._accepted = parts.accepted
        self._tell = parts.tell

    async def find(self, shaped: TransformedBlock) -> dict[int, Rejection]:
        """Return the rows of *shaped* that must not be sent, by index.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            BulkZohoError: The CRM cannot be asked.
        """
        if not shaped.origins:
            return {}
        meant = self._named(shaped.records) if self._by_id else await self._looked_up(shaped.records)
        if not meant:
            return {}
        ids = {record_id for found in meant.values() for record_id in found}
        accepted = await asyncio.to_thread(self._accepted.rows_of, ids)
        held: dict[int, Rejection] = {}
        for index, found in meant.items():
            rows = (row for record_id in found for row in accepted.get(record_id, ()))
            later = next((row for row in rows if self._accepted.is_later(row, shaped.origins[index])), None)
            if later is not None:
                held[index] = _rejection(later)
        return held

    def _named(self, records: Sequence[Record]) -> dict[int, list[str]]:
        ids = ((index, str(record.get("id", "")).strip().lstrip("0")) for index, record in enumerate(records))
        return {index: [record_id] for index, record_id in ids if record_id}

    async def _looked_up(self, records: Sequence[Record]) -> dict[int, list[str]]:
        """Ask for the records that have the keys of *records*; return their ids by index."""
        meant: dict[int, list[str]] = {}
        for field in list(self._key_fields):
            rows = KeyLookup(replace(field, unique=True))  # compares without case, also keys that are not unique
            for index, record in enumerate(records):
                rows.add_row(index, record.get(field.api_name))
            if await self._ask(rows):
                for index, ids in rows.holders().items():
                    meant.setdefault(index, []).extend(ids)
            else:
                self._key_fields.remove(field)
        return meant

    async def _ask(self, rows: KeyLookup) -> bool:
        name = rows.field.api_name
        try:
            for values in rows.value_groups():
                async for page in self._coql.pages(
                    ["id", name], [value_in(name, values)], rows=COQL_GUARANTEED_ROWS, full_page=COQL_GUARANTEED_ROWS
                ):
                    for held in page.records:
                        rows.add_record(held, RecordOwnership.UNKNOWN)
        except (AccessError, QueryRejectedError) as error:
            self._warn_unchecked(rows.field, error.message if isinstance(error, AccessError) else error.reason)
            return False
        return True

    def _warn_unchecked(self, field: FieldMetadata, why: str) -> None:
        self._tell(
            f"Cannot check whether later rows were accepted for the {field.api_name} of rejected rows ({why}): they are sent."
        )


def _rejection(later: AcceptedRowRef) -> Rejection:
    return Rejection(
        code=SUPERSEDED,
        message=f"a later row was accepted for the same record (row {later.row} of {later.source}, run {later.run});"
        " --force sends this row anyway",
        stage=Stage.CHECK,
        details={"run": later.run, "source": later.source, "row": later.row},
    )
