"""The work of a bulk write: row after row into the module, and a file that tells what became of each (zoho-api, section 9)."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from bulkzoho.sandbox.bulk.cell_parser import CellError
from bulkzoho.sandbox.bulk.field_mapping import Parents, UnresolvedError
from bulkzoho.sandbox.bulk.result_file import BulkWriteRequest, JobResult, Operation, packed
from bulkzoho.sandbox.records.field_checks import record_id_of
from bulkzoho.sandbox.records.writer import Result, Writer
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.unverified_behaviors import DuplicateKeysBehavior, HandlingBehavior

__all__ = ["ChildRows", "load"]

ROWS_A_TURN = 200  # written before other calls get their turn


@dataclass(frozen=True, slots=True, kw_only=True)
class ChildRows:
    """A file of what belongs to the records of the first file."""

    load: BulkWriteRequest
    parent_index: int  #: column of the first file that links them
    parents: Parents  #: is filled once the first file is written


async def load(crm: Crm, job: Job, asked: BulkWriteRequest, children: Sequence[ChildRows] = ()) -> None:
    """Do the work of *job*: its figures get the counts of each file, its archive the zip with the results."""
    ended = await _written(crm, asked)
    results = [(asked, ended)]
    for child in children:
        for row, end in zip(asked.sheet.rows, ended, strict=True):
            if end.record_id and child.parent_index < len(row):
                child.parents.setdefault(row[child.parent_index].strip(), end.record_id)
        results.append((child.load, await _written(crm, child.load)))
    job.figures["files"] = [_figures(each, rows) for each, rows in results]
    job.archive = packed(crm, results)


async def _written(crm: Crm, asked: BulkWriteRequest) -> list[JobResult]:
    ended: list[JobResult] = []
    loader = _Loader(crm, asked)
    for number, row in enumerate(asked.sheet.rows):
        if number % ROWS_A_TURN == 0:
            await asyncio.sleep(0)
            loader.renew()
        ended.append(loader.write(row, number))
    return ended


def _figures(asked: BulkWriteRequest, ended: Sequence[JobResult]) -> dict[str, Any]:
    counts = Counter(each.status for each in ended)
    return {
        "name": asked.sheet.name,
        "added_count": counts["ADDED"],
        "skipped_count": counts["SKIPPED"],
        "updated_count": counts["UPDATED"],
        "total_count": len(ended),
    }


class _Loader:
    """Write rows, each with all of its errors."""

    def __init__(self, crm: Crm, asked: BulkWriteRequest) -> None:
        self._crm = crm
        self._asked = asked
        self._checker = crm.checkers[asked.store.crm_module.api_name]
        self._inserted: set[int] = set()  # by this very file
        self.renew()

    def renew(self) -> None:
        """Let the time of what is written go on."""
        self._writer = Writer(self._crm, self._asked.store, by=self._asked.by)

    def write(self, row: Sequence[str], position: int) -> JobResult:
        """Write one row."""
        record, errors = self._record(row)
        found, error = (None, "") if errors else self._match(record)
        record.pop("id", None)
        if error:
            return JobResult(status="SKIPPED", errors=error)
        is_new = found is None
        for refused in self._checker.refusals(record, is_new=is_new):
            errors.setdefault(refused.code, []).append(refused.api_name)
        if errors:
            return JobResult(status="SKIPPED", errors=_joined(errors))
        if found is None:
            result = self._writer.insert(record, position)
            self._inserted.add(result.record_id)
            return _ended(result, "ADDED")
        return _ended(self._writer.update(record, position, found), "UPDATED")

    def _record(self, row: Sequence[str]) -> tuple[dict[str, Any], dict[str, list[str]]]:
        """Give the row as a record, and the fields that cannot be read, by code."""
        record: dict[str, Any] = {}
        errors: dict[str, list[str]] = {}
        clears = not self._asked.ignore_empty and self._asked.operation is not Operation.INSERT
        for column in self._asked.columns:
            text = row[column.index].strip() if column.index is not None and column.index < len(row) else ""
            text = text or column.default
            if not text:
                if clears and column.api_name != "id":
                    record[column.api_name] = None
                continue
            try:
                record[column.api_name] = column.read(text)
            except CellError:
                errors.setdefault("INVALID_DATA", []).append(column.api_name)
            except UnresolvedError:
                errors.setdefault("RESOURCE_NOT_FOUND", []).append(column.api_name)
        return record, errors

    def _match(self, record: dict[str, Any]) -> tuple[int | None, str]:
        """Give the record that the row is about, or why the row is skipped."""
        find_by, operation, strict = self._asked.find_by, self._asked.operation, self._crm.settings.strict
        found = self._found(record, find_by) if find_by else ()
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

    def _found(self, record: dict[str, Any], find_by: str) -> Sequence[int]:
        value = record.get(find_by)
        if value is None:
            return ()
        if find_by == "id":
            record_id = record_id_of(value)
            return (record_id,) if record_id is not None and record_id in self._asked.store else ()
        return self._asked.store.keys[find_by].find(value)


def _ended(result: Result, status: str) -> JobResult:
    told = orjson.loads(result.encoded)
    if result.accepted:
        return JobResult(status=status, record_id=told["details"]["id"])
    return JobResult(status="SKIPPED", errors=_joined({told["code"]: [told["details"].get("api_name", "")]}))


def _joined(errors: dict[str, list[str]]) -> str:
    return ":".join(f"{code}-{','.join(names)}" for code, names in errors.items())
