"""What a bulk write is asked to do with a file, and the file that tells what became of each row (zoho-api, section 9.6)."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from bulkzoho.sandbox.bulk.field_mapping import ColumnMap
from bulkzoho.sandbox.bulk.uploaded_csv import UploadedCsv
from bulkzoho.sandbox.state.crm import Crm, User
from bulkzoho.sandbox.state.module_store import ModuleStore

__all__ = ["BulkWriteRequest", "JobResult", "Operation", "packed"]

TOLD_COLUMNS = 3  # of the uploaded file stand in the result; Zoho docs, "Download Bulk Write Result" (v7)


class Operation(StrEnum):
    """What is done with each row."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkWriteRequest:
    """What one job does."""

    store: ModuleStore
    operation: Operation
    sheet: UploadedCsv
    columns: Sequence[ColumnMap]
    find_by: str  #: id, a key field, or nothing
    ignore_empty: bool  #: an empty cell leaves its field alone; else it clears it
    by: User


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """What became of one row."""

    status: str
    record_id: str = ""
    errors: str = ""


def packed(crm: Crm, results: Sequence[tuple[BulkWriteRequest, Sequence[JobResult]]]) -> bytes:
    """Give the zip with the results, one CSV for each file of the job."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for asked, ended in results:
            archive.writestr(f"{asked.store.crm_module.api_name}-{asked.sheet.name}", _table(crm, asked, ended))
    return made.getvalue()


def _table(crm: Crm, asked: BulkWriteRequest, ended: Sequence[JobResult]) -> str:
    """Give the first three mapped columns, and what became of the row."""
    shown = sorted({each.index for each in asked.columns if each.index is not None})[:TOLD_COLUMNS]
    strict, sheet = crm.settings.strict, asked.sheet
    lines = [
        [
            *(row[index] if index < len(row) else "" for index in shown),
            end.status.lower() if strict.lower_case_status else end.status,
            end.record_id,
            end.errors,
        ]
        for row, end in zip(sheet.rows, ended, strict=True)
    ]
    if strict.shuffled_results:
        crm.chance.shuffle(lines)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(sheet.header[index] for index in shown), "STATUS", "RECORD_ID", "ERRORS"])
    writer.writerows(lines)
    return text.getvalue()
