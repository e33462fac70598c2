"""Put together what reads an export's records, by its plan."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bulkzoho.app.export_ids import open_missing_ids_file
from bulkzoho.app.session import CrmSession
from bulkzoho.domain.compare.id_set import IdSet
from bulkzoho.domain.coql.export_filter import ExportFilter
from bulkzoho.domain.model.edition_limits import COQL_PAGE_ROWS
from bulkzoho.domain.model.export import ConvertedLeads, ExportPlan, ExportRoute, ExportSettings, Partition
from bulkzoho.domain.policy.export_route import CREATED, MODIFIED, coql_page, field_groups
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.exporter.bulk_read_pager import BulkReadPager
from bulkzoho.engine.exporter.coql_pager import CoqlPager
from bulkzoho.engine.exporter.deleted_pager import DeletedRecordsPager
from bulkzoho.engine.exporter.field_group_join import coql_reader, list_reader
from bulkzoho.engine.exporter.id_pager import IdPager, QueriedIds, RequestedIds
from bulkzoho.engine.exporter.incremental import DELETED
from bulkzoho.engine.exporter.list_pager import ListPager
from bulkzoho.engine.exporter.planner import includes_deleted
from bulkzoho.engine.exporter.record_api import RecordPager, RecordReadCalls
from bulkzoho.formats.bulk_zip import rows_in_zip
from bulkzoho.storage.store.run_folder import RunFolder
from bulkzoho.zoho.api.bulk_read_api import BulkReadClient

__all__ = ["PagerFactory"]

ASKED_AT_ONCE = 400  # ids of a page: eight calls of the list, four of COQL


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerFactory:
    """What an export is read with."""

    crm: CrmSession
    reader: RecordReadCalls
    stop: StopSignal
    told: ExportSettings
    plan: ExportPlan
    selection: ExportFilter
    crm_module: str
    folder: RunFolder
    scratch: Path  #: where results of bulk reads are kept for a while
    ids: array[int] | None  #: what was asked for

    def pages(self, strands: Sequence[Partition]) -> RecordPager:
        """Give the way to read *strands*."""
        pages = self._of_ids(self.ids) if self.ids is not None else self._of_route()
        if not includes_deleted(self.told, self.plan):
            return pages
        wanted = None if self.ids is None else IdSet(map(str, self.ids)).__contains__
        since, number = self.plan.since, len(strands) - 1
        return DeletedRecordsPager(pages, self.reader, number=number, since=since, column=DELETED, wanted=wanted)

    def _of_route(self) -> RecordPager:
        reader, selection, plan = self.reader, self.selection, self.plan
        groups = field_groups(plan.fields)
        if plan.route == ExportRoute.COQL:
            rows = coql_page(plan.expected)
            return CoqlPager(reader, groups=groups, conditions=selection.coql(), page_rows=rows)
        if plan.route != ExportRoute.LIST:
            return self._by_bulk_reads()
        older = QueriedIds(reader, conditions=selection.coql(), page=COQL_PAGE_ROWS)
        beyond = None if selection.converted is ConvertedLeads.TOO else older
        return ListPager(reader, groups=groups, since=selection.since, beyond=beyond)

    def _of_ids(self, ids: array[int]) -> RecordPager:
        reader, groups = self.reader, field_groups(self.plan.fields)
        if self.plan.route == ExportRoute.COQL:
            read = coql_reader(reader, groups, conditions=self.selection.coql())
        else:
            read = list_reader(reader, groups)
        return IdPager(RequestedIds(ids, page=ASKED_AT_ONCE), read, missing=partial(open_missing_ids_file, self.folder))

    def _by_bulk_reads(self) -> RecordPager:
        names = list(dict.fromkeys([CREATED, MODIFIED, *self.plan.fields]))
        criteria = self.selection.bulk_read()
        return BulkReadPager(
            BulkReadClient(self.crm.transport, self.crm.connection),
            self.crm.courier,
            self.stop,
            query={"module": {"api_name": self.crm_module}, "fields": names, "criteria": criteria},
            fields=names,
            folder=self.scratch,
            rows_in_zip=rows_in_zip,
        )
