"""CSV files are read as people have them, and what cannot be read rejects its row only."""

from __future__ import annotations

import csv
import io
import tracemalloc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.rows import MalformedRow, RowBlock
from bulkzoho.errors import BulkZohoError, RefusedError, RunFailedError
from bulkzoho.formats.csv_reader import CsvReader


@dataclass
class Drained:
    """Everything that was read from a file."""

    header: tuple[str, ...] = ()
    rows: list[Sequence[Any]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    unreadable: list[MalformedRow] = field(default_factory=list)
    blocks: list[RowBlock] = field(default_factory=list)
    error: BulkZohoError | None = None


def drain(source: CsvReader) -> Drained:
    drained = Drained(header=source.header)
    try:
        while (block := source.read()) is not None:
            drained.blocks.append(block)
            drained.rows += block.rows
            drained.numbers += block.numbers
            drained.unreadable += block.unreadable
    except BulkZohoError as error:
        drained.error = error
    return drained


def pieces(data: bytes, size: int = 65536) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def read(
    data: bytes | str, *, encoding: str | None = None, delimiter: str | None = None, block_rows: int = 100, size: int = 65536
) -> Drained:
    content = data.encode() if isinstance(data, str) else data
    return drain(
        CsvReader(pieces(content, size), name="leads.csv", encoding=encoding, delimiter=delimiter, block_rows=block_rows)
    )


def refused(data: bytes | str, *, encoding: str | None = None, delimiter: str | None = None) -> RefusedError:
    with pytest.raises(RefusedError) as caught:
        read(data, encoding=encoding, delimiter=delimiter)
    return caught.value


# -- what is written ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", ["", "end"])
def test_any_line_end_is_accepted_and_the_last_one_is_optional(end: str, last: str) -> None:
    text = end.join(["Name,City", "Ann,Rome", "Bob,Oslo"]) + (end if last else "")

    drained = read(text)

    assert drained.header == ("Name", "City")
    assert drained.rows == [["Ann", "Rome"], ["Bob", "Oslo"]]


def test_quoted_cells_keep_line_breaks_quotes_and_delimiters() -> None:
    drained = read('Name,Note\r\nAnn,"two\r\nlines"\r\nBob,"a ""quote"", and more"\r\n')

    assert drained.rows == [["Ann", "two\r\nlines"], ["Bob", 'a "quote", and more']]
    assert drained.numbers == [1, 2]


def test_cells_are_not_trimmed_and_blank_ones_stay_text() -> None:
    assert read("A,B\n  x ,\n").rows == [["  x ", ""]]


def test_form_feeds_and_unicode_line_separators_do_not_end_a_line() -> None:
    assert read("A,B\nx\x0cy,p\u2028q\n").rows == [["x\x0cy", "p\u2028q"]]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_detected_in_the_header(delimiter: str) -> None:
    drained = read(f'Name{delimiter}"City, or {delimiter};;;,,, town"{delimiter}Zip\na{delimiter}b{delimiter}c\n')

    assert len(drained.header) == 3
    assert drained.rows == [["a", "b", "c"]]


def test_a_given_delimiter_takes_precedence() -> None:
    assert read("a,b;c\n1,2;3\n", delimiter=";").rows == [["1,2", "3"]]


@pytest.mark.parametrize("word", ["tab", "\\t", "TAB"])
def test_a_tab_may_be_given_by_name(word: str) -> None:
    assert read("a\tb\n1\t2\n", delimiter=word).rows == [["1", "2"]]


@pytest.mark.parametrize("delimiter", ["", ",,", '"', "\n", "t", "7", " ", "\0"])
def test_an_unusable_delimiter_is_refused(delimiter: str) -> None:
    assert refused("a,b\n", delimiter=delimiter).code == "BAD_DELIMITER"


def test_blank_lines_are_skipped_and_have_no_number() -> None:
    drained = read("\n\nA,B\n\n1,2\n   \n\n3,4\n\n")

    assert drained.header == ("A", "B")
    assert drained.rows == [["1", "2"], ["3", "4"]]
    assert drained.numbers == [1, 2]


def test_a_line_of_delimiters_only_is_a_row() -> None:
    assert read("A,B\n,\n").rows == [["", ""]]


def test_a_file_with_one_column_is_read() -> None:
    assert read('Email\na@x\n\n""\nb@x\n').rows == [["a@x"], [""], ["b@x"]]


def test_a_header_without_rows_gives_no_rows() -> None:
    assert read("A,B\n") == Drained(header=("A", "B"))


# -- encodings ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "utf-16", "utf-32"])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 65536])
def test_unicode_is_detected_by_its_byte_order_mark(encoding: str, size: int) -> None:
    data = "Näme,City\r\nÅse,東京\r\n".encode(encoding)
    led = iter([data[:4], *pieces(data[4:], size)])

    drained = drain(CsvReader(led, name="leads.csv"))

    assert drained.header == ("Näme", "City")
    assert drained.rows == [["Åse", "東京"]]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le", "utf-16-be", "shift_jis"])
def test_other_encodings_are_read_if_given(encoding: str) -> None:
    name = "東京" if encoding == "shift_jis" else "Åse"

    assert read(f"Name\r\n{name}\r\n".encode(encoding), encoding=encoding, size=3).rows == [[name]]


def test_a_byte_order_mark_is_removed_even_with_a_given_encoding() -> None:
    assert read(b"\xff\xfe" + "Name\nA\n".encode("utf-16-le"), encoding="utf-16-le").header == ("Name",)


@pytest.mark.parametrize("encoding", ["klingon", "rot13", "base64", "no\0such"])
def test_an_unknown_encoding_is_refused(encoding: str) -> None:
    assert refused("A\n1\n", encoding=encoding).code == "NO_SUCH_ENCODING"


@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_undecodable_bytes_reject_their_row_only(block_rows: int) -> None:
    drained = read(b"Name,City\nAnn,Rome\nJos\xe9,Lima\nBob,Oslo\n", block_rows=block_rows)

    assert drained.rows == [["Ann", "Rome"], ["Bob", "Oslo"]]
    assert drained.numbers == [1, 3]
    [bad] = drained.unreadable
    assert (bad.number, bad.code, bad.raw) == (2, "BAD_ENCODING", r"Jos\xe9,Lima")
    assert "not valid utf-8" in bad.message
    assert "--encoding cp1252" in bad.message


def test_half_a_character_at_the_end_rejects_the_last_row_only() -> None:
    drained = read("Name\nAnn\nBob".encode("utf-16") + b"\x41")

    assert drained.rows == [["Ann"]]
    assert [bad.code for bad in drained.unreadable] == ["BAD_ENCODING"]


def test_a_nul_character_rejects_its_row_only() -> None:
    drained = read(b"A,B\n1,2\n\x003,4\n5,6\n")

    assert drained.rows == [["1", "2"], ["5", "6"]]
    assert drained.unreadable[0].code == "BAD_ENCODING"
    assert "NUL" in drained.unreadable[0].message


def test_utf_16_without_a_byte_order_mark_is_refused_with_a_hint() -> None:
    error = refused("Name,City\nAnn,Rome\n".encode("utf-16-le"))

    assert error.code == "BAD_ENCODING"
    assert "utf-16" in error.hint


def test_an_undecodable_header_is_refused_with_a_hint() -> None:
    error = refused(b"Name,Stra\xdfe\nAnn,x\n")

    assert str(error).startswith(r'leads.csv: the header is not utf-8: column 2 reads "Stra\xdfe"')
    assert "--encoding cp1252" in error.hint


# -- headers ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", ["", "\n", "\r\n \r\n", "\ufeff", '""\n'])
def test_an_empty_file_is_refused(data: str) -> None:
    assert "leads.csv: is empty." in str(refused(data))


def test_a_column_without_a_name_is_refused() -> None:
    error = refused("Name, ,City\n1,2,3\n")

    assert error.code == "BLANK_COLUMN"
    assert "column 2" in error.message


def test_duplicate_column_names_are_refused_regardless_of_case_and_blanks() -> None:
    error = refused("Name,City, name \n1,2,3\n")

    assert error.code == "DUPLICATE_COLUMN"
    assert 'columns 1 and 3 of the header are both named "name"' in error.message


def test_a_header_with_an_unclosed_quote_is_refused() -> None:
    assert refused('Name,"City\n1,2\n').code == "NO_HEADER"


def test_a_file_of_one_endless_line_is_refused_early() -> None:
    read_bytes = 0

    def endless() -> Iterator[bytes]:
        nonlocal read_bytes
        for piece in repeat(b"x" * 65536):
            read_bytes += len(piece)
            yield piece

    with pytest.raises(RefusedError, match="longer than 1 MB"):
        CsvReader(endless(), name="leads.csv")
    assert read_bytes < 2_000_000


# -- damage -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block_rows", [1, 2, 3, 100])
def test_ragged_rows_are_rejected_with_their_line(block_rows: int) -> None:
    drained = read('A,B\n1,2\n3\n4,5\n"6", 7 ,8\n\n9,10\n', block_rows=block_rows)

    assert drained.rows == [["1", "2"], ["4", "5"], ["9", "10"]]
    assert drained.numbers == [1, 3, 5]
    assert [(bad.number, bad.code, bad.raw) for bad in drained.unreadable] == [
        (2, "RAGGED_ROW", "3"),
        (4, "RAGGED_ROW", '"6", 7 ,8'),
    ]
    assert "has 3 cells where the header has 2" in drained.unreadable[1].message


@pytest.mark.parametrize("block_rows", [1, 2, 100])
def test_a_quote_open_at_the_end_rejects_its_line_only(block_rows: int) -> None:
    drained = read('A,B\n1,2\n\n3,4\n5,"6\n7,8\n', block_rows=block_rows)

    assert drained.rows == [["1", "2"], ["3", "4"], ["7", "8"]]
    assert drained.numbers == [1, 2, 4]
    assert [(bad.number, bad.code, bad.raw) for bad in drained.unreadable] == [(3, "BAD_QUOTE", '5,"6')]
    assert drained.error is None


def test_a_failed_source_fails_again() -> None:
    def cut() -> Iterator[bytes]:
        yield b'A\n"1'
        raise RunFailedError("cut")

    rows = CsvReader(cut(), name="leads.csv")

    for _ in range(2):
        with pytest.raises(RunFailedError, match="cut"):
            rows.read()


@pytest.mark.parametrize(
    "filler",
    [b"plain text with, commas\n", b'"a cell of more than fifty characters, between two quotes","b\n', b"no line end at all "],
)
def test_an_unclosed_quote_needs_bounded_memory(filler: bytes) -> None:
    def content() -> Iterator[bytes]:
        yield b'A,B\n1,2\n3,"4'
        yield from repeat(filler * (65536 // len(filler)), 32)  # 2 MB

    source = CsvReader(content(), name="leads.csv")
    tracemalloc.start()
    codes: list[str] = []
    while (block := source.read()) is not None:
        codes += [bad.code for bad in block.unreadable]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert codes[0] == "BAD_QUOTE"
    assert peak < 40_000_000


def test_long_cells_within_the_limit_are_read() -> None:
    cell = "x" * 500_000

    assert read(f'A,B\n1,"{cell}"\n{cell},2\n').rows == [["1", cell], [cell, "2"]]


def test_whole_lines_before_damage_are_read() -> None:
    error = RunFailedError("cut")

    def cut() -> Iterator[bytes]:
        yield from (b"A,B\n1,2\n3,", b"4\n5,6")
        raise error

    drained = drain(CsvReader(cut(), name="leads.csv"))

    assert drained.rows == [["1", "2"], ["3", "4"]]
    assert drained.error is error


# -- round trips --------------------------------------------------------------------------------------------------------

CELLS = st.text(alphabet=st.characters(exclude_characters="\0", codec="utf-8"), max_size=8) | st.text(
    alphabet='",;\t|\r\n ab', max_size=8
)


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    width = draw(st.integers(2, 4))
    return draw(st.lists(st.lists(CELLS, min_size=width, max_size=width), max_size=12))


@given(
    table=tables(),
    delimiter=st.sampled_from(",;\t|"),
    end=st.sampled_from(["\r\n", "\n", "\r"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    block_rows=st.integers(1, 13),
    size=st.integers(1, 64),
)
def test_files_of_the_csv_module_are_read_back_in_any_dialect_and_block_size(
    *, table: list[list[str]], delimiter: str, end: str, encoding: str, block_rows: int, size: int
) -> None:
    header = [f"Column {n}" for n in range(len(table[0]) if table else 2)]
    written = io.StringIO(newline="")
    csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([header, *table])
    data = written.getvalue().encode(encoding)

    drained = drain(CsvReader(iter([data[:4], *pieces(data[4:], size)]), name="x", block_rows=block_rows))

    assert drained.error is None
    assert drained.unreadable == []
    assert drained.rows == table
    assert drained.numbers == [*range(1, len(table) + 1)]
    assert all(len(block.rows) <= block_rows for block in drained.blocks)


@given(data=st.binary(max_size=200), block_rows=st.integers(1, 5), size=st.integers(1, 50))
def test_any_bytes_give_the_same_rows_in_any_block_size(data: bytes, block_rows: int, size: int) -> None:
    content = b"A,B\n" + data

    parted = read(content, block_rows=block_rows, size=max(size, 4))
    whole = read(content)

    assert (parted.rows, parted.numbers, parted.unreadable) == (whole.rows, whole.numbers, whole.unreadable)
    assert str(parted.error) == str(whole.error)
    both = sorted([*whole.numbers, *(bad.number for bad in whole.unreadable)])
    assert both == [*range(1, len(both) + 1)]


@given(data=st.text(alphabet=",;ab \r\n\0\x0c\u2028\xe9", max_size=80), block_rows=st.integers(1, 5), size=st.integers(4, 50))
def test_lines_without_quotes_give_the_rows_of_csv_reader(data: str, block_rows: int, size: int) -> None:
    content = data.encode()

    cut = read(b"A,B\n" + content, block_rows=block_rows, size=size)
    parsed = read(b'"A",B\n' + content, block_rows=block_rows, size=len(content) + 10)  # a quote: csv.reader reads all of it

    assert (cut.rows, cut.numbers, cut.unreadable) == (parsed.rows, parsed.numbers, parsed.unreadable)
    assert str(cut.error) == str(parsed.error)


def test_lazy_rows_are_the_same_rows() -> None:
    for end in ("\n", "\r\n"):
        lines = [f"{n},name {n}" for n in range(250)]

        drained = read(end.join(["A,B", *lines, ""]))

        assert [len(block.rows) for block in drained.blocks] == [100, 100, 50]
        kept = [block.lazy_rows for block in drained.blocks if block.lazy_rows is not None]
        assert [row for some in kept for row in some] == drained.rows[:200]
        assert kept[0][3:5] == [["3", "name 3"], ["4", "name 4"]]
