"""Records of a window matched with rows that have no key."""

from __future__ import annotations

from collections import Counter
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.compare.lookup_plan import compared_fields
from bulkzoho.domain.compare.record_matching import RecordMatcher
from tests.unit.domain.compare.lookup_samples import MODULE

NOW = 10_000.0


def matcher_of(*records: dict[str, Any]) -> RecordMatcher:
    return RecordMatcher(dict(enumerate(records)), compared_fields(records, MODULE, others=0), MODULE)


def test_identical_rows_are_matched_by_count() -> None:
    both = matcher_of({"Last_Name": "Ek"}, {"Last_Name": " Ek"}, {"Last_Name": "By"})
    both.add_record({"id": "1", "Last_Name": "Ek"}, 1100.0)

    matches = both.match(known=set(), trusted_until_s=NOW)

    assert (matches.found, sorted(matches.missing), matches.unaccounted) == ({0: "1"}, [1, 2], 0)


def test_a_record_beyond_the_number_of_rows_is_unaccounted() -> None:
    one = matcher_of({"Last_Name": "Ek"})
    one.add_record({"id": "1", "Last_Name": "Ek"}, 1100.0)
    one.add_record({"id": "2", "Last_Name": "Ek"}, 1100.0)
    one.add_record({"id": "3", "Last_Name": "Other"}, 1100.0)

    assert one.match(known=set(), trusted_until_s=NOW).unaccounted == 2


def test_a_record_that_became_known_meanwhile_matches_no_row() -> None:
    one = matcher_of({"Last_Name": "Ek"})
    one.add_record({"id": "1", "Last_Name": "Ek"}, 1100.0)

    matches = one.match(known={"1"}, trusted_until_s=NOW)

    assert (matches.found, matches.missing, matches.unaccounted) == ({}, [0], 0)


def test_a_record_that_may_belong_to_a_running_request_matches_no_row() -> None:
    one = matcher_of({"Last_Name": "Ek"})
    one.add_record({"id": "1", "Last_Name": "Ek"}, 1100.0)

    matches = one.match(known=set(), trusted_until_s=1099.0)

    assert (matches.found, matches.unaccounted) == ({}, 1)


def test_a_value_that_the_crm_added_does_not_hide_a_record() -> None:
    rows = matcher_of({"Last_Name": "Ek", "City": "Oslo"}, {"Last_Name": "Ek"})
    rows.add_record({"id": "1", "Last_Name": "Ek", "City": None, "State": "new"}, 1100.0)
    rows.add_record({"id": "2", "Last_Name": "Ek", "City": "Oslo", "State": "new"}, 1100.0)

    assert rows.match(known=set(), trusted_until_s=NOW).found == {0: "2", 1: "1"}


def test_a_record_with_a_default_belongs_to_the_rows_with_most_equal_values() -> None:
    rows = matcher_of({"Last_Name": "Ek"}, {"Last_Name": "Ek", "City": "Oslo"}, {"Last_Name": "By", "State": "X"})
    rows.add_record({"id": "1", "Last_Name": "Ek", "City": "Oslo", "State": "new"}, 1100.0)

    assert rows.match(known=set(), trusted_until_s=NOW).found == {1: "1"}


def test_a_record_that_matches_two_groups_equally_belongs_to_neither() -> None:
    rows = matcher_of({"Last_Name": "Ek", "City": "Oslo"}, {"Last_Name": "Ek", "State": "X"})
    rows.add_record({"id": "1", "Last_Name": "Ek", "City": "Oslo", "State": "X"}, 1100.0)

    matches = rows.match(known=set(), trusted_until_s=NOW)

    assert (matches.found, matches.unaccounted) == ({}, 1)


def test_rows_that_differ_only_in_incomparable_fields_are_not_guessed() -> None:
    rows = matcher_of({"Last_Name": "Ek", "Lines": [1]}, {"Last_Name": "Ek", "Lines": [2]})
    rows.add_record({"id": "1", "Last_Name": "Ek"}, 1100.0)

    matches = rows.match(known=set(), trusted_until_s=NOW)

    assert (matches.found, matches.missing, matches.unaccounted) == ({}, [], 0)


def test_a_row_without_comparable_values_is_neither_found_nor_missing() -> None:
    rows = matcher_of({"Lines": [1]}, {"Open": False})
    rows.add_record({"id": "1", "Open": False}, 1100.0)

    matches = rows.match(known=set(), trusted_until_s=NOW)

    assert (matches.found, matches.missing, matches.unaccounted) == ({}, [], 1)


def test_a_record_without_a_creator_keeps_every_row_from_being_absent() -> None:
    rows = matcher_of({"Last_Name": "Ek"})
    rows.add_unmatchable()

    assert rows.match(known=set(), trusted_until_s=NOW).unaccounted == 1


_ROWS = st.fixed_dictionaries(
    {"Last_Name": st.sampled_from(["A", "B"])},
    optional={"City": st.sampled_from(["x", "y"]), "State": st.sampled_from(["u", "v"]), "Open": st.booleans()},
)


@given(st.lists(st.tuples(_ROWS, st.booleans()), max_size=12), st.lists(_ROWS, max_size=3), st.randoms())
def test_committed_rows_are_found_and_resending_the_missing_ones_completes_them(
    rows: list[tuple[dict[str, Any], bool]], elsewhere: list[dict[str, Any]], chance: Any
) -> None:
    records = [record for record, _ in rows]
    committed = [record for record, done in rows if done]
    held = [{"id": str(100 + i), **record} for i, record in enumerate([*committed, *elsewhere])]
    known = {one["id"] for one in held[len(committed) :]}
    chance.shuffle(held)
    looked_up = matcher_of(*records)
    for one in held:
        looked_up.add_record(one, 1100.0)

    matches = looked_up.match(known=known, trusted_until_s=NOW)

    assert matches.unaccounted == 0
    assert sorted([*matches.found, *matches.missing]) == list(range(len(records)))
    in_crm = {one["id"]: one for one in held}
    for index, record_id in matches.found.items():
        assert stored(in_crm[record_id]) == stored(records[index])
    ours = [*committed, *(records[index] for index in matches.missing)]
    assert Counter(map(stored, ours)) == Counter(map(stored, records))


def stored(record: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(record.get(name) or None for name in ("Last_Name", "City", "State", "Open"))


@given(st.lists(st.tuples(_ROWS, st.booleans()), max_size=8), st.lists(_ROWS, max_size=4))
def test_other_records_in_the_window_do_not_add_found_rows(
    rows: list[tuple[dict[str, Any], bool]], others: list[dict[str, Any]]
) -> None:
    held = [{"id": str(100 + i), **record} for i, record in enumerate([*(r for r, done in rows if done), *others])]
    looked_up = matcher_of(*(record for record, _ in rows))
    for one in held:
        looked_up.add_record(one, 1100.0)

    matches = looked_up.match(known=set(), trusted_until_s=NOW)

    assert len(set(matches.found.values())) == len(matches.found)
    assert not set(matches.found) & set(matches.missing)
    assert len(matches.found) + matches.unaccounted == len(held)
