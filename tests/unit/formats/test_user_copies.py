"""A copy that a person edited is recognized."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from bulkzoho.formats.results_writer import CsvResultWriter
from bulkzoho.formats.user_copies import is_unmodified

HEADER = ("Last_Name",)


@pytest.fixture
def original(tmp_path: Path) -> Path:
    lines = [{"row": row, "id": f"57{row}", "action": "insert", "source": "a.csv"} for row in range(1, 4)]
    path = tmp_path / "results.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def _copy(folder: Path, rows: Sequence[int], *, prefix: str = "57") -> Path:
    results = CsvResultWriter()
    head = results.head(HEADER)
    ids, cells = [f"{prefix}{row}" for row in rows], [[f'a "{row}"\r\n'] for row in rows]
    path = folder / "copy.csv"
    path.write_bytes(head + results.encode(rows=rows, sources="a.csv", ids=ids, actions="insert", cells=cells))
    return path


def _uncounted(copy: Path, original: Path) -> bool:
    return is_unmodified(copy, original, length=0, is_csv=copy.suffix == ".csv")


@pytest.mark.parametrize("rows", [[], [1], [1, 2, 3]])
def test_the_first_lines_of_the_run_are_recognized(tmp_path: Path, original: Path, rows: list[int]) -> None:
    assert _uncounted(_copy(tmp_path, rows), original)


@pytest.mark.parametrize("rows", [[2], [1, 3], [1, 2, 3, 4]])
def test_other_lines_are_changes(tmp_path: Path, original: Path, rows: list[int]) -> None:
    assert not _uncounted(_copy(tmp_path, rows), original)


def test_lines_of_another_run_are_changes(tmp_path: Path, original: Path) -> None:
    assert not _uncounted(_copy(tmp_path, [1, 2], prefix="58"), original)


@pytest.mark.parametrize("content", [b"Last_Name\r\nSmith\r\n", b"\xff\xfe\r\n", b"\r\n", b'"\r\n', b"notes"])
def test_a_file_that_is_not_a_copy_is_changed(tmp_path: Path, original: Path, content: bytes) -> None:
    copy = tmp_path / "copy.csv"
    copy.write_bytes(content)

    assert not _uncounted(copy, original)


def test_a_csv_with_other_line_ends_is_changed(tmp_path: Path, original: Path) -> None:
    copy = _copy(tmp_path, [1, 2])
    copy.write_bytes(copy.read_bytes().replace(b"\r\n", b"\n"))

    assert not _uncounted(copy, original)


def test_json_lines_are_compared_byte_for_byte_within_a_line(tmp_path: Path, original: Path) -> None:
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(original.read_bytes()[:-3])
    own = _uncounted(copy, original)
    copy.write_bytes(original.read_bytes() + b"{}\n")

    assert own
    assert not _uncounted(copy, original)


def test_a_missing_or_empty_copy_is_unmodified(tmp_path: Path, original: Path) -> None:
    copy = tmp_path / "copy.csv"
    assert _uncounted(copy, original)
    copy.touch()

    assert _uncounted(copy, original)


def test_lines_after_the_valid_ones_are_accepted_if_the_valid_ones_are_unchanged(tmp_path: Path, original: Path) -> None:
    length = len(_copy(tmp_path, [1]).read_bytes())
    copy = _copy(tmp_path, [1, 2, 3])

    assert is_unmodified(copy, original, length=length, is_csv=True)
    assert not is_unmodified(copy, original, length=length + 1, is_csv=True)
    assert not is_unmodified(copy, original, length=10_000, is_csv=True)
