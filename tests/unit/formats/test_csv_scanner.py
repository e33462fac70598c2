"""A stray quote rejects its own physical line and swallows none of the others."""

from __future__ import annotations

from collections.abc import Iterator
from unittest import mock

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bulkzoho.errors import RefusedError
from bulkzoho.formats import csv_lines
from bulkzoho.formats.csv_lines import LineBuffer
from bulkzoho.formats.csv_reader import CsvReader
from bulkzoho.formats.csv_scanner import RowScanner

Row = tuple[int, str, object]  #: number, code ("" when accepted), cells or raw text
LIMIT = 40  # characters a row may have in the property test


def pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[start : start + size] for start in range(0, len(data), size))


def read(text: str, *, block_rows: int = 100, size: int = 65536) -> list[Row]:
    source = CsvReader(pieces(text.encode(), size), name="leads.csv", block_rows=block_rows)
    found: list[Row] = []
    while (block := source.read()) is not None:
        assert len(block.rows) + len(block.unreadable) <= block_rows
        found += [(number, "", list(row)) for number, row in zip(block.numbers, block.rows, strict=True)]
        found += [(row.number, row.code, row.raw) for row in block.unreadable]
    return sorted(found, key=lambda row: row[0])


def messages(text: str) -> list[str]:
    block = CsvReader(iter([text.encode()]), name="leads.csv").read()
    assert block is not None
    return [row.message for row in block.unreadable]


# -- an independent reader, one character at a time ---------------------------------------------------------------------


def physical_lines(text: str) -> list[str]:
    lines, line = [], ""
    for at, character in enumerate(text):
        line += character
        if character == "\n" or (character == "\r" and text[at + 1 : at + 2] != "\n"):
            lines.append(line)
            line = ""
    return [*lines, line] if line else lines


def oracle_row(lines: list[str], start: int, width: int, limit: int) -> tuple[list[str] | None, int, str]:  # noqa: PLR0912 - one rule after the other is easiest to check
    """Return the cells (None: rejected), the line after the row and the code of the row that begins at *start*."""
    cells: list[str] = []
    cell, state, opened, number, used = "", "start", start, start, 0
    while True:
        line = lines[number]
        used += len(line)
        if used > limit:  # the whole of the first line is looked at, up to the limit
            return (None, opened + 1, "BAD_QUOTE") if number > start else (None, start + 1, "")
        for character in [*line.rstrip("\r\n"), ""]:
            if state == "start" and number > start and len(cells) >= width:
                return None, start + 1, "BAD_QUOTE"
            if character == "":
                break
            if state == "start" and character == '"':
                state, opened = "quoted", number
            elif state == "quoted" and character == '"':
                state = "closing"
            elif state == "closing" and character == '"':
                cell, state = cell + '"', "quoted"
            elif state != "quoted" and character == ",":
                cells.append(cell)
                cell, state = "", "start"
            elif state == "closing":
                return None, opened + 1, "BAD_QUOTE"
            else:
                cell, state = cell + character, state if state == "quoted" else "plain"
        if state != "quoted":
            cells.append(cell)
            wrong = len(cells) != width and number > start
            return (None, start + 1, "BAD_QUOTE") if wrong else (cells, number + 1, "")
        cell += line[len(line.rstrip("\r\n")) :]
        if len(cells) >= width:
            return None, start + 1, "BAD_QUOTE"
        number += 1
        if number == len(lines):
            return None, opened + 1, "BAD_QUOTE"


def oracle(lines: list[str], width: int, limit: int) -> tuple[list[Row], int]:
    """Return the rows of *lines*, which follow the header, and how many lines were skipped or belong to a row."""
    rows: list[Row] = []
    at = covered = 0
    while at < len(lines):
        cells, end, code = oracle_row(lines, at, width, limit)
        raw = "".join(lines[at:end])
        covered += end - at
        at = end
        is_empty = not raw.strip("\r\n")
        if is_empty or (cells is not None and len(cells) == 1 and width > 1 and not cells[0].strip()):
            continue
        shown = raw.rstrip("\r\n")
        if cells is None:
            rows.append((len(rows) + 1, code, shown))
        elif len(cells) != width:
            rows.append((len(rows) + 1, "RAGGED_ROW", shown))
        else:
            rows.append((len(rows) + 1, "", cells))
    return rows, covered


TEXTS = st.lists(
    st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "a", " ", '","', '"\n', '\n"', "x,y\n", '"x"', 'a","\n']), max_size=40
).map("".join)


@given(text=TEXTS, width=st.integers(1, 3), block_rows=st.integers(1, 5), size=st.integers(4, 50))
@example(text='x,"""\n' * 6, width=2, block_rows=2, size=5)
@example(text='a","\n' * 9, width=3, block_rows=1, size=4)
def test_rows_and_rejected_lines_are_those_of_a_simple_reader(text: str, width: int, block_rows: int, size: int) -> None:
    header = "ABC"[:width]
    body = physical_lines(text)
    long = [line for line in body if len(line) > LIMIT]
    with mock.patch.object(csv_lines, "MAX_ROW_CHARS", LIMIT):
        found = read(",".join(header) + "\n" + text, block_rows=block_rows, size=size)

    if long:  # another test covers their codes and text; each still has one number
        assert [number for number, _, _ in found] == [*range(1, len(found) + 1)]
        return
    wanted, covered = oracle(body, width, LIMIT)
    assert found == wanted
    assert covered == len(body)


