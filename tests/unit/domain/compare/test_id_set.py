"""Sets of record ids."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.compare import id_set as idset
from bulkzoho.domain.compare.id_set import IdSet

IDS = st.lists(st.sampled_from(["5725767000000000001", "5725767000000000002", "3", "18446744073709551616", "007", "x", ""]))


@given(IDS)
def test_ids_are_contained_and_repeated_ids_are_known(ids: list[str]) -> None:
    ids = [record_id for record_id in ids if record_id]
    held, counts = IdSet(ids), Counter(ids)

    assert len(held) == len(ids)
    assert {record_id: held.count(record_id) for record_id in counts} == {
        record_id: min(2, count) for record_id, count in counts.items()
    }
    assert "4" not in held
    assert all(record_id in held for record_id in ids)


def test_many_ids_are_sorted_in_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(idset, "SORTED_AT_ONCE", 3)

    held = IdSet(str(record_id) for record_id in (9, 2, 7, 1, 8, 3, 9))

    assert [held.count(str(record_id)) for record_id in range(1, 10)] == [1, 1, 1, 0, 0, 0, 1, 1, 2]
