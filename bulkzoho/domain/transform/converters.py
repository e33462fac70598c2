"""One converter a field, made once: from a column of cells to JSON values of the type that the metadata ask for, or refusals.

Cells are texts (CSV) or any JSON value (JSON Lines).  Blank means nothing is said; null clears the field.  Text is sent as it
stands, blanks at its ends included.  Only what is known for certain is refused here: types, lengths, digits (zoho-api: JSON
encodings); values of lists are not checked, since unrestricted lists take new ones.
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
    """How cells are to be read, whatever their column."""

    null_text: str | None = None  #: a cell with exactly this text clears the field
    date_format: str | None = None  #: strptime
    zone: tzinfo | None = None  #: of times that name no offset; None: such times are refused
    users: UserDirectory = field(default_factory=UserDirectory)  #: whom cells of user columns may mean beside ids


_BOOLEANS: Final[Mapping[Any, bool]] = {
    **dict.fromkeys(("true", "yes", "y", "1", True, 1), True),
    **dict.fromkeys(("false", "no", "n", "0", False, 0), False),
}


def converter_for(
    field: FieldMetadata, rules: ConversionRules, *, column_format: str | None = None, texts: bool = False
) -> Converter:
    """Make the converter of *field*; *column_format* (strptime) is how this column writes dates.

    With *texts* it is for cells that are all ``str`` and nothing else, which saves a look at each.
    """
    match field.data_type:
        case "date":
            convert = date_converter(field, column_format=column_format, any_format=rules.date_format)
        case "datetime":
            convert = datetime_converter(field, column_format=column_format, any_format=rules.date_format, zone=rules.zone)
        case user_type if user_type in USER_TYPES:
            convert = user_converter(field, rules.users)
        case _:
            make = _MAKERS.get(field.data_type) or _BY_JSON_TYPE.get(field.json_type, _text)
            convert = make(field)
            if texts and make is _text:
                return _with_null(_plain_text(field), convert, rules.null_text)
    return _with_null(convert, convert, rules.null_text)


def _with_null(usual: Converter, convert: Converter, null_text: str | None) -> Converter:
    """Let *null_text* clear the field; *usual* is the converter of columns without it."""
    if null_text is None:
        return usual

    def convert_with_null(cells: Sequence[Cell]) -> ConvertedColumn:
        if null_text not in cells:
            return usual(cells)
        return convert([None if cell == null_text else cell for cell in cells])

    return convert_with_null


def _text(field: FieldMetadata) -> Converter:
    length = field.length
    no_text = conversion_error(field, "it is a list or an object; the field takes text", expected_data_type="text")
    too_long = conversion_error(field, f"it is longer than the {length} characters that the field takes", maximum_length=length)

    def one(cell: Any) -> Any:
        if isinstance(cell, bool):
            text = "true" if cell else "false"
        elif isinstance(cell, str | int | float):
            text = str(cell)  # a number's digits; also of one that kept its own
        else:
            return no_text
        return too_long if length is not None and len(text) > length else text

    walk, convert_texts = convert_each_cell(one), _plain_text(field)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        return convert_texts(cells) if [*map(type, cells)].count(str) == len(cells) else walk(cells)

    return convert


def _plain_text(field: FieldMetadata) -> Converter:
    """Text out of texts: it is sent as it stands."""
    length = field.length or sys.maxsize
    too_long = conversion_error(field, f"it is longer than the {length} characters that the field takes", maximum_length=length)
    walk = convert_each_cell(lambda cell: too_long if len(cell) > length else cell)

    def convert(cells: Sequence[str]) -> ConvertedColumn:
        if max(map(len, cells)) > length:
            return walk(cells)
        if all(map(str.strip, cells)):
            return ConvertedColumn(cells)
        return ConvertedColumn(cells, [index for index, cell in enumerate(cells) if not cell.strip()])

    return convert


def _boolean(field: FieldMetadata) -> Converter:
    no_boolean = conversion_error(
        field, "it is neither true nor false; write one of true, false, yes, no, 1, 0", expected_data_type="boolean"
    )

    def one(cell: Any) -> Any:
        key = cell.strip().casefold() if isinstance(cell, str) else cell
        return _BOOLEANS.get(key, no_boolean) if isinstance(key, str | int) else no_boolean

    return convert_each_cell(one)


def _choices(field: FieldMetadata) -> Converter:
    """Several values: an array, or a text with semicolons between them, as the CRM's own files have them, or with an array."""
    no_choices = conversion_error(
        field, "it is no list of texts; write the values with semicolons between them", expected_data_type="jsonarray"
    )

    def one(cell: Any) -> Any:
        if isinstance(cell, str):
            return split_choices(cell) or None
        if isinstance(cell, list) and all(type(value) is str for value in cell):
            return cell or None  # an empty list says that nothing is chosen
        return no_choices

    return convert_each_cell(one)


def _json(field: FieldMetadata) -> Converter:
    """Arrays and objects (subforms, files, several lookups): only JSON can say them, and they are sent as they stand."""
    kind: type = list if field.json_type == "jsonarray" else dict
    wanted = "a JSON array" if kind is list else "a JSON object"
    no_json = conversion_error(
        field, f"the field takes {wanted}, which only JSON Lines can hold", expected_data_type=field.json_type
    )
    return convert_each_cell(lambda cell: cell if isinstance(cell, kind) else no_json)


def is_text(field: FieldMetadata) -> bool:
    """Whether texts are sent to *field* as they stand, as long as they are no longer than it takes."""
    if field.data_type in ("date", "datetime") or field.data_type in USER_TYPES:
        return False
    return (_MAKERS.get(field.data_type) or _BY_JSON_TYPE.get(field.json_type, _text)) is _text


_Maker = Callable[[FieldMetadata], Converter]

_MAKERS: Final[Mapping[str, _Maker]] = {
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
_BY_JSON_TYPE: Final[Mapping[str, _Maker]] = {  # for types that came after this was written
    "string": _text,
    "integer": whole_converter,
    "long": whole_converter,
    "double": decimal_converter,
    "boolean": _boolean,
    "jsonobject": _json,
    "jsonarray": _json,
}
