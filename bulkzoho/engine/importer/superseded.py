"""Hold letters back whose record a later row was accepted for: sending them would put old values over new ones.

Which record a letter means is asked of the CRM by its key; which rows were accepted for that record is told by the results of
the runs here.  Rows of other homes, or made by hand, are not known.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final, Protocol

from bulkzoho.domain.compare.lookup_plan import KeyLookup, RecordOwnership
from bulkzoho.domain.coql.builder import value_in
from bulkzoho.domain.model.edition_limits import COQL_GUARANTEED_ROWS
from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Operation, Record, RowOrigin, Stage
from bulkzoho.domain.transform.row_transformer import TransformedBlock
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError
from bulkzoho.errors import AccessError

__all__ = ["SUPERSEDED", "AcceptedRowLookup", "AcceptedRowRef", "SupersededCheck"]

SUPERSEDED: Final = "SUPERSEDED"


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
        coql: CoqlReader,
        operation: Operation,
        key_fields: Sequence[FieldMetadata],
        accepted: AcceptedRowLookup,
        tell: Callable[[str], None],
    ) -> None:
        self._coql = coql
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
        name = rows.field.api_name
        try:
            for values in rows.values():
                async for page in self._coql.pages(
                    ["id", name], [value_in(name, values)], rows=COQL_GUARANTEED_ROWS, full_page=COQL_GUARANTEED_ROWS
                ):
                    for held in page.records:
                        rows.see(held, RecordOwnership.UNTOLD)
        except (AccessError, QueryRejectedError) as error:
            self._say_unseen(rows.field, error.message if isinstance(error, AccessError) else error.reason)
            return False
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
