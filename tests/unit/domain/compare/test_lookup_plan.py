"""Each row of a lost insert is asked for in the one way that can settle it, and records are matched by count."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.compare.lookup_plan import (
    CreationWindow,
    KeyLookup,
    RecordOwnership,
    compared_fields,
    creation_window,
    ownership_of,
    plan_lookup,
)
from bulkzoho.domain.compare.record_matching import RecordMatcher
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo


def field(api_name: str, data_type: str = "text", json_type: str = "string", *, unique: bool = False) -> FieldMetadata:
    return FieldMetadata(api_name=api_name, label=api_name, data_type=data_type, json_type=json_type, unique=unique)


MODULE = CrmModule(
    name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"),
    fields=(
        field("Last_Name"),
        field("City"),
        field("State"),
        field("Email", "email", unique=True),
        field("Number", "integer", "integer", unique=True),
        field("Stamp"),
        field("Open", "boolean", "boolean"),
        field("Lines", "subform", "jsonarray"),
        field("Account", "lookup", "jsonobject"),
    ),
)
WINDOW = CreationWindow(start_s=1_000.0, end_s=1_182.0)
NOW = 10_000.0


def at(seconds: int) -> str:
    return f"1970-01-01T00:{seconds // 60:02}:{seconds % 60:02}+00:00"


# -- which way ---------------------------------------------------------------------------------------------------------------


def test_a_row_is_asked_for_by_its_import_key_else_its_unique_field_else_as_a_whole() -> None:
    records: list[dict[str, Any]] = [
        {"Email": "a@x.co", "Stamp": "run:1"},
        {"Last_Name": "B", "Email": "b@x.co"},
        {"Last_Name": "C"},
    ]

    plan = plan_lookup(records, MODULE, unique_fields=["Email"], import_key="Stamp")

    assert [(rows.field.api_name, len(rows)) for rows in plan.by_key] == [("Stamp", 1), ("Email", 1)]
    assert (plan.by_key_in_window, plan.whole) == ([], [2])


def test_a_field_that_the_metadata_do_not_mark_unique_names_no_row() -> None:
    plan = plan_lookup([{"City": "Oslo"}], MODULE, unique_fields=["City", "No_Such"], import_key=None)

    assert (plan.by_key, plan.whole) == ([], [0])


@pytest.mark.parametrize("value", ["o'brien@x.co", "a\\b@x.co", "a\nb@x.co"])
def test_a_value_that_cannot_stand_in_a_query_is_looked_for_in_the_window(value: str) -> None:
    plan = plan_lookup([{"Email": value}], MODULE, unique_fields=["Email"], import_key=None)

    assert (plan.by_key, [len(rows) for rows in plan.by_key_in_window], plan.whole) == ([], [1], [])


def test_a_value_is_asked_for_in_every_form_the_service_may_keep_it_in() -> None:
    plan = plan_lookup(
        [{"Email": " A&B@x.co "}, {"Number": 12}, {"Stamp": "Run:1"}],
        MODULE,
        unique_fields=["Email", "Number"],
        import_key="Stamp",
    )

    assert [list(rows.values()) for rows in plan.by_key] == [
        [["'Run:1'"]],
        [
            [
                f"'{form}'"
                for kept in ("A&B", "A&amp;B")
                for text in (f"{kept}@x.co", f" {kept}@x.co ")
                for form in (text, text.lower())
            ]
        ],
        [["12"]],
    ]


def test_at_most_fifty_values_stand_in_one_query() -> None:
    plan = plan_lookup([{"Email": f"{i}@x.co"} for i in range(100)], MODULE, unique_fields=["Email"], import_key=None)

    assert [len(values) for values in plan.by_key[0].values()] == [50, 50]


# -- the window ---------------------------------------------------------------------------------------------------------------


def test_the_window_is_in_the_service_s_time_and_begins_two_seconds_before_the_call_left() -> None:
    assert creation_window(900.5, skews_s=[101.2], call_ends_after_s=180.0) == CreationWindow(start_s=999.0, end_s=1184.0)


def test_a_window_spans_what_a_clock_that_was_set_may_mean() -> None:
    back_an_hour = [101.2, 3_701.2]

    assert creation_window(900.5, skews_s=back_an_hour, call_ends_after_s=180.0) == CreationWindow(start_s=999.0, end_s=4784.0)


def test_whole_records_are_compared_by_the_fields_that_tell_them_apart_and_can_be_compared() -> None:
    records: list[dict[str, Any]] = [
        {"Last_Name": "Ek", "City": "Oslo", "Lines": [1], "Account": {"name": "by name"}, "State": None},
        {"Last_Name": "Ek", "City": "Rome", "Created_Time": at(1000)},
    ]

    assert compared_fields(records, MODULE, others=0) == ["City", "Last_Name"]


def test_no_more_than_fifty_fields_are_selected() -> None:
    many = CrmModule(name=MODULE.name, fields=tuple(field(f"F{i}") for i in range(80)))

    assert len(compared_fields([{f"F{i}": "x" for i in range(80)}], many, others=2)) == 45


# -- whose a record is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("created", "creator", "known", "expected"),
    [
        (at(1000), {"id": "7"}, False, RecordOwnership.OURS),
        (at(1182), {"id": "7", "name": "Ana"}, False, RecordOwnership.OURS),
        (at(1100), "7", False, RecordOwnership.OURS),
        (at(999), {"id": "7"}, False, RecordOwnership.EARLIER),
        (at(1183), {"id": "7"}, False, RecordOwnership.EARLIER),
        (at(1100), {"id": "8"}, False, RecordOwnership.OTHERS),
        (at(1100), {"id": "7"}, True, RecordOwnership.OTHERS),
        (at(1100), None, False, RecordOwnership.UNTOLD),
        (None, {"id": "7"}, False, RecordOwnership.UNTOLD),
        ("yesterday", {"id": "7"}, False, RecordOwnership.UNTOLD),
        ("1970-01-01T00:17:00", {"id": "7"}, False, RecordOwnership.UNTOLD),
    ],
)
def test_a_record_is_ours_when_this_user_made_it_in_the_window_and_no_row_has_it(
    created: str | None, creator: Any, known: bool, expected: RecordOwnership
) -> None:
    held = {"id": "1", "Created_Time": created, "Created_By": creator}

    assert ownership_of(held, WINDOW, user_id="7", known=known) is expected


def test_when_the_user_is_not_known_anybody_s_record_of_the_window_counts() -> None:
    held = {"id": "1", "Created_Time": at(1100)}

    assert ownership_of(held, WINDOW, user_id=None, known=False) is RecordOwnership.OURS


# -- rows with a key ---------------------------------------------------------------------------------------------------------


def keyed(name: str, *values: str) -> KeyLookup:
    rows = KeyLookup(MODULE.by_api_name[name])
    for index, value in enumerate(values):
        assert rows.add(index, value)
    return rows


def test_a_unique_value_is_found_when_its_record_is_ours_and_absent_when_it_was_there_before() -> None:
    rows = keyed("Email", "a@x.co", "B@x.co", "c@x.co", "d@x.co", "e@x.co")
    rows.see({"id": "1", "Email": "a@x.co"}, RecordOwnership.OURS)
    rows.see({"id": "2", "Email": "b@X.co"}, RecordOwnership.OURS)
    rows.see({"id": "3", "Email": "c@x.co"}, RecordOwnership.EARLIER)
    rows.see({"id": "4", "Email": "d@x.co"}, RecordOwnership.OTHERS)
    rows.see({"id": "9", "Email": "z@x.co"}, RecordOwnership.OURS)
    rows.complete = True

    assert rows.found() == {0: "1", 1: "2"}
    assert rows.absent() == [2, 3, 4]


def test_a_value_whose_record_does_not_say_whose_it_is_stays_in_doubt() -> None:
    rows = keyed("Email", "a@x.co")
    rows.see({"id": "1", "Email": "a@x.co"}, RecordOwnership.UNTOLD)
    rows.complete = True

    assert (rows.found(), rows.absent()) == ({}, [])


def test_no_value_is_absent_before_all_was_seen() -> None:
    assert keyed("Email", "a@x.co").absent() == []


def test_an_import_key_is_found_whatever_the_clocks_say_and_is_not_absent_while_anybody_has_it() -> None:
    rows = keyed("Stamp", "run:1", "run:2", "run:3", "run:4")
    rows.see({"id": "1", "Stamp": "run:1"}, RecordOwnership.OURS)
    rows.see({"id": "2", "Stamp": "run:2"}, RecordOwnership.EARLIER)
    rows.see({"id": "3", "Stamp": "run:3"}, RecordOwnership.OTHERS)
    rows.complete = True

    assert rows.found() == {0: "1", 1: "2"}
    assert rows.absent() == [3]


def test_a_record_that_is_seen_twice_counts_once() -> None:
    rows = keyed("Email", "a@x.co", "A@x.co")
    for _ in range(2):
        rows.see({"id": "1", "Email": "a@x.co"}, RecordOwnership.OURS)
    rows.complete = True

    assert (rows.found(), rows.absent()) == ({0: "1"}, [1])


# -- whole records -----------------------------------------------------------------------------------------------------------


def matching(*records: dict[str, Any]) -> RecordMatcher:
    return RecordMatcher(dict(enumerate(records)), compared_fields(records, MODULE, others=0), MODULE)


def test_identical_rows_are_matched_by_count() -> None:
    both = matching({"Last_Name": "Ek"}, {"Last_Name": " Ek"}, {"Last_Name": "By"})
    both.see({"id": "1", "Last_Name": "Ek"}, 1100.0)

    matches = both.conclude(known=set(), trusted_until_s=NOW)

    assert (matches.found, sorted(matches.missing), matches.unaccounted) == ({0: "1"}, [1, 2], 0)


def test_a_record_more_than_there_are_rows_is_unaccounted_for() -> None:
    one = matching({"Last_Name": "Ek"})
    one.see({"id": "1", "Last_Name": "Ek"}, 1100.0)
    one.see({"id": "2", "Last_Name": "Ek"}, 1100.0)
    one.see({"id": "3", "Last_Name": "Nobody"}, 1100.0)

    assert one.conclude(known=set(), trusted_until_s=NOW).unaccounted == 2


def test_a_record_that_became_known_meanwhile_is_no_row_s() -> None:
    one = matching({"Last_Name": "Ek"})
    one.see({"id": "1", "Last_Name": "Ek"}, 1100.0)

    matches = one.conclude(known={"1"}, trusted_until_s=NOW)

    assert (matches.found, matches.missing, matches.unaccounted) == ({}, [0], 0)


def test_a_record_that_may_belong_to_a_call_in_flight_is_matched_with_nothing() -> None:
    one = matching({"Last_Name": "Ek"})
    one.see({"id": "1", "Last_Name": "Ek"}, 1100.0)

    matches = one.conclude(known=set(), trusted_until_s=1099.0)

    assert (matches.found, matches.unaccounted) == ({}, 1)


def test_a_value_that_the_crm_filled_in_does_not_hide_a_record() -> None:
    rows = matching({"Last_Name": "Ek", "City": "Oslo"}, {"Last_Name": "Ek"})
    rows.see({"id": "1", "Last_Name": "Ek", "City": None, "State": "new"}, 1100.0)
    rows.see({"id": "2", "Last_Name": "Ek", "City": "Oslo", "State": "new"}, 1100.0)

    assert rows.conclude(known=set(), trusted_until_s=NOW).found == {0: "2", 1: "1"}


def test_the_kind_that_most_values_speak_for_gets_a_record_with_a_default() -> None:
    rows = matching({"Last_Name": "Ek"}, {"Last_Name": "Ek", "City": "Oslo"}, {"Last_Name": "By", "State": "X"})
    rows.see({"id": "1", "Last_Name": "Ek", "City": "Oslo", "State": "new"}, 1100.0)

    assert rows.conclude(known=set(), trusted_until_s=NOW).found == {1: "1"}


def test_a_record_that_two_kinds_claim_alike_goes_to_neither() -> None:
    rows = matching({"Last_Name": "Ek", "City": "Oslo"}, {"Last_Name": "Ek", "State": "X"})
    rows.see({"id": "1", "Last_Name": "Ek", "City": "Oslo", "State": "X"}, 1100.0)

    matches = rows.conclude(known=set(), trusted_until_s=NOW)

    assert (matches.found, matches.unaccounted) == ({}, 1)


def test_rows_that_differ_only_where_nothing_can_be_compared_are_not_told_apart_by_guessing() -> None:
    rows = matching({"Last_Name": "Ek", "Lines": [1]}, {"Last_Name": "Ek", "Lines": [2]})
    rows.see({"id": "1", "Last_Name": "Ek"}, 1100.0)

    matches = rows.conclude(known=set(), trusted_until_s=NOW)

    assert (matches.found, matches.missing, matches.unaccounted) == ({}, [], 0)


def test_a_row_of_which_nothing_can_be_compared_is_neither_found_nor_missing() -> None:
    rows = matching({"Lines": [1]}, {"Open": False})
    rows.see({"id": "1", "Open": False}, 1100.0)

    matches = rows.conclude(known=set(), trusted_until_s=NOW)

    assert (matches.found, matches.missing, matches.unaccounted) == ({}, [], 1)


def test_a_record_of_which_nobody_knows_whose_it_is_keeps_all_rows_from_being_absent() -> None:
    rows = matching({"Last_Name": "Ek"})
    rows.pass_over()

    assert rows.conclude(known=set(), trusted_until_s=NOW).unaccounted == 1


_ROWS = st.fixed_dictionaries(
    {"Last_Name": st.sampled_from(["A", "B"])},
    optional={"City": st.sampled_from(["x", "y"]), "State": st.sampled_from(["u", "v"]), "Open": st.booleans()},
)


@given(st.lists(st.tuples(_ROWS, st.booleans()), max_size=12), st.lists(_ROWS, max_size=3), st.randoms())
def test_what_was_committed_is_found_and_resending_what_is_missing_gives_each_row_once(
    rows: list[tuple[dict[str, Any], bool]], elsewhere: list[dict[str, Any]], chance: Any
) -> None:
    records = [record for record, _ in rows]
    committed = [record for record, done in rows if done]
    held = [{"id": str(100 + i), **record} for i, record in enumerate([*committed, *elsewhere])]
    known = {one["id"] for one in held[len(committed) :]}
    chance.shuffle(held)
    looked_up = matching(*records)
    for one in held:
        looked_up.see(one, 1100.0)

    matches = looked_up.conclude(known=known, trusted_until_s=NOW)

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
def test_with_strangers_in_the_window_no_more_rows_are_found_than_there_are_such_records(
    rows: list[tuple[dict[str, Any], bool]], strangers: list[dict[str, Any]]
) -> None:
    held = [{"id": str(100 + i), **record} for i, record in enumerate([*(r for r, done in rows if done), *strangers])]
    looked_up = matching(*(record for record, _ in rows))
    for one in held:
        looked_up.see(one, 1100.0)

    matches = looked_up.conclude(known=set(), trusted_until_s=NOW)

    assert len(set(matches.found.values())) == len(matches.found)
    assert not set(matches.found) & set(matches.missing)
    assert len(matches.found) + matches.unaccounted == len(held)
