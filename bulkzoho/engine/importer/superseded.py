"""Hold letters back whose record a later row was accepted for: sending them would put old values over new ones.

Which record a letter means is asked of the CRM by its key; which rows were accepted for that record is told by the results of
the runs here.  Rows of other homes, or made by hand, are not known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from bulkzoho.domain.compare.lookup_plan import SMALLEST_PAGE, KeyLookup, RecordOwnership, key_query
from bulkzoho.domain.model.edition_limits import CallCost
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata
from bulkzoho.domain.model.responses import Rejected, Succeeded
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Operation, Record, RowOrigin, Stage
from bulkzoho.domain.transform.row_transformer import TransformedBlock
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.interfaces import MetadataApi

__all__ = ["SUPERSEDED", "AcceptedRowLookup", "AcceptedRowRef", "SupersededCheck"]

SUPERSEDED: Final = "SUPERSEDED"
PRICE: Final = CallCost(credits=1, heavy=True)  # up to 200 rows; docs "API limits" (v8)


@dataclass(frozen=True, slots=True)
class AcceptedRowRef:
    """A row by the run that first read it."""

    run: str
    source: str
    row: int


class AcceptedRowLookup(Protocol):
    """The accepted rows of all runs here."""

    def rows_of(self, ids: Collection[str]) -> Mapping[str, Sequence[AcceptedRowRef]]:
        """Give the rows that were accepted for the records with *ids*.  May take seconds."""

    def is_later(self, one: AcceptedRowRef, than: RowOrigin) -> bool:
        """Whether *one* comes after *than*: later in its inputs, or in a run that began later."""


class SupersededCheck:
    """Looks letters up, some at a time.

    Args:
        key_fields: Fields that name a record: unique ones, and those that an upsert matches by.
        tell: Takes one line for a person.
    """

    def __init__(
        self,
        *,
        courier: RetryingCaller,
        crm: MetadataApi,
        crm_module: CrmModule,
        operation: Operation,
        key_fields: Sequence[FieldMetadata],
        accepted: AcceptedRowLookup,
        tell: Callable[[str], None],
    ) -> None:
        self._courier = courier
        self._crm = crm
        self._crm_module = crm_module.api_name
        self._by_id = operation in (Operation.UPDATE, Operation.DELETE)
        self._key_fields = list(key_fields)
        self._accepted = accepted
        self._tell = tell

    async def find(self, shaped: TransformedBlock) -> dict[int, Rejection]:
        """Give the letters of *shaped* that are to be held back, by index.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            BulkZohoError: The CRM cannot be asked.
        """
        if not shaped.origins:
            return {}
        meant = self._named(shaped.records) if self._by_id else await self._looked_up(shaped.records)
        if not meant:
            return {}
        ids = {one for found in meant.values() for one in found}
        accepted = await asyncio.to_thread(self._accepted.rows_of, ids)
        held: dict[int, Rejection] = {}
        for index, found in meant.items():
            rows = (row for one in found for row in accepted.get(one, ()))
            later = next((row for row in rows if self._accepted.is_later(row, shaped.origins[index])), None)
            if later is not None:
                held[index] = _refusal(later)
        return held

    def _named(self, records: Sequence[Record]) -> dict[int, list[str]]:
        ids = ((index, str(record.get("id", "")).strip().lstrip("0")) for index, record in enumerate(records))
        return {index: [one] for index, one in ids if one}

    async def _looked_up(self, records: Sequence[Record]) -> dict[int, list[str]]:
        """Ask for the records that have the keys of *records*; give their ids by index."""
        meant: dict[int, list[str]] = {}
        for field in list(self._key_fields):
            rows = KeyLookup(replace(field, unique=True))  # keys are compared without case, those that are not unique too
            for index, record in enumerate(records):
                rows.add(index, record.get(field.api_name))
            if await self._ask(rows):
                for index, ids in rows.holders().items():
                    meant.setdefault(index, []).extend(ids)
            else:
                self._key_fields.remove(field)
        return meant

    async def _ask(self, rows: KeyLookup) -> bool:
        for values in rows.values():
            after: str | None = None
            while True:
                text = key_query(self._crm_module, rows.field.api_name, values, after=after)
                reply = await self._courier.deliver(partial(self._crm.query, text), PRICE)
                if not isinstance(reply, Succeeded):
                    self._say_unseen(
                        rows.field, f"{reply.code}: {reply.message}" if isinstance(reply, Rejected) else reply.reason
                    )
                    return False
                page: Sequence[Any] = reply.payload or []
                for held in page:
                    rows.see(held, RecordOwnership.UNTOLD)
                if len(page) < SMALLEST_PAGE:
                    break
                after = str(page[-1]["id"])
        return True

    def _say_unseen(self, field: FieldMetadata, why: str) -> None:
        self._tell(
            f"Whether later rows were accepted for the {field.api_name} of letters cannot be seen ({why}): such letters are sent."
        )


def _refusal(later: AcceptedRowRef) -> Rejection:
    return Rejection(
        code=SUPERSEDED,
        message=f"row {later.row} of {later.source}, which comes later, was accepted for the same record (run {later.run});"
        " --force sends the letter all the same",
        stage=Stage.CHECK,
        details={"run": later.run, "source": later.source, "row": later.row},
    )
