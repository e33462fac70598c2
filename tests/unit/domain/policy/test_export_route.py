"""What an export reads and by which route."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.domain.model.export import ConvertedLeads, ExportRoute, OutputFormat
from bulkzoho.domain.model.limits_and_costs import coql_credits
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo
from bulkzoho.domain.policy.export_route import (
    RouteChoice,
    RouteRequest,
    choose_route,
    coql_page_rows,
    field_groups,
    partition_ids,
    partition_requested_ids,
    select_fields,
)
from bulkzoho.domain.transform.bulk_read_cells import api_names, to_values
from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json
from bulkzoho.errors import RefusedError


def _field(api_name: str, data_type: str = "text", *, length: int | None = None) -> FieldMetadata:
    return FieldMetadata(
        api_name=api_name, label=api_name.replace("_", " "), data_type=data_type, json_type="string", length=length
    )


def _module(*fields: FieldMetadata) -> CrmModule:
    return CrmModule(name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"), fields=fields)


def _choose(wanted: ExportRoute, fields: list[FieldMetadata], expected: int, **options: Any) -> RouteChoice:
    return choose_route(RouteRequest(wanted=wanted, fields=fields, expected=expected, **{"format": OutputFormat.CSV, **options}))


CITY, OWNER = _field("City"), _field("Owner", "ownerlookup")


def test_all_fields_are_selected_except_those_that_no_route_returns() -> None:
    fields, left_out = select_fields(_module(_field("id", "id"), CITY, _field("Lines", "subform")), ())

    assert ([one.api_name for one in fields], left_out) == (["City"], ("Lines",))


@pytest.mark.parametrize(("name", "said"), [("Citi", "Did you mean City"), ("Lines", "is a subform")])
def test_a_field_that_cannot_be_exported_is_refused(name: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        select_fields(_module(CITY, _field("Lines", "subform")), [name])


def test_groups_have_fifty_fields_and_the_time_of_change() -> None:
    groups = field_groups([f"F{n}" for n in range(98)])

    assert [len(group) for group in groups] == [50, 50, 2]
    assert all("Modified_Time" in group for group in groups)
    assert len({name for group in groups for name in group}) == 100


@pytest.mark.parametrize(
    ("records", "price"), [(0, 1), (200, 1), (201, 2), (1_000, 2), (2_000, 3), (2_001, 4), (1_000_000, 1_500)]
)
def test_coql_costs_one_to_three_credits_a_call(records: int, price: int) -> None:
    assert coql_credits(records) == price


@pytest.mark.parametrize(
    ("expected", "rows"), [(0, 200), (199, 200), (200, 1_000), (1_000, 2_000), (10**6, 2_000), (None, 2_000)]
)
def test_a_query_asks_for_enough_rows_to_see_the_end(expected: int | None, rows: int) -> None:
    assert coql_page_rows(expected) == rows


@pytest.mark.parametrize(
    ("records", "route"),
    [(1_000, ExportRoute.COQL), (30_000, ExportRoute.COQL), (100_000, ExportRoute.BULK), (1_000_000, ExportRoute.BULK)],
)
def test_the_cheapest_route_is_chosen_with_a_reason(records: int, route: ExportRoute) -> None:
    choice = _choose(ExportRoute.AUTO, [CITY], records)

    assert choice.route is route
    assert "list would cost" in choice.reason


def test_the_list_is_chosen_for_names_of_lookups_as_far_as_it_reaches() -> None:
    near = _choose(ExportRoute.AUTO, [OWNER], 90_000, format=OutputFormat.JSONL)
    far = _choose(ExportRoute.AUTO, [OWNER], 900_000, format=OutputFormat.JSONL)

    assert (near.route, far.route) == (ExportRoute.LIST, ExportRoute.BULK)
    assert "without their names" in far.reason


def test_a_text_that_the_list_would_cut_is_read_by_another_route() -> None:
    rich = _field("Notes", "textarea", length=50_000)

    choice = _choose(ExportRoute.AUTO, [rich, OWNER], 10)

    assert choice.route is ExportRoute.COQL
    assert "cuts Notes" in choice.reason


def test_a_route_that_cannot_do_it_is_refused() -> None:
    with pytest.raises(RefusedError, match="has no conditions"):
        _choose(ExportRoute.LIST, [CITY], 10, has_conditions=True)
    with pytest.raises(RefusedError, match="takes no list of ids"):
        _choose(ExportRoute.BULK, [CITY], 10, by_ids=True)


def test_a_route_that_cannot_express_the_condition_is_not_chosen() -> None:
    choice = _choose(ExportRoute.AUTO, [CITY], 45_000, has_conditions=True, unsupported={ExportRoute.BULK})

    assert choice.route is ExportRoute.COQL
    assert "bulk would cost 56 and cannot express this condition" in choice.reason


@pytest.mark.parametrize(
    ("route", "converted", "said"),
    [
        (ExportRoute.BULK, ConvertedLeads.ALONE, "leaves converted leads out"),
        (ExportRoute.COQL, ConvertedLeads.TOO, "not both at once"),
        (ExportRoute.LIST, ConvertedLeads.TOO, "ends after 100,000 leads"),
    ],
)
def test_a_route_that_does_not_return_these_leads_is_refused(route: ExportRoute, converted: ConvertedLeads, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        _choose(route, [CITY], 200_000, converted=converted)


def test_a_condition_on_all_leads_has_no_route_and_every_reason_is_named() -> None:
    with pytest.raises(RefusedError, match=r"list has no conditions.*; coql returns.*; bulk leaves"):
        _choose(ExportRoute.AUTO, [CITY], 9, has_conditions=True, converted=ConvertedLeads.TOO)


@pytest.mark.parametrize(
    ("records", "credits_"),
    [(1_000, 5), (20_000, 100), (90_000, 450), (100_000, 451 + 200 + 15), (1_000_000, 451 + 18_200 + 1_368)],
)
def test_the_list_costs_one_credit_a_page_and_more_beyond_its_tokens(records: int, credits_: int) -> None:
    choice = _choose(ExportRoute.LIST, [CITY], records)

    assert choice.credits == credits_


@pytest.mark.parametrize(("form", "route", "credits_"), [(OutputFormat.CSV, "coql", 3), (OutputFormat.JSONL, "list", 6)])
def test_records_by_ids_are_read_by_the_cheapest_complete_route(form: OutputFormat, route: str, credits_: int) -> None:
    choice = _choose(ExportRoute.AUTO, [OWNER], 300, format=form, by_ids=True)

    assert (choice.route, choice.credits) == (route, credits_)


@pytest.mark.parametrize(("low", "high", "count"), [(1, 100_000, 5), (7, 7, 4), (1, 3, 8)])
def test_partitions_cover_all_ids_without_a_gap(low: int, high: int, count: int) -> None:
    found = partition_ids(str(low), str(high), count=count)

    assert (found[0].above, found[-1].up_to) == ("", "")
    assert [one.up_to for one in found[:-1]] == [one.above for one in found[1:]]
    assert [one.number for one in found] == list(range(len(found)))


def test_partitions_of_requested_ids_have_equally_many() -> None:
    found = partition_requested_ids(range(1, 6_001))

    assert [(part.above, part.up_to) for part in found] == [("", "2000"), ("2000", "4000"), ("4000", "")]


def test_cells_of_a_bulk_read_become_the_values_of_the_api() -> None:
    sums, truth, several = _field("Sum", "currency"), _field("On", "boolean"), _field("Many", "multiselectpicklist")
    fields = {"City": CITY, "Owner": OWNER, "Sum": sums, "On": truth, "Many": several}

    names = api_names(["Id", "city", "Owner", "Sum", "On", "Many"], list(fields))
    values = [to_values([cell], fields[name])[0] for name, cell in zip(names[1:], ["", "7", "1.10", "true", "a;b"], strict=True)]

    assert dict(zip(names[1:], values, strict=True)) == {
        "City": None,
        "Owner": {"id": "7"},
        "Sum": "1.10",
        "On": True,
        "Many": ["a", "b"],
    }
    assert encode_json(values[2]) == b"1.10"
    assert isinstance(values[2], ExactNumber)
