"""Numbers keep their digits, and repeated keys are found."""

from __future__ import annotations

import json
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json, may_repeat_keys

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@given(NUMBERS)
def test_a_number_is_encoded_with_its_own_digits(text: str) -> None:
    body = encode_json([{"Amount": ExactNumber(text)}])

    assert body == b'[{"Amount":' + text.encode() + b"}]"


@given(st.lists(st.one_of(NUMBERS.map(ExactNumber), st.text(), st.integers(-(2**63), 2**63), st.booleans(), st.none())))
def test_encoded_values_decode_to_the_same_values(values: list[object]) -> None:
    read = json.loads(encode_json(values), parse_float=ExactNumber, parse_int=ExactNumber)

    assert [str(value) for value in read] == [str(value) for value in values]


def test_a_text_of_digits_stays_a_text() -> None:
    assert encode_json({"Phone": "0123"}) == b'{"Phone":"0123"}'


def test_an_enum_is_encoded_as_its_value() -> None:
    action = StrEnum("action", {"INSERT": "insert"})

    assert encode_json(list(action)) == b'["insert"]'


def test_a_value_without_json_is_refused() -> None:
    with pytest.raises(TypeError):
        encode_json({"Amount": object()})


@pytest.mark.parametrize("colon", [":", ": ", " :", "  :", "\t:", "\r :"])
@pytest.mark.parametrize("text", ["a", "a:b", 'a": b', " : ", 'a\\":1,\\"a'])
def test_a_repeated_key_is_always_found(colon: str, text: str) -> None:
    value = json.dumps(text)
    once = f'{{"a"{colon}{value},"b"{colon}[{{"a"{colon}{value}}}]}}'.encode()
    twice = once.replace(b'"b"', b'"b" :2,"b"')

    assert may_repeat_keys(twice, 3)
    assert may_repeat_keys(once + b"\n" + twice, 6)


@pytest.mark.parametrize("colon", [":", ": ", " :", "\t:"])
def test_different_keys_are_no_repeated_keys(colon: str) -> None:
    assert not may_repeat_keys(f'{{"a"{colon}"http://x","b"{colon}[{{"a"{colon}"10:30"}}]}}'.encode(), 3)


@given(st.recursive(st.text('a":\\ '), lambda inner: st.dictionaries(st.text('a":\\ ', max_size=2), inner) | st.lists(inner)))
def test_a_repeated_key_is_found_whatever_the_texts_contain(value: object) -> None:
    data = json.dumps({"x": value}).encode()
    repeated = data.replace(b'{"x":', b'{"x":1,"x" :', 1)

    assert may_repeat_keys(repeated, _count(value) + 1)


def _count(value: object) -> int:
    if isinstance(value, dict):
        return len(value) + sum(map(_count, value.values()))
    return sum(map(_count, value)) if isinstance(value, list) else 0
