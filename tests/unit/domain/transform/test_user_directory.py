"""Cells of owner and user columns resolve to users."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.domain.model.rows import ABSENT, Stage
from bulkzoho.domain.transform.converted_column import ConvertedColumn
from bulkzoho.domain.transform.converters import ConversionRules, converter_for
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.domain.transform.references import MAX_CACHED_NAMES, needs_user_lookup
from bulkzoho.domain.transform.user_directory import CrmUser, UnknownUserReason, UserDirectory
from bulkzoho.errors import RefusedError
from tests.unit.domain.crm_samples import crm_field


def user(number: str, name: str, email: str, *, active: bool = True) -> CrmUser:
    return CrmUser(id=number, name=name, email=email, active=active)


ANA = user("101", "Ana Lund", "ana@example.com")
USERS = UserDirectory(
    everyone=(
        ANA,
        user("102", "Zo\u00eb Stra\u00dfe", "Zoe@Example.com"),
        user("103", "Cy Gone", "cy@example.com", active=False),
        user("104", "Eva Holm", "eva@example.com"),
        user("105", "Eva Holm", "eva.holm@example.com"),
        user("106", "Bo Ek", "bo@example.com"),
        user("107", "Bo Ek", "bo.old@example.com", active=False),
        user("108", "", "robot@example.com"),
        user("109", "both@example.com", "both@example.com"),
    )
)


def convert(*cells: Any, users: UserDirectory = USERS, data_type: str = "ownerlookup", **rules: Any) -> ConvertedColumn:
    return converter_for(crm_field("Owner", data_type), ConversionRules(users=users, **rules))(cells)


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("101", "101"),
        ("999", "999"),
        ("zcrm_101", "101"),
        (101, "101"),
        ("ana@example.com", "101"),
        (" ANA@example.COM ", "101"),
        ("ana  LUND", "101"),
        ("Ana\u00a0Lund", "101"),
        ("zoe\u0308 strasse", "102"),
        ("zoe@example.com", "102"),
        ("eva.holm@example.com", "105"),
        ("robot@example.com", "108"),
        ("both@example.com", "109"),
        ({"id": "101", "email": "eva@example.com"}, "101"),
        ({"name": "Eva Holm", "email": "eva@example.com"}, "104"),
        ({"name": "Ana Lund", "id": None}, "101"),
    ],
)
def test_a_user_is_found_by_id_e_mail_or_full_name(cell: Any, number: str) -> None:
    assert convert(cell).values == [{"id": number}]


@pytest.mark.parametrize("data_type", ["ownerlookup", "userlookup"])
@pytest.mark.parametrize(
    ("cell", "reason"),
    [
        ("dan@example.com", UnknownUserReason.UNKNOWN),
        ("Lund", UnknownUserReason.UNKNOWN),
        ("-1", UnknownUserReason.UNKNOWN),
        ("1.5", UnknownUserReason.UNKNOWN),
        ("\uff11\uff10\uff11", UnknownUserReason.UNKNOWN),
        ("eva holm", UnknownUserReason.AMBIGUOUS),
        ("Bo Ek", UnknownUserReason.AMBIGUOUS),
        ("cy@example.com", UnknownUserReason.INACTIVE),
        ("Cy Gone", UnknownUserReason.INACTIVE),
    ],
)
def test_an_unknown_ambiguous_or_inactive_user_is_rejected_without_the_value(
    cell: str, reason: UnknownUserReason, data_type: str
) -> None:
    ((_, rejection),) = convert(cell, data_type=data_type).rejected

    assert (rejection.code, rejection.stage, rejection.field) == ("INVALID_DATA", Stage.CHECK, "Owner")
    assert rejection.message.startswith(reason.value)
    assert cell.strip() not in rejection.message


@pytest.mark.parametrize("cell", [True, [], {}, {"email": ""}, {"name": ["Ana Lund"]}])
def test_a_cell_without_a_user_is_rejected(cell: Any) -> None:
    ((_, rejection),) = convert(cell, users=USERS.with_fallback("101")).rejected

    assert rejection.message.startswith("the value is not a user")


@pytest.mark.parametrize("cell", ["5.72577E+18", ExactNumber("5.72E+17")])
def test_a_rounded_id_is_rejected_despite_the_fallback(cell: Any) -> None:
    ((_, rejection),) = convert(cell, users=USERS.with_fallback("101")).rejected

    assert "spreadsheet" in rejection.message


@pytest.mark.parametrize("cell", ["dan@example.com", "Eva Holm", "Cy Gone", "103", "999", {"email": "dan@example.com"}])
def test_the_fallback_replaces_users_that_are_not_found(cell: Any) -> None:
    assert convert(cell, users=USERS.with_fallback("ANA lund")).values == [{"id": "101"}]


def test_the_fallback_replaces_neither_known_users_nor_blanks() -> None:
    column = convert("bo@example.com", "", "104", "NULL", users=USERS.with_fallback("101"), null_text="NULL")

    assert column.values == [{"id": "106"}, "", {"id": "104"}, None]
    assert (column.absent, column.cleared, column.rejected) == ([1], [3], [])


@pytest.mark.parametrize("text", ["dan@example.com", "Eva Holm", "cy@example.com", "999"])
def test_an_unknown_fallback_is_refused(text: str) -> None:
    with pytest.raises(RefusedError) as error:
        USERS.with_fallback(text)

    assert (error.value.code, error.value.exit_code) == ("UNKNOWN_USER", 4)


def test_a_column_is_converted_alike_from_the_cache() -> None:
    owner = converter_for(crm_field("Owner", "ownerlookup"), ConversionRules(users=USERS))
    cells = ["Ana Lund", "ana@example.com", "102"]

    first, second = owner(cells), owner(cells)
    mixed = owner([*cells, "unknown", ""])

    assert first.values == second.values == [{"id": "101"}, {"id": "101"}, {"id": "102"}]
    assert ([index for index, _ in mixed.rejected], mixed.absent) == ([3], [4])


def test_any_number_of_spellings_is_converted() -> None:
    owner = converter_for(crm_field("Owner", "ownerlookup"), ConversionRules(users=USERS.with_fallback("101")))

    column = owner([f"unknown {n}" for n in range(MAX_CACHED_NAMES + 5)])

    assert all(value == {"id": "101"} for value in column.values)


@pytest.mark.parametrize(
    ("cell", "needed"),
    [
        ("101", False),
        (101, False),
        ("zcrm_101", False),
        ("", False),
        ("  ", False),
        (None, False),
        (ABSENT, False),
        ("NULL", False),
        ("5.7E+17", False),
        (True, False),
        ({"id": "101", "email": "x@y.z"}, False),
        ("Ana Lund", True),
        ("ana@example.com", True),
        ({"email": "ana@example.com"}, True),
    ],
)
def test_users_are_needed_only_for_cells_that_are_not_ids(cell: Any, *, needed: bool) -> None:
    assert needs_user_lookup(["102", cell], null_text="NULL") is needed


def test_no_repr_shows_a_name_or_address() -> None:
    assert "Ana" not in repr(ANA)
    assert "ana@" not in repr(USERS)
