"""Whether a record of the CRM is what was sent: both sides in the form in which the service keeps values.

A *plain form* is a hashable value that two texts, numbers or times share when the service takes them for one (zoho-api: JSON
encodings, traps).  Where it is not proved what the service does (trimming, HTML entities), the form accepts both.
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

__all__ = ["UNTOLD", "Incomparable", "PlainForm", "comparable_form", "differing_fields"]


class Incomparable(Enum):
    """The type of :data:`UNTOLD`."""

    UNTOLD = "untold"


UNTOLD: Final = Incomparable.UNTOLD
"""A value of which nobody can say whether it equals another: a lookup by name, a nested object."""

PlainForm = Callable[[Any], Hashable]  #: a value to its form; None when it is empty, UNTOLD when it has none

_TEXTS: Final = frozenset({"text", "textarea", "email", "phone", "website", "picklist", "autonumber"})
_WHOLE_NUMBERS: Final = frozenset({"integer", "bigint"})
_DECIMALS: Final = frozenset({"double", "currency", "percent", "decimal"})
_ESCAPED_AT_MOST: Final = 3  # times over that HTML entities are undone
_EXACT: Final = Context(prec=400)  # more digits than any field takes


@lru_cache(maxsize=4096)
def comparable_form(field: FieldMetadata) -> PlainForm | None:
    """Give the function that brings values of *field* into their form, None for a field that is not compared.

    Not compared are subforms, files, links to several records, and whatever has no single value in an answer.
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
    """Give the API names of the fields in which the CRM's record *held* is not what was *sent*, in the order sent.

    Fields that were not sent do not count, nor do those that are not compared (see :func:`plain_form`).  A field that *held*
    lacks is taken as empty.
    """
    return [name for name, value in sent.items() if _differ(value, held.get(name), fields.by_api_name.get(name))]


def _differ(sent: Any, held: Any, field: FieldMetadata | None) -> bool:
    form = None if field is None else comparable_form(field)
    if form is None:
        return False
    wanted, found = form(sent), form(held)
    return wanted is not UNTOLD and wanted != found


def _text(value: Any) -> Hashable:
    if value is None:
        return None
    if isinstance(value, list | dict):
        return UNTOLD
    text = str(value)
    if "&" in text:  # answers may hold entities for what was entered on a page (UNVERIFIED), so neither form tells them apart
        for _ in range(_ESCAPED_AT_MOST):
            before, text = text, html.unescape(text)
            if text == before:
                break
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return text.strip() or None


def _folded(value: Any) -> Hashable:
    """Unique fields are compared without case (zoho-api: ``unique.case_sensitive`` only takes false)."""
    text = _text(value)
    return text.casefold() if isinstance(text, str) else text


def _whole(value: Any) -> Hashable:
    number = _number(value)
    return _text(value) if number is None else number


def _decimal(places: int | None) -> PlainForm:
    """Decimals beyond *places* are cut off, not rounded (docs "Create custom field" v7)."""
    step = None if places is None else Decimal(1).scaleb(-places)

    def form(value: Any) -> Hashable:
        number = _number(value)
        if number is None:
            return _text(value)
        if step is not None:
            try:
                number = number.quantize(step, ROUND_DOWN, context=_EXACT)
            except InvalidOperation:  # it has more digits than any field: the service refused it
                return number
        return float(number)  # answers were floats on their way here, so both are brought to what a float can hold

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
    """A box is ticked or not: empty is not ticked."""
    if isinstance(value, str):
        return value.strip().casefold() in ("true", "1")
    return UNTOLD if isinstance(value, list | dict) else bool(value)


def _date(value: Any) -> Hashable:
    text = _text(value)
    if isinstance(text, str):
        try:
            return date.fromisoformat(text)
        except ValueError:
            return text
    return text


def _instant(value: Any) -> Hashable:
    """Answers have the zone of the token's owner and no fraction, whatever was sent: instants are compared, to the second."""
    text = _text(value)
    if not isinstance(text, str):
        return text
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return text
    return text if moment.tzinfo is None else int(moment.timestamp() // 1)


def _choices(value: Any) -> Hashable:
    """Order and repeats do not count; a list and a text split at semicolons are one."""
    if isinstance(value, dict):
        return UNTOLD
    chosen = value if isinstance(value, list) else split_choices(str(value)) if value is not None else []
    forms = frozenset(form for form in map(_text, chosen) if form is not None)
    return UNTOLD if UNTOLD in forms else forms or None


def _reference(value: Any) -> Hashable:
    """Records and users are one when their ids are; by name or e-mail nothing can be said."""
    if isinstance(value, dict):
        if not value:
            return None
        value = value.get("id", [])
    text = _text(value)
    if text is None or (isinstance(text, str) and text.isdecimal()):
        return text
    return UNTOLD


_SPECIAL: Final[Mapping[str, PlainForm]] = {
    "boolean": _boolean,
    "date": _date,
    "datetime": _instant,
    "multiselectpicklist": _choices,
}
_BY_JSON_TYPE: Final[Mapping[str, PlainForm]] = {  # for types that came after this was written
    "string": _text,
    "integer": _whole,
    "long": _whole,
    "double": _decimal(None),
    "boolean": _boolean,
}
