"""Requests and result files of bulk write jobs (zoho-api, section 9.6)."""

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

__all__ = ["BulkWriteRequest", "JobResult", "Operation", "pack_results"]

REPEATED_COLUMNS = 3  # columns of the uploaded file repeated in the result; Zoho docs, "Download Bulk Write Result" (v7)


class Operation(StrEnum):
    """Operation of a bulk write job."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkWriteRequest:
    """Request for one file of a bulk write job."""

    store: ModuleStore
    operation: Operation
    csv_file: UploadedCsv
    columns: Sequence[ColumnMap]
    find_by: str  #: id, a key field, or empty
    ignore_empty: bool  #: empty cells leave their field unchanged; otherwise they clear it
    by: User


@dataclass(frozen=True, slots=True, kw_only=True)
class JobResult:
    """Result of one row."""

    status: str
    record_id: str = ""
    errors: str = ""


def pack_results(crm: Crm, files: Sequence[tuple[BulkWriteRequest, Sequence[JobResult]]]) -> bytes:
    """Return the zip with the results, one CSV per file of the job."""
    archive_bytes = io.BytesIO()
    with zipfile.ZipFile(archive_bytes, "w", zipfile.ZIP_DEFLATED) as archive:
        for job_request, results in files:
            archive.writestr(
                f"{job_request.store.crm_module.api_name}-{job_request.csv_file.name}", _table(crm, job_request, results)
            )
    return archive_bytes.getvalue()


def _table(crm: Crm, job_request: BulkWriteRequest, results: Sequence[JobResult]) -> str:
    """Return the result CSV: the first three mapped columns and the row's result."""
    repeated = sorted({each.index for each in job_request.columns if each.index is not None})[:REPEATED_COLUMNS]
    strict, csv_file = crm.settings.strict, job_request.csv_file
    lines = [
        [
            *(row[index] if index < len(row) else "" for index in repeated),
            result.status.lower() if strict.lower_case_status else result.status,
            result.record_id,
            result.errors,
        ]
        for row, result in zip(csv_file.rows, results, strict=True)
    ]
    if strict.shuffled_results:
        crm.rng.shuffle(lines)
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*(csv_file.header[index] for index in repeated), "STATUS", "RECORD_ID", "ERRORS"])
    writer.writerows(lines)
    return text.getvalue()
