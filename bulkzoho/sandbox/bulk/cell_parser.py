"""Text of a CSV cell becomes the JSON value that an insert would carry (zoho-api, sections 6.1 and 9.4)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bulkzoho.sandbox.state.clock import TimeZone
from bulkzoho.sandbox.state.schema import DataType, Field

__all__ = ["DATE_FORMAT", "DATE_TIME_FORMAT", "CellError", "cell_reader", "date_pattern"]

DATE_FORMAT = "MM/dd/yyyy"  # where no format is given; Zoho docs, "Create Bulk Write Job" (v7)
DATE_TIME_FORMAT = "MM/dd/yyyy HH:mm:ss"
_LETTERS = re.compile(r"'([^']*)'|yyyy|MM|M|dd|d|HH|H|mm|ss|XXX|[A-Za-z]+")
_PARTS = {
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
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch


class CellError(Exception):
    """A cell does not hold what its field takes."""


def date_pattern(told: str) -> Callable[[str], re.Match[str] | None]:
    """Make the reader of a format in Java's letters.

    Raises:
        ValueError: it has letters that mean nothing, or one twice.
    """
    pieces, at = [], 0
    for found in _LETTERS.finditer(told):
        pieces.append(re.escape(told[at : found.start()]))
        if found[0].startswith("'"):
            pieces.append(re.escape(found[1]))
        elif found[0] in _PARTS:
            pieces.append(_PARTS[found[0]])
        else:
            raise ValueError(told)
        at = found.end()
    try:
        return re.compile("".join(pieces) + re.escape(told[at:]), re.ASCII).fullmatch
    except re.error as error:
        raise ValueError(told) from error


def cell_reader(field: Field, zone: TimeZone, told_format: str | None, booleans: Mapping[str, bool]) -> Callable[[str], Any]:
    """Make the reader of a field's cells; what it gives is checked as in an insert.  *booleans* are the words for those.

    Raises:
        ValueError: the format cannot be read.
    """
    kind = field.data_type
    if kind is DataType.DATE:
        return _dates(date_pattern(told_format or DATE_FORMAT))
    if kind is DataType.DATETIME:
        return _date_times(date_pattern(told_format or DATE_TIME_FORMAT), zone)
    if kind is DataType.BOOLEAN:
        return _booleans(booleans)
    return _PLAIN.get(kind, str)


def _whole(text: str) -> int:
    if not _NUMBER(text) or "." in text:
        raise CellError(text)
    return int(text)


def _decimal(text: str) -> float | int:
    if not _NUMBER(text):
        raise CellError(text)
    return float(text) if "." in text else int(text)


def _booleans(words: Mapping[str, bool]) -> Callable[[str], bool]:
    def read(text: str) -> bool:
        try:
            return words[text.lower()]
        except KeyError:
            raise CellError(text) from None

    return read


def _dates(fits: Callable[[str], re.Match[str] | None]) -> Callable[[str], str]:
    return lambda text: _moment(fits(text)).date().isoformat()


def _date_times(fits: Callable[[str], re.Match[str] | None], zone: TimeZone) -> Callable[[str], str]:
    def read(text: str) -> str:
        found = fits(text)
        moment = _moment(found)
        offset = found.groupdict().get("offset") if found is not None else None
        if offset is None:
            return zone.local(moment)
        return moment.isoformat(timespec="seconds") + ("+00:00" if offset == "Z" else offset)

    return read


def _moment(found: re.Match[str] | None) -> datetime:
    if found is None:
        raise CellError
    parts = {name: int(value) for name, value in found.groupdict().items() if name != "offset"}
    try:
        moment = datetime(parts["year"], parts["month"], parts["day"])  # noqa: DTZ001 - the file's time has no zone
        return moment + timedelta(hours=parts.get("hour", 0), minutes=parts.get("minute", 0), seconds=parts.get("second", 0))
    except (KeyError, ValueError, OverflowError):
        raise CellError from None


def _several(text: str) -> list[str]:
    return [each.strip() for each in text.split(";") if each.strip()]


_PLAIN: dict[DataType, Callable[[str], Any]] = {
    DataType.INTEGER: _whole,
    DataType.BIGINT: _whole,
    DataType.DOUBLE: _decimal,
    DataType.CURRENCY: _decimal,
    DataType.PERCENT: _decimal,
    DataType.MULTI_PICKLIST: _several,
}
