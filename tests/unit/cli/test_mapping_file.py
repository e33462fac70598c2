"""Mapping files, good and bad."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkzoho.cli.mapping_file import MappingFile, read_mapping_file
from bulkzoho.errors import RefusedError


def test_an_empty_file_maps_nothing(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_text("")

    assert read_mapping_file(str(file)) == MappingFile()


def test_a_byte_order_mark_and_windows_line_ends_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "m.toml"
    file.write_bytes(b"\xef\xbb\xbf[columns]\r\nTown = 'City'\r\n")

    assert read_mapping_file(str(file)).columns == (("Town", "City"),)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"[columns\n", "TOML"),
        (b"\xff\xfe", "UTF-8"),
        (b"[colums]\n", "'colums'"),
        (b"[columns]\na = 5\n", "columns.a"),
        (b"[columns]\na = ' '\n", "columns.a"),
        (b"[columns]\nfirst.name = 'First_Name'\n", "columns.first"),
        (b"columns = 'x'\n", "'columns'"),
        (b"[set]\nScore = 1.50\n", "set.Score"),
        (b"[formats]\na = true\n", "formats.a"),
        (b"#" * (2 << 20), "too large"),
    ],
)
def test_a_bad_file_is_refused_with_its_name_and_key(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "m.toml"
    file.write_bytes(content)

    with pytest.raises(RefusedError) as caught:
        read_mapping_file(str(file))

    assert str(file) in caught.value.message
    assert message in caught.value.message


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(RefusedError):
        read_mapping_file(str(tmp_path / name))
