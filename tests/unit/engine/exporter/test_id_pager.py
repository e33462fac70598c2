"""Records by ids: in their order, each once, missing ids reported, resumed where reading ended."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest

from bulkzoho.domain.model.export import Partition
from bulkzoho.engine.exporter.id_pager import IdPager, RequestedIds
from bulkzoho.engine.exporter.record_api import Record
from bulkzoho.storage.files.append_file import AppendFile

REQUESTED = array("Q", [1, 3, 4, 6, 7, 9, 12])
EXISTING = {"1", "4", "6", "12"}


async def _read(ids: Sequence[str]) -> list[dict[str, Record]]:
    return [{record_id: {"id": record_id, "Name": f"N{record_id}"} for record_id in reversed(ids) if record_id in EXISTING}]


def _pages(path: Path) -> IdPager:
    return IdPager(RequestedIds(REQUESTED, page=2), _read, open_missing=lambda _: AppendFile(path))


async def test_records_come_in_the_order_of_ids_and_missing_ids_are_reported(tmp_path: Path) -> None:
    pages = [page async for page in _pages(tmp_path / "missing").pages(Partition(number=0))]

    assert [row[0] for page in pages for row in page.rows] == ["1", "4", "6", "12"]
    assert (tmp_path / "missing").read_text(encoding="utf-8").split() == ["3", "7", "9"]
    assert [page.done for page in pages] == [False, False, False, True]


@pytest.mark.parametrize("settled", [0, 1, 2, 3])
async def test_another_process_resumes_and_reports_each_missing_id_once(tmp_path: Path, settled: int) -> None:
    partition, found = Partition(number=0), []
    pages = [page async for page in _pages(tmp_path / "missing").pages(partition)]  # the last ones are not settled
    for page in pages[:settled]:
        partition = Partition(number=0, position=page.position)
        found += [row[0] for row in page.rows]

    found += [row[0] async for page in _pages(tmp_path / "missing").pages(partition) for row in page.rows]

    assert found == ["1", "4", "6", "12"]
    assert (tmp_path / "missing").read_text(encoding="utf-8").split() == ["3", "7", "9"]


async def test_partitions_share_the_ids() -> None:
    ids = RequestedIds(REQUESTED, page=10)

    lower, upper = await ids.next_ids("", "6"), await ids.next_ids("6", "")

    assert lower == (["1", "3", "4", "6"], True)
    assert upper == (["7", "9", "12"], True)
