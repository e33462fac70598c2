"""One check a field, made once: it takes a JSON value and gives what is stored, or refuses (zoho-api, section 6.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_DOWN, Decimal
from typing import Any

from bulkzoho.sandbox.records.record_errors import RecordRefusedError, invalid, too_long, wrong_type
from bulkzoho.sandbox.state.clock import TimeZone
from bulkzoho.sandbox.state.schema import CHILDREN, DataType, Field
from bulkzoho.sandbox.unverified_behaviors import EmojiBehavior, HandlingBehavior, UnverifiedBehavior

__all__ = ["Check", "CheckContext", "compile_check", "record_id_of"]

Check = Callable[[Any], Any]  # gives the stored value; None clears the field; raises RecordRefusedError

LAST_OF_THREE_BYTES = "\uffff"
_EMAIL = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]{2,}").fullmatch
_PHONE = re.compile(r"[+]?[0-9A-Za-z().\-\s]{1,30}").fullmatch  # the organization's own pattern, OpenAPI "org"
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).fullmatch
_DATE_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})", re.ASCII).fullmatch
_ID = re.compile(r"[0-9]{1,19}", re.ASCII).fullmatch
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """What the checks of a module need to know beside the field itself."""

    strict: UnverifiedBehavior
    zone: TimeZone
    record_exists: Callable[[str, int], bool]  #: module and id of a lookup's target
    user_exists: Callable[[int], bool]  #: whether an active user has the id
    user_called: Callable[[str], int | None]  #: the user with that e-mail address


def record_id_of(value: Any) -> int | None:
    """Read an id: a string of digits, or a number as Zoho's own SDK sends it."""
    if type(value) is str and _ID(value):
        return int(value)
    return value if type(value) is int and 0 < value < 10**19 else None


def compile_check(field: Field, context: CheckContext) -> Check:
    """Make the check of *field*."""
    strict = context.strict
    match field.data_type:
        case DataType.TEXT | DataType.TEXTAREA | DataType.WEBSITE:
            plain = _trimmed_text(field.length) if strict.trims_text else _text(field.length, trims=False)
            return _with_emoji(plain, strict.emoji)
        case DataType.EMAIL:
            return _text(field.length, expected="email", accepts=_EMAIL)
        case DataType.PHONE:
            return _text(field.length, accepts=_PHONE if strict.phone_pattern else None)
        case DataType.PICKLIST:
            return _picklist(field, open_list=strict.unlisted_picklist_values is HandlingBehavior.IGNORE or not field.restricted)
        case _:
            return _typed(field, context)


def _typed(field: Field, context: CheckContext) -> Check:
    """Make the check of a field for which an empty text is no value."""
    if field.data_type in CHILDREN:
        return _rows  # each row is checked as a record of its own module
    if field.data_type is DataType.MULTI_PICKLIST:
        return _multi_picklist(field)
    made = _TYPED[field.data_type](field, context)
    if context.strict.empty_text_on_typed_fields is HandlingBehavior.REFUSE:
        return made
    return lambda value: None if value == "" else made(value)


def _text(length: int, *, expected: str = "text", accepts: Callable[[str], object] | None = None, trims: bool = True) -> Check:
    def check(value: Any) -> str | None:
        if type(value) is not str:
            raise wrong_type(expected)
        if trims:
            value = value.strip()
        if not value:
            return None
        if len(value) > length:
            raise too_long(length)
        if accepts is not None and not accepts(value):
            raise wrong_type(expected) if expected != "text" else invalid()
        return value  # type: ignore[no-any-return]  # a text by the test above

    return check


def _trimmed_text(length: int) -> Check:
    """Make the check of most values of most records: as ``_text``, with as few steps as can be."""

    def check(value: Any) -> str | None:
        if type(value) is not str:
            raise wrong_type("text")
        value = value.strip()
        if 0 < len(value) <= length:
            return value  # type: ignore[no-any-return]  # a text by the test above
        if value:
            raise too_long(length)
        return None

    return check


def _with_emoji(check: Check, emoji: EmojiBehavior) -> Check:
    """Do to characters of four bytes what the switch says."""
    if emoji is EmojiBehavior.KEEP:
        return check

    def checked(value: Any) -> Any:
        if type(value) is str and any(each > LAST_OF_THREE_BYTES for each in value):
            if emoji is EmojiBehavior.REFUSE:
                raise invalid()
            value = "".join("?" if each > LAST_OF_THREE_BYTES else each for each in value)
        return check(value)

    return checked


