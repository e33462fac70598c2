"""Compare values that were sent with values that the CRM returns, both in the form in which the service stores them.  Pure.

A *comparable form* is a hashable value that is equal for two texts, numbers or times that the service treats as the same.  Where
it is not proven how the service stores a value (trimming, HTML entities), the form accepts both.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Hashable, Mapping
from datetime import date, datetime
from decimal import ROUND_DOWN, Context, Decimal, InvalidOperation
from enum import Enum
from functools import lru_cache
from typing import Any, Final

from bulkzoho.domain.model.metadata import REFERENCE_TYPES, CrmModule, FieldMetadata
from bulkzoho.domain.model.rows import Record
from bulkzoho.domain.transform.multi_select import split_choices

__all__ = ["INCOMPARABLE", "ComparableForm", "Incomparable", "comparable_form", "differing_fields"]


class Incomparable(Enum):
    """The type of :data:`INCOMPARABLE`."""

    INCOMPARABLE = "incomparable"


INCOMPARABLE: Final = Incomparable.INCOMPARABLE
"""The form of a value that cannot be compared with another: a lookup by name, a nested object."""

ComparableForm = Callable[[Any], Hashable]  #: a value to its form; None when it is empty

_TEXTS: Final = frozenset({"text", "textarea", "email", "phone", "website", "picklist", "autonumber"})
_WHOLE_NUMBERS: Final = frozenset({"integer", "bigint"})
_DECIMALS: Final = frozenset({"double", "currency", "percent", "decimal"})
_MAX_ESCAPES: Final = 3  # how often HTML entities are decoded
_EXACT: Final = Context(prec=400)  # more digits than any field takes


@lru_cache(maxsize=4096)
def comparable_form(field: FieldMetadata) -> ComparableForm | None:
    """Return the function that converts values of *field* to their form; None for a field that is not compared.

    Subforms, files, links to several records and everything else without a single value in an answer are not compared.
    """
    special = _SPECIAL.get(field.data_type)
    if special is not None:
        return special
    if field.data_type in _TEXTS:
        return _folded if field.unique else _text
    if field.data_type in _WHOLE_NUMBERS:
        return _whole
    if field.data_type in _DECIMALS:
        return _decimal(field.decimal_place)
    if field.data_type in REFERENCE_TYPES:
        return _reference
    return _BY_JSON_TYPE.get(field.json_type)


def differing_fields(sent: Record, held: Mapping[str, Any], fields: CrmModule) -> list[str]:
    """Return the API names of the fields in which the CRM's record *held* differs from *sent*, in the order sent.

    Fields that were not sent or cannot be compared (see :func:`comparable_form`) do not count.  A field that *held* lacks is
    empty.
    """
    return [name for name, value in sent.items() if _differ(value, held.get(name), fields.by_api_name.get(name))]


def _differ(sent: Any, held: Any, field: FieldMetadata | None) -> bool:
    form = None if field is None else comparable_form(field)
    if form is None:
        return False
    wanted, found = form(sent), form(held)
    return wanted is not INCOMPARABLE and wanted != found


def _text(value: Any) -> Hashable:
    if value is None:
        return None
    if isinstance(value, list | dict):
        return INCOMPARABLE
    text = str(value)
    if "&" in text:  # answers may contain entities for text entered in the browser (UNVERIFIED): both forms are equal
        for _ in range(_MAX_ESCAPES):
            before, text = text, html.unescape(text)
            if text == before:
                break
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip() or None


def _folded(value: Any) -> Hashable:
    """Fold case: unique fields ignore it (OpenAPI ``fields``: ``unique.case_sensitive`` only takes false)."""
    text = _text(value)
    return text.casefold() if isinstance(text, str) else text


def _whole(value: Any) -> Hashable:
    number = _number(value)
    return _text(value) if number is None else number


def _decimal(places: int | None) -> ComparableForm:
    """Cut off digits beyond *places*, as the service does; it does not round (docs "Create custom field" v7)."""
    step = None if places is None else Decimal(1).scaleb(-places)

    def form(value: Any) -> Hashable:
        number = _number(value)
        if number is None:
            return _text(value)
        if step is not None:
            try:
                number = number.quantize(step, ROUND_DOWN, context=_EXACT)
            except InvalidOperation:  # more digits than any field takes: the service rejected it
                return number
        return float(number)  # the service may have stored a float

    return form


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool | list | dict) or value is None:
        return None
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _boolean(value: Any) -> Hashable:
    """Treat an empty box as not ticked."""
    if isinstance(value, str):
        return value.strip().casefold() in ("true", "1")
    return INCOMPARABLE if isinstance(value, list | dict) else bool(value)


def _date(value: Any) -> Hashable:
    text = _text(value)
    if isinstance(text, str):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return text
    return text


def _instant(value: Any) -> Hashable:
    """Convert to seconds since the epoch: answers have the zone of the token's owner and no fraction, whatever was sent."""
    text = _text(value)
    if not isinstance(text, str):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo is None else int(moment.timestamp() // 1)


def _choices(value: Any) -> Hashable:
    """Ignore order and repetition; a list equals a text split at semicolons."""
    if isinstance(value, dict):
        return INCOMPARABLE
    chosen = value if isinstance(value, list) else split_choices(str(value)) if value is not None else []
    forms = frozenset(form for form in map(_text, chosen) if form is not None)
    return INCOMPARABLE if INCOMPARABLE in forms else forms or None


def _reference(value: Any) -> Hashable:
    """Compare records and users by id; a name or an e-mail address cannot be compared."""
    if isinstance(value, dict):
        if not value:
            return None
        value = value.get("id", [])
    text = _text(value)
    if text is None or (isinstance(text, str) and text.isdecimal()):
        return text
    return INCOMPARABLE


_SPECIAL: Final[Mapping[str, ComparableForm]] = {
    "boolean": _boolean,
    "date": _date,
    "datetime": _instant,
    "multiselectpicklist": _choices,
}
_BY_JSON_TYPE: Final[Mapping[str, ComparableForm]] = {  # for types that are newer than this code
    "string": _text,
    "integer": _whole,
    "long": _whole,
    "double": _decimal(None),
    "boolean": _boolean,
}
