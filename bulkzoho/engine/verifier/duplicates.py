"""Records that were made during a run, by its user, and that no row is known to have: doubles stand among them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from typing import Any, Final

from bulkzoho.domain.compare.conflicts import comparable_fields
from bulkzoho.domain.compare.lookup_plan import CreationWindow, RecordOwnership, ownership_of
from bulkzoho.domain.compare.values import PlainForm, comparable_form, differing_fields
from bulkzoho.domain.coql.builder import OWNERSHIP_FIELDS, created_between
from bulkzoho.domain.model.edition_limits import COQL_GUARANTEED_ROWS, COQL_PAGE_ROWS
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.rows import Record
from bulkzoho.engine.concurrency.coql_reader import CoqlReader
from bulkzoho.engine.lost_replies.record_fetcher import Held

__all__ = ["MOST_STRANGERS", "UnexpectedRecords", "read_created_between"]

MOST_STRANGERS: Final = 1_000  # records kept


async def read_created_between(coql: CoqlReader, window: CreationWindow, names: Sequence[str]) -> AsyncIterator[Sequence[Held]]:
    """Read the records created in *window*, page by page: the fields *names*, Created_Time and Created_By.

    Raises:
        QueryRejectedError: The CRM rejects the query.
        AccessError: The token or the user may not query.
        BulkZohoError: The CRM cannot be reached.
        StopRequestedError: The run was stopped meanwhile.
    """
    fields = [*dict.fromkeys((*OWNERSHIP_FIELDS, *names))]
    created = created_between(window.start_s, window.end_s)
    async for page in coql.pages(fields, created, rows=COQL_PAGE_ROWS, full_page=COQL_GUARANTEED_ROWS):
        yield page.records


class UnexpectedRecords:
    """The strangers of one run, to be matched with its rows.

    Memory: at most :data:`MOST_STRANGERS` records.

    Args:
        names: The fields that were read.
    """

    def __init__(self, crm_module: CrmModule, names: Sequence[str]) -> None:
        self.overflowed = False
        self._module = crm_module
        self._anchor = names[0]
        field = crm_module.by_api_name[self._anchor]
        form = comparable_form(field)
        assert form is not None  # only fields that are compared are read
        self._form: PlainForm = form
        self._by_anchor: dict[Hashable, list[Held]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def take(
        self, page: Sequence[Held], window: CreationWindow, *, user_id: str, is_known: Callable[[Sequence[str]], set[str]]
    ) -> None:
        """Keep the strangers of *page*."""
        mine = [held for held in page if ownership_of(held, window, user_id=user_id, known=False) is RecordOwnership.OURS]
        known = is_known([str(held["id"]) for held in mine])
        for held in mine:
            if str(held["id"]) in known:
                continue
            if self._count >= MOST_STRANGERS:
                self.overflowed = True
                return
            self._by_anchor.setdefault(self._form(held.get(self._anchor)), []).append(held)
            self._count += 1

    def doubles_of(self, record: Record) -> list[str]:
        """Give the ids of the strangers that have all the values of *record*; each is given once."""
        if not self._count:
            return []
        candidates = self._by_anchor.get(self._form(record.get(self._anchor)))
        if not candidates:
            return []
        sent: dict[str, Any] = {name: record[name] for name in comparable_fields(record, self._module) if name in candidates[0]}
        doubles = [held for held in candidates if sent and not differing_fields(sent, held, self._module)]
        for held in doubles:
            candidates.remove(held)
            self._count -= 1
        return [str(held["id"]) for held in doubles]
