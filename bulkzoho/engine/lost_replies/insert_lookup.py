"""Ask the CRM by COQL which rows of an insert without a response it has.

COQL reads the database, not the search index, so it sees a write immediately (docs "Search records" v7).  A row without proof
stays in doubt: it counts as found only if this user created a matching record since the request was sent and no other row is
known to have that record; it counts as absent only if sending it again cannot create a duplicate.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from bulkzoho.domain.compare.lookup_plan import KeyLookup, compared_fields, plan_lookup
from bulkzoho.domain.compare.record_matching import RecordMatcher, WindowScan
from bulkzoho.domain.compare.record_ownership import CreationWindow, creation_window, ownership_of
from bulkzoho.domain.coql.builder import OWNERSHIP_FIELDS, created_between, value_in
from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.limits_and_costs import COQL_GUARANTEED_ROWS, COQL_PAGE_ROWS
from bulkzoho.domain.model.metadata import CrmModule, User
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.row_ranges import ranges_of
from bulkzoho.domain.model.rows import Action, Batch, Record
from bulkzoho.domain.model.settings import REPLY_TIMEOUT_S, SETTLE_MARGIN_S
from bulkzoho.engine.concurrency.coql_reader import CoqlReader, QueryRejectedError
from bulkzoho.engine.lost_replies.protocols import LookupResult

__all__ = ["CoqlInsertLookup", "InsertLookupParts"]

SECOND_S: Final = 1.0  # Created_Time has whole seconds
LONGEST_SLICE_S: Final = 15.0  # between two checks which other calls have a response
RANGES_SHOWN: Final = 5  # row ranges in one line

_Page = Sequence[Mapping[str, Any]]


@dataclass(slots=True)
class LookupState:
    """What is known about one batch so far."""

    records: Sequence[Record]
    window: CreationWindow
    other_records: Callable[[], list[Record]]  #: returns the rows without a key of other batches in doubt
    found: dict[int, str] = field(default_factory=dict)  #: rows by index, with their ids
    absent: list[int] = field(default_factory=list)
    reasons: dict[str, None] = field(default_factory=dict)  #: why the other rows stay in doubt, each once

    def note(self, rows: KeyLookup) -> None:
        """Add the result for *rows*, whose records were all read."""
        rows.complete = True
        found, absent = rows.found(), rows.absent()
        taken = set(self.found.values())
        self.found.update((index, record_id) for index, record_id in found.items() if record_id not in taken)
        self.absent += absent
        if len(found) + len(absent) < len(rows):
            self.reasons[f"a record with the same {rows.field.api_name} exists, but may be of another origin"] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InsertLookupParts:
    """Parts of a :class:`CoqlInsertLookup`."""

    coql: CoqlReader
    crm_module: CrmModule
    user: User | None  #: the user that the token belongs to; None if unknown: then records created by any user count
    unique_fields: Sequence[str]  #: API names of fields that may identify a row; skipped unless the metadata mark them unique
    match_on: Sequence[str] = ()  #: API names by which an upsert finds records: rows that are looked up have none of them
    import_key: str | None  #: API name of the field that holds run and row, if the records have one
    known_ids: Callable[[Sequence[str]], set[str]]  #: returns those of some record ids that belong to rows of runs here
    clock_skew: Callable[[], float]  #: returns the service's time minus ours, in seconds
    settle_wait_s: float  #: until a request can no longer be running
    wall: Callable[[], float] = time.time  #: our time, in seconds since the epoch
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep  #: waits for some seconds, or until the run is stopped
    tell: Callable[[str], None] = lambda _line: None  #: shows one line to the user


class CoqlInsertLookup:
    """A :class:`bulkzoho.engine.lost_replies.protocols.InsertLookup`."""

    def __init__(self, parts: InsertLookupParts) -> None:
        self._coql = parts.coql
        self._crm_module = parts.crm_module
        self._user_id = None if parts.user is None else parts.user.id
        self._unique_fields = parts.unique_fields
        self._match_on = parts.match_on
        self._import_key = parts.import_key
        self._known_ids = parts.known_ids
        self._clock_skew = parts.clock_skew
        self._call_ends_after_s = max(parts.settle_wait_s, REPLY_TIMEOUT_S + SETTLE_MARGIN_S)
        self._reply_within_s = min(parts.settle_wait_s, REPLY_TIMEOUT_S)
        self._wall = parts.wall
        self._pause = parts.pause
        self._tell = parts.tell
        self._shown: set[str] = set()

    async def find(
        self, batch: Batch, shipment: InFlightShipment, *, other_in_doubt_batches: Callable[[], Sequence[Batch]] = tuple
    ) -> LookupResult:
        """Look the rows of *batch* up; safe to cancel.

        The rows of *other_in_doubt_batches* are matched beside these: a record that is like a row here but has more values may
        belong to one of theirs.  It is then left to them, and no row here counts as absent.

        Raises:
            StopRequestedError: The run was stopped meanwhile.
            AccessError: The token may not query.
            BulkZohoError: The CRM cannot be asked.
        """
        plan = plan_lookup(batch.records, self._crm_module, unique_fields=self._unique_fields, import_key=self._import_key)
        skews_s = {self._clock_skew(), *(() if shipment.skew_s is None else (shipment.skew_s,))}
        window = creation_window(
            shipment.sent_at,
            skews_s=skews_s,
            call_ends_after_s=shipment.latest_sent_at - shipment.sent_at + self._call_ends_after_s,
        )
        state = LookupState(batch.records, window, other_records=lambda: self._without_key(other_in_doubt_batches()))
        rejected = [rows for rows in plan.by_key if not await self._ask_for_keys(rows, state)]
        by_window = [*plan.by_key_in_window, *rejected]
        if by_window or plan.by_record:
            await self._look_through_window(by_window, plan.by_record, state)
        self._report(batch, state)
        return _result_of(state)

    def _without_key(self, batches: Sequence[Batch]) -> list[Record]:
        """Return the rows of *batches* that only the whole record identifies."""
        records: list[Record] = []
        for batch in batches:
            plan = plan_lookup(batch.records, self._crm_module, unique_fields=self._unique_fields, import_key=self._import_key)
            records += [batch.records[index] for index in plan.by_record]
        return records

    # -- by key ----------------------------------------------------------------------------------------------------------

    async def _ask_for_keys(self, rows: KeyLookup, state: LookupState) -> bool:
        """Query each value; return False when the CRM rejects such a query (an encrypted field, say)."""
        try:
            name = rows.field.api_name
            for values in rows.value_groups():
                async for page in self._coql.pages(
                    [*OWNERSHIP_FIELDS, name], [value_in(name, values)], rows=COQL_GUARANTEED_ROWS, full_page=COQL_GUARANTEED_ROWS
                ):
                    known = self._known(page.records)
                    for record in page.records:
                        is_known = record["id"] in known
                        rows.add_record(record, ownership_of(record, state.window, user_id=self._user_id, is_known=is_known))
        except QueryRejectedError:
            return False
        state.note(rows)
        return True

    # -- by window -------------------------------------------------------------------------------------------------------

    async def _look_through_window(self, keyed: Sequence[KeyLookup], whole: Sequence[int], state: LookupState) -> None:
        """Read the records created in the window, again if another batch became in doubt meanwhile: a record may belong to it.

        The repetition ends: when many batches are in doubt, no more calls are sent.
        """
        others = state.other_records() if whole else []
        view = await self._view(keyed, whole, others, state)
        if view is not None:
            for rows in keyed:
                state.note(rows)
        while whole and view is not None:
            await self._learn(view, state)
            before, others = others, state.other_records()
            if others == before:
                self._conclude(view, state)
                return
            view = await self._view((), whole, others, state)

    async def _view(
        self, keyed: Sequence[KeyLookup], whole: Sequence[int], others: Sequence[Record], state: LookupState
    ) -> WindowScan | None:
        """Read the records created in the window; fields that a query rejects are left out of the comparison."""
        records = {index: state.records[index] for index in whole}
        records |= {-index: record for index, record in enumerate(others, start=1)}
        blank = self._blank_keys(records.values())
        names = compared_fields(records.values(), self._crm_module, others=len(keyed) + len(blank))
        while True:
            view = WindowScan(RecordMatcher(records, names, self._crm_module, keys=blank), keyed, state.window, self._user_id)
            try:
                await self._see_window(view, [*names, *blank])
            except QueryRejectedError as rejected:
                mine = blank if rejected.column in blank else names
                if rejected.column not in mine:
                    state.reasons[f"the CRM rejects the query ({rejected.reason})"] = None
                    return None
                mine.remove(rejected.column)
            else:
                return view

    def _blank_keys(self, records: Collection[Record]) -> list[str]:
        """Return the key fields in which none of *records* has a value."""
        names = dict.fromkeys((*self._unique_fields, *self._match_on))
        known = [name for name in names if name in self._crm_module.by_api_name]
        return [name for name in known if all(record.get(name) in (None, "") for record in records)]

    async def _see_window(self, view: WindowScan, names: Sequence[str]) -> None:
        fields = dict.fromkeys((*OWNERSHIP_FIELDS, *names, *(rows.field.api_name for rows in view.key_lookups)))
        created = created_between(view.window.start_s, view.window.end_s)
        async for page in self._coql.pages([*fields], created, rows=COQL_PAGE_ROWS, full_page=COQL_GUARANTEED_ROWS):
            view.add_page(page.records, known=self._known(page.records))

    async def _learn(self, view: WindowScan, state: LookupState) -> None:
        """Leave out records that have a row, until no record can belong to a call in flight."""
        view.mark_accounted(state.found.values())
        view.mark_known(self._known_ids(view.open_ids()))
        await self._wait_for_replies(view)

    def _conclude(self, view: WindowScan, state: LookupState) -> None:
        """Match whole records; rows are absent only if every record has a row and a record known to be accepted was read."""
        trusted_until_s = self._service_time() - self._reply_within_s - SECOND_S
        matches = view.match(trusted_until_s=trusted_until_s)
        state.found.update(matches.found)
        if matches.unaccounted:
            state.reasons[f"records created since then that match no known row: {matches.unaccounted}"] = None
        elif not view.sees_fresh_records:
            state.reasons["no record known to be accepted was found, so the query may not return new records yet"] = None
        else:
            state.absent += matches.missing

    async def _wait_for_replies(self, view: WindowScan) -> None:
        """Wait until no record can belong to a call in flight."""
        slice_s = SECOND_S
        while (youngest_s := view.youngest_s()) is not None:
            left_s = youngest_s + self._reply_within_s + SECOND_S - self._service_time()
            if left_s < 0:
                return
            before = self._wall()
            await self._pause(min(left_s + 0.01, slice_s))
            view.mark_known(self._known_ids(view.open_ids()))
            if self._wall() - before < min(left_s, slice_s) / 2:  # woken early: the run is being stopped
                return
            slice_s = min(2 * slice_s, LONGEST_SLICE_S)

    def _known(self, page: _Page) -> set[str]:
        return self._known_ids([record["id"] for record in page]) if page else set()

    def _service_time(self) -> float:
        return self._wall() + self._clock_skew()

    def _report(self, batch: Batch, state: LookupState) -> None:
        """Show which rows stay in doubt, and why; by number, never by content."""
        settled = {*state.found, *state.absent}
        in_doubt = sorted(number for index, number in enumerate(batch.numbers) if index not in settled)
        if in_doubt:
            ranges = [str(first) if first == last else f"{first}-{last}" for first, last in ranges_of(in_doubt)]
            named = ", ".join(ranges[:RANGES_SHOWN]) + (", ..." if len(ranges) > RANGES_SHOWN else "")
            reasons = "; ".join(state.reasons) or "they have no value that can be compared"
            line = f"Rows in doubt after a request without a response: {len(in_doubt)} (row {named}); {reasons}."
            if line not in self._shown:  # they are looked up again when other rows were resolved
                self._shown.add(line)
                self._tell(line)


def _result_of(state: LookupState) -> LookupResult:
    found = sorted(state.found)
    results = WriteResults(ids=[state.found[index] for index in found], actions=Action.INSERT)
    return LookupResult(found=tuple(found), results=results if found else None, absent=tuple(sorted(state.absent)))
