"""The work of a bulk read: the records that were asked for, as CSV in a zip (zoho-api, section 8)."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from bulkzoho.sandbox.bulk.cell_formatter import Cell
from bulkzoho.sandbox.query.conditions import Node, meets
from bulkzoho.sandbox.query.index_choice import candidates
from bulkzoho.sandbox.query.record_view import RecordView
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior

__all__ = ["MAX_RECORDS", "BulkReadRequest", "export"]

MAX_RECORDS = 200_000  # a job; Zoho docs, "Bulk Read limitations"
ROWS_A_TURN = 500  # written before other calls get their turn


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkReadRequest:
    """What one job gives."""

    store: ModuleStore
    header: Sequence[str]
    cells: Sequence[Cell]
    where: Node | None
    shows: Callable[[int], bool]  #: whether the view that is read holds the record of that id
    page: int
    after: int  #: only records with a higher id; 0 for all
    form: UnverifiedBehavior  #: how the file is written


async def export(job: Job, asked: BulkReadRequest) -> None:
    """Do the work of *job*: its figures get ``count``, ``more_records`` and ``last_id``, its archive the zip."""
    skip = (asked.page - 1) * MAX_RECORDS if not asked.after else 0
    count, last_id, more = 0, asked.after, False
    packed = io.BytesIO()
    with (
        zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive,
        archive.open(f"{job.id}.csv", "w") as file,
        io.TextIOWrapper(file, encoding="utf-8", newline="") as text,
    ):
        if asked.form.bulk_read_bom:
            text.write("\ufeff")
        quotes_all = asked.form.bulk_read_quotes_all
        writer = csv.writer(text, lineterminator="\r\n", quoting=csv.QUOTE_ALL if quotes_all else csv.QUOTE_MINIMAL)
        writer.writerow(asked.header)
        for number, row in enumerate(_rows(asked)):
            if number % ROWS_A_TURN == ROWS_A_TURN - 1:
                await asyncio.sleep(0)
            if row.record_id not in asked.store or not meets(asked.where, row):
                continue
            if skip:
                skip -= 1
                continue
            if count == MAX_RECORDS:
                more = True
                break
            writer.writerow([cell(row) for cell in asked.cells])
            count, last_id = count + 1, row.record_id
    job.figures.update(count=count, more_records=more, last_id=last_id)
    job.archive = packed.getvalue()


def _rows(asked: BulkReadRequest) -> Iterator[RecordView]:
    for record_id in candidates(asked.store, asked.where):
        if record_id > asked.after and asked.shows(record_id):
            yield RecordView(asked.store, record_id)
