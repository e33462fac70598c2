"""Run bulk write jobs: write each row and create the result file (zoho-api, section 9)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bulkzoho.sandbox.bulk.cell_parser import CellError
from bulkzoho.sandbox.bulk.field_mapping import Parents, UnresolvedError
from bulkzoho.sandbox.bulk.result_file import BulkWriteRequest, JobResult, Operation, pack_results
from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.writer import Result, Writer
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.unverified_behaviors import DuplicateKeysBehavior, HandlingBehavior

__all__ = ["ChildRows", "run_write_job"]

ROWS_PER_TURN = 200  # rows written before other calls get a turn


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRows:
    """A file with children of the records in the first file."""

    job_request: BulkWriteRequest
    parent_index: int  #: column of the first file that links the rows
    parents: Parents  #: filled once the first file is written


async def run_write_job(crm: Crm, job: Job, job_request: BulkWriteRequest, children: Sequence[ChildRows] = ()) -> None:
    """Run *job*: set the counts of each file in its result, and its archive."""
    row_results = await _write_rows(crm, job_request)
    files = [(job_request, row_results)]
    for child in children:
        for row, result in zip(job_request.csv_file.rows, row_results, strict=True):
            if result.record_id and child.parent_index < len(row):
                child.parents.setdefault(row[child.parent_index].strip(), result.record_id)
        files.append((child.job_request, await _write_rows(crm, child.job_request)))
    job.result["files"] = [_counts(each, results) for each, results in files]
    job.archive = pack_results(crm, files)


async def _write_rows(crm: Crm, job_request: BulkWriteRequest) -> list[JobResult]:
    results: list[JobResult] = []
    writer = _RowWriter(crm, job_request)
    for number, row in enumerate(job_request.csv_file.rows):
        if number % ROWS_PER_TURN == 0:
            await asyncio.sleep(0)
            writer.refresh_time()
        results.append(writer.write(row, number))
    return results


def _counts(job_request: BulkWriteRequest, results: Sequence[JobResult]) -> dict[str, Any]:
    counts = Counter(each.status for each in results)
    return {
        "name": job_request.csv_file.name,
        "added_count": counts["ADDED"],
        "skipped_count": counts["SKIPPED"],
        "updated_count": counts["UPDATED"],
        "total_count": len(results),
    }


class _RowWriter:
    """Writer of rows that reports all errors of a row."""

    def __init__(self, crm: Crm, job_request: BulkWriteRequest) -> None:
        self._crm = crm
        self._job_request = job_request
        self._checker = crm.checkers[job_request.store.crm_module.api_name]
        self._inserted: set[int] = set()  # ids inserted from this file
        self.refresh_time()

    def refresh_time(self) -> None:
        """Start a new writer, so that timestamps advance."""
        self._writer = Writer(self._crm, self._job_request.store, by=self._job_request.by)

    def write(self, row: Sequence[str], position: int) -> JobResult:
        """Write one row."""
        record, errors = self._record(row)
        target, error = (None, "") if errors else self._match(record)
        record.pop("id", None)
        if error:
            return JobResult(status="SKIPPED", errors=error)
        is_new = target is None
        for rejection in self._checker.all_errors(record, is_new=is_new):
            errors.setdefault(rejection.code, []).append(rejection.api_name)
        if errors:
            return JobResult(status="SKIPPED", errors=_join_errors(errors))
        if target is None:
            result = self._writer.insert(record, position)
            self._inserted.add(result.record_id)
            return _job_result(result, "ADDED")
        return _job_result(self._writer.update(record, position, target), "UPDATED")

    def _record(self, row: Sequence[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """Return the row as a record, and its invalid fields by error code."""
        record: dict[str, Any] = {}
        errors: dict[str, list[str]] = {}
        clears = not self._job_request.ignore_empty and self._job_request.operation is not Operation.INSERT
        for column in self._job_request.columns:
            text = row[column.index].strip() if column.index is not None and column.index < len(row) else ""
            text = text or column.default
            if not text:
                if clears and column.api_name != "id":
                    record[column.api_name] = None
                continue
            try:
                record[column.api_name] = column.parse(text)
            except CellError:
                errors.setdefault("INVALID_DATA", []).append(column.api_name)
            except UnresolvedError:
                errors.setdefault("RESOURCE_NOT_FOUND", []).append(column.api_name)
        return record, errors

    def _match(self, record: dict[str, Any]) -> tuple[int | None, str]:
        """Return the record that the row matches, or the reason to skip the row."""
        find_by, operation, strict = self._job_request.find_by, self._job_request.operation, self._crm.settings.strict
        found = self._find(record, find_by) if find_by else ()
        if operation is Operation.INSERT:
            return None, f"DUPLICATE_DATA-{find_by}" if found else ""
        if not found:
            return None, f"{strict.unmatched_code}-{find_by}" if operation is Operation.UPDATE else ""
        if strict.duplicate_keys is not DuplicateKeysBehavior.SEQUENTIAL and self._inserted.intersection(found):
            if strict.duplicate_keys is DuplicateKeysBehavior.REFUSE:
                return None, f"DUPLICATE_DATA-{find_by}"
            return None, ""
        if len(found) > 1 and strict.several_matches is HandlingBehavior.REFUSE:
            return None, f"DUPLICATE_DATA-{find_by}"
        return found[0], ""

    def _find(self, record: dict[str, Any], find_by: str) -> Sequence[int]:
        value = record.get(find_by)
        if value is None:
            return ()
        if find_by == "id":
            record_id = record_id_of(value)
            return (record_id,) if record_id is not None and record_id in self._job_request.store else ()
        return self._job_request.store.keys[find_by].find(value)


def _job_result(result: Result, status: str) -> JobResult:
    element = orjson.loads(result.encoded)
    if result.accepted:
        return JobResult(status=status, record_id=element["details"]["id"])
    return JobResult(status="SKIPPED", errors=_join_errors({element["code"]: [element["details"].get("api_name", "")]}))


def _join_errors(errors: dict[str, list[str]]) -> str:
    return ":".join(f"{code}-{','.join(names)}" for code, names in errors.items())
