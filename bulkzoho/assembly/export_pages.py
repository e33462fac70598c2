"""Put together what reads an export's records, by its plan."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bulkzoho.assembly.connecting import Connected
from bulkzoho.assembly.export_ids import missing_file
from bulkzoho.assembly.export_planning import gives_deleted
from bulkzoho.assembly.export_state import DELETED
from bulkzoho.assembly.homes import RunFolder
from bulkzoho.core.exporting import COQL_PAGE, CREATED, MODIFIED, coql_page, field_groups
from bulkzoho.core.idset import IdSet
from bulkzoho.core.selecting import Selection
from bulkzoho.engine.bulk_pages import BulkPages
from bulkzoho.engine.coql_pages import CoqlPages
from bulkzoho.engine.deleted_pages import WithDeleted
from bulkzoho.engine.list_pages import ListPages
from bulkzoho.engine.named_pages import AskedIds, NamedPages, QueriedIds
from bulkzoho.engine.pages import Pages, Reader
from bulkzoho.engine.stopping import Stop
from bulkzoho.engine.whole_records import listed_by_ids, queried_by_ids
from bulkzoho.files.zipped_rows import rows_in_zip
from bulkzoho.model.export import ConvertedLeads, ExportPlan, ExportSettings, Strand, WantedRoute
from bulkzoho.zoho.bulk_read import ZohoBulkRead

__all__ = ["Reading"]

ASKED_AT_ONCE = 400  # ids of a page: eight calls of the list, four of COQL


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an export is read with."""

    crm: Connected
    reader: Reader
    stop: Stop
    told: ExportSettings
    plan: ExportPlan
    selection: Selection
    crm_module: str
    folder: RunFolder
    scratch: Path  #: where results of bulk reads are kept for a while
    ids: array[int] | None  #: what was asked for

    def pages(self, strands: Sequence[Strand]) -> Pages:
        """Give the way to read *strands*."""
        pages = self._of_ids(self.ids) if self.ids is not None else self._of_route()
        if not gives_deleted(self.told, self.plan):
            return pages
        wanted = None if self.ids is None else IdSet(map(str, self.ids)).__contains__
        since, number = self.plan.since, len(strands) - 1
        return WithDeleted(pages, self.reader, number=number, since=since, column=DELETED, wanted=wanted)

    def _of_route(self) -> Pages:
        reader, crm_module, selection, plan = self.reader, self.crm_module, self.selection, self.plan
        groups = field_groups(plan.fields)
        if plan.route == WantedRoute.COQL:
            rows = coql_page(plan.expected)
            return CoqlPages(reader, crm_module=crm_module, groups=groups, conditions=selection.coql(), page_rows=rows)
        if plan.route != WantedRoute.LIST:
            return self._by_bulk_reads()
        older = QueriedIds(reader, crm_module=crm_module, conditions=selection.coql(), page=COQL_PAGE)
        beyond = None if selection.converted is ConvertedLeads.TOO else older
        return ListPages(reader, groups=groups, since=selection.since, beyond=beyond)

    def _of_ids(self, ids: array[int]) -> Pages:
        reader, groups = self.reader, field_groups(self.plan.fields)
        if self.plan.route == WantedRoute.COQL:
            read = queried_by_ids(reader, crm_module=self.crm_module, groups=groups, conditions=self.selection.coql())
        else:
            read = listed_by_ids(reader, groups)
        return NamedPages(AskedIds(ids, page=ASKED_AT_ONCE), read, missing=partial(missing_file, self.folder))

    def _by_bulk_reads(self) -> Pages:
        names = list(dict.fromkeys([CREATED, MODIFIED, *self.plan.fields]))
        criteria = self.selection.bulk_read()
        return BulkPages(
            ZohoBulkRead(self.crm.transport, self.crm.connection),
            self.crm.courier,
            self.stop,
            query={"module": {"api_name": self.crm_module}, "fields": names, "criteria": criteria},
            fields=names,
            folder=self.scratch,
            rows_in_zip=rows_in_zip,
        )
