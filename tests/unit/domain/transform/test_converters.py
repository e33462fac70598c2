"""From cells to JSON values of the type that the metadata ask for."""

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
    """Give the value of one cell: ABSENT, None, a value, or the refusal."""
    column = convert(name, cell, **rules)
    if column.rejected:
        return column.rejected[0][1]
    return ABSENT if column.absent else column.values[0]


def as_sent(value: Any) -> Any:
    return value if value is ABSENT or isinstance(value, Rejection) else encode_json(value)


def refusal_of(name: str, cell: Any, **rules: Any) -> Rejection:
    refusal = sent(name, cell, **rules)
    assert isinstance(refusal, Rejection), f"{cell!r} was taken as {refusal!r}"
    return refusal


@pytest.mark.parametrize("text", ["Smith", " Smith ", "Zoë 🙂", "a\nb", "007", "NULL", "1,5"])
def test_text_is_sent_as_it_stands(text: str) -> None:
    assert sent("Last_Name", text) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(7, "7"), (ExactNumber("1.10"), "1.10"), (True, "true"), (False, "false"), (1.5, "1.5"), (ExactNumber("1e3"), "1e3")],
)
def test_a_json_value_for_a_text_field_is_sent_as_its_characters(value: Any, text: str) -> None:
    assert encode_json(sent("Last_Name", value)) == encode_json(text)


@pytest.mark.parametrize("value", [[], ["a"], {"a": 1}])
def test_lists_and_objects_are_no_text(value: Any) -> None:
    refusal = refusal_of("Last_Name", value)

    assert (refusal.code, refusal.field, refusal.stage) == ("INVALID_DATA", "Last_Name", Stage.CHECK)
    assert refusal.details == {"expected_data_type": "text"}


def test_text_that_is_too_long_is_refused_and_nothing_else_of_its_column() -> None:
    column = convert("First_Name", "x" * 40, "x" * 41, "Ann")

    assert [index for index, _ in column.rejected] == [1]
    assert column.rejected[0][1].details == {"maximum_length": 40}
    assert column.values == ["x" * 40, "x" * 41, "Ann"]


@pytest.mark.parametrize("name", [field.api_name for field in LEADS.fields])
@pytest.mark.parametrize("blank", ["", "  ", "\t", ABSENT])
def test_a_blank_cell_says_nothing_whatever_the_field(name: str, blank: Any) -> None:
    assert sent(name, blank) is ABSENT


@pytest.mark.parametrize("name", [field.api_name for field in LEADS.fields])
def test_null_clears_whatever_the_field(name: str) -> None:
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
def test_what_is_no_whole_number_is_refused(cell: Any) -> None:
    assert refusal_of("No_of_Employees", cell).code == "INVALID_DATA"


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
def test_what_is_no_decimal_is_refused(cell: Any) -> None:
    assert refusal_of("Annual_Revenue", cell).code == "INVALID_DATA"


@pytest.mark.parametrize(
    ("cell", "hint"), [("1,000", "separators"), ("$1,000.50", "separators"), ("1 000", "separators"), ("1,5", "point")]
)
def test_a_number_as_people_write_it_is_refused_with_what_to_change(cell: str, hint: str) -> None:
    assert hint in refusal_of("Annual_Revenue", cell).message


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**15), max_value=10**15))
def test_every_decimal_is_the_same_number_at_the_other_end(number: Decimal) -> None:
    body = encode_json(sent("Annual_Revenue", format(number, "f")))

    assert Decimal(body.decode()) == number


@given(st.lists(st.one_of(st.text(max_size=12), st.from_regex(r"-?[0-9]{1,9}", fullmatch=True)), min_size=1))
def test_a_column_gives_what_its_cells_give_one_by_one(cells: list[str]) -> None:
    for name in ("No_of_Employees", "Annual_Revenue", "Last_Name", "Founded", "Email_Opt_Out", "Parent_Account", "Interests"):
        whole = convert(name, *cells)
        refused, absent = dict(whole.rejected), set(whole.absent)

        together = [refused.get(i, ABSENT if i in absent else whole.values[i]) for i in range(len(cells))]

        assert [*map(as_sent, together)] == [as_sent(sent(name, cell)) for cell in cells]


@pytest.mark.parametrize("cell", ["true", "TRUE", "Yes", "y", "1", " true ", True, 1])
def test_yes_is_true(cell: Any) -> None:
    assert sent("Email_Opt_Out", cell) is True


@pytest.mark.parametrize("cell", ["false", "No", "N", "0", False, 0])
def test_no_is_false(cell: Any) -> None:
    assert sent("Email_Opt_Out", cell) is False


