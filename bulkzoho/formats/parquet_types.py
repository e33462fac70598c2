"""Parquet types of fields, and lossless conversion of their values.

Text stays text, integers have 64 bits, other numbers are exact decimals with nine digits after the point (no CRM field has more:
docs "Create custom field" v7), times are UTC in microseconds, several values are a list, a lookup is its id and name.  Everything
else becomes text: JSON as the CRM returned it.  So does a column with a value that does not fit its type.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.transform.exact_json import ExactNumber, encode_json

if TYPE_CHECKING:  # an optional extra, loaded only for a file that needs it
    import pyarrow as pa

__all__ = ["TEXT", "ParquetType", "type_of"]

DECIMALS: Final = 9
MAX_DIGITS: Final = 38  # of a decimal of 128 bits


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetType:
    """A type, and the conversion of a value of the CRM (never None)."""

    arrow: Callable[[], pa.DataType]
    convert: Callable[[Any], Any]  #: raises ValueError, TypeError, ArithmeticError or KeyError for a value that does not fit


def type_of(field: FieldMetadata) -> ParquetType:
    """Return the type of *field*: by its data type, or by its JSON type for computed fields."""
    return _BY_DATA_TYPE.get(field.data_type) or _BY_JSON_TYPE.get(field.json_type, TEXT)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else encode_json(value).decode()


def _whole(value: Any) -> int:
    number = int(value) if type(value) is str else value  # the API returns bigints as text
    if type(number) is not int or str(number) != str(value):
        raise ValueError(value)
    return number


def _decimal(value: Any) -> Decimal:
    if type(value) not in (int, ExactNumber):
        raise TypeError(value)
    return Decimal(value)


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise TypeError(value)
    return value


def _day(value: Any) -> date:
    day = date.fromisoformat(value)
    if day.isoformat() != value:
        raise ValueError(value)
    return day


def _moment(value: Any) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment


def _texts(value: Any) -> list[str]:
    if type(value) is not list or not all(type(item) is str for item in value):
        raise TypeError(value)
    return value


def _reference(*keys: str) -> ParquetType:
    known = frozenset(keys)

    def convert(value: Any) -> dict[str, str]:
        if type(value) is not dict or not known.issuperset(value) or not all(type(item) is str for item in value.values()):
            raise TypeError(value)
        return value

    return ParquetType(arrow=lambda: _arrow().struct([(key, _arrow().string()) for key in keys]), convert=convert)


def _arrow() -> Any:
    import pyarrow as pa  # noqa: PLC0415  see above

    return pa


TEXT: Final = ParquetType(arrow=lambda: _arrow().string(), convert=_text)
_WHOLE: Final = ParquetType(arrow=lambda: _arrow().int64(), convert=_whole)
_DECIMAL: Final = ParquetType(arrow=lambda: _arrow().decimal128(MAX_DIGITS, DECIMALS), convert=_decimal)
_BOOLEAN: Final = ParquetType(arrow=lambda: _arrow().bool_(), convert=_boolean)
_USER: Final = _reference("id", "name", "email")

_BY_DATA_TYPE: Final[Mapping[str, ParquetType]] = {
    "integer": _WHOLE,
    "bigint": _WHOLE,
    "double": _DECIMAL,
    "currency": _DECIMAL,
    "percent": _DECIMAL,
    "boolean": _BOOLEAN,
    "date": ParquetType(arrow=lambda: _arrow().date32(), convert=_day),
    "datetime": ParquetType(arrow=lambda: _arrow().timestamp("us", tz="UTC"), convert=_moment),
    "multiselectpicklist": ParquetType(arrow=lambda: _arrow().list_(_arrow().string()), convert=_texts),
    "lookup": _reference("id", "name"),
    "ownerlookup": _USER,
    "userlookup": _USER,
}
_BY_JSON_TYPE: Final[Mapping[str, ParquetType]] = {"integer": _WHOLE, "long": _WHOLE, "double": _DECIMAL, "boolean": _BOOLEAN}
