"""Record ids from files in any form."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from bulkzoho.app.export_ids import read_ids
from bulkzoho.errors import RefusedError

ONE, OTHER = 5725767000000000001, 5725767000000000007


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("ids.txt", f"{OTHER}\n{ONE}\n"),
        ("ids", f"\ufeff{ONE}\r\n\r\n {OTHER} \r\n{ONE}"),
        ("results.jsonl", f'{{"row": 1, "id": "{ONE}"}}\n{{"row": 2, "id": {OTHER}, "source": "a.csv"}}\n'),
        ("contacts.csv", f'Name,Record Id\n"a,\nb",zcrm_{ONE}\nc,{OTHER}\n'),
        ("table.csv", f"Name;id\na;{ONE}\nb;{OTHER}\n"),
    ],
)
def test_ids_are_read_sorted_and_each_once(tmp_path: Path, name: str, content: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8", newline="")

    assert list(read_ids(str(path))) == [ONE, OTHER]


def test_a_compressed_list_of_many_ids_is_read_completely(tmp_path: Path) -> None:
    path = tmp_path / "ids.txt.gz"
    path.write_bytes(gzip.compress("\n".join(map(str, range(ONE, ONE + 50_000))).encode()))

    assert list(read_ids(str(path))) == list(range(ONE, ONE + 50_000))


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("ids.txt", "", "empty|contains no id"),
        ("ids.txt", f"{ONE}\nx\n", "row 2: .*'x'"),
        ("ids.csv", f"id,Name\n{ONE},a\n,b\n", "row 2: .*the cell is empty"),
        ("ids.csv", "id\n5.72E+18\n", r"row 1: .*5\.72E\+18"),
        ("ids.csv", "Name\nx\n", "has no column id"),
        ("ids.csv", "id,Record Id\n1,2\n", "has no column id"),
        ("ids.jsonl", '{"id": "1"}\n{"id": {}}\n', "row 2: .*the cell is empty"),
        ("ids.jsonl", '{"id": "1"}\n{\n', "row 2: .*cannot be read"),
        ("ids.txt", "1" * 19 + "1", "contains no id"),
    ],
)
def test_a_row_without_a_valid_id_is_refused(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")

    with pytest.raises(RefusedError, match=said):
        read_ids(str(path))