def _picklist(field: Field, *, open_list: bool) -> Check:
    allowed, length = frozenset(field.values), field.length

    def check(value: Any) -> str | None:
        if type(value) is not str:
            raise wrong_type("text")
        if not value:
            return None
        if not open_list and value not in allowed:
            raise invalid(supported_values=list(field.values))
        if len(value) > length:
            raise too_long(length)
        return value

    return check


def _multi_picklist(field: Field) -> Check:
    allowed = frozenset(field.values)

    def check(value: Any) -> list[str] | None:
        if type(value) is not list or any(type(each) is not str for each in value):
            raise wrong_type("jsonarray")
        if not allowed.issuperset(value):
            raise invalid(supported_values=list(field.values))
        return list(dict.fromkeys(value)) or None

    return check


def _whole(field: Field, context: CheckContext) -> Check:
    limit, length = 10**field.length, field.length
    big = field.data_type is DataType.BIGINT
    as_text = big and context.strict.bigint_as_text
    # A bigint is a string in answers and an integer in the SDK's requests, so both come in.
    text_accepted = big or context.strict.numbers_as_text is HandlingBehavior.IGNORE

    def check(value: Any) -> int | str:
        if type(value) is str and text_accepted and _NUMBER(value) and "." not in value:
            value = int(value)
        if type(value) is not int:
            raise wrong_type(field.data_type.value)
        if not -limit < value < limit:
            raise too_long(length)
        return str(value) if as_text else value

    return check


def _decimal(field: Field, context: CheckContext) -> Check:
    limit, length, decimals = 10**field.length, field.length, field.decimal_place
    step = None if decimals is None else Decimal(1).scaleb(-decimals)
    text_accepted = context.strict.numbers_as_text is HandlingBehavior.IGNORE

    def check(value: Any) -> int | float:
        kind = type(value)
        if kind is str and text_accepted and _NUMBER(value):
            value, kind = float(value), float
        if kind is not float and kind is not int:
            raise wrong_type("double")
        if not -limit < value < limit:
            raise too_long(length)
        if kind is float and step is not None and value != round(value, decimals):
            return float(Decimal(repr(value)).quantize(step, ROUND_DOWN))  # cut off, not rounded (section 12.23)
        return value  # type: ignore[no-any-return]  # an int or a float by the tests above

    return check


def _rows(value: Any) -> list[dict[str, Any]]:
    if type(value) is not list or any(type(each) is not dict for each in value):
        raise wrong_type("jsonarray")
    return value


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise wrong_type("boolean")
    return value


def _date(value: Any) -> str:
    if type(value) is not str or not _DATE(value):
        raise wrong_type("date")
    try:
        date.fromisoformat(value)
    except ValueError:
        raise wrong_type("date") from None
    return value


def _date_time(_field: Field, context: CheckContext) -> Check:
    def check(value: Any) -> str:
        if type(value) is not str or not _DATE_TIME(value):
            raise wrong_type("datetime")
        try:
            return context.zone.normal(value)
        except ValueError:
            raise wrong_type("datetime") from None

    return check


def _reference(exists: Callable[[int], bool]) -> Check:
    def check(value: Any) -> int:
        if type(value) is not dict or "id" not in value:
            raise wrong_type("jsonobject")
        target = record_id_of(value["id"])
        if target is None or not exists(target):
            refused = RecordRefusedError("INVALID_DATA", "the related id given seems to be invalid")
            refused.path_suffix = ".id"
            raise refused
        return target

    return check


def _lookup(field: Field, context: CheckContext) -> Check:
    return _reference(lambda target: context.record_exists(field.target, target))


def _user(_field: Field, context: CheckContext) -> Check:
    check = _reference(context.user_exists)
    if context.strict.owners_by_email is HandlingBehavior.REFUSE:
        return check

    def named(value: Any) -> Any:
        if type(value) is dict and "id" not in value and type(value.get("email")) is str:
            value = {"id": context.user_called(value["email"])}
        return check(value)

    return named


_TYPED: dict[DataType, Callable[[Field, CheckContext], Check]] = {
    DataType.INTEGER: _whole,
    DataType.BIGINT: _whole,
    DataType.DOUBLE: _decimal,
    DataType.CURRENCY: _decimal,
    DataType.PERCENT: _decimal,
    DataType.BOOLEAN: lambda _field, _context: _boolean,
    DataType.DATE: lambda _field, _context: _date,
    DataType.DATETIME: _date_time,
    DataType.LOOKUP: _lookup,
    DataType.OWNER: _user,
    DataType.USER: _user,
}
