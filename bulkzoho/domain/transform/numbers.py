"""Numbers from cells: matched by ASCII patterns, sent with their own digits, never through ``float``."""

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

__all__ = ["decimal_converter", "digits_at_most", "fits_int64", "number_text", "whole_converter"]

_DIGITS_AT_MOST: Final[Mapping[str, int]] = {  # docs "Create custom field" v7; the metadata's length wins
    "integer": 9,
    "bigint": 18,
    "double": 18,
    "currency": 16,
    "percent": 5,
}
_WHOLE_TYPES: Final = frozenset({"integer", "bigint"})
_LONGEST: Final = 18  # digits of any number, for types that came after this was written
_NATIVE_DIGITS: Final = 18  # digits that surely fit the 64 bits of a JSON writer's integer
_NUMBER: Final = re.compile(r"([+-]?)(?:([0-9]+)(?:\.([0-9]*))?|\.([0-9]+))(?:[eE]([+-]?[0-9]{1,3}))?").fullmatch
_GROUPED: Final = re.compile(r"[^0-9]{0,3}[0-9]{1,3}(?:[ ,._'\u00a0\u202f][0-9]{3})+(?:[.,][0-9]*)?[^0-9]{0,4}").fullmatch
_COMMA: Final = re.compile(r"[+-]?[0-9]*,[0-9]+").fullmatch


def whole_converter(field: FieldMetadata) -> Converter:
    """Make the converter of whole numbers with as many digits as *field* takes."""
    length = digits_at_most(field)
    plain = re.compile(rf"-?(?:0|[1-9][0-9]{{0,{length - 1}}})").fullmatch
    native = length <= _NATIVE_DIGITS
    faults = NumberErrors(field, "a whole number")
    too_long = conversion_error(field, f"it has more than the {length} digits that the field takes", maximum_length=length)

    def one(cell: Any) -> Any:
        text = number_text(cell)
        if text is None:
            return faults.of(cell)
        if not text.lstrip("-").isdecimal():
            return faults.fraction
        if len(text.lstrip("-")) > length:
            return too_long
        return int(text) if native else ExactNumber(text)

    walk = convert_each_cell(one)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        try:
            if native and (_are_digits(cells, length) or all(map(plain, cells))):
                return ConvertedColumn(list(map(int, cells)))
        except TypeError:  # a cell is no text
            pass
        return walk(cells)

    return convert


def _are_digits(cells: Sequence[str], length: int) -> bool:
    """Whether all are whole numbers of at most *length* digits, as JSON writes them: a few looks at a column, not one a cell.

    Raises:
        TypeError: A cell is no text.
    """
    digits = "".join(cells)
    if not (digits.isascii() and digits.isdecimal()) or max(map(len, cells)) > length:
        return False
    joined = "|".join(cells)
    return joined[0] not in "0|" and "|0" not in joined and "||" not in joined and joined[-1] != "|"


def decimal_converter(field: FieldMetadata) -> Converter:
    """Make the converter of numbers with decimals; as many digits before the point as *field* takes.

    Decimals beyond those of the field are sent: the service cuts them off (docs "Create custom field" v7).
    """
    length = digits_at_most(field)
    whole = re.compile(rf"0|-?[1-9][0-9]{{0,{min(length, _NATIVE_DIGITS) - 1}}}").fullmatch
    plain = re.compile(rf"-?(?:0|[1-9][0-9]{{0,{length - 1}}})(?:\.[0-9]+)?").fullmatch
    faults = NumberErrors(field, "a number")
    too_long = conversion_error(field, f"it has more than the {length} digits that the field takes", maximum_length=length)

    def one(cell: Any) -> Any:
        text = number_text(cell)
        if text is None:
            return faults.of(cell)
        if Decimal(text).adjusted() >= length:
            return too_long
        return ExactNumber(text)

    walk = convert_each_cell(one)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        try:
            if all(map(whole, cells)):  # an integer has the same digits, and is written faster
                return ConvertedColumn(list(map(int, cells)))
            if all(map(plain, cells)):
                return ConvertedColumn(list(map(ExactNumber, cells)))
        except TypeError:  # a cell is no text
            pass
        return walk(cells)

    return convert


def number_text(cell: Any) -> str | None:
    """Give the number of *cell* as JSON writes it, with its own digits; None when it is none.

    Only what JSON would not take is mended: a plus sign, leading zeros, a point without digits on one side.
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
    """The ways in which a cell is no number, each with what to do."""

    def __init__(self, field: FieldMetadata, wanted: str) -> None:
        expected = field.data_type if field.data_type in _DIGITS_AT_MOST else field.json_type
        self.other = conversion_error(field, f"it is not {wanted}; write digits only", expected_data_type=expected)
        self.fraction = conversion_error(
            field, "it is not a whole number; write no decimals and no exponent", expected_data_type=expected
        )
        self._grouped = conversion_error(
            field,
            f"it is not {wanted} as written; leave out separators of thousands and currency signs",
            expected_data_type=expected,
        )
        self._comma = conversion_error(
            field, f"it is not {wanted} as written; put a point before the decimals", expected_data_type=expected
        )

    def of(self, cell: Any) -> Rejection:
        """Give the fault of *cell*."""
        if isinstance(cell, str):
            text = cell.strip()
            if _GROUPED(text):
                return self._grouped
            if _COMMA(text):
                return self._comma
        return self.other


def fits_int64(field: FieldMetadata) -> bool:
    """Whether *field* takes whole numbers that any JSON writer writes."""
    return field.data_type in _WHOLE_TYPES and digits_at_most(field) <= _NATIVE_DIGITS


def digits_at_most(field: FieldMetadata) -> int:
    """Give how many digits *field* takes before the point."""
    return field.length or _DIGITS_AT_MOST.get(field.data_type, _LONGEST)
