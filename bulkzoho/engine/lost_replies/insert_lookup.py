"""Ask the CRM by COQL which rows of a lost insert it holds.

COQL reads the database, not the search index, so it sees a write at once (docs "Search records" v7).  What no answer proves stays
in doubt: a row is found only as a record that this user created since the call left and that no row here is known to have; it is
absent only when sending it again cannot double it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bulkzoho.domain.compare.lookup_plan import (
    CreationWindow,
    KeyLookup,
    compared_fields,
    creation_window,
    ownership_of,
    plan_lookup,
)
from bulkzoho.domain.compare.record_matching import RecordMatcher, WindowScan
from bulkzoho.domain.coql.builder import OWNERSHIP_FIELDS, created_between, value_in
from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.edition_limits import COQL_GUARANTEED_ROWS, COQL_PAGE_ROWS
from bulkzoho.domain.model.metadata import CrmModule, User
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.row_ranges import ranges_of
from bulkzoho.domain.model.rows import Action, Batch, Record
from bulkzoho.domain.model.settings import REPLY_TIMEOUT_S, SETTLE_MARGIN_S
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError
from bulkzoho.engine.lost_replies.in_doubt import LookupResult

__all__ = ["CoqlInsertLookup"]

SECOND_S: Final = 1.0  # Created_Time has whole seconds
LONGEST_SLICE_S: Final = 15.0  # between two looks at what other calls were answered
RANGES_TOLD: Final = 5  # row ranges named in one line

_Page = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class LookupState:
    """What is known of one batch so far."""

    records: Sequence[Record]
    window: CreationWindow
    rivals: Callable[[], list[Record]]  #: gives rows of other calls without an answer, as far as they have no key
    found: dict[int, str] = field(default_factory=dict)  #: rows by index, with their ids
    absent: list[int] = field(default_factory=list)
    reasons: dict[str, None] = field(default_factory=dict)  #: why others stay in doubt, each once

    def note(self, rows: KeyLookup) -> None:
        """Take what was seen of *rows*, now that all was seen."""
        rows.complete = True
        found, absent = rows.found(), rows.absent()
        taken = set(self.found.values())
        self.found.update((index, one) for index, one in found.items() if one not in taken)
        self.absent += absent
        if len(found) + len(absent) < len(rows):
            self.reasons[f"a record with the same {rows.field.api_name} is there, but not shown to be theirs"] = None


class CoqlInsertLookup:
    """A :class:`bulkzoho.engine.lost_replies.in_doubt.InsertLookup`.

    Args:
        user: Who the token acts as; None when that is not known: then whoever created a record in the window counts.
        unique_fields: API names of fields that may name a row; those that the metadata do not mark unique are passed over.
        match_on: API names by which an upsert finds records: rows that come here have none of them.
        import_key: API name of the field that names run and row, if the records carry one.
        known_ids: Gives those of some record ids that rows of runs here are known to have.
        clock_skew: Gives the service's time minus ours, in seconds.
        settle_wait_s: After how many seconds a lost call can no longer be running; no less is assumed than the default.
        wall: Our time, in seconds since the epoch.
        pause: Waits for some seconds, or until the run is stopped.
        tell: Takes one line for a person.
    """

    def __init__(
        self,
        *,
        coql: CoqlReader,
        crm_module: CrmModule,
        user: User | None,
        unique_fields: Sequence[str],
        match_on: Sequence[str] = (),
        import_key: str | None,
        known_ids: Callable[[Sequence[str]], set[str]],
        clock_skew: Callable[[], float],
        settle_wait_s: float = REPLY_TIMEOUT_S + SETTLE_MARGIN_S,
        wall: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        tell: Callable[[str], None] = lambda _line: None,
    ) -> None:
        self._coql = coql
        self._crm_module = crm_module
        self._user_id = None if user is None else user.id
        self._unique_fields = unique_fields
        self._match_on = match_on
        self._import_key = import_key
        self._known_ids = known_ids
        self._clock_skew = clock_skew
        self._call_ends_after_s = max(settle_wait_s, REPLY_TIMEOUT_S + SETTLE_MARGIN_S)
        self._reply_within_s = min(settle_wait_s, REPLY_TIMEOUT_S)
        self._wall = wall
        self._pause = pause
        self._tell = tell
        self._told: set[str] = set()

    async def find(
        self, batch: Batch, shipment: InFlightShipment, *, rivals: Callable[[], Sequence[Batch]] = tuple
    ) -> LookupResult:
        """Look the rows of *batch* up; safe to cancel.

        *rivals* gives the other batches in doubt, whose rows are matched beside these: a record that is like a row here but has
        more in it may be just what one of theirs holds.  It is then left to them, and keeps every row here from being absent.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            AccessError: The token may not query.
            BulkZohoError: The CRM cannot be asked.
        """
        plan = plan_lookup(batch.records, self._crm_module, unique_fields=self._unique_fields, import_key=self._import_key)
        skews_s = {self._clock_skew(), *(() if shipment.skew_s is None else (shipment.skew_s,))}
        window = creation_window(shipment.sent_at, skews_s=skews_s, call_ends_after_s=self._call_ends_after_s)
        inquiry = LookupState(batch.records, window, rivals=lambda: self._whole_of(rivals()))
        refused = [rows for rows in plan.by_key if not await self._ask_for_keys(rows, inquiry)]
        by_window = [*plan.by_key_in_window, *refused]
        if by_window or plan.whole:
            await self._look_through_window(by_window, plan.whole, inquiry)
        self._report(batch, inquiry)
        return _findings(inquiry)

    def _whole_of(self, batches: Sequence[Batch]) -> list[Record]:
        """Give the rows of *batches* that only their whole record can tell."""
        told: list[Record] = []
        for batch in batches:
            plan = plan_lookup(batch.records, self._crm_module, unique_fields=self._unique_fields, import_key=self._import_key)
            told += [batch.records[index] for index in plan.whole]
        return told

    # -- by key ----------------------------------------------------------------------------------------------------------

    async def _ask_for_keys(self, rows: KeyLookup, inquiry: LookupState) -> bool:
        """Ask for each value; False when the CRM does not take such a query (an encrypted field, say)."""
        try:
            name = rows.field.api_name
            for values in rows.values():
                async for page in self._coql.pages(
                    [*OWNERSHIP_FIELDS, name], [value_in(name, values)], rows=COQL_GUARANTEED_ROWS, full_page=COQL_GUARANTEED_ROWS
                ):
                    known = self._known(page.records)
                    for held in page.records:
                        is_known = held["id"] in known
                        rows.see(held, ownership_of(held, inquiry.window, user_id=self._user_id, known=is_known))
        except QueryRejectedError:
            return False
        inquiry.note(rows)
        return True

    # -- by window -------------------------------------------------------------------------------------------------------

    async def _look_through_window(self, keyed: Sequence[KeyLookup], whole: Sequence[int], inquiry: LookupState) -> None:
        """See what was created in the window, again when a call was lost meanwhile: its rows may be what a record belongs to.

        That has an end: when many batches are in doubt, no more calls leave.
        """
        rivals = inquiry.rivals() if whole else []
        view = await self._view(keyed, whole, rivals, inquiry)
        if view is not None:
            for rows in keyed:
                inquiry.note(rows)
        while whole and view is not None:
            await self._learn(view, inquiry)
            before, rivals = rivals, inquiry.rivals()
            if rivals == before:
                self._conclude(view, inquiry)
                return
            view = await self._view((), whole, rivals, inquiry)

    async def _view(
        self, keyed: Sequence[KeyLookup], whole: Sequence[int], rivals: Sequence[Record], inquiry: LookupState
    ) -> WindowScan | None:
        """Page through what was created in the window; fields that a query does not take are left out of the comparison."""
        records = {index: inquiry.records[index] for index in whole}
        records |= {-index: record for index, record in enumerate(rivals, start=1)}
        blank = self._blank_keys(records.values())
        names = compared_fields(records.values(), self._crm_module, others=len(keyed) + len(blank))
        while True:
            view = WindowScan(RecordMatcher(records, names, self._crm_module, keys=blank), keyed, inquiry.window, self._user_id)
            try:
                await self._see_window(view, [*names, *blank])
            except QueryRejectedError as refused:
                mine = blank if refused.column in blank else names
                if refused.column not in mine:
                    inquiry.reasons[f"the CRM does not answer the query ({refused.reason})"] = None
                    return None
                mine.remove(refused.column)
            else:
                return view

    def _blank_keys(self, records: Collection[Record]) -> list[str]:
        """Give the key fields that none of *records* has a value in."""
        names = dict.fromkeys((*self._unique_fields, *self._match_on))
        known = [name for name in names if name in self._crm_module.by_api_name]
        return [name for name in known if all(record.get(name) in (None, "") for record in records)]

    async def _see_window(self, view: WindowScan, names: Sequence[str]) -> None:
        fields = dict.fromkeys((*OWNERSHIP_FIELDS, *names, *(rows.field.api_name for rows in view.keyed)))
        created = created_between(view.window.start_s, view.window.end_s)
        async for page in self._coql.pages([*fields], created, rows=COQL_PAGE_ROWS, full_page=COQL_GUARANTEED_ROWS):
            view.see(page.records, known=self._known(page.records))

    async def _learn(self, view: WindowScan, inquiry: LookupState) -> None:
        """Leave out what has its row, until no record can belong to a call whose reply is on its way."""
        view.account_for(inquiry.found.values())
        view.learn(self._known_ids(view.unsettled()))
        await self._wait_for_replies(view)

    def _conclude(self, view: WindowScan, inquiry: LookupState) -> None:
        """Match whole records; rows are absent only if every record has its row and a record known to be accepted was seen."""
        trusted_until_s = self._service_time() - self._reply_within_s - SECOND_S
        matches = view.conclude(trusted_until_s=trusted_until_s)
        inquiry.found.update(matches.found)
        if matches.unaccounted:
            inquiry.reasons[f"records created since that belong to no row known here: {matches.unaccounted}"] = None
        elif not view.control:
            inquiry.reasons["no record known to be accepted turned up, so that the query may not see fresh records"] = None
        else:
            inquiry.absent += matches.missing

    async def _wait_for_replies(self, view: WindowScan) -> None:
        """Wait until no record can belong to a call whose reply is on its way."""
        slice_s = SECOND_S
        while (youngest_s := view.youngest_s()) is not None:
            left_s = youngest_s + self._reply_within_s + SECOND_S - self._service_time()
            if left_s < 0:
                return
            before = self._wall()
            await self._pause(min(left_s + 0.01, slice_s))
            view.learn(self._known_ids(view.unsettled()))
            if self._wall() - before < min(left_s, slice_s) / 2:  # woken early: the run is being stopped
                return
            slice_s = min(2 * slice_s, LONGEST_SLICE_S)

    def _known(self, page: _Page) -> set[str]:
        return self._known_ids([held["id"] for held in page]) if page else set()

    def _service_time(self) -> float:
        return self._wall() + self._clock_skew()

    def _report(self, batch: Batch, inquiry: LookupState) -> None:
        """Say which rows stay in doubt, and why; by number, never by content."""
        settled = {*inquiry.found, *inquiry.absent}
        doubtful = sorted(number for index, number in enumerate(batch.numbers) if index not in settled)
        if doubtful:
            ranges = [str(first) if first == last else f"{first}-{last}" for first, last in ranges_of(doubtful)]
            named = ", ".join(ranges[:RANGES_TOLD]) + (", ..." if len(ranges) > RANGES_TOLD else "")
            reasons = "; ".join(inquiry.reasons) or "nothing in them can be compared"
            line = f"rows of a lost call that are in doubt so far: {len(doubtful)} (row {named}); {reasons}."
            if line not in self._told:  # they are looked up again when others were cleared up
                self._told.add(line)
                self._tell(line)


def _findings(inquiry: LookupState) -> LookupResult:
    found = sorted(inquiry.found)
    results = WriteResults(ids=[inquiry.found[index] for index in found], actions=Action.INSERT)
    return LookupResult(found=tuple(found), results=results if found else None, absent=tuple(sorted(inquiry.absent)))
