"""What an export reads and by which route."""

from __future__ import annotations

import pytest

from bulkzoho.domain.model.edition_limits import coql_credits
from bulkzoho.domain.model.export import ConvertedLeads, ExportRoute, OutputFormat
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo
from bulkzoho.domain.policy.export_route import choose_route, coql_page, field_groups, partition_ids, select_fields
from bulkzoho.domain.transform.bulk_read_cells import api_names, to_values
from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json
from bulkzoho.errors import RefusedError


def _field(api_name: str, data_type: str = "text", *, length: int | None = None) -> FieldMetadata:
    return FieldMetadata(
        api_name=api_name, label=api_name.replace("_", " "), data_type=data_type, json_type="string", length=length
    )


def _module(*fields: FieldMetadata) -> CrmModule:
    return CrmModule(name=ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads"), fields=fields)


CITY, OWNER = _field("City"), _field("Owner", "ownerlookup")


def test_all_fields_are_taken_but_those_that_no_route_gives() -> None:
    fields, left_out = select_fields(_module(_field("id", "id"), CITY, _field("Lines", "subform")), ())

    assert ([one.api_name for one in fields], left_out) == (["City"], ("Lines",))


@pytest.mark.parametrize(("name", "said"), [("Citi", "Did you mean City"), ("Lines", "is a subform")])
def test_a_field_that_cannot_be_had_is_refused(name: str, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        select_fields(_module(CITY, _field("Lines", "subform")), [name])


def test_groups_hold_fifty_fields_and_each_the_time_of_change() -> None:
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
def test_a_query_asks_for_room_enough_to_see_the_end(expected: int | None, rows: int) -> None:
    assert coql_page(expected) == rows


@pytest.mark.parametrize(
    ("records", "route"),
    [(1_000, ExportRoute.COQL), (30_000, ExportRoute.COQL), (100_000, ExportRoute.BULK), (1_000_000, ExportRoute.BULK)],
)
def test_the_cheapest_route_is_taken_and_the_reason_said(records: int, route: ExportRoute) -> None:
    choice = choose_route(ExportRoute.AUTO, [CITY], expected=records, form=OutputFormat.CSV, conditions=False)

    assert choice.route is route
    assert "list would cost" in choice.reason


def test_names_of_lookups_are_worth_the_list_as_far_as_it_reaches() -> None:
    near = choose_route(ExportRoute.AUTO, [OWNER], expected=90_000, form=OutputFormat.JSONL, conditions=False)
    far = choose_route(ExportRoute.AUTO, [OWNER], expected=900_000, form=OutputFormat.JSONL, conditions=False)

    assert (near.route, far.route) == (ExportRoute.LIST, ExportRoute.BULK)
    assert "without their names" in far.reason


def test_a_text_that_the_list_would_cut_is_read_otherwise() -> None:
    rich = _field("Notes", "textarea", length=50_000)

    choice = choose_route(ExportRoute.AUTO, [rich, OWNER], expected=10, form=OutputFormat.CSV, conditions=False)

    assert choice.route is ExportRoute.COQL
    assert "cuts Notes" in choice.reason


def test_a_route_that_cannot_do_it_is_refused() -> None:
    with pytest.raises(RefusedError, match="has no conditions"):
        choose_route(ExportRoute.LIST, [CITY], expected=10, form=OutputFormat.CSV, conditions=True)
    with pytest.raises(RefusedError, match="takes no list of ids"):
        choose_route(ExportRoute.BULK, [CITY], expected=10, form=OutputFormat.CSV, conditions=False, ids=True)


def test_a_route_that_cannot_say_the_condition_is_passed_over_however_cheap() -> None:
    unsaid = {ExportRoute.BULK}
    choice = choose_route(ExportRoute.AUTO, [CITY], expected=45_000, form=OutputFormat.CSV, conditions=True, unsaid=unsaid)

    assert choice.route is ExportRoute.COQL
    assert "bulk would cost 56 and cannot say this condition" in choice.reason


@pytest.mark.parametrize(
    ("route", "converted", "said"),
    [
        (ExportRoute.BULK, ConvertedLeads.ALONE, "leaves converted leads out"),
        (ExportRoute.COQL, ConvertedLeads.TOO, "not both at once"),
        (ExportRoute.LIST, ConvertedLeads.TOO, "ends after 100,000 leads"),
    ],
)
def test_a_route_that_does_not_give_these_leads_is_refused(route: ExportRoute, converted: ConvertedLeads, said: str) -> None:
    with pytest.raises(RefusedError, match=said):
        choose_route(route, [CITY], expected=200_000, form=OutputFormat.CSV, conditions=False, converted=converted)


def test_a_condition_on_leads_converted_and_not_has_no_route_and_each_reason_is_said() -> None:
    with pytest.raises(RefusedError, match=r"list has no conditions.*; coql gives.*; bulk leaves"):
        choose_route(ExportRoute.AUTO, [CITY], expected=9, form=OutputFormat.CSV, conditions=True, converted=ConvertedLeads.TOO)


@pytest.mark.parametrize(
    ("records", "credits_"),
    [(1_000, 5), (20_000, 100), (90_000, 450), (100_000, 451 + 200 + 15), (1_000_000, 451 + 18_200 + 1_368)],
)
def test_the_list_costs_a_credit_a_page_and_more_beyond_its_tokens(records: int, credits_: int) -> None:
    choice = choose_route(ExportRoute.LIST, [CITY], expected=records, form=OutputFormat.CSV, conditions=False)

    assert choice.credits == credits_


@pytest.mark.parametrize(("form", "route", "credits_"), [(OutputFormat.CSV, "coql", 3), (OutputFormat.JSONL, "list", 6)])
def test_records_of_ids_are_read_by_the_cheaper_route_that_gives_them_whole(
    form: OutputFormat, route: str, credits_: int
) -> None:
    choice = choose_route(ExportRoute.AUTO, [OWNER], expected=300, form=form, conditions=False, ids=True)

    assert (choice.route, choice.credits) == (route, credits_)


@pytest.mark.parametrize(("low", "high", "strands"), [(1, 100_000, 5), (7, 7, 4), (1, 3, 8)])
def test_strands_share_all_ids_without_a_gap(low: int, high: int, strands: int) -> None:
    found = partition_ids(str(low), str(high), strands=strands)

    assert (found[0].above, found[-1].up_to) == ("", "")
    assert [one.up_to for one in found[:-1]] == [one.above for one in found[1:]]
    assert [one.number for one in found] == list(range(len(found)))


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
