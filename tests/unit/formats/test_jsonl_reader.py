"""JSON Lines are read with exact numbers, and a bad line rejects its row only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import repeat
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.rows import ABSENT, MalformedRow, RowBlock
from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json
from bulkzoho.errors import BulkZohoError, RefusedError, RunFailedError
from bulkzoho.formats.jsonl_reader import JsonLinesReader


@dataclass
class Drained:
    """Everything that was read from a file."""

    header: tuple[str, ...] = ()
    rows: list[Sequence[Any]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    unreadable: list[MalformedRow] = field(default_factory=list)
    blocks: list[RowBlock] = field(default_factory=list)
    error: BulkZohoError | None = None


def drain(source: JsonLinesReader) -> Drained:
    drained = Drained()
    try:
        while (block := source.read()) is not None:
            drained.blocks.append(block)
            drained.header = block.header
            drained.rows += block.rows
            drained.numbers += block.numbers
            drained.unreadable += block.unreadable
    except BulkZohoError as error:
        drained.error = error
    return drained


def read(data: bytes | str, *, encoding: str | None = None, block_rows: int = 100, size: int = 65536) -> Drained:
    content = data.encode() if isinstance(data, str) else data
    chunks = iter([content[:4], *(content[at : at + size] for at in range(4, len(content), size))])
    return drain(JsonLinesReader(chunks, name="leads.jsonl", encoding=encoding, block_rows=block_rows))


def test_each_line_is_a_row_and_its_keys_are_the_columns() -> None:
    drained = read('{"Name":"Ann","Age":30,"Vip":true,"Note":null}\n{"Name":"Bob","Age":-1,"Vip":false,"Note":"x"}\r\n')

    assert drained.header == ("Name", "Age", "Vip", "Note")
    assert [list(row) for row in drained.rows] == [["Ann", 30, True, None], ["Bob", -1, False, "x"]]
    assert drained.numbers == [1, 2]


def test_a_key_that_a_line_does_not_have_is_absent() -> None:
    drained = read('{"a":1}\n{"b":2,"a":3}\n{}\n')

    assert drained.header == ("a", "b")
    assert [list(row) for row in drained.rows] == [[1, ABSENT], [3, 2], [ABSENT, ABSENT]]


def test_a_column_keeps_its_position_from_block_to_block() -> None:
    drained = read('{"a":1,"b":2}\n{"c":3}\n{"b":4}\n', block_rows=1)

    assert [block.header for block in drained.blocks] == [("a", "b"), ("a", "b", "c"), ("a", "b", "c")]
    assert list(drained.rows[2]) == [ABSENT, 4, ABSENT]


def test_blank_lines_are_skipped_and_have_no_number() -> None:
    drained = read('\n  \n{"a":1}\n\r\n\t\n{"a":2}\n\n')

    assert drained.numbers == [1, 2]


def test_the_last_line_end_is_optional() -> None:
    assert read('{"a":1}\n{"a":2}').numbers == [1, 2]


@pytest.mark.parametrize("block_rows", [1, 100])
@pytest.mark.parametrize(
    "line",
    ['{"a":1,"a":2}', '{"a":1.5, "a" :1.5}', '{"a":"x: y","b":"\\":","a":null}', '{"b":[{"a":1,"a":1}]}', '{"a":1,"\\u0061":2}'],
)
def test_a_key_that_is_twice_in_an_object_rejects_the_line(line: str, block_rows: int) -> None:
    drained = read('{"a":"10:30"}\n' + line + '\n{"a":"\\":"}\n', block_rows=block_rows)

    assert drained.numbers == [1, 3]
    [bad] = drained.unreadable
    assert (bad.number, bad.code, bad.raw) == (2, "BAD_JSON", line)
    assert bad.message == 'the key "a" appears twice in one object. Remove one of them.'


@pytest.mark.parametrize(
    "number", ["12.50", "0.10", "1e300", "-1E-5", "123456789012345678901234567890", "-9223372036854775809", "1.0"]
)
@pytest.mark.parametrize("form", ['{{"n":{}}}', '{{"n": {} }}', '{{"x":"text","n":[1,{{"deep":{}}}]}}', '{{"x":[], "n":[{}]}}'])
def test_numbers_keep_their_own_digits(number: str, form: str) -> None:
    drained = read(form.format(number) + '\n{"n":"1.50 is text"}\n')

    found = _numbers(drained.rows[0])

    assert [number for number in found if isinstance(number, ExactNumber)] == [number]
    assert not any(isinstance(number, float) for number in found)


@pytest.mark.parametrize("number", [0, -1, 5725767000000123456, 2**63, 2**64 - 1, -(2**63)])
@pytest.mark.parametrize("beside", ["", ',"f":0.5'])
def test_integers_of_64_bits_are_integers(number: int, beside: str) -> None:
    assert read(f'{{"n":{number}{beside}}}\n').rows[0][0] == number


def test_text_that_looks_like_a_number_stays_text() -> None:
    [row] = read('{"n":": 1.50","m":[",12345678901234567890"]}\n').rows

    assert list(row) == [": 1.50", [",12345678901234567890"]]
    assert type(row[0]) is str


@pytest.mark.parametrize("block_rows", [1, 2, 100])
@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('{"a":1', "is not JSON"),
        ('{"a":NaN}', "is not JSON"),
        ('{"a":Infinity}', "is not JSON"),
        ('{"a":1e400}', "is not JSON"),
        ('{"a":"\\ud800"}', "is not JSON"),
        ('{"a":1} {"a":2}', "is not JSON"),
        ("[1,2]", "but not an object"),
        ('"text"', "but not an object"),
        ("1", "but not an object"),
        ('{"a":' + "[" * 250 + "]" * 250 + "}", "too deeply"),  # orjson can decode it, but not encode it in a rejected row
        ('{"a":' + '{"b":' * 1000 + "1" + "}" * 1000 + "}", "too deeply"),
        ('{"a":' + "[" * 1000 + "1.5" + "]" * 1000 + "}", "too deeply"),
        ('{"a":' + "[" * 2000 + "1" + "]" * 2000 + "}", "is not JSON"),
    ],
)
def test_a_line_that_is_not_an_object_rejects_its_row_only(line: str, what: str, block_rows: int) -> None:
    drained = read('{"a":1}\n' + line + '\n{"a":3}\n', block_rows=block_rows)

    assert drained.numbers == [1, 3]
    [bad] = drained.unreadable
    assert (bad.number, bad.code, bad.raw) == (2, "BAD_JSON", line)
    assert what in bad.message


@pytest.mark.parametrize("block_rows", [1, 100])
@pytest.mark.parametrize("line", [r'{"a":"x\u0000"}', r'{"a\u0000":1}', r'{"a":[{"b":"\\\u0000"}]}'])
def test_a_nul_character_rejects_its_row_as_in_csv(line: str, block_rows: int) -> None:
    drained = read('{"a":1}\n' + line + '\n{"a":"\\\\u0000"}\n', block_rows=block_rows)

    assert drained.numbers == [1, 3]
    assert drained.rows[1][0] == r"\u0000"  # a backslash and five characters
    [bad] = drained.unreadable
    assert (bad.number, bad.code, bad.raw) == (2, "BAD_ENCODING", line)
    assert "NUL character" in bad.message


@pytest.mark.parametrize("value", ["[" * 200 + "]" * 200, "[" + "[]," * 500 + "[]]", "[" * 200 + "1.5" + "]" * 200])
def test_values_that_can_be_encoded_again_are_rows(value: str) -> None:
    [row] = read('{"a":1}\n{"a":' + value + "}\n").rows[1:]

    assert encode_json({"record": {"a": row[0]}}) == b'{"record":{"a":' + value.encode() + b"}}"


def test_undecodable_bytes_reject_their_row_only() -> None:
    drained = read(b'{"a":1}\n{"a":"Jos\xe9"}\r\n{"a":3}\n')

    assert drained.numbers == [1, 3]
    [bad] = drained.unreadable
    assert (bad.number, bad.code, bad.raw) == (2, "BAD_ENCODING", r'{"a":"Jos\xe9"}')
    assert "--encoding" in bad.message


@pytest.mark.parametrize(
    ("codec", "encoding"),
    [("utf-8-sig", None), ("utf-16", None), ("utf-8-sig", "utf-8"), ("cp1252", "cp1252"), ("utf-16-le", "utf-16-le")],
)
@pytest.mark.parametrize("size", [1, 5, 65536])
def test_other_encodings_are_read(codec: str, encoding: str | None, size: int) -> None:
    drained = read('{"a":"Åse"}\r\n{"a":"José"}\n'.encode(codec), encoding=encoding, size=size)

    assert [list(row) for row in drained.rows] == [["Åse"], ["José"]]


def test_undecodable_bytes_of_another_encoding_reject_their_row_only() -> None:
    drained = read(b'{"a":"x"}\n{"a":"\x81"}\n', encoding="cp1252")

    assert drained.numbers == [1]
    assert (drained.unreadable[0].code, drained.unreadable[0].raw) == ("BAD_ENCODING", r'{"a":"\x81"}')


@pytest.mark.parametrize("data", ["[", '[{"a":1}]', '\n [\n{"a":1}\n]'])
def test_a_json_array_is_refused_with_a_hint(data: str) -> None:
    error = read(data).error

    assert isinstance(error, RefusedError)
    assert "one JSON array" in error.message
    assert "jq -c '.[]'" in error.hint


def test_an_object_over_several_lines_is_refused_with_a_hint() -> None:
    error = read('{\n  "a": 1\n}\n').error

    assert isinstance(error, RefusedError)
    assert "jq -c ." in error.hint


@pytest.mark.parametrize("data", ["", "\n \n", "\ufeff"])
def test_an_empty_file_is_refused(data: str) -> None:
    error = read(data).error

    assert isinstance(error, RefusedError)
    assert error.code == "EMPTY_FILE"


def test_an_unknown_encoding_is_refused() -> None:
    error = read('{"a":1}', encoding="klingon").error

    assert isinstance(error, RefusedError)
    assert error.code == "NO_SUCH_ENCODING"


def test_an_endless_line_fails_within_bounded_memory() -> None:
    pieces = 0

    def endless() -> Iterator[bytes]:
        nonlocal pieces
        yield b'{"a":1}\n{"a":"'
        for piece in repeat(b"x" * 65536):
            pieces += 1
            yield piece

    drained = drain(JsonLinesReader(endless(), name="leads.jsonl"))

    assert drained.numbers == [1]
    assert isinstance(drained.error, RunFailedError)
    assert "line 2" in drained.error.message
    assert pieces < 100


def test_whole_lines_before_damage_are_read() -> None:
    error = RunFailedError("cut")

    def cut() -> Iterator[bytes]:
        yield from (b'{"a":1}\n{"a"', b':2}\n{"a":3}')
        raise error

    drained = drain(JsonLinesReader(cut(), name="leads.jsonl"))

    assert drained.numbers == [1, 2]
    assert drained.error is error


def test_a_file_of_endless_new_keys_fails_within_bounded_memory() -> None:
    drained = drain(JsonLinesReader((b'{"k%d":1}\n' % n for n in range(100_000)), name="leads.jsonl"))

    assert drained.error is not None
    assert drained.error.code == "TOO_MANY_COLUMNS"
    assert 9_000 <= len(drained.numbers) <= 10_000


TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@given(
    objects=st.lists(st.dictionaries(TEXTS, VALUES, max_size=4), min_size=1, max_size=10),
    block_rows=st.integers(1, 11),
    size=st.integers(1, 40),
)
def test_files_of_the_json_module_are_read_back_in_any_block_size(
    objects: list[dict[str, Any]], block_rows: int, size: int
) -> None:
    drained = read("".join(json.dumps(values) + "\n" for values in objects), block_rows=block_rows, size=size)

    assert drained.error is None
    assert drained.unreadable == []
    assert drained.numbers == [*range(1, len(objects) + 1)]
    given_back = [
        {column: _as_python(cell) for column, cell in zip(block.header, row, strict=True) if cell is not ABSENT}
        for block in drained.blocks
        for row in block.rows
    ]
    assert given_back == objects


def _numbers(value: Any) -> list[Any]:
    match value:
        case dict():
            return [found for item in value.values() for found in _numbers(item)]
        case list() | tuple():
            return [found for item in value for found in _numbers(item)]
        case ExactNumber() | float():
            return [value]
        case _:
            return []


def _as_python(value: Any) -> Any:
    match value:
        case ExactNumber():
            return json.loads(value)
        case dict():
            return {key: _as_python(item) for key, item in value.items()}
        case list():
            return [_as_python(item) for item in value]
        case _:
            return value
