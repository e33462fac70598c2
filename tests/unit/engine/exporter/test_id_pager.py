"""Records of given ids: in their order, once, what is not there named, and going on where they ended."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from pathlib import Path

import pytest

from bulkzoho.domain.model.export import Partition
from bulkzoho.engine.exporter.id_pager import IdPager, RequestedIds
from bulkzoho.engine.exporter.record_api import Record
from bulkzoho.storage.files.append_file import AppendFile

ASKED = array("Q", [1, 3, 4, 6, 7, 9, 12])
THERE = {"1", "4", "6", "12"}


async def _read(ids: Sequence[str]) -> list[dict[str, Record]]:
    return [{one: {"id": one, "Name": f"N{one}"} for one in reversed(ids) if one in THERE}]


def _pages(path: Path) -> IdPager:
    return IdPager(RequestedIds(ASKED, page=2), _read, missing=lambda _: AppendFile(path))


async def test_records_come_in_the_order_of_their_ids_and_the_missing_are_named(tmp_path: Path) -> None:
    pages = [page async for page in _pages(tmp_path / "missing").pages(Partition(number=0))]

    assert [row[0] for page in pages for row in page.rows] == ["1", "4", "6", "12"]
    assert (tmp_path / "missing").read_text(encoding="utf-8").split() == ["3", "7", "9"]
    assert [page.done for page in pages] == [False, False, False, True]


@pytest.mark.parametrize("settled", [0, 1, 2, 3])
async def test_another_process_goes_on_and_names_each_missing_id_once(tmp_path: Path, settled: int) -> None:
    strand, found = Partition(number=0), []
    pages = [page async for page in _pages(tmp_path / "missing").pages(strand)]  # of which the last ones were not settled
    for page in pages[:settled]:
        strand = Partition(number=0, position=page.position)
        found += [row[0] for row in page.rows]

    found += [row[0] async for page in _pages(tmp_path / "missing").pages(strand) for row in page.rows]

    assert found == ["1", "4", "6", "12"]
    assert (tmp_path / "missing").read_text(encoding="utf-8").split() == ["3", "7", "9"]


async def test_strands_share_the_ids() -> None:
    ids = RequestedIds(ASKED, page=10)

    lower, upper = await ids.following("", "6"), await ids.following("6", "")

    assert lower == (["1", "3", "4", "6"], True)
    assert upper == (["7", "9", "12"], True)
