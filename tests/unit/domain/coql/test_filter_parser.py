"""Conditions: the grammar, and the translation to each route."""

from __future__ import annotations

import pytest

from bulkzoho.domain.coql.filter_parser import Condition, bind_filter, parse_where
from bulkzoho.domain.coql.filter_translator import to_bulk_read, to_coql
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.errors import RefusedError, UsageError


def _field(api_name: str, data_type: str) -> FieldMetadata:
    return FieldMetadata(api_name=api_name, label=api_name.replace("_", " "), data_type=data_type, json_type="string")


MODULE = CrmModule(
    name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"),
    fields=(
        _field("City", "text"),
        _field("Lead_Status", "picklist"),
        _field("Revenue", "currency"),
        _field("Opt_Out", "boolean"),
        _field("Birthday", "date"),
        _field("Modified_Time", "datetime"),
        _field("Owner", "ownerlookup"),
    ),
)


def _read(text: str) -> Condition:
    return bind_filter(parse_where(text), MODULE)


@pytest.mark.parametrize(
    ("text", "coql"),
    [
        ("City = 'Oslo'", "City = 'Oslo'"),
        ("City='O''Hara \\ Co'", "City = 'O\\'Hara \\\\ Co'"),
        ('city = "a ""b"""', "City = 'a \"b\"'"),
        ("`Lead Status` in ('New', 'Old')", "Lead_Status in ('New', 'Old')"),
        ("Revenue >= 1000.50", "Revenue >= 1000.50"),
        ("Revenue not between -1 and 2", "Revenue not between -1 and 2"),
        ("Opt_Out != true", "Opt_Out = false"),
        ("Birthday > 2026-02-01", "Birthday > '2026-02-01'"),
        ("Modified_Time <= 2026-02-01T10:00:00+01:00", "Modified_Time <= '2026-02-01T10:00:00+01:00'"),
        ("City is not null AND Owner = 5725767000000411001", "City is not null and Owner = '5725767000000411001'"),
        ("City = 'a' or City = 'b' and Revenue > 1", "City = 'a' or (City = 'b' and Revenue > 1)"),
        ("(City = 'a' or City = 'b') and Revenue > 1 and id = 7", "((City = 'a' or City = 'b') and Revenue > 1) and id = '7'"),
        ("City not like '%x%'", "City not like '%x%'"),
    ],
)
def test_a_condition_becomes_coql_bracketed_in_pairs(text: str, coql: str) -> None:
    assert to_coql(_read(text)) == coql


def test_a_condition_becomes_criteria_of_a_bulk_read() -> None:
    condition = _read("City is null or (Revenue in (1, 2.5) and Opt_Out = true) and City like '%x%'")

    assert to_bulk_read(condition) == {
        "group_operator": "or",
        "group": [
            {"field": {"api_name": "City"}, "comparator": "equal", "value": "${EMPTY}"},
            {
                "group_operator": "and",
                "group": [
                    {
                        "group_operator": "and",
                        "group": [
                            {
                                "field": {"api_name": "Revenue"},
                                "comparator": "in",
                                "value": [ExactNumber("1"), ExactNumber("2.5")],
                            },
                            {"field": {"api_name": "Opt_Out"}, "comparator": "equal", "value": True},
                        ],
                    },
                    {"field": {"api_name": "City"}, "comparator": "contains", "value": "x"},
                ],
            },
        ],
    }


@pytest.mark.parametrize(
    "text", ["", "City", "City =", "City = Oslo", "= 1", "City = 'a' City", "(City = 'a'", "City ? 1", "City in ()"]
)
def test_a_syntax_error_shows_an_example(text: str) -> None:
    with pytest.raises(UsageError, match=r"syntax error in --where (near|at) .*--where "):
        parse_where(text)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Citi = 'a'", "Did you mean City"),
        ("City > 'a'", "COQL cannot express City >"),
        ("Revenue = 'much'", "Revenue is a currency, and 'much' is not"),
        ("Modified_Time > 2026-02-01", "is a datetime"),
        ("Birthday > 2026-13-01", "is a date"),
        ("City like 'a%b'", "COQL cannot express City like"),
        ("City in (" + ", ".join(["'x'"] * 101) + ")", "101 values; COQL takes 100"),
        (" or ".join(["City = 'x'"] * 21), "21 comparisons; COQL takes 20"),
    ],
)
def test_a_condition_that_coql_cannot_express_is_refused(text: str, said: str) -> None:
    with pytest.raises(RefusedError, match="--where") as refused:
        to_coql(_read(text))

    assert said in str(refused.value)


@pytest.mark.parametrize("text", ["Revenue between 1 and 2", "City not like 'a%'", "City like 'a'"])
def test_a_condition_that_a_bulk_read_cannot_express_is_refused(text: str) -> None:
    with pytest.raises(RefusedError, match="bulk read cannot express"):
        to_bulk_read(_read(text))


def test_too_many_nested_brackets_are_a_usage_error() -> None:
    with pytest.raises(UsageError, match="nested brackets"):
        parse_where("(" * 3_000 + "City = 'Oslo'" + ")" * 3_000)

    assert parse_where("(" * 50 + "City = 'Oslo'" + ")" * 50) == parse_where("City = 'Oslo'")
