"""Columns are mapped to fields, and unsuitable inputs are refused before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import MappingSettings
from bulkzoho.domain.transform.column_mapping import plan_columns, plan_later_columns
from bulkzoho.domain.transform.column_plan import ColumnPlan
from bulkzoho.errors import ExitCode, RefusedError, UsageError
from tests.unit.domain.crm_samples import LEADS, crm_field, crm_module


def plan(
    *header: str,
    operation: Operation = Operation.INSERT,
    match_on: tuple[str, ...] = (),
    module: CrmModule = LEADS,
    expanding: bool = False,
    **mapping: Any,
) -> ColumnPlan:
    return plan_columns(header, module, MappingSettings(**mapping), operation, match_on, source="leads.csv", expanding=expanding)


def fields_of(planned: ColumnPlan) -> dict[str, str]:
    return {column.name: column.field.api_name for column in planned.columns}


@pytest.mark.parametrize("name", ["Last_Name", "Last Name", "last_name", "LAST NAME", "lastname", " Last Name ", "Last  name"])
def test_a_column_is_mapped_by_api_name_or_label_in_any_spelling(name: str) -> None:
    assert fields_of(plan(name)) == {name: "Last_Name"}


def test_a_field_is_found_by_its_label_if_its_api_name_differs() -> None:
    module = crm_module(crm_field("Designation", label="Job title"))

    assert fields_of(plan("job TITLE", module=module)) == {"job TITLE": "Designation"}


def test_an_api_name_takes_precedence_over_a_label() -> None:
    module = crm_module(crm_field("Email"), crm_field("Secondary_Email", label="Email"))

    assert fields_of(plan("Email", module=module)) == {"Email": "Email"}


def test_two_fields_with_one_label_are_ambiguous() -> None:
    module = crm_module(crm_field("Size1", label="Size"), crm_field("Size2", label="Size"))

    with pytest.raises(RefusedError, match='"size" may be Size1 or Size2'):
        plan("size", module=module)


def test_an_unknown_column_is_refused_with_the_nearest_field_and_a_hint() -> None:
    with pytest.raises(RefusedError) as error:
        plan("Last_Name", "Emial")

    assert error.value.message == 'leads.csv: unknown column for Leads: "Emial"; did you mean Email?'
    assert "--map" in error.value.hint
    assert "--ignore-unknown" in error.value.hint
    assert error.value.exit_code is ExitCode.REFUSED


def test_several_unknown_columns_are_named_in_one_line() -> None:
    with pytest.raises(RefusedError) as error:
        plan("Last_Name", "Emial", "zzzz")

    assert error.value.message == 'leads.csv: unknown columns for Leads: "Emial" (nearest: Email), "zzzz".'


def test_ignore_unknown_leaves_unknown_columns_out_with_a_warning() -> None:
    planned = plan("Last_Name", "zzzz", ignore_unknown=True)

    assert fields_of(planned) == {"Last_Name": "Last_Name"}
    assert planned.warnings == ('leads.csv: left out: column "zzzz" (no such field).',)


def test_map_takes_precedence_over_names() -> None:
    planned = plan("Name", "last_name", map=(("name", "Last Name"),), ignore_unknown=True)

    assert fields_of(planned) == {"Name": "Last_Name"}
    assert "last_name" in planned.warnings[0]


@pytest.mark.parametrize("expanding", [False, True])
def test_a_column_mapped_to_an_empty_name_is_left_out(expanding: bool) -> None:
    """Both for a column without a field and for one whose field another column fills."""
    planned = plan("Last_Name", "Notes", "Email", "E-Mail", map=(("notes", ""), ("E-Mail", "")), expanding=expanding)
    later = plan_later_columns(["Last_Name", "Notes"], LEADS, MappingSettings(map=(("Notes", ""),)), Operation.INSERT)

    assert fields_of(planned) == {"Last_Name": "Last_Name", "Email": "Email"}
    assert (planned.warnings, later.unexpected) == ((), ())
    with pytest.raises(RefusedError, match="Note"):
        plan("Last_Name", "Notes", map=(("Note", ""),))


def test_a_mapped_column_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RefusedError, match='there is no column "Nmae" for --map Nmae=Last_Name; did you mean "Name"'):
        plan("Name", map=(("Nmae", "Last_Name"),))


def test_a_mapped_field_that_does_not_exist_is_refused() -> None:
    with pytest.raises(RefusedError, match="Leads has no field Lst_Name; did you mean Last_Name"):
        plan("Name", map=(("Name", "Lst_Name"),))


def test_lookups_by_another_field_are_not_built_yet() -> None:
    with pytest.raises(RefusedError, match="not built yet") as error:
        plan("Last_Name", "Account", map=(("Account", "Parent_Account@Account_Name"),))

    assert error.value.hint == "Fill the column with ids of records, and use Parent_Account alone."


def test_the_hint_for_an_owner_names_what_works() -> None:
    with pytest.raises(RefusedError, match="not built yet") as error:
        plan("Last_Name", "Boss", map=(("Boss", "owner@email"),))

    assert error.value.hint == "Use Owner alone: it accepts ids, e-mail addresses and full names of users."


def test_two_columns_for_one_field_are_refused() -> None:
    with pytest.raises(RefusedError, match='columns "Last_Name" and "Last name" are both mapped to Last_Name'):
        plan("Last_Name", "Last name")


@pytest.mark.parametrize(
    ("column", "operation"),
    [
        ("Created_Time", Operation.INSERT),
        ("Full_Name", Operation.INSERT),
        ("First_Touch", Operation.UPDATE),
        ("id", Operation.INSERT),
        ("Record Id", Operation.UPSERT),
    ],
)
def test_a_read_only_column_is_refused_unless_it_is_ignored(column: str, operation: Operation) -> None:
    header = ("Last_Name", "Email", column) if operation is not Operation.UPDATE else ("id", "Email", column)
    match_on = ("Email",) if operation is Operation.UPSERT else ()

    with pytest.raises(RefusedError, match="cannot be written on"):
        plan(*header, operation=operation, match_on=match_on)
    planned = plan(*header, operation=operation, match_on=match_on, ignore_readonly=True)

    assert column not in fields_of(planned)
    assert len(planned.warnings) == 1


def test_an_insert_without_a_required_field_is_refused() -> None:
    with pytest.raises(RefusedError, match="required field Last_Name is not mapped"):
        plan("Email")


def test_a_constant_fills_a_required_field_and_takes_precedence_over_the_column() -> None:
    planned = plan("Email", "Last_Name", set=(("Last Name", "Unknown"),))

    assert fields_of(planned) == {"Email": "Email"}
    assert [(field.api_name, text) for field, text in planned.constants] == [("Last_Name", "Unknown")]
    assert planned.required == ()


def test_an_upsert_without_a_required_field_gives_a_warning() -> None:
    planned = plan("Email", operation=Operation.UPSERT, match_on=("Email",))

    assert "required field Last_Name is not mapped" in planned.warnings[0]


@pytest.mark.parametrize("operation", [Operation.UPDATE, Operation.DELETE])
def test_update_and_delete_need_an_id_column(operation: Operation) -> None:
    with pytest.raises(RefusedError, match=f"no column holds the id of the record to {operation.value}"):
        plan("Email", operation=operation)


def test_a_delete_reads_only_the_ids() -> None:
    planned = plan("Record Id", "Email", "anything", operation=Operation.DELETE)

    assert fields_of(planned) == {"Record Id": "id"}


def test_an_upsert_without_match_on_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="--match-on") as error:
        plan("Last_Name", "Email", operation=Operation.UPSERT)

    assert "--match-on Email" in error.value.hint


@pytest.mark.parametrize("key", ["Email", "Customer_Number"])
def test_an_upsert_matches_on_the_modules_own_key_and_on_unique_fields(key: str) -> None:
    planned = plan("Last_Name", key, operation=Operation.UPSERT, match_on=(key,))

    assert planned.warnings == ()


@pytest.mark.parametrize(
    ("match_on", "message"),
    [
        ("Company", "is not unique in Leads"),
        ("Emial", "did you mean Email"),
        ("Customer_Number", "field Customer_Number of --match-on is not mapped"),
    ],
)
def test_an_upsert_by_an_unsuitable_field_is_refused(match_on: str, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        plan("Last_Name", "Company", operation=Operation.UPSERT, match_on=(match_on,))


def test_a_custom_module_is_matched_on_its_name() -> None:
    module = crm_module(crm_field("Name"), name="Projects")

    assert fields_of(plan("Name", operation=Operation.UPSERT, match_on=("Name",), module=module)) == {"Name": "Name"}


def test_update_by_another_key_is_not_built_yet() -> None:
    with pytest.raises(RefusedError, match="not built yet"):
        plan("id", "Email", operation=Operation.UPDATE, match_on=("Email",))


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (("Emial", "x"), RefusedError),
        (("Email", " "), UsageError),
        (("Created_Time", "x"), RefusedError),
        (("id", "1"), RefusedError),
    ],
)
def test_a_constant_needs_a_writable_field_and_a_value(given: tuple[str, str], error: type[Exception]) -> None:
    with pytest.raises(error):
        plan("Last_Name", set=(given,))


def test_a_column_carries_its_own_date_format() -> None:
    planned = plan("Last_Name", "Founded", column_formats=(("founded", "%d.%m.%Y"),))

    assert [column.date_format for column in planned.columns] == [None, "%d.%m.%Y"]


def test_an_expanding_header_may_lack_required_columns() -> None:
    planned = plan("Email", expanding=True, map=(("Name", "Last_Name"),))

    assert planned.required == ("Last_Name",)


def test_unknown_columns_of_a_later_header_reject_single_rows() -> None:
    planned = plan_later_columns(("Last_Name", "zzzz", "Created_Time", "last name"), LEADS, MappingSettings(), Operation.INSERT)

    assert [(column.index, column.name) for column in planned.unexpected] == [(1, "zzzz"), (2, "Created_Time"), (3, "last name")]
    assert "unknown column for Leads" in planned.unexpected[0].message
