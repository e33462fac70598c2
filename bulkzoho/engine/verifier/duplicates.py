"""Find duplicates: records that the run's user created during the run and that no row is known to have."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Hashable, Sequence
from typing import Any, Final

from bulkzoho.domain.compare.conflicts import comparable_fields
from bulkzoho.domain.compare.record_ownership import CreationWindow, RecordOwnership, ownership_of
from bulkzoho.domain.compare.values import ComparableForm, comparable_form, differing_fields
from bulkzoho.domain.coql.builder import OWNERSHIP_FIELDS, created_between
from bulkzoho.domain.model.limits_and_costs import COQL_GUARANTEED_ROWS, COQL_PAGE_ROWS
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.rows import Record
from bulkzoho.engine.concurrency.coql_reader import CoqlReader
from bulkzoho.engine.lost_replies.record_fetcher import Held

__all__ = ["MAX_UNEXPECTED", "UnexpectedRecords", "read_created_between"]

MAX_UNEXPECTED: Final = 1_000  # records kept
_LOG = logging.getLogger(__name__)


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
        _LOG.info("page read", extra={"records": len(page.records)})
        yield page.records


class UnexpectedRecords:
    """The unexpected records of one run, to be compared with its rows.

    Memory: at most :data:`MAX_UNEXPECTED` records.

    Args:
        names: The fields that were read.
    """

    def __init__(self, crm_module: CrmModule, names: Sequence[str]) -> None:
        self.overflowed = False
        self._module = crm_module
        self._anchor = names[0]
        form = comparable_form(crm_module.by_api_name[self._anchor])
        assert form is not None  # only comparable fields are read
        self._form: ComparableForm = form
        self._by_anchor: dict[Hashable, list[Held]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add_page(
        self, page: Sequence[Held], window: CreationWindow, *, user_id: str, known_ids: Callable[[Sequence[str]], set[str]]
    ) -> None:
        """Keep the records of *page* that *user_id* created and no row has; *known_ids* returns those ids that a row has."""
        ours = [
            record for record in page if ownership_of(record, window, user_id=user_id, is_known=False) is RecordOwnership.OURS
        ]
        known = known_ids([str(record["id"]) for record in ours])
        for record in ours:
            if str(record["id"]) in known:
                continue
            if self._count >= MAX_UNEXPECTED:
                self.overflowed = True
                return
            self._by_anchor.setdefault(self._form(record.get(self._anchor)), []).append(record)
            self._count += 1

    def take_duplicates_of(self, record: Record) -> list[str]:
        """Return the ids of the unexpected records with all values of *record*; each is returned once."""
        if not self._count:
            return []
        candidates = self._by_anchor.get(self._form(record.get(self._anchor)))
        if not candidates:
            return []
        sent: dict[str, Any] = {name: record[name] for name in comparable_fields(record, self._module) if name in candidates[0]}
        duplicates = [held for held in candidates if sent and not differing_fields(sent, held, self._module)]
        for held in duplicates:
            candidates.remove(held)
            self._count -= 1
        return [str(held["id"]) for held in duplicates]
