"""Converters of dates and times: cells in ISO 8601 or in the user's format, sent as ISO 8601, times with their offset."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any, Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.rows import Cell
from bulkzoho.domain.transform.converted_column import ConvertedColumn, Converter, conversion_error, convert_each_cell
from bulkzoho.errors import UsageError

__all__ = ["check_format", "date_converter", "datetime_converter"]

_CACHED_TEXTS: Final = 4096  # parsed texts per column: dates repeat, and strptime is slow
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:[.,][0-9]+)?\s?(?:(Z)|([+-][0-9]{2}):?([0-9]{2}))?)?"
).fullmatch
_SENT_FORM: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}").fullmatch

Parser = Callable[[str], datetime | None]  #: from a stripped text to its time, naive without an offset; None if it is no time


def check_format(text: str, *, option: str) -> None:
    """Check that *text* is a format of ``strptime``.

    Raises:
        UsageError: It is not.
    """
    try:
        datetime.strptime(datetime(2026, 1, 31, tzinfo=UTC).strftime(text), text)  # noqa: DTZ007  the zone is added later
    except ValueError as error:
        raise UsageError(
            f"{option}: {text!r} is not a date format ({error}).", hint='Use %d, %m, %Y, %H, %M and %S, as in "%d.%m.%Y".'
        ) from None


def date_converter(field: FieldMetadata, *, column_format: str | None, any_format: str | None) -> Converter:
    """Return the converter of dates; :func:`_parser` defines which texts are dates."""
    parse = _parser(column_format, any_format, _iso_date)
    date_format = column_format or any_format
    problem = "the value is not a date such as 2026-01-31; give its format with --date-format"
    if date_format is not None:
        problem = f"the value does not match the date format {date_format}"
    not_date = conversion_error(field, problem, expected_data_type="date")

    def convert_cell(cell: Any) -> Any:
        if isinstance(cell, datetime):
            return cell.date().isoformat()
        if isinstance(cell, date):
            return cell.isoformat()
        moment = parse(cell.strip()) if isinstance(cell, str) else None
        return not_date if moment is None else moment.date().isoformat()

    convert_cells = convert_each_cell(convert_cell)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        try:
            if date_format is None and all(map(_DATE, cells)) and all(map(date.fromisoformat, cells)):
                return ConvertedColumn(cells)
        except (TypeError, ValueError):  # a cell is not a text, or not a day of the calendar
            pass
        return convert_cells(cells)

    return convert


def datetime_converter(
    field: FieldMetadata, *, column_format: str | None, any_format: str | None, zone: tzinfo | None
) -> Converter:
    """Return the converter of times.  Times without an offset are in *zone*; they are rejected if it is None."""
    parse = _parser(column_format, any_format, _iso_time)
    date_format = column_format or any_format
    problem = "the value is not a time such as 2026-01-31T12:00:00+01:00; give its format with --date-format"
    if date_format is not None:
        problem = f"the value does not match the date format {date_format}"
    not_time = conversion_error(field, problem, expected_data_type="datetime")
    no_zone = conversion_error(
        field, "the time has no offset from UTC; give its time zone with --time-zone", expected_data_type="datetime"
    )

    def convert_cell(cell: Any) -> Any:
        moment = parse(cell.strip()) if isinstance(cell, str) else _moment(cell)
        if moment is None:
            return not_time
        if moment.tzinfo is None:
            if zone is None:
                return no_zone
            moment = moment.replace(tzinfo=zone)
        try:
            return _sent(moment)
        except OverflowError:  # the offset moves the first or last representable day out of range
            return not_time

    convert_cells = convert_each_cell(convert_cell)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        try:
            if date_format is None and all(map(_SENT_FORM, cells)) and all(map(datetime.fromisoformat, cells)):
                return ConvertedColumn(cells)
        except (TypeError, ValueError):  # a cell is not a text, or not a day of the calendar
            pass
        return convert_cells(cells)

    return convert


def _parser(column_format: str | None, any_format: str | None, iso: Parser) -> Parser:
    """Return the parser of a column.

    A format for the column is the only one.  With a format for all dates, ISO 8601 is accepted too, unless the format begins
    with the year: then one text could mean two dates.
    """
    parsers = []
    if column_format is not None:
        parsers.append(_format_parser(column_format))
    elif any_format is not None:
        parsers.append(_format_parser(any_format))
    if not parsers or (column_format is None and any_format is not None and not any_format.startswith("%Y")):
        parsers.append(iso)

    @lru_cache(maxsize=_CACHED_TEXTS)
    def parse(text: str) -> datetime | None:
        return next((moment for parser in parsers if (moment := parser(text)) is not None), None)

    return parse


def _format_parser(date_format: str) -> Parser:
    def parse(text: str) -> datetime | None:
        try:
            return datetime.strptime(text, date_format)  # noqa: DTZ007  the zone is added later
        except ValueError:
            return None

    return parse


def _iso_date(text: str) -> datetime | None:
    if not _DATE(text):
        return None
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _iso_time(text: str) -> datetime | None:
    match = _TIME(text)
    if match is None:
        return None
    day, minute, second, utc, hours, minutes = match.groups()
    offset = "+00:00" if utc else f"{hours}:{minutes}" if hours else ""
    try:
        return datetime.fromisoformat(f"{day}T{minute or '00:00'}{second or ':00'}{offset}")
    except ValueError:
        return None


def _moment(cell: Any) -> datetime | None:
    if isinstance(cell, datetime):
        return cell
    return datetime(cell.year, cell.month, cell.day) if isinstance(cell, date) else None  # noqa: DTZ001  the zone is added later


def _sent(moment: datetime) -> str:
    """Return *moment* in the form that the API accepts: no fraction, an offset of whole minutes (zoho-api: JSON encodings)."""
    offset = moment.utcoffset()
    if offset is not None and offset % timedelta(minutes=1):  # local mean time, before there were time zones
        moment = moment.astimezone(UTC)
    return moment.replace(microsecond=0).isoformat()
