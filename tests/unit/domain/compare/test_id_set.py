"""The ids of a run."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.compare import id_set as idset
from bulkzoho.domain.compare.id_set import IdSet

IDS = st.lists(st.sampled_from(["5725767000000000001", "5725767000000000002", "3", "18446744073709551616", "007", "x", ""]))


@given(IDS)
def test_it_holds_what_came_and_knows_what_came_more_than_once(ids: list[str]) -> None:
    ids = [one for one in ids if one]
    held, counts = IdSet(ids), Counter(ids)

    assert len(held) == len(ids)
    assert {one: held.count(one) for one in counts} == {one: min(2, count) for one, count in counts.items()}
    assert "4" not in held
    assert all(one in held for one in ids)


def test_many_ids_are_sorted_piece_by_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idset, "SORTED_AT_ONCE", 3)

    held = IdSet(str(one) for one in (9, 2, 7, 1, 8, 3, 9))

    assert [held.count(str(one)) for one in range(1, 10)] == [1, 1, 1, 0, 0, 0, 1, 1, 2]
