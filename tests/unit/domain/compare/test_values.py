"""Values sent compared with values as the service stores them."""

from __future__ import annotations

import html
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.compare.values import comparable_form, differing_fields
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo
from bulkzoho.domain.transform.exact_json import ExactNumber


def field(
    api_name: str, data_type: str, json_type: str = "string", *, unique: bool = False, places: int | None = None
) -> FieldMetadata:
    return FieldMetadata(
        api_name=api_name, label=api_name, data_type=data_type, json_type=json_type, unique=unique, decimal_place=places
    )


MODULE = CrmModule(
    name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"),
    fields=(
        field("Last_Name", "text"),
        field("Key", "text", unique=True),
        field("Notes", "textarea"),
        field("Count", "integer", "integer"),
        field("Big", "bigint"),
        field("Amount", "currency", "double", places=2),
        field("Score", "double", "double", places=9),
        field("Open", "boolean", "boolean"),
        field("Day", "date"),
        field("At", "datetime"),
        field("Tongues", "multiselectpicklist", "jsonarray"),
        field("Account", "lookup", "jsonobject"),
        field("Owner", "ownerlookup", "jsonobject"),
        field("Lines", "subform", "jsonarray"),
        field("Novel", "a_type_of_next_year", "string"),
    ),
)


@pytest.mark.parametrize(
    ("name", "sent", "held"),
    [
        ("Last_Name", "  Ek ", "Ek"),
        ("Last_Name", "", None),
        ("Last_Name", "   ", None),
        ("Last_Name", None, None),
        ("Last_Name", "A & B <c>", "A &amp; B &lt;c&gt;"),
        ("Last_Name", "A &amp; B", "A & B"),
        ("Last_Name", ExactNumber("12"), "12"),
        ("Key", "Abc@X.co", "abc@x.CO"),
        ("Notes", "one\r\ntwo", "one\ntwo"),
        ("Count", ExactNumber("42"), 42),
        ("Big", ExactNumber("123456789012345678"), "123456789012345678"),
        ("Amount", ExactNumber("10.50"), 10.5),
        ("Amount", ExactNumber("10.509"), 10.5),
        ("Amount", ExactNumber("-10.509"), -10.5),
        ("Amount", ExactNumber("1e3"), 1000),
        ("Score", ExactNumber("0.1"), 0.1),
        ("Score", ExactNumber("12345678901234.56"), 12345678901234.56),
        ("Open", True, True),
        ("Open", False, None),
        ("Day", "2026-02-01", "2026-02-01"),
        ("At", "2026-02-01T10:00:00+01:00", "2026-02-01T09:00:00Z"),
        ("At", "2026-02-01T10:00:00.250+01:00", "2026-02-01T09:00:00+00:00"),
        ("Tongues", ["German", "Korean"], ["Korean", "German"]),
        ("Tongues", ["German", "Korean"], "Korean;German"),
        ("Tongues", [], None),
        ("Account", {"id": "5725"}, {"id": "5725", "name": "Acme"}),
        ("Account", None, None),
        ("Owner", {"email": "ana@example.com"}, {"id": "7"}),
        ("Lines", [{"a": 1}], None),
        ("Unheard_Of", "x", None),
        ("Novel", "x", "x "),
    ],
)
def test_a_value_as_the_service_stores_it_is_no_difference(name: str, sent: Any, held: Any) -> None:
    assert differing_fields({name: sent}, {name: held}, MODULE) == []


@pytest.mark.parametrize(
    ("name", "sent", "held"),
    [
        ("Last_Name", "Ek", "ek"),
        ("Last_Name", "Ek", None),
        ("Last_Name", None, "Ek"),
        ("Last_Name", "a  b", "a b"),
        ("Key", "abc", "abd"),
        ("Count", 42, 43),
        ("Big", ExactNumber("123456789012345678"), "123456789012345679"),
        ("Amount", ExactNumber("10.51"), 10.5),
        ("Amount", ExactNumber("10.509"), 10.51),
        ("Open", True, None),
        ("Day", "2026-02-01", "2026-02-02"),
        ("At", "2026-02-01T10:00:00+01:00", "2026-02-01T10:00:00+00:00"),
        ("Tongues", ["German"], ["German", "Korean"]),
        ("Account", {"id": "5725"}, {"id": "5726"}),
        ("Account", {"id": "5725"}, None),
        ("Novel", "x", "y"),
    ],
)
def test_another_value_is_a_difference(name: str, sent: Any, held: Any) -> None:
    assert differing_fields({name: sent}, {name: held}, MODULE) == [name]


def test_fields_that_were_not_sent_do_not_count_and_differences_are_in_the_order_sent() -> None:
    found = differing_fields({"Day": "2026-01-01", "Last_Name": "Ek", "Count": 1}, {"Last_Name": "By", "Notes": "more"}, MODULE)

    assert found == ["Day", "Last_Name", "Count"]


@given(st.text())
def test_a_text_equals_itself_however_it_is_padded_and_escaped(text: str) -> None:
    held = html.escape(f" {text}\n")

    assert differing_fields({"Last_Name": text}, {"Last_Name": held}, MODULE) == []


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**12), max_value=10**12, places=5))
def test_a_number_equals_itself_with_its_decimals_cut_off(number: Decimal) -> None:
    sign, digits, exponent = number.as_tuple()
    assert isinstance(exponent, int)
    kept = float(Decimal((sign, digits[:-3] or (0,), exponent + 3)))

    assert differing_fields({"Amount": ExactNumber(format(number, "f"))}, {"Amount": kept}, MODULE) == []


@given(
    st.datetimes(min_value=datetime(1971, 1, 1), max_value=datetime(2100, 1, 1)),  # noqa: DTZ001  made aware below
    st.integers(-14 * 4, 14 * 4),
)
def test_a_time_equals_itself_in_any_zone(moment: datetime, quarters: int) -> None:
    sent = moment.replace(tzinfo=UTC, microsecond=0)
    held = sent.astimezone(timezone(timedelta(minutes=15 * quarters)))

    assert differing_fields({"At": sent.isoformat()}, {"At": held.isoformat()}, MODULE) == []


@given(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(),
        st.floats(allow_nan=False),
        st.text(),
        st.lists(st.text()),
        st.dictionaries(st.text(), st.text()),
    )
)
def test_every_value_has_a_form_that_can_be_a_key(value: Any) -> None:
    forms = [form for crm_field in MODULE.fields if (form := comparable_form(crm_field)) is not None]

    assert all({form(value): True}[form(value)] for form in forms)
