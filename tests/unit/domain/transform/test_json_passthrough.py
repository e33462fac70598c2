"""Blocks of JSON lines that pass unchanged are the same records as converted ones."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.rows import Operation, RowBlock
from bulkzoho.domain.model.settings import MappingSettings
from bulkzoho.domain.transform.exact_json import decode_json
from bulkzoho.domain.transform.json_passthrough import JsonPassthrough
from bulkzoho.domain.transform.row_transformer import RowTransformer, TransformedBlock
from bulkzoho.formats.jsonl_reader import JsonLinesReader
from tests.unit.domain.crm_samples import LEADS

HEADER = ("Last_Name", "Email", "No_of_Employees", "Email_Opt_Out")
VALUES = st.one_of(
    st.text(alphabet='ab \t"\\\u00a0\u3000\xe9:,{}', max_size=6),
    st.integers(-(10**12), 10**12),
    st.booleans(),
    st.none(),
    st.floats(allow_nan=False, allow_infinity=False),
)
RECORDS = st.fixed_dictionaries(
    {
        "Last_Name": st.one_of(st.text(alphabet="ab \xe9", min_size=1, max_size=5), VALUES),
        "Email": st.one_of(st.just("A@Example.com"), VALUES),
        "No_of_Employees": st.one_of(st.integers(0, 99), VALUES),
        "Email_Opt_Out": st.one_of(st.booleans(), VALUES),
    }
)


def transformer() -> RowTransformer:
    made = RowTransformer(crm_module=LEADS, mapping=MappingSettings(), operation=Operation.UPSERT, match_on=("Email",))
    made.plan_header(HEADER, source="leads.jsonl")
    return made


def passthrough() -> JsonPassthrough:
    made = transformer().passthrough_for(HEADER)
    assert made is not None
    return made


def converted(lines: list[bytes]) -> TransformedBlock:
    first = json.dumps(dict.fromkeys(HEADER, "x")).encode()
    rows = JsonLinesReader(iter([b"\n".join([first, *lines])]), name="leads.jsonl", block_rows=1 + len(lines))
    block = rows.read()
    assert block is not None
    return transformer().transform(
        RowBlock(header=block.header, rows=block.rows[1:], numbers=block.numbers[1:], unreadable=block.unreadable)
    )


@given(
    records=st.lists(RECORDS, min_size=1, max_size=4),
    separators=st.sampled_from([(",", ":"), (", ", ": ")]),
    ascii_only=st.booleans(),
)
def test_a_block_that_passes_gives_the_same_records_as_conversion(
    records: list[dict[str, Any]], separators: tuple[str, str], *, ascii_only: bool
) -> None:
    lines = [json.dumps(record, separators=separators, ensure_ascii=ascii_only).encode() for record in records]

    passed = passthrough()(lines)

    if passed is not None:
        expected = converted(lines)
        assert (expected.rejected, len(expected.records)) == ((), len(lines))
        assert decode_json(passed.json) == list(expected.records)
        assert {name: list(keys) for name, keys in passed.keys.items()} == {
            name: list(keys) for name, keys in expected.claims.items()
        }


GOOD = b'{"Last_Name":"Lund","Email":"a@example.com","No_of_Employees":3,"Email_Opt_Out":false}'


def test_plain_records_pass() -> None:
    other = b'{"Email": null, "Last_Name": "\xc3\x85sa", "No_of_Employees": 3, "Email_Opt_Out": true}'

    passed = passthrough()([GOOD, other])

    assert passed is not None
    assert passed.json == b"[" + GOOD + b"," + other + b"]"
    assert passed.keys == {"Email": ["a@example.com", None]}


@pytest.mark.parametrize(
    "line",
    [
        GOOD.replace(b'"Lund"', b'"  "'),
        GOOD.replace(b'"Lund"', b'"\\t"'),
        GOOD.replace(b'"Lund"', b'"\\u00a0"'),
        GOOD.replace(b'"Lund"', '"\u3000"'.encode()),
        GOOD.replace(b'"Lund"', b'""'),
        GOOD.replace(b'"Lund"', b'"' + b"x" * 81 + b'"'),
        GOOD.replace(b"3", b"3.0"),
        GOOD.replace(b"3", b'"3"'),
        GOOD.replace(b"false", b"0"),
        GOOD.replace(b'"Email_Opt_Out"', b'"Email_Opt_out"'),
        GOOD.replace(b"false}", b'false,"Email_Opt_Out":true}'),
        GOOD.replace(b"false}", b'false,"Email_Opt_Out" :true}'),
        GOOD.replace(b"false}", b'false,"Email_Opt_Out" \t:true}'),
        GOOD.replace(b',"Email_Opt_Out":false', b""),
        GOOD + GOOD,
        GOOD + b" ",
        GOOD[:-1],
        GOOD.replace(b"Lund", b"Lund\xff"),
        b"[]",
    ],
)
def test_a_line_that_needs_conversion_stops_its_block(line: bytes) -> None:
    assert passthrough()([GOOD, line]) is None


@pytest.mark.parametrize("blank", [char for char in map(chr, range(sys.maxunicode + 1)) if char.isspace()], ids=ascii)
@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("colon", [b":", b": ", b" :", b"\t:\r "])
def test_a_value_of_any_blanks_stops_its_block(blank: str, escaped: bool, colon: bytes) -> None:
    good = GOOD.replace(b":", colon)
    line = good.replace(b'"Lund"', json.dumps(blank * 2, ensure_ascii=escaped).encode())

    assert passthrough()([good, line]) is None


def test_a_repeated_key_is_not_hidden_by_a_blank_before_a_colon_of_another_line() -> None:
    twice = GOOD.replace(b"false}", b'false,"Email_Opt_Out":true}')
    blank = GOOD.replace(b'"Last_Name":', b'"Last_Name" :')

    assert passthrough()([twice, blank]) is None


def test_a_null_passes_except_in_a_required_field_of_an_insert() -> None:
    line = GOOD.replace(b'"Lund"', b"null")
    inserting = RowTransformer(crm_module=LEADS, mapping=MappingSettings(), operation=Operation.INSERT)
    inserting.plan_header(HEADER, source="leads.jsonl")
    insert_passthrough = inserting.passthrough_for(HEADER)

    assert insert_passthrough is not None
    assert insert_passthrough([line]) is None
    assert insert_passthrough([GOOD]) is not None
    assert passthrough()([line]) is not None


def test_an_object_over_two_lines_does_not_pass_with_two_on_one_line() -> None:
    cut = GOOD.index(b",") + 1

    assert passthrough()([GOOD + GOOD[:cut], GOOD[cut:]]) is None
    assert passthrough()([GOOD + GOOD, GOOD[:cut], GOOD[cut:]]) is None


def test_there_is_no_passthrough_if_values_may_need_conversion() -> None:
    def passthrough_for(*header: str, **mapping: Any) -> JsonPassthrough | None:
        made = RowTransformer(crm_module=LEADS, mapping=MappingSettings(**mapping), operation=Operation.INSERT)
        made.plan_header(header, source="leads.jsonl")
        return made.passthrough_for(header)

    assert passthrough_for("Last_Name", "Email") is not None
    assert passthrough_for("Last Name", "Email") is None
    assert passthrough_for("Last_Name", "Email", null_text="-") is None
    assert passthrough_for("Last_Name", "Email", set=(("Company", "Acme"),)) is None
    assert passthrough_for("Last_Name", "Parent_Account") is None


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"\\u0000"', '"x\\u0000"', '"\\ud800"'])
@pytest.mark.parametrize("key", ["Last_Name", "No_of_Employees"])
def test_an_invalid_value_stops_its_block(key: str, value: str) -> None:
    texts = {"Last_Name": '"x"', "Email": "null", "No_of_Employees": "null", "Email_Opt_Out": "null", key: value}
    line = "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"

    assert passthrough()([line.encode()]) is None
