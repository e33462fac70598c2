"""Parse CSV cells into the JSON values of an insert (zoho-api, sections 6.1 and 9.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bulkzoho.sandbox.state.clock import TimeZone
from bulkzoho.sandbox.state.schema import DataType, Field

__all__ = ["DATE_FORMAT", "DATE_TIME_FORMAT", "CellError", "cell_parser", "date_pattern"]

DATE_FORMAT = "MM/dd/yyyy"  # default format; Zoho docs, "Create Bulk Write Job" (v7)
DATE_TIME_FORMAT = "MM/dd/yyyy HH:mm:ss"
_FORMAT_PARTS = re.compile(r"'([^']*)'|yyyy|MM|M|dd|d|HH|H|mm|ss|XXX|[A-Za-z]+")
_PATTERN_OF_PART = {
    "yyyy": r"(?P<year>\d{4})",
    "MM": r"(?P<month>\d{2})",
    "M": r"(?P<month>\d{1,2})",
    "dd": r"(?P<day>\d{2})",
    "d": r"(?P<day>\d{1,2})",
    "HH": r"(?P<hour>\d{2})",
    "H": r"(?P<hour>\d{1,2})",
    "mm": r"(?P<minute>\d{2})",
    "ss": r"(?P<second>\d{2})",
    "XXX": r"(?P<offset>Z|[+-]\d{2}:\d{2})",
}
_is_number = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch


class CellError(Exception):
    """A cell value does not fit its field."""


def date_pattern(date_format: str) -> Callable[[str], re.Match[str] | None]:
    """Build a matcher for a date format in Java notation.

    Raises:
        ValueError: the format has an unknown or repeated part.
    """
    pieces, end = [], 0
    for found in _FORMAT_PARTS.finditer(date_format):
        pieces.append(re.escape(date_format[end : found.start()]))
        if found[0].startswith("'"):
            pieces.append(re.escape(found[1]))
        elif found[0] in _PATTERN_OF_PART:
            pieces.append(_PATTERN_OF_PART[found[0]])
        else:
            raise ValueError(date_format)
        end = found.end()
    try:
        return re.compile("".join(pieces) + re.escape(date_format[end:]), re.ASCII).fullmatch
    except re.error as error:
        raise ValueError(date_format) from error


def cell_parser(field: Field, zone: TimeZone, date_format: str | None, booleans: Mapping[str, bool]) -> Callable[[str], Any]:
    """Build the parser of a field's cells; its results are validated like an insert.  *booleans* maps words to booleans.

    Raises:
        ValueError: the date format is invalid.
    """
    kind = field.data_type
    if kind is DataType.DATE:
        return _date_parser(date_pattern(date_format or DATE_FORMAT))
    if kind is DataType.DATETIME:
        return _date_time_parser(date_pattern(date_format or DATE_TIME_FORMAT), zone)
    if kind is DataType.BOOLEAN:
        return _boolean_parser(booleans)
    return _PARSER_OF_TYPE.get(kind, str)


def _parse_integer(text: str) -> int:
    if not _is_number(text) or "." in text:
        raise CellError(text)
    return int(text)


def _parse_decimal(text: str) -> float | int:
    if not _is_number(text):
        raise CellError(text)
    return float(text) if "." in text else int(text)


def _boolean_parser(words: Mapping[str, bool]) -> Callable[[str], bool]:
    def read(text: str) -> bool:
        try:
            return words[text.lower()]
        except KeyError:
            raise CellError(text) from None

    return read


def _date_parser(match: Callable[[str], re.Match[str] | None]) -> Callable[[str], str]:
    return lambda text: _to_datetime(match(text)).date().isoformat()


def _date_time_parser(match: Callable[[str], re.Match[str] | None], zone: TimeZone) -> Callable[[str], str]:
    def read(text: str) -> str:
        found = match(text)
        moment = _to_datetime(found)
        offset = found.groupdict().get("offset") if found is not None else None
        if offset is None:
            return zone.localize(moment)
        return moment.isoformat(timespec="seconds") + ("+00:00" if offset == "Z" else offset)

    return read


def _to_datetime(found: re.Match[str] | None) -> datetime:
    if found is None:
        raise CellError
    parts = {name: int(value) for name, value in found.groupdict().items() if name != "offset"}
    try:
        moment = datetime(parts["year"], parts["month"], parts["day"])  # noqa: DTZ001 - times in the file have no zone
        return moment + timedelta(hours=parts.get("hour", 0), minutes=parts.get("minute", 0), seconds=parts.get("second", 0))
    except (KeyError, ValueError, OverflowError):
        raise CellError from None


def _split_list(text: str) -> list[str]:
    return [each.strip() for each in text.split(";") if each.strip()]


_PARSER_OF_TYPE: dict[DataType, Callable[[str], Any]] = {
    DataType.INTEGER: _parse_integer,
    DataType.BIGINT: _parse_integer,
    DataType.DOUBLE: _parse_decimal,
    DataType.CURRENCY: _parse_decimal,
    DataType.PERCENT: _parse_decimal,
    DataType.MULTI_PICKLIST: _split_list,
}