@given(text=TEXTS, block_rows=st.integers(1, 5), size=st.integers(1, 60))
def test_long_lines_and_block_sizes_do_not_change_row_numbers(text: str, block_rows: int, size: int) -> None:
    with mock.patch.object(csv_lines, "MAX_ROW_CHARS", 6):
        assert read("A,B\n" + text, block_rows=block_rows, size=size) == read("A,B\n" + text)


CASE = 'Last Name,Company,City\nWeller,"12"" tube,Oslo\nQuist,Fine,Rome\nZander,"Okay",Ulm\nYdal,Good,Bonn\n'
CASE_ROWS: list[Row] = [
    (1, "BAD_QUOTE", 'Weller,"12"" tube,Oslo'),
    (2, "", ["Quist", "Fine", "Rome"]),
    (3, "", ["Zander", "Okay", "Ulm"]),
    (4, "", ["Ydal", "Good", "Bonn"]),
]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_stray_quote_rejects_its_line_wherever_chunks_end(end: str) -> None:
    text = CASE.replace("\n", end)

    for cut in range(1, len(text)):
        source = CsvReader(iter([text[:cut].encode(), text[cut:].encode()]), name="x", block_rows=1 + cut % 4)
        rows: list[Row] = []
        while (block := source.read()) is not None:
            rows += [(number, "", list(row)) for number, row in zip(block.numbers, block.rows, strict=True)]
            rows += [(row.number, row.code, row.raw) for row in block.unreadable]
        assert sorted(rows, key=lambda row: row[0]) == CASE_ROWS


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('1,"a"b\n', ["line 2, character 3: a quote opens a cell here, but text follows the quote that closes it. Remove"]),
        ('1,2\n3,"a\n', ["line 3, character 3: a quote opens a cell here, and no quote closes it before the end of the file."]),
        ('1,"a\nb",c\n', ["line 2, character 3: a quote opens a cell here, and the row, read on to line 3, has 3 columns"]),
        ('1,"a\nb"c\n', ["but text follows the quote that closes it on line 3", None]),
        ('"a\nb","c"d\n5,6\n', ["line 3, character 4: a quote opens a cell here"]),
    ],
)
def test_a_message_names_the_line_and_the_character_of_the_quote(body: str, words: list[str | None]) -> None:
    found = messages("A,B\n" + body)

    assert len(found) == len(words)
    assert all(part is None or part in message for part, message in zip(words, found, strict=True))


def test_a_bad_cell_after_one_over_several_lines_rejects_all_lines_of_its_row() -> None:
    assert read('A,B\n"a\nb","c"d\n5,6\n') == [(1, "BAD_QUOTE", '"a\nb","c"d'), (2, "", ["5", "6"])]


def test_a_quote_in_the_middle_of_a_plain_cell_is_text() -> None:
    assert read('A,B\n12" tube,5\'6"\n') == [(1, "", ['12" tube', "5'6\""])]


def test_one_stray_quote_in_two_thousand_rows_rejects_one_row() -> None:
    lines = [f'{n},"name {n}"' for n in range(1, 2001)]
    lines[500] = '501,"12"" tube'

    found = read("\n".join(["A,B", *lines, ""]))

    assert [number for number, code, _ in found if code] == [501]
    assert len(found) == 2000


@pytest.mark.parametrize("body", ['Name,"City\n1,2\n', 'Name,"Ci"ty\n1,2\n'])
def test_a_header_with_a_bad_quote_is_refused(body: str) -> None:
    with pytest.raises(RefusedError, match="the header cannot be read: line 1, character 6: a quote opens a cell") as caught:
        read(body)
    assert caught.value.code == "NO_HEADER"
    assert "double each quote" in caught.value.hint


def test_a_line_that_is_too_long_rejects_one_row() -> None:
    long, quoted = "x" * 3_000_000, f'1,"{"y" * 3_000_000}"'

    found = read(f"A,B\n1,2\n{long}\n{quoted}\n3,4\n")

    assert [(number, code) for number, code, _ in found] == [(1, ""), (2, "ROW_TOO_LONG"), (3, "BAD_QUOTE"), (4, "")]
    assert all(len(str(kept)) < 2000 for _, _, kept in found)


@pytest.mark.parametrize("line", ['x,"""\n', 'a","\n', 'x,"\n', '"\n', 'x,"a\n""\n""\n', 'a",",\n'])
@pytest.mark.parametrize("width", [2, 3, 300, 100_000])
def test_no_file_makes_the_scanner_look_at_a_line_more_than_twice(line: str, width: int) -> None:
    text = line * (60_000 // len(line))
    with mock.patch.object(csv_lines, "MAX_ROW_CHARS", 20_000):
        lines = LineBuffer([text])
    scanner = RowScanner(lines, ",", width=width)
    while scanner.next_row() is not None:
        lines.forget()

    assert scanner.scanned_chars <= 2 * len(text)
