"""One converter per field: from a column of cells to JSON values of the type in the metadata, or rejections.

Cells are texts (CSV) or any JSON value (JSON Lines).  A blank cell leaves the field alone; null clears it.  Text is sent
unchanged, with blanks at its ends.  Only certain errors are rejected here: types, lengths, digits (zoho-api: JSON encodings).
Values of pick lists are not checked, because unrestricted lists accept new values.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any, Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.rows import Cell
from bulkzoho.domain.transform.converted_column import ConvertedColumn, Converter, conversion_error, convert_each_cell
from bulkzoho.domain.transform.dates import date_converter, datetime_converter
from bulkzoho.domain.transform.multi_select import split_choices
from bulkzoho.domain.transform.numbers import decimal_converter, whole_converter
from bulkzoho.domain.transform.references import USER_TYPES, id_converter, lookup_converter, user_converter
from bulkzoho.domain.transform.user_directory import UserDirectory

__all__ = ["ConversionRules", "converter_for", "is_text"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversionRules:
    """The settings that apply to cells of every column."""

    null_text: str | None = None  #: a cell with exactly this text clears the field
    date_format: str | None = None  #: strptime
    zone: tzinfo | None = None  #: time zone of times without an offset; None: such times are rejected
    users: UserDirectory = field(default_factory=UserDirectory)  #: resolves e-mail addresses and names in user columns


_BOOLEANS: Final[Mapping[Any, bool]] = {
    **dict.fromkeys(("true", "yes", "y", "1", True, 1), True),
    **dict.fromkeys(("false", "no", "n", "0", False, 0), False),
}


def converter_for(field: FieldMetadata, rules: ConversionRules, *, column_format: str | None = None) -> Converter:
    """Return the converter of *field*; *column_format* (strptime) is the format of dates in this column."""
    match field.data_type:
        case "date":
            convert = date_converter(field, column_format=column_format, any_format=rules.date_format)
        case "datetime":
            convert = datetime_converter(field, column_format=column_format, any_format=rules.date_format, zone=rules.zone)
        case user_type if user_type in USER_TYPES:
            convert = user_converter(field, rules.users)
        case _:
            convert = _factory(field)(field)
    return convert if rules.null_text is None else _with_null(convert, rules.null_text)


def _with_null(convert: Converter, null_text: str) -> Converter:
    def convert_with_null(cells: Sequence[Cell]) -> ConvertedColumn:
        return convert([None if cell == null_text else cell for cell in cells] if null_text in cells else cells)

    return convert_with_null


def _text(field: FieldMetadata) -> Converter:
    length = field.length or sys.maxsize
    not_text = conversion_error(field, "the value is a list or an object; the field takes text", expected_data_type="text")
    too_long = conversion_error(
        field, f"the value is longer than the {length} characters that the field allows", maximum_length=length
    )

    def convert_cell(cell: Any) -> Any:
        if isinstance(cell, bool):
            text = "true" if cell else "false"
        elif isinstance(cell, str | int | float):
            text = str(cell)  # of a number: its own digits
        else:
            return not_text
        return too_long if len(text) > length else text

    convert_cells = convert_each_cell(convert_cell)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        if [*map(type, cells)].count(str) != len(cells) or max(map(len, cells)) > length:
            return convert_cells(cells)
        if all(map(str.strip, cells)):
            return ConvertedColumn(cells)
        return ConvertedColumn(cells, [index for index, cell in enumerate(cells) if not cell.strip()])

    return convert


def _boolean(field: FieldMetadata) -> Converter:
    not_boolean = conversion_error(
        field, "the value is neither true nor false; use true, false, yes, no, 1 or 0", expected_data_type="boolean"
    )

    def convert_cell(cell: Any) -> Any:
        key = cell.strip().casefold() if isinstance(cell, str) else cell
        return _BOOLEANS.get(key, not_boolean) if isinstance(key, str | int) else not_boolean

    return convert_each_cell(convert_cell)


def _choices(field: FieldMetadata) -> Converter:
    """Return the converter of several values: a JSON array, or a text that :func:`split_choices` can read."""
    not_choices = conversion_error(
        field, "the value is not a list of texts; separate the texts with semicolons", expected_data_type="jsonarray"
    )

    def convert_cell(cell: Any) -> Any:
        if isinstance(cell, str):
            return split_choices(cell) or None
        if isinstance(cell, list) and all(type(value) is str for value in cell):
            return cell or None  # an empty list clears the field
        return not_choices

    return convert_each_cell(convert_cell)


def _json(field: FieldMetadata) -> Converter:
    """Return the converter of arrays and objects (subforms, files, several lookups), which are sent unchanged."""
    kind: type = list if field.json_type == "jsonarray" else dict
    wanted = "a JSON array" if kind is list else "a JSON object"
    not_json = conversion_error(
        field, f"the field takes {wanted}, which only JSON Lines can hold", expected_data_type=field.json_type
    )
    return convert_each_cell(lambda cell: cell if isinstance(cell, kind) else not_json)


def is_text(field: FieldMetadata) -> bool:
    """Return whether texts up to the length of *field* are sent to it unchanged."""
    if field.data_type in ("date", "datetime") or field.data_type in USER_TYPES:
        return False
    return _factory(field) is _text


def _factory(field: FieldMetadata) -> ConverterFactory:
    return _FACTORIES.get(field.data_type) or _BY_JSON_TYPE.get(field.json_type, _text)


ConverterFactory = Callable[[FieldMetadata], Converter]

_FACTORIES: Final[Mapping[str, ConverterFactory]] = {
    "id": id_converter,
    "integer": whole_converter,
    "bigint": whole_converter,
    "double": decimal_converter,
    "currency": decimal_converter,
    "percent": decimal_converter,
    "boolean": _boolean,
    "multiselectpicklist": _choices,
    "lookup": lookup_converter,
}
_BY_JSON_TYPE: Final[Mapping[str, ConverterFactory]] = {  # for data types that Zoho added later
    "string": _text,
    "integer": whole_converter,
    "long": whole_converter,
    "double": decimal_converter,
    "boolean": _boolean,
    "jsonobject": _json,
    "jsonarray": _json,
}
