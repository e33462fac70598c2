"""The requested record ids of an export: read from the user's file once, kept in the run's folder, the missing ones reported."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator
from itertools import chain, groupby, islice
from typing import Any, Final

from bulkzoho.domain.model.export import Partition, RequestedIdsReport
from bulkzoho.domain.model.settings import InputSettings
from bulkzoho.domain.transform.field_names import ID, normalize_name
from bulkzoho.domain.transform.references import parse_record_id
from bulkzoho.errors import RefusedError
from bulkzoho.formats.compression import decompress
from bulkzoho.formats.detect import open_raw, open_source
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.files.atomic_write import write_atomic
from bulkzoho.storage.files.private_folder import make_private_folder
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = [
    "describe_missing_ids",
    "load_requested_ids",
    "open_missing_ids_file",
    "read_ids",
    "report_requested_ids",
    "save_requested_ids",
]

MAX_LISTED: Final = 20  # missing ids in the summary itself
BLOCK_ROWS: Final = 1_000
SORTED_AT_ONCE: Final = 100_000  # ids
_COLUMNS: Final = frozenset({normalize_name(ID.api_name), normalize_name(ID.label)})


def read_ids(path: str) -> array[int]:
    """Read record ids from a file: one a line, or in a column ``id`` of CSV or JSON Lines.  They are sorted, each once.

    Raises:
        RefusedError: There is no such file, or no id in it, or something else where an id should be.
        RunFailedError: The file is damaged.
    """
    cells = _lines(path) if _is_plain_list(path) else _id_column(path)
    ids = _sorted_once(_numbers(path, cells))
    if not ids:
        raise RefusedError(f"{path}: contains no id.", hint="Put one id on each line.", code="NO_IDS")
    return ids


def _sorted_once(numbers: Iterator[int]) -> array[int]:
    """Sort *numbers*, perhaps millions, and remove duplicates; each takes eight bytes."""
    runs: list[array[int]] = []
    while chunk := list(islice(numbers, SORTED_AT_ONCE)):
        runs.append(array("Q", sorted(chunk)))
    return array("Q", (number for number, _ in groupby(heapq.merge(*runs))))


def _is_plain_list(path: str) -> bool:
    """Return whether the file is a list of ids without a header: its first line is an id."""
    return parse_record_id(next((line for _, line in _lines(path)), None)) is not None


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Read the lines that are not blank, with their numbers."""
    raw, name = open_raw(path)
    try:
        rest = b""
        number = 0
        for chunk in chain(decompress(raw.chunks(), name=name), (b"\n",)):
            *lines, rest = (rest + chunk).split(b"\n")
            for number, line in enumerate(lines, start=number + 1):  # noqa: B020  goes on from chunk to chunk
                if text := line.decode("utf-8-sig", "replace").strip():
                    yield number, text
    finally:
        raw.close()


def _id_column(path: str) -> Iterator[tuple[int, Any]]:
    """Read the cells of the column of ids, with their row numbers."""
    source = open_source(path, InputSettings(), block_rows=BLOCK_ROWS)
    try:
        while (block := source.read()) is not None:
            if block.unreadable:
                raise _no_id(path, block.unreadable[0].number, f"it cannot be read: {block.unreadable[0].message.rstrip('.')}")
            index = _id_column_index(path, block.header)
            yield from ((number, row[index]) for number, row in zip(block.numbers, block.rows, strict=True))
    finally:
        source.close()


def _id_column_index(path: str, header: Iterable[str]) -> int:
    found = [index for index, name in enumerate(header) if normalize_name(name) in _COLUMNS]
    if len(found) != 1:
        raise RefusedError(
            f"{path}: has no column id and is not a list of ids.",
            hint="Put one id on each line, or use CSV or JSON Lines with a column id.",
            code="NO_IDS",
        )
    return found[0]


def _numbers(path: str, cells: Iterable[tuple[int, Any]]) -> Iterator[int]:
    for row, cell in cells:
        text = parse_record_id(cell)
        if text is None:
            why = f"{str(cell)[:40]!r}" if isinstance(cell, str) and cell.strip() else "the cell is empty"
            raise _no_id(path, row, why)
        yield int(text)


def _no_id(path: str, row: int, why: str) -> RefusedError:
    return RefusedError(f"{path}, row {row}: not a record id ({why}).", hint="Correct or remove that line.", code="NO_IDS")


def save_requested_ids(folder: RunFolder, ids: array[int]) -> None:
    """Save *ids* in the run's folder, so that a resume requests the same ones whatever happens to the user's file."""
    write_atomic(folder.requested_ids, "".join(f"{record_id}\n" for record_id in ids).encode())


def load_requested_ids(folder: RunFolder) -> array[int]:
    """Load what :func:`save_requested_ids` saved."""
    with folder.requested_ids.open("rb") as lines:
        return array("Q", map(int, lines))


def open_missing_ids_file(folder: RunFolder, partition: Partition) -> AppendFile:
    """Open the file for the missing ids of *partition*."""
    path = folder.missing_ids_of(partition.number)
    make_private_folder(path.parent)
    return AppendFile(path)


def report_requested_ids(folder: RunFolder, ids: array[int]) -> RequestedIdsReport:
    """Join the missing ids of all partitions into one file and count them."""
    parts = folder.missing_ids_of(0).parent
    missing = b"".join(part.read_bytes() for part in sorted(parts.glob("*")))
    file = folder.missing_ids
    if missing:
        write_atomic(file, missing)
    first = tuple(line.decode() for line in missing.split(b"\n", MAX_LISTED)[:-1])
    return RequestedIdsReport(requested=len(ids), missing=missing.count(b"\n"), first_missing=first, file=str(file))


def describe_missing_ids(report: RequestedIdsReport, crm_module: str) -> str:
    """Return the line about missing ids for the user; "" when all were found."""
    if not report.missing:
        return ""
    some = ", ".join(report.first_missing[:3]) + (" ..." if report.missing > len(report.first_missing[:3]) else "")
    return (
        f"{report.missing:,} of {report.requested:,} ids are not among the {crm_module} that can be seen (deleted, converted, "
        f"hidden, or never there): {some}; all of them in {report.file}."
    )
