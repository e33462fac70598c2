"""From blocks of rows to records, and to rows that are not sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.rows import ABSENT, Operation, RowBlock, RowOrigin
from bulkzoho.domain.model.settings import MappingSettings
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.domain.transform.user_directory import CrmUser, UserDirectory
from bulkzoho.errors import RefusedError, UsageError
from tests.unit.domain.crm_samples import LEADS


def transformer_of(
    *header: str,
    operation: Operation = Operation.INSERT,
    match_on: tuple[str, ...] = (),
    time_zone: str | None = None,
    **shape: Any,
) -> RowTransformer:
    transformer = RowTransformer(
        crm_module=LEADS, mapping=MappingSettings(**shape), operation=operation, match_on=match_on, time_zone=time_zone
    )
    if header:
        transformer.plan_header(header, source="leads.csv")
    return transformer


def block_of(header: Sequence[str], *rows: Sequence[Any], first: int = 1) -> RowBlock:
    return RowBlock(header=tuple(header), rows=rows, numbers=range(first, first + len(rows)))


def test_rows_become_records_with_the_types_of_the_metadata() -> None:
    header = ("First name", "last name", "No of Employees", "Email_Opt_Out", "Parent Account")
    shaped = transformer_of(*header).transform(block_of(header, ["Ann", "Lund", "12", "no", "571"], ["Bo", "Ek", "", "", ""]))

    assert shaped.records == [
        {
            "First_Name": "Ann",
            "Last_Name": "Lund",
            "No_of_Employees": 12,
            "Email_Opt_Out": False,
            "Parent_Account": {"id": "571"},
        },
        {"First_Name": "Bo", "Last_Name": "Ek"},
    ]
    assert (list(shaped.numbers), shaped.rejected) == ([1, 2], ())


USERS = UserDirectory(
    everyone=(
        CrmUser(id="101", name="Ana Lund", email="ana@example.com", active=True),
        CrmUser(id="102", name="Bo Ek", email="bo@example.com", active=True),
    )
)


def test_users_are_wanted_by_the_first_block_that_names_one_and_never_again() -> None:
    header = ("Last_Name", "Owner")
    ids, names = block_of(header, ["Lund", "571"], ["Ek", ""]), block_of(header, ["Lund", "571"], ["Ek", "bo@example.com"])
    transformer = transformer_of(*header)

    before = (transformer.needs_users(ids), transformer.needs_users(names))
    transformer.set_users(USERS)

    assert (before, transformer.needs_users(names)) == ((False, True), False)
    assert [record["Owner"] for record in transformer.transform(names).records] == [{"id": "571"}, {"id": "102"}]


def test_users_are_not_wanted_for_columns_that_go_elsewhere() -> None:
    transformer = transformer_of("Last_Name", "Owner", set=(("Owner", "571"),))

    assert not transformer.needs_users(block_of(("Last_Name", "Owner"), ["Lund", "Bo Ek"]))
    assert not transformer.sets_users


def test_a_header_that_grew_may_bring_users() -> None:
    transformer = transformer_of("Last_Name")

    assert transformer.needs_users(block_of(("Last_Name", "Owner"), ["Lund", {"email": "bo@example.com"}]))


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("Owner", "Bo Ek", True),
        ("owner", "Bo Ek", True),
        ("Owner", "571", False),
        ("Owner", "NULL", False),
        ("City", "Bo", False),
    ],
)
def test_users_are_wanted_before_planning_when_set_names_one(name: str, text: str, *, wanted: bool) -> None:
    assert transformer_of(set=((name, text),), null_text="NULL").sets_users is wanted


def test_a_user_may_be_set_for_every_row() -> None:
    transformer = transformer_of(set=(("Owner", "ana LUND"),))
    transformer.set_users(USERS)
    transformer.plan_header(("Last_Name",), source="leads.csv")

    assert transformer.transform(block_of(("Last_Name",), ["Lund"])).records == [{"Last_Name": "Lund", "Owner": {"id": "101"}}]


def test_a_user_that_nobody_is_cannot_be_set() -> None:
    with pytest.raises(RefusedError, match=r"--set Owner=\.\.\.: no user has this"):
        transformer_of("Last_Name", set=(("Owner", "dan@example.com"),))


def test_columns_left_out_are_not_sent_but_kept_for_letters() -> None:
    header = ("Last_Name", "zzzz")
    shaped = transformer_of(*header, ignore_unknown=True).transform(block_of(header, ["Lund", "?"]))

    assert shaped.records == [{"Last_Name": "Lund"}]
    assert shaped.cells[0] == ["Lund", "?"]


def test_constants_go_into_every_record() -> None:
    header = ("Last_Name", "Lead_Source")
    transformer = transformer_of(
        *header, set=(("Lead_Source", "Import"), ("No_of_Employees", "7"), ("Company", "NULL")), null_text="NULL"
    )

    shaped = transformer.transform(block_of(header, ["Lund", "Web"], ["Ek", ""]))

    constants = {"Lead_Source": "Import", "No_of_Employees": 7, "Company": None}
    assert shaped.records == [{"Last_Name": "Lund", **constants}, {"Last_Name": "Ek", **constants}]


def test_a_constant_of_the_wrong_type_is_refused_at_once_without_showing_it() -> None:
    with pytest.raises(RefusedError, match=r"--set No_of_Employees=\.\.\.: it is not a whole number") as refused:
        transformer_of("Last_Name", set=(("No_of_Employees", "many-and-secret"),))

    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("text", ["a\0", "a\udcff"])
def test_a_constant_that_is_no_text_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match=r"--set Company=\.\.\.: the text contains") as refused:
        transformer_of("Last_Name", set=(("Company", text),))

    assert refused.value.code == "BAD_ENCODING"


@pytest.mark.parametrize("text", ["nan", "NaN", "inf", "-Infinity"])
def test_a_constant_that_is_no_number_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="--set Annual_Revenue"):
        transformer_of("Last_Name", set=(("Annual_Revenue", text),))


def test_a_refused_row_keeps_its_number_its_cells_and_its_value_as_read() -> None:
    header = ("Last_Name", "No_of_Employees", "Company")
    shaped = transformer_of(*header).transform(block_of(header, ["Lund", "12", ""], ["Ek", "many", ""], ["", "1", "x"], first=41))

    assert (shaped.numbers, shaped.records) == ([41], [{"Last_Name": "Lund", "No_of_Employees": 12}])
    bad_number, no_name = shaped.rejected
    assert (bad_number.number, bad_number.cells) == (42, ["Ek", "many", ""])
    assert bad_number.record == {"Last_Name": "Ek", "No_of_Employees": "many"}
    assert (bad_number.rejection.code, bad_number.rejection.field) == ("INVALID_DATA", "No_of_Employees")
    assert (no_name.number, no_name.rejection.code, no_name.rejection.field) == (43, "MANDATORY_NOT_FOUND", "Last_Name")
    assert no_name.record == {"No_of_Employees": 1, "Company": "x"}


def test_a_cleared_mandatory_field_is_refused_on_insert_only() -> None:
    header = ("id", "Last_Name")
    inserted = transformer_of("Last_Name").transform(block_of(["Last_Name"], [None]))
    updated = transformer_of(*header, operation=Operation.UPDATE).transform(block_of(header, ["571", None]))

    assert [row.rejection.code for row in inserted.rejected] == ["MANDATORY_NOT_FOUND"]
    assert updated.records == [{"id": "571", "Last_Name": None}]


def test_an_update_or_delete_without_an_id_is_refused_row_by_row() -> None:
    header = ("id", "Last_Name")
    for operation in (Operation.UPDATE, Operation.DELETE):
        shaped = transformer_of(*header, operation=operation).transform(
            block_of(header, ["zcrm_571", "Lund"], ["", "Ek"], ["5.7E+17", "Ek"])
        )

        assert [record["id"] for record in shaped.records] == ["571"]
        assert [(row.number, row.rejection.code, row.rejection.field) for row in shaped.rejected] == [
            (2, "MANDATORY_NOT_FOUND", "id"),
            (3, "INVALID_DATA", "id"),
        ]


def test_an_upsert_row_without_a_key_is_sent() -> None:
    header = ("Last_Name", "Email")
    shaped = transformer_of(*header, operation=Operation.UPSERT, match_on=("Email",)).transform(block_of(header, ["Lund", ""]))

    assert shaped.records == [{"Last_Name": "Lund"}]
    assert shaped.claims["Email"] == [None]


def test_keys_are_compared_without_case_and_blanks_around() -> None:
    header = ("Last_Name", "Email", "Customer_Number")
    transformer = transformer_of(*header, operation=Operation.UPSERT, match_on=("Email",))

    shaped = transformer.transform(block_of(header, ["Lund", " Ann@Example.com", "A-1"], ["Ek", "", "ß\x00"]))

    assert transformer.key_fields == ("id", "Email", "Customer_Number")
    assert shaped.claims == {"Email": ["ann@example.com", None], "Customer_Number": ["a-1", "ss\x00"]}


def test_ids_are_keys_whatever_zeros_they_begin_with() -> None:
    header = ("id", "Last_Name")
    shaped = transformer_of(*header, operation=Operation.UPDATE).transform(block_of(header, ["571", "Lund"], ["0571", "Ek"]))

    assert shaped.claims["id"] == ["571", "571"]


def test_a_key_that_is_a_constant_is_everybodys_key() -> None:
    transformer = transformer_of(
        "Last_Name", operation=Operation.UPSERT, match_on=("Email",), set=(("Email", "All@example.com"),)
    )

    shaped = transformer.transform(block_of(["Last_Name"], ["Lund"], ["Ek"]))

    assert shaped.claims["Email"] == ["all@example.com"] * 2


def test_a_header_that_grows_takes_new_fields_and_refuses_rows_with_keys_that_are_none() -> None:
    transformer = transformer_of("Last_Name")
    header = ("Last_Name", "Company", "zzzz")

    shaped = transformer.transform(block_of(header, ["Lund", "Acme", ABSENT], ["Ek", ABSENT, "?"], ["Dahl", ABSENT, None]))

    assert shaped.records == [{"Last_Name": "Lund", "Company": "Acme"}, {"Last_Name": "Dahl"}]
    assert [(row.number, row.rejection.code) for row in shaped.rejected] == [(2, "UNKNOWN_COLUMN")]
    assert shaped.rejected[0].record == {"Last_Name": "Ek", "zzzz": "?"}


def test_many_headers_are_not_all_remembered() -> None:
    transformer = transformer_of("Last_Name", ignore_unknown=True)

    for n in range(200):
        header = ("Last_Name", *(f"x{i}" for i in range(n)))
        assert transformer.transform(block_of(header, ["Lund", *"x" * n])).records == [{"Last_Name": "Lund"}]

    assert len(transformer._programs) <= 64


def test_origins_of_letters_stay_with_their_rows() -> None:
    origins = [RowOrigin(run="r", source="leads.csv", row=row, attempts=1) for row in (7, 9)]
    block = RowBlock(header=("Last_Name",), rows=[[""], ["Ek"]], numbers=[1, 2], origins=origins)

    shaped = transformer_of("Last_Name").transform(block)

    assert shaped.origins == [origins[1]]
    assert shaped.rejected[0].origin == origins[0]


def test_a_block_without_rows_gives_nothing() -> None:
    shaped = transformer_of("Last_Name").transform(RowBlock(header=("Last_Name",), rows=(), numbers=()))

    assert (len(shaped.records), len(shaped.rejected)) == (0, 0)


def test_rows_of_which_no_column_is_sent_are_rows_all_the_same() -> None:
    transformer = transformer_of(
        "zzzz", operation=Operation.UPSERT, match_on=("Email",), set=(("Email", "a@b.co"),), ignore_unknown=True
    )

    assert transformer.transform(block_of(["zzzz"], ["1"], ["2"])).records == [{"Email": "a@b.co"}] * 2


def test_naive_times_are_of_the_organizations_zone_and_refused_without_one() -> None:
    header, row = ("Last_Name", "Last_Call"), ["Lund", "2026-01-31 12:00"]

    known = transformer_of(*header, time_zone="Europe/Berlin").transform(block_of(header, row))
    unknown = transformer_of(*header, time_zone="Nowhere/City").transform(block_of(header, row))

    assert known.records[0]["Last_Call"] == "2026-01-31T12:00:00+01:00"
    assert [row.rejection.field for row in unknown.rejected] == ["Last_Call"]


@pytest.mark.parametrize("name", ["Nowhere/City", "Europe", "../x"])
def test_a_time_zone_that_is_none_is_a_matter_of_usage(name: str) -> None:
    with pytest.raises(UsageError, match="no such time zone"):
        RowTransformer(crm_module=LEADS, mapping=MappingSettings(time_zone=name), operation=Operation.INSERT)


def test_the_users_time_zone_wins() -> None:
    transformer = RowTransformer(
        crm_module=LEADS, mapping=MappingSettings(time_zone="Asia/Tokyo"), operation=Operation.INSERT, time_zone="Europe/Berlin"
    )
    header = ("Last_Name", "Last_Call")

    assert transformer.transform(block_of(header, ["Lund", "2026-01-31"])).records[0]["Last_Call"] == "2026-01-31T00:00:00+09:00"


def test_a_date_format_that_is_none_is_a_matter_of_usage() -> None:
    with pytest.raises(UsageError, match="no date format"):
        transformer_of(column_formats=(("Founded", "%Q"),))


CELLS = st.one_of(st.text(max_size=6), st.sampled_from(["", "12", "true", "571", "a;b", "x" * 300]))


@given(st.lists(st.lists(CELLS, min_size=6, max_size=6), min_size=1, max_size=12))
def test_a_block_gives_what_its_rows_give_one_by_one(rows: list[list[str]]) -> None:
    header = ("Last_Name", "Customer_Number", "No_of_Employees", "Email_Opt_Out", "Parent_Account", "Interests")
    transformer = transformer_of(*header)

    whole = transformer.transform(block_of(header, *rows))

    single = [transformer.transform(block_of(header, row, first=number)) for number, row in enumerate(rows, start=1)]
    assert list(whole.records) == [record for one in single for record in one.records]
    assert list(whole.numbers) == [number for one in single for number in one.numbers]
    assert list(whole.rejected) == [refused for one in single for refused in one.rejected]
    assert list(whole.claims["Customer_Number"]) == [key for one in single for key in one.claims["Customer_Number"]]
    assert len(whole.records) + len(whole.rejected) == len(rows)


@given(
    rows=st.lists(
        st.tuples(st.text(max_size=4), st.sampled_from(["", " ", "7", "x"]), st.sampled_from(["", "1.50", "-3", "1e400"])),
        min_size=1,
        max_size=5,
    )
)
def test_packed_records_are_the_same_records(rows: list[tuple[str, str, str]]) -> None:
    header = ("Last_Name", "No_of_Employees", "Annual_Revenue")
    block = RowBlock(header=header, rows=rows, numbers=range(1, len(rows) + 1), texts=True)

    plain, packed = (transformer_of(*header).transform(block, encoded=packed) for packed in (False, True))

    assert encode_json(list(packed.records)) == encode_json(plain.records)
    assert (packed.claims, packed.numbers, packed.rejected) == (plain.claims, plain.numbers, plain.rejected)
