"""Blocks of rows are transformed into records and rejected rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.rows import ABSENT, Operation, RowBlock, RowOrigin
from bulkzoho.domain.model.settings import MappingSettings
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.domain.transform.user_directory import CrmUser, UserDirectory
from bulkzoho.errors import RefusedError, UsageError
from tests.unit.domain.crm_samples import LEADS


def transformer_of(
    *header: str,
    operation: Operation = Operation.INSERT,
    match_on: tuple[str, ...] = (),
    time_zone: str | None = None,
    **mapping: Any,
) -> RowTransformer:
    transformer = RowTransformer(
        crm_module=LEADS, mapping=MappingSettings(**mapping), operation=operation, match_on=match_on, time_zone=time_zone
    )
    if header:
        transformer.plan_header(header, source="leads.csv")
    return transformer


def block_of(header: Sequence[str], *rows: Sequence[Any], first: int = 1) -> RowBlock:
    return RowBlock(header=tuple(header), rows=rows, numbers=range(first, first + len(rows)))


def test_rows_become_records_with_the_types_of_the_metadata() -> None:
    header = ("First name", "last name", "No of Employees", "Email_Opt_Out", "Parent Account")
    transformed = transformer_of(*header).transform(
        block_of(header, ["Ann", "Lund", "12", "no", "571"], ["Bo", "Ek", "", "", ""])
    )

    assert transformed.records == [
        {
            "First_Name": "Ann",
            "Last_Name": "Lund",
            "No_of_Employees": 12,
            "Email_Opt_Out": False,
            "Parent_Account": {"id": "571"},
        },
        {"First_Name": "Bo", "Last_Name": "Ek"},
    ]
    assert (list(transformed.numbers), transformed.rejected) == ([1, 2], ())


USERS = UserDirectory(
    everyone=(
        CrmUser(id="101", name="Ana Lund", email="ana@example.com", active=True),
        CrmUser(id="102", name="Bo Ek", email="bo@example.com", active=True),
    )
)


def test_users_are_needed_from_the_first_block_that_names_one() -> None:
    header = ("Last_Name", "Owner")
    ids, names = block_of(header, ["Lund", "571"], ["Ek", ""]), block_of(header, ["Lund", "571"], ["Ek", "bo@example.com"])
    transformer = transformer_of(*header)

    before = (transformer.needs_users(ids), transformer.needs_users(names))
    transformer.set_users(USERS)

    assert (before, transformer.needs_users(names)) == ((False, True), False)
    assert [record["Owner"] for record in transformer.transform(names).records] == [{"id": "571"}, {"id": "102"}]


def test_users_are_not_needed_for_columns_that_are_not_sent() -> None:
    transformer = transformer_of("Last_Name", "Owner", set=(("Owner", "571"),))

    assert not transformer.needs_users(block_of(("Last_Name", "Owner"), ["Lund", "Bo Ek"]))
    assert not transformer.sets_users


def test_a_later_header_may_need_users() -> None:
    transformer = transformer_of("Last_Name")

    assert transformer.needs_users(block_of(("Last_Name", "Owner"), ["Lund", {"email": "bo@example.com"}]))


@pytest.mark.parametrize(
    ("name", "text", "needs_users"),
    [
        ("Owner", "Bo Ek", True),
        ("owner", "Bo Ek", True),
        ("Owner", "571", False),
        ("Owner", "NULL", False),
        ("City", "Bo", False),
    ],
)
def test_users_are_needed_before_planning_if_set_names_one(name: str, text: str, *, needs_users: bool) -> None:
    assert transformer_of(set=((name, text),), null_text="NULL").sets_users is needs_users


def test_set_gives_every_row_the_same_user() -> None:
    transformer = transformer_of(set=(("Owner", "ana LUND"),))
    transformer.set_users(USERS)
    transformer.plan_header(("Last_Name",), source="leads.csv")

    assert transformer.transform(block_of(("Last_Name",), ["Lund"])).records == [{"Last_Name": "Lund", "Owner": {"id": "101"}}]


def test_an_unknown_user_in_set_is_refused() -> None:
    with pytest.raises(RefusedError, match=r"--set Owner=\.\.\.: no user has this"):
        transformer_of("Last_Name", set=(("Owner", "dan@example.com"),))


def test_ignored_columns_are_not_sent_but_kept_for_the_dead_letter_file() -> None:
    header = ("Last_Name", "zzzz")
    transformed = transformer_of(*header, ignore_unknown=True).transform(block_of(header, ["Lund", "?"]))

    assert transformed.records == [{"Last_Name": "Lund"}]
    assert transformed.cells[0] == ["Lund", "?"]


def test_constants_are_in_every_record() -> None:
    header = ("Last_Name", "Lead_Source")
    transformer = transformer_of(
        *header, set=(("Lead_Source", "Import"), ("No_of_Employees", "7"), ("Company", "NULL")), null_text="NULL"
    )

    transformed = transformer.transform(block_of(header, ["Lund", "Web"], ["Ek", ""]))

    constants = {"Lead_Source": "Import", "No_of_Employees": 7, "Company": None}
    assert transformed.records == [{"Last_Name": "Lund", **constants}, {"Last_Name": "Ek", **constants}]


def test_a_constant_of_the_wrong_type_is_refused_without_showing_it() -> None:
    with pytest.raises(RefusedError, match=r"--set No_of_Employees=\.\.\.: the value is not a whole number") as error:
        transformer_of("Last_Name", set=(("No_of_Employees", "many-and-secret"),))

    assert "secret" not in str(error.value)


@pytest.mark.parametrize("text", ["a\0", "a\udcff"])
def test_a_constant_with_invalid_text_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match=r"--set Company=\.\.\.: the text contains") as error:
        transformer_of("Last_Name", set=(("Company", text),))

    assert error.value.code == "BAD_ENCODING"


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity"])
def test_a_constant_that_is_not_a_number_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="--set Annual_Revenue"):
        transformer_of("Last_Name", set=(("Annual_Revenue", text),))


def test_a_rejected_row_keeps_its_number_cells_and_unconverted_value() -> None:
    header = ("Last_Name", "No_of_Employees", "Company")
    transformed = transformer_of(*header).transform(
        block_of(header, ["Lund", "12", ""], ["Ek", "many", ""], ["", "1", "x"], first=41)
    )

    assert (transformed.numbers, transformed.records) == ([41], [{"Last_Name": "Lund", "No_of_Employees": 12}])
    bad_number, no_name = transformed.rejected
    assert (bad_number.number, bad_number.cells) == (42, ["Ek", "many", ""])
    assert bad_number.record == {"Last_Name": "Ek", "No_of_Employees": "many"}
    assert (bad_number.rejection.code, bad_number.rejection.field) == ("INVALID_DATA", "No_of_Employees")
    assert (no_name.number, no_name.rejection.code, no_name.rejection.field) == (43, "MANDATORY_NOT_FOUND", "Last_Name")
    assert no_name.record == {"No_of_Employees": 1, "Company": "x"}


def test_clearing_a_mandatory_field_rejects_the_row_on_insert_only() -> None:
    header = ("id", "Last_Name")
    inserted = transformer_of("Last_Name").transform(block_of(["Last_Name"], [None]))
    updated = transformer_of(*header, operation=Operation.UPDATE).transform(block_of(header, ["571", None]))

    assert [row.rejection.code for row in inserted.rejected] == ["MANDATORY_NOT_FOUND"]
    assert updated.records == [{"id": "571", "Last_Name": None}]


def test_an_update_or_delete_rejects_rows_without_an_id() -> None:
    header = ("id", "Last_Name")
    for operation in (Operation.UPDATE, Operation.DELETE):
        transformed = transformer_of(*header, operation=operation).transform(
            block_of(header, ["zcrm_571", "Lund"], ["", "Ek"], ["5.7E+17", "Ek"])
        )

        assert [record["id"] for record in transformed.records] == ["571"]
        assert [(row.number, row.rejection.code, row.rejection.field) for row in transformed.rejected] == [
            (2, "MANDATORY_NOT_FOUND", "id"),
            (3, "INVALID_DATA", "id"),
        ]


def test_an_upsert_row_without_a_key_is_sent() -> None:
    header = ("Last_Name", "Email")
    transformed = transformer_of(*header, operation=Operation.UPSERT, match_on=("Email",)).transform(
        block_of(header, ["Lund", ""])
    )

    assert transformed.records == [{"Last_Name": "Lund"}]
    assert transformed.claims["Email"] == [None]


def test_keys_are_compared_without_case_and_surrounding_blanks() -> None:
    header = ("Last_Name", "Email", "Customer_Number")
    transformer = transformer_of(*header, operation=Operation.UPSERT, match_on=("Email",))

    transformed = transformer.transform(block_of(header, ["Lund", " Ann@Example.com", "A-1"], ["Ek", "", "ß\x00"]))

    assert transformer.key_fields == ("id", "Email", "Customer_Number")
    assert transformed.claims == {"Email": ["ann@example.com", None], "Customer_Number": ["a-1", "ss\x00"]}


def test_leading_zeros_of_an_id_do_not_matter() -> None:
    header = ("id", "Last_Name")
    transformed = transformer_of(*header, operation=Operation.UPDATE).transform(block_of(header, ["571", "Lund"], ["0571", "Ek"]))

    assert transformed.claims["id"] == ["571", "571"]


def test_a_constant_key_is_the_key_of_every_row() -> None:
    transformer = transformer_of(
        "Last_Name", operation=Operation.UPSERT, match_on=("Email",), set=(("Email", "All@example.com"),)
    )

    transformed = transformer.transform(block_of(["Last_Name"], ["Lund"], ["Ek"]))

    assert transformed.claims["Email"] == ["all@example.com"] * 2


def test_an_expanding_header_adds_fields_and_rejects_rows_with_unknown_columns() -> None:
    transformer = transformer_of("Last_Name")
    header = ("Last_Name", "Company", "zzzz")

    transformed = transformer.transform(block_of(header, ["Lund", "Acme", ABSENT], ["Ek", ABSENT, "?"], ["Dahl", ABSENT, None]))

    assert transformed.records == [{"Last_Name": "Lund", "Company": "Acme"}, {"Last_Name": "Dahl"}]
    assert [(row.number, row.rejection.code) for row in transformed.rejected] == [(2, "UNKNOWN_COLUMN")]
    assert transformed.rejected[0].record == {"Last_Name": "Ek", "zzzz": "?"}


def test_the_cache_of_header_plans_is_bounded() -> None:
    transformer = transformer_of("Last_Name", ignore_unknown=True)

    for n in range(200):
        header = ("Last_Name", *(f"x{i}" for i in range(n)))
        assert transformer.transform(block_of(header, ["Lund", *"x" * n])).records == [{"Last_Name": "Lund"}]

    assert len(transformer._header_plans) <= 64


def test_origins_of_replayed_rows_stay_with_their_rows() -> None:
    origins = [RowOrigin(run="r", source="leads.csv", row=row, attempts=1) for row in (7, 9)]
    block = RowBlock(header=("Last_Name",), rows=[[""], ["Ek"]], numbers=[1, 2], origins=origins)

    transformed = transformer_of("Last_Name").transform(block)

    assert transformed.origins == [origins[1]]
    assert transformed.rejected[0].origin == origins[0]


def test_an_empty_block_gives_no_records() -> None:
    transformed = transformer_of("Last_Name").transform(RowBlock(header=("Last_Name",), rows=(), numbers=()))

    assert (len(transformed.records), len(transformed.rejected)) == (0, 0)


def test_rows_without_a_sent_column_still_give_records() -> None:
    transformer = transformer_of(
        "zzzz", operation=Operation.UPSERT, match_on=("Email",), set=(("Email", "a@b.co"),), ignore_unknown=True
    )

    assert transformer.transform(block_of(["zzzz"], ["1"], ["2"])).records == [{"Email": "a@b.co"}] * 2


def test_times_without_an_offset_use_the_organizations_zone_or_are_rejected() -> None:
    header, row = ("Last_Name", "Last_Call"), ["Lund", "2026-01-31 12:00"]

    known = transformer_of(*header, time_zone="Europe/Berlin").transform(block_of(header, row))
    unknown = transformer_of(*header, time_zone="Nowhere/City").transform(block_of(header, row))

    assert known.records[0]["Last_Call"] == "2026-01-31T12:00:00+01:00"
    assert [row.rejection.field for row in unknown.rejected] == ["Last_Call"]


@pytest.mark.parametrize("name", ["Nowhere/City", "Europe", "../x"])
def test_an_invalid_time_zone_is_a_usage_error(name: str) -> None:
    with pytest.raises(UsageError, match="no such time zone"):
        RowTransformer(crm_module=LEADS, mapping=MappingSettings(time_zone=name), operation=Operation.INSERT)


def test_the_time_zone_of_the_settings_takes_precedence() -> None:
    transformer = RowTransformer(
        crm_module=LEADS, mapping=MappingSettings(time_zone="Asia/Tokyo"), operation=Operation.INSERT, time_zone="Europe/Berlin"
    )
    header = ("Last_Name", "Last_Call")

    assert transformer.transform(block_of(header, ["Lund", "2026-01-31"])).records[0]["Last_Call"] == "2026-01-31T00:00:00+09:00"


def test_an_invalid_date_format_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="not a date format"):
        transformer_of(column_formats=(("Founded", "%Q"),))


CELLS = st.one_of(st.text(max_size=6), st.sampled_from(["", "12", "true", "571", "a;b", "x" * 300]))


@given(st.lists(st.lists(CELLS, min_size=6, max_size=6), min_size=1, max_size=12))
def test_a_block_gives_the_same_result_as_its_rows_one_by_one(rows: list[list[str]]) -> None:
    header = ("Last_Name", "Customer_Number", "No_of_Employees", "Email_Opt_Out", "Parent_Account", "Interests")
    transformer = transformer_of(*header)

    whole = transformer.transform(block_of(header, *rows))

    single = [transformer.transform(block_of(header, row, first=number)) for number, row in enumerate(rows, start=1)]
    assert list(whole.records) == [record for block in single for record in block.records]
    assert list(whole.numbers) == [number for block in single for number in block.numbers]
    assert list(whole.rejected) == [row for block in single for row in block.rejected]
    assert list(whole.claims["Customer_Number"]) == [key for block in single for key in block.claims["Customer_Number"]]
    assert len(whole.records) + len(whole.rejected) == len(rows)
