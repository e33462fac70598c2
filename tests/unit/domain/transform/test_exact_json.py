"""Numbers as written."""

from __future__ import annotations

import json
from enum import StrEnum

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json

NUMBERS = st.from_regex(r"-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,12})?([eE][+-]?[0-9]{1,2})?", fullmatch=True)


@given(NUMBERS)
def test_a_number_is_encoded_with_its_own_digits(text: str) -> None:
    body = encode_json([{"Amount": ExactNumber(text)}])

    assert body == b'[{"Amount":' + text.encode() + b"}]"


@given(st.lists(st.one_of(NUMBERS.map(ExactNumber), st.text(), st.integers(-(2**63), 2**63), st.booleans(), st.none())))
def test_what_was_encoded_reads_back_as_it_was(values: list[object]) -> None:
    read = json.loads(encode_json(values), parse_float=ExactNumber, parse_int=ExactNumber)

    assert [str(value) for value in read] == [str(value) for value in values]


def test_a_text_of_digits_stays_a_text() -> None:
    assert encode_json({"Phone": "0123"}) == b'{"Phone":"0123"}'


def test_a_word_of_ours_is_encoded_as_its_text() -> None:
    word = StrEnum("word", {"INSERT": "insert"})

    assert encode_json(list(word)) == b'["insert"]'


def test_what_json_does_not_know_is_refused() -> None:
    with pytest.raises(TypeError):
        encode_json({"Amount": object()})
