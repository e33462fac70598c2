"""Dates and times from cells: ISO 8601, or as the user says they are written; sent as ISO 8601, times with their offset."""

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

_REMEMBERED: Final = 4096  # texts a column whose reading is kept: dates repeat, and strptime is slow
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}").fullmatch
_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:[T ]([0-9]{2}:[0-9]{2})(:[0-9]{2})?(?:[.,][0-9]+)?\s?(?:(Z)|([+-][0-9]{2}):?([0-9]{2}))?)?"
).fullmatch
_AS_SENT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}[+-][0-9]{2}:[0-9]{2}").fullmatch

Reading = Callable[[str], datetime | None]  #: a stripped text to its time, naive when it names no offset; None when it is none


def check_format(text: str, *, option: str) -> None:
    """See that *text* is a format of ``strptime``.

    Raises:
        UsageError: It is none.
    """
    try:
        datetime.strptime(datetime(2026, 1, 31, tzinfo=UTC).strftime(text), text)  # noqa: DTZ007  the zone is added later
    except ValueError as error:
        raise UsageError(
            f"{option}: {text!r} is no date format ({error}).", hint='Write it with %d, %m, %Y, %H, %M and %S, as in "%d.%m.%Y".'
        ) from None


def date_converter(field: FieldMetadata, *, column_format: str | None, any_format: str | None) -> Converter:
    """Make the converter of dates; see :func:`_reading` for which texts are dates."""
    read = _reading(column_format, any_format, _iso_date)
    iso_only = column_format is None and any_format is None
    how = "as told by the date format" if not iso_only else "as year-month-day, or say how it is written with --date-format"
    no_date = conversion_error(field, f"it is not a date; write it {how}", expected_data_type="date")

    def one(cell: Any) -> Any:
        if isinstance(cell, datetime):
            return cell.date().isoformat()
        if isinstance(cell, date):
            return cell.isoformat()
        moment = read(cell.strip()) if isinstance(cell, str) else None
        return no_date if moment is None else moment.date().isoformat()

    walk = convert_each_cell(one)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        try:
            if iso_only and all(map(_DATE, cells)) and all(map(date.fromisoformat, cells)):
                return ConvertedColumn(cells)
        except (TypeError, ValueError):  # a cell is no text, or a day that no month has
            pass
        return walk(cells)

    return convert


def datetime_converter(
    field: FieldMetadata, *, column_format: str | None, any_format: str | None, zone: tzinfo | None
) -> Converter:
    """Make the converter of times; naive ones are of *zone*, refused when it is None."""
    read = _reading(column_format, any_format, _iso_time)
    iso_only = column_format is None and any_format is None
    how = (
        "as told by the date format"
        if not iso_only
        else "as 2026-01-31T12:00:00+01:00, or say how it is written with --date-format"
    )
    no_time = conversion_error(field, f"it is not a time; write it {how}", expected_data_type="datetime")
    no_zone = conversion_error(field, "it names no offset from UTC; say which with --time-zone", expected_data_type="datetime")

    def one(cell: Any) -> Any:
        moment = read(cell.strip()) if isinstance(cell, str) else _moment(cell)
        if moment is None:
            return no_time
        if moment.tzinfo is None:
            if zone is None:
                return no_zone
            moment = moment.replace(tzinfo=zone)
        try:
            return _sent(moment)
        except OverflowError:  # the first or the last day of all, moved over the edge by its offset
            return no_time

    walk = convert_each_cell(one)

    def convert(cells: Sequence[Cell]) -> ConvertedColumn:
        try:
            if iso_only and all(map(_AS_SENT, cells)) and all(map(datetime.fromisoformat, cells)):
                return ConvertedColumn(cells)
        except (TypeError, ValueError):  # a cell is no text, or a day that no month has
            pass
        return walk(cells)

    return convert


def _reading(column_format: str | None, any_format: str | None, iso: Reading) -> Reading:
    """Give the reading of a column.

    A format given for the column is the only one.  Beside a format for all dates ISO 8601 is read too, unless the format begins
    with the year: then one text could be two dates.
    """
    readings = []
    if column_format is not None:
        readings.append(_by_format(column_format))
    elif any_format is not None:
        readings.append(_by_format(any_format))
    if not readings or (column_format is None and any_format is not None and not any_format.startswith("%Y")):
        readings.append(iso)

    @lru_cache(maxsize=_REMEMBERED)
    def read(text: str) -> datetime | None:
        return next((moment for reading in readings if (moment := reading(text)) is not None), None)

    return read


def _by_format(wanted: str) -> Reading:
    def read(text: str) -> datetime | None:
        try:
            return datetime.strptime(text, wanted)  # noqa: DTZ007  the zone is added later
        except ValueError:
            return None

    return read


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
    """Give *moment* as the service takes it: no fraction, an offset of whole minutes (zoho-api: JSON encodings)."""
    offset = moment.utcoffset()
    if offset is not None and offset % timedelta(minutes=1):  # local mean time, before there were zones
        moment = moment.astimezone(UTC)
    return moment.replace(microsecond=0).isoformat()
