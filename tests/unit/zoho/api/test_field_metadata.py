"""Decoding of field metadata."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.zoho.api.field_metadata import field_from


def described(**more: Any) -> dict[str, Any]:
    return {"api_name": "Rating", "field_label": "Rating", "data_type": "picklist", "json_type": "string", "length": 120} | more


def test_an_empty_mapping_means_not_unique() -> None:
    assert not field_from(described(unique={})).unique
    assert field_from(described(unique={"case_sensitive": False})).unique


def test_operation_type_decides_what_is_writable() -> None:
    field = field_from(described(operation_type={"api_create": True, "api_update": False}, field_read_only=False))

    assert (field.api_create, field.api_update) == (True, False)


def test_without_operation_type_a_read_only_field_is_not_writable() -> None:
    field = field_from(described(field_read_only=True))

    assert (field.read_only, field.api_create, field.api_update) == (True, False, False)


def test_a_pick_list_has_the_values_that_the_api_accepts() -> None:
    values = [
        {"display_value": "Warm (shown)", "actual_value": "Warm", "type": "used"},
        {"display_value": "Cold", "type": "used"},
        {"display_value": "Old", "actual_value": "Old", "type": "unused"},
        "odd",
    ]

    assert field_from(described(pick_list_values=values)).pick_list == ("Warm", "Cold")


@pytest.mark.parametrize(
    ("lookup", "wanted"),
    [
        ({}, None),
        (None, None),
        ({"module": {"api_name": "Accounts", "id": "1"}}, "Accounts"),
        ({"module": "Accounts"}, "Accounts"),
    ],
)
def test_the_module_of_a_lookup_in_old_and_new_format(lookup: object, wanted: str | None) -> None:
    assert field_from(described(lookup=lookup)).lookup_module == wanted


def test_missing_attributes_mean_not_restricted() -> None:
    field = field_from({"api_name": "X"})

    assert (field.label, field.length, field.mandatory, field.api_create) == ("X", None, False, True)
