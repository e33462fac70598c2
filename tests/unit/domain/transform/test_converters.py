"""Cells are converted to JSON values of the type in the metadata."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import ABSENT, Stage
from bulkzoho.domain.transform.converted_column import ConvertedColumn
from bulkzoho.domain.transform.converters import ConversionRules, converter_for
from bulkzoho.domain.transform.dates import check_format
from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json
from bulkzoho.errors import UsageError
from tests.unit.domain.crm_samples import LEADS, crm_field

BERLIN = ZoneInfo("Europe/Berlin")


def convert(name: str, *cells: Any, column_format: str | None = None, **rules: Any) -> ConvertedColumn:
    return converter_for(LEADS.by_api_name[name], ConversionRules(**rules), column_format=column_format)(cells)


def sent(name: str, cell: Any, **rules: Any) -> Any:
    """Return the value of one cell: ABSENT, None, a value, or the rejection."""
    column = convert(name, cell, **rules)
    if column.rejected:
        return column.rejected[0][1]
    return ABSENT if column.absent else column.values[0]


def as_sent(value: Any) -> Any:
    return value if value is ABSENT or isinstance(value, Rejection) else encode_json(value)


def rejection_of(name: str, cell: Any, **rules: Any) -> Rejection:
    rejection = sent(name, cell, **rules)
    assert isinstance(rejection, Rejection), f"{cell!r} was converted to {rejection!r}"
    return rejection


@pytest.mark.parametrize("text", ["Smith", " Smith ", "Zoë 🙂", "a\nb", "007", "NULL", "1,5"])
def test_text_is_sent_unchanged(text: str) -> None:
    assert sent("Last_Name", text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (ExactNumber("1.10"), "1.10"), (True, "true"), (False, "false"), (1.5, "1.5"), (ExactNumber("1e3"), "1e3")],
)
def test_a_json_value_for_a_text_field_is_sent_as_its_characters(value: Any, text: str) -> None:
    assert encode_json(sent("Last_Name", value)) == encode_json(text)


@pytest.mark.parametrize("value", [[], ["a"], {"a": 1}])
def test_lists_and_objects_are_not_text(value: Any) -> None:
    rejection = rejection_of("Last_Name", value)

    assert (rejection.code, rejection.field, rejection.stage) == ("INVALID_DATA", "Last_Name", Stage.CHECK)
    assert rejection.details == {"expected_data_type": "text"}


def test_only_the_text_that_is_too_long_is_rejected() -> None:
    column = convert("First_Name", "x" * 40, "x" * 41, "Ann")

    assert [index for index, _ in column.rejected] == [1]
    assert column.rejected[0][1].details == {"maximum_length": 40}
    assert column.values == ["x" * 40, "x" * 41, "Ann"]


@pytest.mark.parametrize("name", [field.api_name for field in LEADS.fields])
@pytest.mark.parametrize("blank", ["", "  ", "\t", ABSENT])
def test_a_blank_cell_leaves_any_field_alone(name: str, blank: Any) -> None:
    assert sent(name, blank) is ABSENT


@pytest.mark.parametrize("name", [field.api_name for field in LEADS.fields])
def test_null_clears_any_field(name: str) -> None:
    assert sent(name, None) is None
    assert sent(name, "NULL", null_text="NULL") is None
    assert convert(name, "", "NULL", null_text="NULL").cleared == [1]


@pytest.mark.parametrize(
    ("cell", "value"), [("42", 42), ("0", 0), ("-7", -7), (" 42 ", 42), ("+5", 5), ("007", 7), (42, 42), ("-0", 0)]
)
def test_whole_numbers_are_sent_as_numbers(cell: Any, value: int) -> None:
    assert sent("No_of_Employees", cell) == value


@pytest.mark.parametrize(
    "cell",
    [
        "1_000",
        "nan",
        "inf",
        "1,000",
        "1 000",
        "\uff11\uff12",
        "\u0663",
        "0x10",
        "5.0",
        "1e3",
        "12a",
        "1234567890",
        "--1",
        True,
        [1],
        {},
        "½",
        "1\u0663",
    ],
)
def test_a_value_that_is_not_a_whole_number_is_rejected(cell: Any) -> None:
    assert rejection_of("No_of_Employees", cell).code == "INVALID_DATA"


@pytest.mark.parametrize(
    ("cell", "digits"),
    [
        ("12.50", "12.50"),
        ("0.10", "0.10"),
        ("-3.000", "-3.000"),
        ("1e5", "1e5"),
        (".5", "0.5"),
        ("5.", "5"),
        ("+5", "5"),
        ("007.5", "7.5"),
        ("1234567890123456.123456789", "1234567890123456.123456789"),
        (12, "12"),
        (ExactNumber("0.30"), "0.30"),
        (Decimal("4.20"), "4.20"),
        (" 9.90 ", "9.90"),
    ],
)
def test_decimals_are_sent_with_their_own_digits(cell: Any, digits: str) -> None:
    assert encode_json(sent("Annual_Revenue", cell)) == digits.encode()


@pytest.mark.parametrize(
    "cell",
    [
        "1_000",
        "nan",
        "1e400",
        "1e17",
        "\uff11.5",
        "1,5",
        "1.234,50",
        "$5",
        "5 EUR",
        "12345678901234567",
        "1.2.3",
        ".",
        "-",
        "e5",
        float("inf"),
    ],
)
def test_a_value_that_is_not_a_decimal_is_rejected(cell: Any) -> None:
    assert rejection_of("Annual_Revenue", cell).code == "INVALID_DATA"


@pytest.mark.parametrize(
    ("cell", "hint"), [("1,000", "separators"), ("$1,000.50", "separators"), ("1 000", "separators"), ("1,5", "point")]
)
def test_a_number_with_separators_is_rejected_with_what_to_change(cell: str, hint: str) -> None:
    assert hint in rejection_of("Annual_Revenue", cell).message


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15))
def test_every_decimal_is_sent_as_the_same_number(number: Decimal) -> None:
    body = encode_json(sent("Annual_Revenue", format(number, "f")))

    assert Decimal(body.decode()) == number


@given(st.lists(st.one_of(st.text(max_size=12), st.from_regex(r"-?[0-9]{1,9}", fullmatch=True)), min_size=1))
def test_a_column_gives_the_same_values_as_its_cells_one_by_one(cells: list[str]) -> None:
    for name in ("No_of_Employees", "Annual_Revenue", "Last_Name", "Founded", "Email_Opt_Out", "Parent_Account", "Interests"):
        whole = convert(name, *cells)
        rejected, absent = dict(whole.rejected), set(whole.absent)

        together = [rejected.get(i, ABSENT if i in absent else whole.values[i]) for i in range(len(cells))]

        assert [*map(as_sent, together)] == [as_sent(sent(name, cell)) for cell in cells]


@pytest.mark.parametrize("cell", ["true", "TRUE", "Yes", "y", "1", " true ", True, 1])
def test_yes_is_true(cell: Any) -> None:
    assert sent("Email_Opt_Out", cell) is True


@pytest.mark.parametrize("cell", ["false", "No", "N", "0", False, 0])
def test_no_is_false(cell: Any) -> None:
    assert sent("Email_Opt_Out", cell) is False


@pytest.mark.parametrize("cell", ["maybe", "2", 2, "on", [], {}])
def test_any_other_value_is_not_a_boolean(cell: Any) -> None:
    assert rejection_of("Email_Opt_Out", cell).details == {"expected_data_type": "boolean"}


@pytest.mark.parametrize("cell", ["2026-02-28", " 2026-02-28 ", date(2026, 2, 28), datetime(2026, 2, 28, 12)])  # noqa: DTZ001
def test_dates_are_read_as_iso(cell: Any) -> None:
    assert sent("Founded", cell) == "2026-02-28"


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "28/02/2026", "20260228", "2026-W09-6", "2026-2-8", "\uff12026-02-28", 20260228, "2026-02-28T00:00:00"]
)
def test_a_value_that_is_not_an_iso_date_is_rejected(cell: Any) -> None:
    assert rejection_of("Founded", cell).details == {"expected_data_type": "date"}


def test_dates_are_read_in_the_given_format_and_in_iso() -> None:
    column = convert("Founded", "28/02/2026", "2026-02-28", "02/28/2026", date_format="%d/%m/%Y")

    assert column.values[:2] == ["2026-02-28", "2026-02-28"]
    assert [index for index, _ in column.rejected] == [2]


def test_a_format_that_begins_with_the_year_excludes_iso() -> None:
    assert sent("Founded", "2026-05-01", date_format="%Y-%d-%m") == "2026-01-05"
    assert isinstance(sent("Founded", "2026-12-31", date_format="%Y-%d-%m"), Rejection)


def test_a_format_of_the_column_excludes_others() -> None:
    column = convert("Founded", "2026", "2026-02-28", column_format="%Y", date_format="%d/%m/%Y")

    assert column.values[0] == "2026-01-01"
    assert [index for index, _ in column.rejected] == [1]


@pytest.mark.parametrize(
    ("cell", "time"),
    [
        ("2026-02-28T10:00:00+01:00", "2026-02-28T10:00:00+01:00"),
        ("2026-02-28T10:00:00Z", "2026-02-28T10:00:00+00:00"),
        ("2026-02-28T10:00:00.123456789Z", "2026-02-28T10:00:00+00:00"),
        ("2026-02-28 10:00:00 +0130", "2026-02-28T10:00:00+01:30"),
        ("2026-02-28 10:00", "2026-02-28T10:00:00+01:00"),
        ("2026-07-01T10:00:00", "2026-07-01T10:00:00+02:00"),
        ("2026-02-28", "2026-02-28T00:00:00+01:00"),
        ("1800-01-01", "1799-12-31T23:06:32+00:00"),
        (datetime(2026, 2, 28, 10, tzinfo=timezone(timedelta(hours=5))), "2026-02-28T10:00:00+05:00"),
        (date(2026, 2, 28), "2026-02-28T00:00:00+01:00"),
    ],
)
def test_times_are_sent_with_an_offset_and_without_a_fraction(cell: Any, time: str) -> None:
    assert sent("Last_Call", cell, zone=BERLIN) == time


@pytest.mark.parametrize("cell", ["2026-02-28T25:00:00Z", "2026-02-30T10:00:00Z", "10:00", "now", 1, "0001-01-01"])
def test_a_value_that_is_not_a_time_is_rejected(cell: Any) -> None:
    assert rejection_of("Last_Call", cell, zone=BERLIN).details == {"expected_data_type": "datetime"}


def test_a_time_without_an_offset_is_rejected_without_a_zone() -> None:
    assert "--time-zone" in rejection_of("Last_Call", "2026-02-28 10:00").message


def test_times_are_read_in_the_given_format() -> None:
    assert sent("Last_Call", "28.02.2026 10:05", date_format="%d.%m.%Y %H:%M", zone=BERLIN) == "2026-02-28T10:05:00+01:00"


def test_an_invalid_date_format_is_a_usage_error() -> None:
    with pytest.raises(UsageError):
        check_format("%Q", option="--date-format")
    check_format("%d.%m.%Y %H:%M", option="--date-format")


@pytest.mark.parametrize(
    ("cell", "values"), [("a;b", ["a", "b"]), (" a ; ; b", ["a", "b"]), ("a", ["a"]), (["a", "b"], ["a", "b"])]
)
def test_several_choices_are_split_at_semicolons(cell: Any, values: list[str]) -> None:
    assert sent("Interests", cell) == values


@pytest.mark.parametrize("cell", [";", [], " ; "])
def test_an_empty_choice_clears_the_field(cell: Any) -> None:
    assert sent("Interests", cell) is None


@pytest.mark.parametrize("cell", [7, [7], {"a": 1}, [ExactNumber("1.5")]])
def test_a_value_that_is_not_a_list_of_choices_is_rejected(cell: Any) -> None:
    assert rejection_of("Interests", cell).details == {"expected_data_type": "jsonarray"}


@pytest.mark.parametrize(
    "cell",
    [
        "5725767000000524157",
        " 5725767000000524157 ",
        "zcrm_5725767000000524157",
        '"5725767000000524157"',
        5725767000000524157,
        {"id": "5725767000000524157"},
    ],
)
@pytest.mark.parametrize("name", ["Parent_Account", "Owner"])
def test_records_and_users_are_referred_to_by_id(name: str, cell: Any) -> None:
    assert sent(name, cell) == {"id": "5725767000000524157"}


@pytest.mark.parametrize("cell", ["Acme", "ann@example.com", "-1", "1.5", True, {"name": "Acme"}, [], "\uff11\uff12"])
def test_names_of_records_are_rejected_for_now(cell: Any) -> None:
    assert "not built yet" in rejection_of("Parent_Account", cell).message


@pytest.mark.parametrize("cell", ["5.72577E+18", "5,72577E+18", "5E17", ExactNumber("5.72E+17"), 5.72e17])
def test_an_id_rounded_by_a_spreadsheet_is_rejected_with_the_reason(cell: Any) -> None:
    assert "spreadsheet" in rejection_of("Parent_Account", cell).message


def test_arrays_must_be_json() -> None:
    convert_rows = converter_for(crm_field("Rows", "subform"), ConversionRules())

    column = convert_rows([[{"Col": 1}], "Col=1"])

    assert column.values[0] == [{"Col": 1}]
    assert [index for index, _ in column.rejected] == [1]


@given(st.sampled_from([field.api_name for field in LEADS.fields]), st.text(min_size=41, max_size=300))
def test_no_rejection_shows_the_value_of_the_cell(name: str, cell: str) -> None:
    for _, rejection in convert(name, cell).rejected:
        assert cell not in rejection.message
        assert cell not in str(rejection.details)
