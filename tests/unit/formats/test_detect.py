"""Inputs are opened in their format, and unsuitable files are refused."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import zstandard

from bulkzoho.domain.model.settings import InputFormat, InputSettings
from bulkzoho.errors import BulkZohoError, RefusedError, RunFailedError
from bulkzoho.formats.detect import FileSource, open_source

BY_ITSELF = InputSettings()
CSV = b"Name,City\nAnn,Rome\n"
TSV = b"Name, or nick\tCity, town, village\nAnn\tRome\n"
JSONL = b'{"Name":"Ann","City":"Rome"}\n'


@contextmanager
def opened(path: Path, settings: InputSettings = BY_ITSELF) -> Iterator[FileSource]:
    source = open_source(str(path), settings)
    try:
        yield source
    finally:
        source.close()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", CSV),
        ("a.CSV", CSV),
        ("a.txt", CSV),
        ("a.tsv", TSV),
        ("a.jsonl", JSONL),
        ("a.ndjson", JSONL),
        ("a.json-lines", JSONL),
        ("a", CSV),
        ("a", JSONL),
        ("a.dat", b"\xef\xbb\xbf \n" + JSONL),
        ("a.json", JSONL),
        ("a.2026", JSONL.decode().encode("utf-16")),
        ("a.b.csv", CSV),
    ],
)
@pytest.mark.parametrize("packing", ["", ".gz", ".zst", ".zstd"])
def test_the_format_is_detected_by_name_else_by_the_first_bytes(tmp_path: Path, name: str, content: bytes, packing: str) -> None:
    path = tmp_path / (name + packing)
    match packing:
        case "":
            path.write_bytes(content)
        case ".gz":
            path.write_bytes(gzip.compress(content))
        case _:
            path.write_bytes(zstandard.ZstdCompressor().compress(content))

    with opened(path) as source:
        block = source.read()

    assert block is not None
    assert [list(row) for row in block.rows] == [["Ann", "Rome"]]
    assert source.name == path.name


def test_a_given_format_takes_precedence_over_the_name(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(JSONL)

    with opened(path, InputSettings(format=InputFormat.JSONL)) as source:
        block = source.read()

    assert block is not None
    assert block.header == ("Name", "City")


def test_an_uncompressed_file_named_gz_is_read(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(CSV)

    with opened(path) as source:
        block = source.read()

    assert block is not None
    assert block.header == ("Name", "City")


def test_bytes_read_are_those_of_the_compressed_file(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(gzip.compress(CSV))

    with opened(path) as source:
        assert source.fingerprint().read_bytes == 0
        while source.read():
            pass

    assert source.fingerprint().read_bytes == path.stat().st_size


def test_a_truncated_gzip_gives_the_rows_before_and_then_fails(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv.gz"
    packed = gzip.compress(b"A,B\n" + b"".join(os.urandom(8).hex().encode() + b",2\n" for _ in range(5000)))
    path.write_bytes(packed[: len(packed) // 2])
    rows = 0

    with opened(path) as source:
        try:
            while block := source.read():
                assert not block.unreadable
                rows += len(block.rows)
        except RunFailedError as error:
            assert "end too early" in error.message  # noqa: PT017  the rows given before are what matters

    assert 2000 < rows < 3000


def test_a_path_that_is_not_a_file_is_refused_with_a_hint(tmp_path: Path) -> None:
    missing = tmp_path / "nope.csv"

    assert _refused(missing).message == f"{missing}: no such file."
    assert _refused(tmp_path).message == f"{tmp_path}: is a folder."
    assert "is not a path" in _refused(tmp_path / "a\0b.csv").message


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such pipes")
def test_a_pipe_with_a_name_is_refused_without_waiting_for_its_writer(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)

    assert "use - as the file" in _refused(path).hint


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such permissions")
def test_a_file_without_permission_to_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_bytes(CSV)
    path.chmod(0)
    user = os.geteuid()

    if user == 0:  # the superuser may read anything
        os.seteuid(65534)
    try:
        error = _refused(path)
    finally:
        os.seteuid(user)

    assert error.message == f"{path}: permission denied."


@pytest.mark.parametrize("encoding", ["klingon", "rot13"])
def test_an_unknown_encoding_is_refused_in_any_format(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "leads"
    path.write_bytes(CSV)

    with opened(path, InputSettings(encoding=encoding)) as source, pytest.raises(RefusedError) as caught:
        source.read()

    assert caught.value.code == "NO_SUCH_ENCODING"


def _refused(path: Path) -> BulkZohoError:
    with pytest.raises(RefusedError) as caught:
        open_source(str(path), InputSettings())
    assert caught.value.hint
    return caught.value


MEASURE = """
import re, sys
from pathlib import Path
from bulkzoho.formats.detect import open_source
from bulkzoho.errors import RunFailedError
from bulkzoho.domain.model.settings import InputSettings
source, rows = open_source(sys.argv[1], InputSettings()), 0
try:
    while (block := source.read()) is not None:
        rows += len(block.rows)
except RunFailedError as error:
    print(error)
peak = re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]  # getrusage would give that of the parent
print(rows, peak)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads the peak from /proc")
@pytest.mark.parametrize("quote_in_row", [100_000, None])
def test_three_hundred_megabytes_with_or_without_an_open_quote_stay_under_a_hundred(
    tmp_path: Path, quote_in_row: int | None
) -> None:
    path = tmp_path / "big.csv"
    rows = 3_000_000
    with path.open("w") as file:
        file.write("Name,Street,Note\n")
        for start in range(0, rows, 1000):
            lines = ["Example Person,12 Some Street West in Springfield,A note of moderate length, without quotes"] * 1000
            lines = [line.replace("length, ", "length ") for line in lines]
            if quote_in_row is not None and start <= quote_in_row - 1 < start + 1000:
                lines[quote_in_row - 1 - start] = 'Example,"12 Some Street,A note'
            file.write("\n".join(lines) + "\n")
    assert path.stat().st_size > 270_000_000

    done = subprocess.run([sys.executable, "-c", MEASURE, str(path)], capture_output=True, text=True, check=True)

    *said, figures = done.stdout.splitlines()
    read, peak_kb = map(int, figures.split())
    assert peak_kb < 100_000
    assert read == (rows if quote_in_row is None else rows - 1)
    assert said == []
