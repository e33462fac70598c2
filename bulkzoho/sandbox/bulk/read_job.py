"""Run bulk read jobs: write the requested records as CSV in a zip (zoho-api, section 8)."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bulkzoho.sandbox.bulk.cell_formatter import CellFormatter
from bulkzoho.sandbox.query.conditions import Node, meets
from bulkzoho.sandbox.query.index_choice import candidate_ids
from bulkzoho.sandbox.query.record_view import RecordView
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior

__all__ = ["MAX_RECORDS", "BulkReadRequest", "run_read_job"]

MAX_RECORDS = 200_000  # records per job; Zoho docs, "Bulk Read limitations"
ROWS_PER_TURN = 500  # rows written before other calls get a turn


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkReadRequest:
    """Request of one bulk read job."""

    store: ModuleStore
    header: Sequence[str]
    cells: Sequence[CellFormatter]
    where: Node | None
    in_view: Callable[[int], bool]  #: whether the view contains a record id
    page: int
    after: int  #: only records with higher ids; 0 means all
    switches: UnverifiedBehavior  #: format switches of the file


async def run_read_job(job: Job, job_request: BulkReadRequest) -> None:
    """Run *job*: set ``count``, ``more_records`` and ``last_id`` of its result, and its archive."""
    skip = (job_request.page - 1) * MAX_RECORDS if not job_request.after else 0
    count, last_id, more = 0, job_request.after, False
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"{job.id}.csv", "w") as file,
        io.TextIOWrapper(file, encoding="utf-8", newline="") as text,
    ):
        if job_request.switches.bulk_read_bom:
            text.write("\ufeff")
        quotes_all = job_request.switches.bulk_read_quotes_all
        writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL)
        writer.writerow(job_request.header)
        for number, row in enumerate(_rows(job_request)):
            if number % ROWS_PER_TURN == ROWS_PER_TURN - 1:
                await asyncio.sleep(0)
            if row.record_id not in job_request.store or not meets(job_request.where, row):
                continue
            if skip:
                skip -= 1
                continue
            if count == MAX_RECORDS:
                more = True
                break
            writer.writerow([cell(row) for cell in job_request.cells])
            count, last_id = count + 1, row.record_id
    job.result.update(count=count, more_records=more, last_id=last_id)
    job.archive = packed.getvalue()


def _rows(job_request: BulkReadRequest) -> Iterator[RecordView]:
    for record_id in candidate_ids(job_request.store, job_request.where):
        if record_id > job_request.after and job_request.in_view(record_id):
            yield RecordView(job_request.store, record_id)
