"""How rows of an insert without a response are looked up, and what is found by key."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.domain.compare.lookup_plan import KeyLookup, compared_fields, plan_lookup
from bulkzoho.domain.compare.record_ownership import RecordOwnership
from bulkzoho.domain.model.metadata import CrmModule
from tests.unit.domain.compare.lookup_samples import MODULE, at, field


def test_a_row_is_looked_up_by_import_key_else_unique_field_else_whole_record() -> None:
    records: list[dict[str, Any]] = [
        {"Email": "a@x.co", "Stamp": "run:1"},
        {"Last_Name": "B", "Email": "b@x.co"},
        {"Last_Name": "C"},
    ]

    plan = plan_lookup(records, MODULE, unique_fields=["Email"], import_key="Stamp")

    assert [(rows.field.api_name, len(rows)) for rows in plan.by_key] == [("Stamp", 1), ("Email", 1)]
    assert (plan.by_key_in_window, plan.by_record) == ([], [2])


def test_a_field_that_is_not_marked_unique_is_no_key() -> None:
    plan = plan_lookup([{"City": "Oslo"}], MODULE, unique_fields=["City", "No_Such"], import_key=None)

    assert (plan.by_key, plan.by_record) == ([], [0])


@pytest.mark.parametrize("value", ["o'brien@x.co", "a\\b@x.co", "a\nb@x.co"])
def test_a_value_that_cannot_be_part_of_a_query_is_looked_up_in_the_window(value: str) -> None:
    plan = plan_lookup([{"Email": value}], MODULE, unique_fields=["Email"], import_key=None)

    assert (plan.by_key, [len(rows) for rows in plan.by_key_in_window], plan.by_record) == ([], [1], [])


def test_a_value_is_queried_in_every_form_that_the_service_may_store() -> None:
    plan = plan_lookup(
        [{"Email": " A&B@x.co "}, {"Number": 12}, {"Stamp": "Run:1"}],
        MODULE,
        unique_fields=["Email", "Number"],
        import_key="Stamp",
    )

    assert [list(rows.value_groups()) for rows in plan.by_key] == [
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


def test_a_query_has_at_most_fifty_values() -> None:
    plan = plan_lookup([{"Email": f"{i}@x.co"} for i in range(100)], MODULE, unique_fields=["Email"], import_key=None)

    assert [len(values) for values in plan.by_key[0].value_groups()] == [50, 50]


def test_whole_records_are_compared_by_distinguishing_comparable_fields() -> None:
    records: list[dict[str, Any]] = [
        {"Last_Name": "Ek", "City": "Oslo", "Lines": [1], "Account": {"name": "by name"}, "State": None},
        {"Last_Name": "Ek", "City": "Rome", "Created_Time": at(1000)},
    ]

    assert compared_fields(records, MODULE, others=0) == ["City", "Last_Name"]


def test_at_most_fifty_fields_are_selected() -> None:
    many = CrmModule(name=MODULE.name, fields=tuple(field(f"F{i}") for i in range(80)))

    assert len(compared_fields([{f"F{i}": "x" for i in range(80)}], many, others=2)) == 45


def keyed(name: str, *values: str) -> KeyLookup:
    rows = KeyLookup(MODULE.by_api_name[name])
    for index, value in enumerate(values):
        assert rows.add_row(index, value)
    return rows


def test_a_unique_value_is_found_if_its_record_is_ours_and_absent_if_it_is_older() -> None:
    rows = keyed("Email", "a@x.co", "B@x.co", "c@x.co", "d@x.co", "e@x.co")
    rows.add_record({"id": "1", "Email": "a@x.co"}, RecordOwnership.OURS)
    rows.add_record({"id": "2", "Email": "b@X.co"}, RecordOwnership.OURS)
    rows.add_record({"id": "3", "Email": "c@x.co"}, RecordOwnership.EARLIER)
    rows.add_record({"id": "4", "Email": "d@x.co"}, RecordOwnership.OTHERS)
    rows.add_record({"id": "9", "Email": "z@x.co"}, RecordOwnership.OURS)
    rows.complete = True

    assert rows.found() == {0: "1", 1: "2"}
    assert rows.absent() == [2, 3, 4]


def test_a_value_whose_record_has_no_creator_stays_in_doubt() -> None:
    rows = keyed("Email", "a@x.co")
    rows.add_record({"id": "1", "Email": "a@x.co"}, RecordOwnership.UNKNOWN)
    rows.complete = True

    assert (rows.found(), rows.absent()) == ({}, [])


def test_no_value_is_absent_before_all_records_were_added() -> None:
    assert keyed("Email", "a@x.co").absent() == []


def test_an_import_key_is_found_whatever_the_clocks_say() -> None:
    rows = keyed("Stamp", "run:1", "run:2", "run:3", "run:4")
    rows.add_record({"id": "1", "Stamp": "run:1"}, RecordOwnership.OURS)
    rows.add_record({"id": "2", "Stamp": "run:2"}, RecordOwnership.EARLIER)
    rows.add_record({"id": "3", "Stamp": "run:3"}, RecordOwnership.OTHERS)
    rows.complete = True

    assert rows.found() == {0: "1", 1: "2"}
    assert rows.absent() == [3]


def test_a_record_added_twice_counts_once() -> None:
    rows = keyed("Email", "a@x.co", "A@x.co")
    for _ in range(2):
        rows.add_record({"id": "1", "Email": "a@x.co"}, RecordOwnership.OURS)
    rows.complete = True

    assert (rows.found(), rows.absent()) == ({0: "1"}, [1])
