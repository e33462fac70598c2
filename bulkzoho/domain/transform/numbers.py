"""Converters of numbers: cells matched by ASCII patterns and sent with their own digits, never through ``float``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Cell
from bulkzoho.domain.transform.converted_column import ConvertedColumn, Converter, conversion_error, convert_each_cell
from bulkzoho.domain.transform.exact_json import ExactNumber

__all__ = ["decimal_converter", "fits_int64", "max_digits", "number_text", "whole_converter"]

_MAX_DIGITS: Final[Mapping[str, int]] = {  # docs "Create custom field" v7; the metadata's length wins
    "integer": 9,
    "bigint": 18,
    "double": 18,
    "currency": 16,
    "percent": 5,
}
_WHOLE_TYPES: Final = frozenset({"integer", "bigint"})
_LONGEST: Final = 18  # digits of any number, for data types that Zoho added later
_INT64_DIGITS: Final = 18  # digits that always fit the 64 bits of a JSON writer's integer
_NUMBER: Final = re.compile(r"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?[0-9]{1,3}))?").fullmatch
_GROUPED: Final = re.compile(r"[^0-9]{0,3}[0-9]{1,3}(?:[ ,._'\u00a0\u202f][0-9]{3})+(?:[.,][0-9]*)?[^0-9]{0,4}").fullmatch
_COMMA: Final = re.compile(r"[+-]?[0-9]*,[0-9]+").fullmatch


def whole_converter(field: FieldMetadata) -> Converter:
    """Return the converter of whole numbers with as many digits as *field* allows."""
    length = max_digits(field)
    plain = re.compile(rf"-?(?:0|[1-9][0-9]{{0,{length - 1}}})").fullmatch
    is_int64 = length <= _INT64_DIGITS
    errors = NumberErrors(field, "a whole number")
    too_long = _too_many_digits(field, length)

    def convert_cell(cell: Any) -> Any:
        text = number_text(cell)
        if text is None:
            return errors.of(cell)
        if not text.lstrip("-").isdecimal():
            return errors.fraction
        if len(text.lstrip("-")) > length:
            return too_long
        return int(text) if is_int64 else ExactNumber(text)

    convert_cells = convert_each_cell(convert_cell)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        try:
            if is_int64 and all(map(plain, cells)):
                return ConvertedColumn(list(map(int, cells)))
        except TypeError:  # a cell is not a text
            pass
        return convert_cells(cells)

    return convert


def decimal_converter(field: FieldMetadata) -> Converter:
    """Return the converter of numbers with decimals, with as many digits before the point as *field* allows.

    Decimals beyond those of the field are sent: the service cuts them off (docs "Create custom field" v7).
    """
    length = max_digits(field)
    whole = re.compile(rf"0|-?[1-9][0-9]{{0,{min(length, _INT64_DIGITS) - 1}}}").fullmatch
    plain = re.compile(rf"-?(?:0|[1-9][0-9]{{0,{length - 1}}})(?:\.[0-9]+)?").fullmatch
    errors = NumberErrors(field, "a number")
    too_long = _too_many_digits(field, length)

    def convert_cell(cell: Any) -> Any:
        text = number_text(cell)
        if text is None:
            return errors.of(cell)
        if Decimal(text).adjusted() >= length:
            return too_long
        return ExactNumber(text)

    convert_cells = convert_each_cell(convert_cell)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        try:
            if all(map(whole, cells)):  # an integer has the same digits, and is encoded faster
                return ConvertedColumn(list(map(int, cells)))
            if all(map(plain, cells)):
                return ConvertedColumn(list(map(ExactNumber, cells)))
        except TypeError:  # a cell is not a text
            pass
        return convert_cells(cells)

    return convert


def number_text(cell: Any) -> str | None:
    """Return the number in *cell* as JSON writes it, with its own digits; None if *cell* is not a number.

    Only what JSON does not allow is changed: a plus sign, leading zeros, a point without digits on one side.
    """
    if isinstance(cell, bool) or not isinstance(cell, str | int | float | Decimal):
        return None
    match = _NUMBER(cell.strip() if isinstance(cell, str) else str(cell))
    if match is None:
        return None
    sign, whole, decimals, only_decimals, exponent = match.groups()
    text = (sign if sign == "-" else "") + ((whole or "").lstrip("0") or "0")
    if decimals or only_decimals:
        text += f".{decimals or only_decimals}"
    return text if exponent is None else f"{text}e{exponent}"


class NumberErrors:
    """The rejections of cells that are not numbers, each with what to change."""

    def __init__(self, field: FieldMetadata, wanted: str) -> None:
        expected = field.data_type if field.data_type in _MAX_DIGITS else field.json_type

        def error(message: str) -> Rejection:
            return conversion_error(field, message, expected_data_type=expected)

        self.other = error(f"the value is not {wanted}; use digits only")
        self.fraction = error("the value is not a whole number; remove decimals and exponent")
        self._grouped = error(f"the value is not {wanted}; remove thousands separators and currency signs")
        self._comma = error(f"the value is not {wanted}; use a point as the decimal separator")

    def of(self, cell: Any) -> Rejection:
        """Return the rejection of *cell*."""
        if isinstance(cell, str):
            text = cell.strip()
            if _GROUPED(text):
                return self._grouped
            if _COMMA(text):
                return self._comma
        return self.other


def fits_int64(field: FieldMetadata) -> bool:
    """Return whether *field* takes whole numbers that always fit 64 bits."""
    return field.data_type in _WHOLE_TYPES and max_digits(field) <= _INT64_DIGITS


def max_digits(field: FieldMetadata) -> int:
    """Return the number of digits that *field* allows before the point."""
    return field.length or _MAX_DIGITS.get(field.data_type, _LONGEST)


def _too_many_digits(field: FieldMetadata, length: int) -> Rejection:
    return conversion_error(field, f"the value has more than the {length} digits that the field allows", maximum_length=length)
