"""Build the pager of an export from its plan."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from bulkzoho.app.export_ids import open_missing_ids_file
from bulkzoho.app.session import CrmSession
from bulkzoho.domain.compare.id_set import IdSet
from bulkzoho.domain.coql.export_filter import ExportFilter
from bulkzoho.domain.model.export import (
    CREATED,
    MODIFIED,
    ConvertedLeads,
    ExportPlan,
    ExportRoute,
    ExportSettings,
    Partition,
)
from bulkzoho.domain.model.limits_and_costs import COQL_PAGE_ROWS
from bulkzoho.domain.policy.export_route import coql_page_rows, field_groups
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.exporter.bulk_read_pager import BulkReadPager, BulkReadRequest
from bulkzoho.engine.exporter.coql_pager import CoqlPager
from bulkzoho.engine.exporter.deleted_pager import DeletedRecordsPager
from bulkzoho.engine.exporter.field_group_join import coql_reader, list_reader
from bulkzoho.engine.exporter.id_pager import IdPager, QueriedIds, RequestedIds
from bulkzoho.engine.exporter.list_pager import ListPager
from bulkzoho.engine.exporter.planner import includes_deleted
from bulkzoho.engine.exporter.record_api import RecordPager, RecordReadCalls
from bulkzoho.formats.bulk_zip import rows_in_zip
from bulkzoho.storage.store.run_folder import RunFolder
from bulkzoho.zoho.api.bulk_read_api import BulkReadClient

__all__ = ["PagerFactory"]

IDS_PER_PAGE: Final = 400  # eight calls of the list, four of COQL


@dataclass(frozen=True, slots=True, kw_only=True)
class PagerFactory:
    """The parts of an export's pager."""

    crm: CrmSession
    calls: RecordReadCalls
    stop: StopSignal
    settings: ExportSettings
    plan: ExportPlan
    selection: ExportFilter
    crm_module: str
    folder: RunFolder
    scratch: Path  #: the folder for results of bulk reads
    ids: array[int] | None  #: the requested ids; None: all records

    def build(self, partitions: Sequence[Partition]) -> RecordPager:
        """Build the pager of *partitions*."""
        pager = self._by_route() if self.ids is None else self._by_ids(self.ids)
        if not includes_deleted(self.settings, self.plan):
            return pager
        is_wanted = None if self.ids is None else IdSet(map(str, self.ids)).__contains__
        number = len(partitions) - 1
        return DeletedRecordsPager(pager, self.calls, number=number, since=self.plan.since, is_wanted=is_wanted)

    def _by_route(self) -> RecordPager:
        groups = field_groups(self.plan.fields)
        match self.plan.route:
            case ExportRoute.COQL:
                rows = coql_page_rows(self.plan.expected)
                return CoqlPager(self.calls, groups=groups, conditions=self.selection.coql(), page_rows=rows)
            case ExportRoute.LIST:
                older = QueriedIds(self.calls, conditions=self.selection.coql(), page=COQL_PAGE_ROWS)
                has_older = self.selection.converted is not ConvertedLeads.TOO
                return ListPager(self.calls, groups=groups, since=self.selection.since, older=older if has_older else None)
            case _:
                return self._by_bulk_reads()

    def _by_ids(self, ids: array[int]) -> RecordPager:
        groups = field_groups(self.plan.fields)
        if self.plan.route == ExportRoute.COQL:
            read = coql_reader(self.calls, groups, conditions=self.selection.coql())
        else:
            read = list_reader(self.calls, groups)
        return IdPager(RequestedIds(ids, page=IDS_PER_PAGE), read, open_missing=partial(open_missing_ids_file, self.folder))

    def _by_bulk_reads(self) -> RecordPager:
        names = list(dict.fromkeys([CREATED, MODIFIED, *self.plan.fields]))
        query = {"module": {"api_name": self.crm_module}, "fields": names, "criteria": self.selection.bulk_read()}
        return BulkReadPager(
            BulkReadClient(self.crm.api_client, self.crm.connection),
            self.crm.caller,
            self.stop,
            request=BulkReadRequest(query=query, fields=names),
            folder=self.scratch,
            read_zip=rows_in_zip,
        )
