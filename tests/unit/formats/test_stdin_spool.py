"""Standard input is copied as it is read, and the copy is read again by a resume."""

from __future__ import annotations

import os
import stat
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bulkzoho.domain.model.settings import InputSettings
from bulkzoho.errors import RefusedError, RunFailedError
from bulkzoho.formats.csv_reader import CsvReader
from bulkzoho.formats.detect import FileSource, open_source
from bulkzoho.formats.raw_input import Chunks
from bulkzoho.formats.stdin_spool import StandardInput, StreamByteSource

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="a pipe cannot be waited for there")


def csv_rows(chunks: Chunks) -> CsvReader:
    return CsvReader(chunks, name="stdin")


class Pipe:
    """A writer, and a source that reads what it writes as standard input."""

    def __init__(self, spool: Path) -> None:
        self.reading, self.writing = os.pipe()
        self.source = FileSource(StreamByteSource(StandardInput(self.reading), spool), csv_rows, name="stdin")

    def write(self, text: str) -> None:
        os.write(self.writing, text.encode())

    def end(self) -> None:
        os.close(self.writing)
        self.writing = -1

    def close(self) -> None:
        self.source.close()
        for descriptor in (self.reading, self.writing):
            if descriptor >= 0:
                os.close(descriptor)
        self.reading = self.writing = -1


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "stdin-0"


@pytest.fixture
def pipe(spool: Path) -> Iterator[Pipe]:
    pipe = Pipe(spool)
    yield pipe
    pipe.close()


def read_again(spool: Path) -> tuple[list[list[str]], RunFailedError | None]:
    source = open_source(str(spool), InputSettings())
    rows: list[list[str]] = []
    try:
        while (block := source.read()) is not None:
            rows += [list(row) for row in block.rows]
    except RunFailedError as error:
        return rows, error
    finally:
        source.close()
    return rows, None


def test_input_is_copied_before_its_rows_are_returned(pipe: Pipe, spool: Path) -> None:
    pipe.write("A,B\n" + "1,2\n" * 150)

    block = pipe.source.read()

    assert block is not None
    assert len(block.rows) == 100
    assert spool.read_text() == "A,B\n" + "1,2\n" * 150
    assert stat.S_IMODE(spool.stat().st_mode) == 0o600


def test_standard_input_is_a_blocking_source(pipe: Pipe) -> None:
    assert pipe.source.blocking
    assert pipe.source.name == "stdin"


def test_a_complete_copy_is_read_like_the_input_itself(pipe: Pipe, spool: Path) -> None:
    pipe.write("A,B\n1,2\n3,4")
    pipe.end()
    while pipe.source.read():
        pass

    assert read_again(spool) == ([["1", "2"], ["3", "4"]], None)


def test_a_copy_has_the_name_and_fingerprint_of_the_input(pipe: Pipe, spool: Path) -> None:
    pipe.write("A\n1\n")
    pipe.end()
    while pipe.source.read():
        pass

    again = open_source(str(spool), InputSettings())
    while again.read():
        pass

    assert again.name == "stdin"
    assert not again.blocking
    assert again.fingerprint().digest == pipe.source.fingerprint().digest
    again.close()


def test_an_incomplete_copy_gives_whole_rows_and_then_fails(pipe: Pipe, spool: Path) -> None:
    pipe.write("A,B\n" + "1,2\n" * 100 + "3,4")
    pipe.source.read()
    pipe.close()

    rows, error = read_again(spool)

    assert rows == [["1", "2"]] * 100
    assert error is not None
    assert error.code == "INPUT_INCOMPLETE"


def test_a_truncated_copy_fails_although_its_input_had_ended(pipe: Pipe, spool: Path) -> None:
    pipe.write("A,B\n1,2\n3,4\n")
    pipe.end()
    while pipe.source.read():
        pass
    os.truncate(spool, 9)

    rows, error = read_again(spool)

    assert rows == [["1", "2"]]
    assert error is not None


def test_closing_wakes_a_read_that_waits_in_another_thread(pipe: Pipe) -> None:
    given: list[object] = []
    thread = threading.Thread(target=lambda: given.append(pipe.source.read()))
    thread.start()
    time.sleep(0.05)

    pipe.source.close()
    thread.join(timeout=5)

    assert not thread.is_alive()
    assert given == [None]
    assert pipe.source.read() is None


def test_a_copy_is_never_overwritten(spool: Path) -> None:
    spool.write_text("another run's input")

    with pytest.raises(RunFailedError, match="a copy of another input exists"):
        StreamByteSource(StandardInput(), spool)

    assert spool.read_text() == "another run's input"


def test_a_copy_that_cannot_be_created_fails_with_a_hint(tmp_path: Path) -> None:
    with pytest.raises(RunFailedError, match="the input cannot be copied") as caught:
        StreamByteSource(StandardInput(), tmp_path / "no such folder" / "stdin-0")

    assert "Free disk space" in caught.value.hint


def test_a_closed_standard_input_is_refused(spool: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    os.close(writing)

    with pytest.raises(RefusedError, match="standard input is closed"):
        StreamByteSource(StandardInput(reading), spool)


def test_standard_input_needs_a_path_for_its_copy() -> None:
    with pytest.raises(RefusedError, match="cannot be used here"):
        open_source("-", InputSettings())


def test_a_file_beside_one_named_like_an_end_mark_is_a_regular_file(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text("A\n1\n")
    (tmp_path / "leads.csv.end").write_text("something else")

    source = open_source(str(path), InputSettings())

    assert source.name == "leads.csv"
    assert source.read() is not None
    assert source.read() is None
    source.close()