@pytest.mark.parametrize("cell", ["maybe", "2", 2, "on", [], {}])
def test_anything_else_is_neither(cell: Any) -> None:
    assert refusal_of("Email_Opt_Out", cell).details == {"expected_data_type": "boolean"}


@pytest.mark.parametrize("cell", ["2026-02-28", " 2026-02-28 ", date(2026, 2, 28), datetime(2026, 2, 28, 12)])  # noqa: DTZ001
def test_dates_are_read_as_iso(cell: Any) -> None:
    assert sent("Founded", cell) == "2026-02-28"


@pytest.mark.parametrize(
    "cell", ["2026-02-30", "28/02/2026", "20260228", "2026-W09-6", "2026-2-8", "\uff12026-02-28", 20260228, "2026-02-28T00:00:00"]
)
def test_what_is_no_iso_date_is_refused(cell: Any) -> None:
    assert refusal_of("Founded", cell).details == {"expected_data_type": "date"}


def test_dates_are_read_as_the_user_says_and_iso_beside_it() -> None:
    column = convert("Founded", "28/02/2026", "2026-02-28", "02/28/2026", date_format="%d/%m/%Y")

    assert column.values[:2] == ["2026-02-28", "2026-02-28"]
    assert [index for index, _ in column.rejected] == [2]


def test_a_format_that_begins_with_the_year_is_the_only_reading() -> None:
    assert sent("Founded", "2026-05-01", date_format="%Y-%d-%m") == "2026-01-05"
    assert isinstance(sent("Founded", "2026-12-31", date_format="%Y-%d-%m"), Rejection)


def test_a_format_of_the_column_is_the_only_reading() -> None:
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
def test_what_is_no_time_is_refused(cell: Any) -> None:
    assert refusal_of("Last_Call", cell, zone=BERLIN).details == {"expected_data_type": "datetime"}


def test_a_time_without_an_offset_is_refused_when_no_zone_is_known() -> None:
    assert "--time-zone" in refusal_of("Last_Call", "2026-02-28 10:00").message


def test_times_are_read_as_the_user_says() -> None:
    assert sent("Last_Call", "28.02.2026 10:05", date_format="%d.%m.%Y %H:%M", zone=BERLIN) == "2026-02-28T10:05:00+01:00"


def test_a_text_that_is_no_format_is_a_matter_of_usage() -> None:
    with pytest.raises(UsageError):
        check_format("%Q", option="--date-format")
    check_format("%d.%m.%Y %H:%M", option="--date-format")


@pytest.mark.parametrize(
    ("cell", "values"), [("a;b", ["a", "b"]), (" a ; ; b", ["a", "b"]), ("a", ["a"]), (["a", "b"], ["a", "b"])]
)
def test_several_choices_are_split_at_semicolons(cell: Any, values: list[str]) -> None:
    assert sent("Interests", cell) == values


@pytest.mark.parametrize("cell", [";", [], " ; "])
def test_no_choice_at_all_clears_the_field(cell: Any) -> None:
    assert sent("Interests", cell) is None


@pytest.mark.parametrize("cell", [7, [7], {"a": 1}, [ExactNumber("1.5")]])
def test_what_is_no_list_of_choices_is_refused(cell: Any) -> None:
    assert refusal_of("Interests", cell).details == {"expected_data_type": "jsonarray"}


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
def test_other_records_and_users_are_named_by_id(name: str, cell: Any) -> None:
    assert sent(name, cell) == {"id": "5725767000000524157"}


@pytest.mark.parametrize("cell", ["Acme", "ann@example.com", "-1", "1.5", True, {"name": "Acme"}, [], "\uff11\uff12"])
def test_names_of_records_are_refused_for_now(cell: Any) -> None:
    assert "not built yet" in refusal_of("Parent_Account", cell).message


@pytest.mark.parametrize("cell", ["5.72577E+18", "5,72577E+18", "5E17", ExactNumber("5.72E+17"), 5.72e17])
def test_an_id_that_a_spreadsheet_has_rounded_is_refused_as_such(cell: Any) -> None:
    assert "spreadsheet" in refusal_of("Parent_Account", cell).message


def test_arrays_of_unknown_kinds_come_only_as_json() -> None:
    convert_rows = converter_for(crm_field("Rows", "subform"), ConversionRules())

    column = convert_rows([[{"Col": 1}], "Col=1"])

    assert column.values[0] == [{"Col": 1}]
    assert [index for index, _ in column.rejected] == [1]


@given(st.sampled_from([field.api_name for field in LEADS.fields]), st.text(min_size=41, max_size=300))
def test_no_refusal_shows_what_was_in_the_cell(name: str, cell: str) -> None:
    for _, refusal in convert(name, cell).rejected:
        assert cell not in refusal.message
        assert cell not in str(refusal.details)
