"""Several values in one cell."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.transform.multi_select import join_choices, split_choices

_VALUE = st.text(st.sampled_from('ab;"[],\\é '), min_size=1, max_size=5).map(str.strip).filter(bool)


@given(st.lists(_VALUE, max_size=4))
def test_joined_values_split_into_the_same_values(values: list[str]) -> None:
    assert split_choices(join_choices(values)) == values


@pytest.mark.parametrize(
    ("values", "text"),
    [(["a", "b"], "a;b"), ([], ""), (["[x]"], "[x]"), (["a;b", "c"], '["a;b","c"]'), (['["a"]'], '["[\\"a\\"]"]')],
)
def test_only_values_that_semicolons_make_ambiguous_are_written_as_json(values: list[str], text: str) -> None:
    assert join_choices(values) == text


@pytest.mark.parametrize(
    ("text", "values"), [(' ["a;b", " c "] ', ["a;b", "c"]), ('["a";b', ['["a"', "b"]), ('["a", 1]', ['["a", 1]']), (" ; ", [])]
)
def test_a_text_that_is_not_an_array_is_split_at_semicolons(text: str, values: list[str]) -> None:
    assert split_choices(text) == values
