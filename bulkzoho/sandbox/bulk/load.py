"""The work of a bulk write: row after row into the module, and a file that tells what became of each (zoho-api, section 9)."""

from __future__ import annotations

import asyncio
import csv
import io
import zipfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import orjson

from bulkzoho.sandbox.bulk.cells import CellError
from bulkzoho.sandbox.bulk.mapping import ColumnMap, UnresolvedError
from bulkzoho.sandbox.bulk.sheet import Sheet
from bulkzoho.sandbox.records.values import record_id_of
from bulkzoho.sandbox.records.writing import Result, Writer
from bulkzoho.sandbox.settings import Handling
from bulkzoho.sandbox.state.crm import Crm, User
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.state.store import ModuleStore

__all__ = ["Load", "Operation", "load"]

ROWS_A_TURN = 200  # written before other calls get their turn
TOLD_COLUMNS = 3  # of the uploaded file stand in the result; Zoho docs, "Download Bulk Write Result" (v7)


class Operation(StrEnum):
    """What is done with each row."""

    INSERT = "insert"
    UPDATE = "update"
    UPSERT = "upsert"


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """What one job does."""

    store: ModuleStore
    operation: Operation
    sheet: Sheet
    columns: Sequence[ColumnMap]
    find_by: str  #: id, a key field, or nothing
    ignore_empty: bool  #: an empty cell leaves its field alone; else it clears it
    by: User


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ended:
    """What became of one row."""

    status: str
    record_id: str = ""
    errors: str = ""


async def load(crm: Crm, job: Job, asked: Load) -> None:
    """Do the work of *job*: its figures get the counts, its archive the zip with the result."""
    ended: list[_Ended] = []
    loader = _Loader(crm, asked)
    for number, row in enumerate(asked.sheet.rows):
        if number % ROWS_A_TURN == 0:
            await asyncio.sleep(0)
            loader.renew()
        ended.append(loader.write(row, number))
    counts = Counter(each.status for each in ended)
    job.figures.update(
        added_count=counts["ADDED"],
        skipped_count=counts["SKIPPED"],
        updated_count=counts["UPDATED"],
        total_count=len(ended),
    )
    job.archive = _packed(crm, asked, ended)


class _Loader:
    """Write rows, each with all of its errors."""

    def __init__(self, crm: Crm, asked: Load) -> None:
        self._crm = crm
        self._asked = asked
        self._checker = crm.checkers[asked.store.crm_module.api_name]
        self.renew()

    def renew(self) -> None:
        """Let the time of what is written go on."""
        self._writer = Writer(self._crm, self._asked.store, by=self._asked.by)

    def write(self, row: Sequence[str], position: int) -> _Ended:
        """Write one row."""
        record, errors = self._record(row)
        found, error = (None, "") if errors else self._match(record)
        record.pop("id", None)
        if error:
            return _Ended(status="SKIPPED", errors=error)
        is_new = found is None
        for refused in self._checker.refusals(record, is_new=is_new):
            errors.setdefault(refused.code, []).append(refused.api_name)
        if errors:
            return _Ended(status="SKIPPED", errors=_joined(errors))
        if found is None:
            return _ended(self._writer.insert(record, position), "ADDED")
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
            return None, f"RESOURCE_NOT_FOUND-{find_by}" if operation is Operation.UPDATE else ""
        if len(found) > 1 and strict.several_matches is Handling.REFUSE:
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


def _ended(result: Result, status: str) -> _Ended:
    told = orjson.loads(result.encoded)
    if result.accepted:
        return _Ended(status=status, record_id=told["details"]["id"])
    return _Ended(status="SKIPPED", errors=_joined({told["code"]: [told["details"].get("api_name", "")]}))


def _joined(errors: dict[str, list[str]]) -> str:
    return ":".join(f"{code}-{','.join(names)}" for code, names in errors.items())


def _packed(crm: Crm, asked: Load, ended: Sequence[_Ended]) -> bytes:
    """Give the result: the first three mapped columns, and what became of the row."""
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
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{asked.store.crm_module.api_name}-{sheet.name}", text.getvalue())
    return packed.getvalue()
