"""Lines of JSON that go as they stand: the same records as the long way makes of them, or the long way."""

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


def gate() -> JsonPassthrough:
    made = transformer().passthrough_for(HEADER)
    assert made is not None
    return made


def the_long_way(lines: list[bytes]) -> TransformedBlock:
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
def test_what_passes_is_what_the_long_way_makes_of_it(
    records: list[dict[str, Any]], separators: tuple[str, str], *, ascii_only: bool
) -> None:
    lines = [json.dumps(one, separators=separators, ensure_ascii=ascii_only).encode() for one in records]

    passed = gate()(lines)

    if passed is not None:
        long_way = the_long_way(lines)
        assert (long_way.rejected, len(long_way.records)) == ((), len(lines))
        assert decode_json(passed.json) == list(long_way.records)
        assert {name: list(keys) for name, keys in passed.keys.items()} == {
            name: list(keys) for name, keys in long_way.claims.items()
        }


GOOD = b'{"Last_Name":"Lund","Email":"a@example.com","No_of_Employees":3,"Email_Opt_Out":false}'


def test_plain_records_pass() -> None:
    other = b'{"Email": null, "Last_Name": "\xc3\x85sa", "No_of_Employees": 3, "Email_Opt_Out": true}'

    passed = gate()([GOOD, other])

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
def test_a_line_that_is_no_record_as_it_stands_holds_its_block_back(line: bytes) -> None:
    assert gate()([GOOD, line]) is None


@pytest.mark.parametrize("blank", [chr(one) for one in range(sys.maxunicode + 1) if chr(one).isspace()], ids=ascii)
@pytest.mark.parametrize("escaped", [False, True])
@pytest.mark.parametrize("colon", [b":", b": ", b" :", b"\t:\r "])
def test_a_value_of_any_blanks_holds_its_block_back(blank: str, escaped: bool, colon: bytes) -> None:
    good = GOOD.replace(b":", colon)
    line = good.replace(b'"Lund"', json.dumps(blank * 2, ensure_ascii=escaped).encode())

    assert gate()([good, line]) is None


def test_a_key_twice_is_not_hidden_by_a_blank_behind_a_key_of_another_line() -> None:
    twice = GOOD.replace(b"false}", b'false,"Email_Opt_Out":true}')
    blank = GOOD.replace(b'"Last_Name":', b'"Last_Name" :')

    assert gate()([twice, blank]) is None


def test_a_null_passes_but_in_a_field_that_an_insert_must_fill() -> None:
    line = GOOD.replace(b'"Lund"', b"null")
    inserting = RowTransformer(crm_module=LEADS, mapping=MappingSettings(), operation=Operation.INSERT)
    inserting.plan_header(HEADER, source="leads.jsonl")
    insert_gate = inserting.passthrough_for(HEADER)

    assert insert_gate is not None
    assert insert_gate([line]) is None
    assert insert_gate([GOOD]) is not None
    assert gate()([line]) is not None


def test_an_object_over_two_lines_does_not_pass_beside_two_on_one_line() -> None:
    cut = GOOD.index(b",") + 1

    assert gate()([GOOD + GOOD[:cut], GOOD[cut:]]) is None
    assert gate()([GOOD + GOOD, GOOD[:cut], GOOD[cut:]]) is None


def test_there_is_no_gate_where_values_need_a_hand() -> None:
    def passthrough_for(*header: str, **shape: Any) -> JsonPassthrough | None:
        made = RowTransformer(crm_module=LEADS, mapping=MappingSettings(**shape), operation=Operation.INSERT)
        made.plan_header(header, source="leads.jsonl")
        return made.passthrough_for(header)

    assert passthrough_for("Last_Name", "Email") is not None
    assert passthrough_for("Last Name", "Email") is None
    assert passthrough_for("Last_Name", "Email", null_text="-") is None
    assert passthrough_for("Last_Name", "Email", set=(("Company", "Acme"),)) is None
    assert passthrough_for("Last_Name", "Parent_Account") is None


@pytest.mark.parametrize("value", ["NaN", "Infinity", "-Infinity", "1e999", '"\\u0000"', '"x\\u0000"', '"\\ud800"'])
@pytest.mark.parametrize("key", ["Last_Name", "No_of_Employees"])
def test_what_is_no_value_holds_its_block_back(key: str, value: str) -> None:
    texts = {"Last_Name": '"x"', "Email": "null", "No_of_Employees": "null", "Email_Opt_Out": "null", key: value}
    line = "{" + ",".join(f'"{name}":{text}' for name, text in texts.items()) + "}"

    assert gate()([line.encode()]) is None
