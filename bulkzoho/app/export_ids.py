"""The record ids that an export was asked for: read from the user's file once, kept in the run's folder, the lost ones named."""

from __future__ import annotations

import heapq
from array import array
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Any, Final

from bulkzoho.domain.model.export import Partition
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
    "RequestedIdsReport",
    "load_requested_ids",
    "open_missing_ids_file",
    "read_ids",
    "report_requested_ids",
    "save_requested_ids",
]

NAMED: Final = 20  # missing ids that the summary itself names
BLOCK_ROWS: Final = 1_000
SORTED_AT_ONCE: Final = 100_000  # ids
_COLUMNS: Final = frozenset({normalize_name(ID.api_name), normalize_name(ID.label)})


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedIdsReport:
    """What became of the ids that were asked for."""

    asked: int
    missing: int  #: of which there is no record that this user sees
    first: tuple[str, ...]  #: the lowest of these
    file: Path  #: all of them, one a line

    def to_json(self) -> Mapping[str, Any]:
        """Give what the summary holds."""
        file = str(self.file) if self.missing else None
        found = self.asked - self.missing
        return {"asked": self.asked, "found": found, "missing": self.missing, "first_missing": list(self.first), "file": file}

    def line(self, crm_module: str) -> str:
        """Give what a person is told; "" when all were found."""
        if not self.missing:
            return ""
        some = ", ".join(self.first[:3]) + (" ..." if self.missing > len(self.first[:3]) else "")
        return (
            f"{self.missing:,} of {self.asked:,} ids are not among the {crm_module} that can be seen (deleted, converted, "
            f"hidden, or never there): {some}; all of them in {self.file}."
        )


def read_ids(path: str) -> array[int]:
    """Read the ids in a file, one a line or in a column ``id`` of a CSV or of JSON Lines; sorted, each once.

    Raises:
        RefusedError: There is no such file, no id in it, or something else in the place of one.
        RunFailedError: It is damaged.
    """
    cells = _lines(path) if _is_bare(path) else _column_of(path)
    ids = _sorted_once(_numbers(path, cells))
    if not ids:
        raise RefusedError(f"{path}: there is no id in it.", hint="Put one id on each line.", code="NO_IDS")
    return ids


def _sorted_once(numbers: Iterator[int]) -> array[int]:
    """Give *numbers*, millions of them, rising and each once, in eight bytes each."""
    runs: list[array[int]] = []
    while some := list(islice(numbers, SORTED_AT_ONCE)):
        runs.append(array("Q", sorted(some)))
    return array("Q", (number for number, _ in groupby(heapq.merge(*runs))))


def _is_bare(path: str) -> bool:
    """Whether the file is a list of ids without a header: its first line is an id."""
    return parse_record_id(next((line for _, line in _lines(path)), None)) is not None


def _lines(path: str) -> Iterator[tuple[int, str]]:
    """Give the lines that are not blank, with their numbers."""
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


def _column_of(path: str) -> Iterator[tuple[int, Any]]:
    """Give the cells of the column of ids, with the numbers of their rows."""
    source = open_source(path, InputSettings(), block_rows=BLOCK_ROWS)
    try:
        while (block := source.read()) is not None:
            if block.unreadable:
                raise _no_id(path, block.unreadable[0].number, f"it cannot be read: {block.unreadable[0].message.rstrip('.')}")
            index = _column(path, block.header)
            yield from ((number, row[index]) for number, row in zip(block.numbers, block.rows, strict=True))
    finally:
        source.close()


def _column(path: str, header: Iterable[str]) -> int:
    found = [index for index, name in enumerate(header) if normalize_name(name) in _COLUMNS]
    if len(found) != 1:
        raise RefusedError(
            f"{path}: has no column id, and is no list of ids.",
            hint="Put one id on each line, or give a CSV or JSON Lines with a column id.",
            code="NO_IDS",
        )
    return found[0]


def _numbers(path: str, cells: Iterable[tuple[int, Any]]) -> Iterator[int]:
    for row, cell in cells:
        text = parse_record_id(cell)
        if text is None:
            raise _no_id(path, row, f"{str(cell)[:40]!r} is none" if isinstance(cell, str) and cell.strip() else "it has none")
        yield int(text)


def _no_id(path: str, row: int, why: str) -> RefusedError:
    return RefusedError(f"{path}, row {row}: there is no record id ({why}).", hint="Correct or remove that line.", code="NO_IDS")


def save_requested_ids(folder: RunFolder, ids: array[int]) -> None:
    """Keep *ids* in the run's folder, so that a resume asks for the same whatever became of the user's file."""
    write_atomic(folder.requested_ids, "".join(f"{one}\n" for one in ids).encode())


def load_requested_ids(folder: RunFolder) -> array[int]:
    """Give what :func:`keep_ids` kept."""
    with folder.requested_ids.open("rb") as lines:
        return array("Q", map(int, lines))


def open_missing_ids_file(folder: RunFolder, strand: Partition) -> AppendFile:
    """Open the file that gets the lost ids of *strand*."""
    path = folder.missing_ids_of(strand.number)
    make_private_folder(path.parent)
    return AppendFile(path)


def report_requested_ids(folder: RunFolder, ids: array[int]) -> RequestedIdsReport:
    """Put the lost ids of all strands into one file and say how many there are."""
    parts = folder.missing_ids_of(0).parent
    lost = b"".join(part.read_bytes() for part in sorted(parts.glob("*")))
    file = folder.missing_ids
    if lost:
        write_atomic(file, lost)
    first = tuple(line.decode() for line in lost.split(b"\n", NAMED)[:-1])
    return RequestedIdsReport(asked=len(ids), missing=lost.count(b"\n"), first=first, file=file)
