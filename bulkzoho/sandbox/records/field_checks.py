"""Field validators, compiled once per field: they convert a JSON value for storage or reject it (zoho-api, section 6.1)."""

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

Check = Callable[[Any], Any]  # returns the value to store; None clears the field; raises RecordRefusedError

LAST_OF_THREE_BYTES = "\uffff"
_is_email = re.compile(r"[^@\s,;<>]+@[^@\s,;<>]+\.[^@\s,;<>.]{2,}").fullmatch
_is_phone = re.compile(r"[+]?[0-9A-Za-z().\-\s]{1,30}").fullmatch  # the organization's own pattern, OpenAPI "org"
_is_date = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII).fullmatch
_is_date_time = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(Z|[+-]\d{2}:\d{2})", re.ASCII).fullmatch
_is_id = re.compile(r"[0-9]{1,19}", re.ASCII).fullmatch
_is_number = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckContext:
    """Context of field validators: switches, time zone and existence of references."""

    strict: UnverifiedBehavior
    zone: TimeZone
    record_exists: Callable[[str, int], bool]  #: (module, id) -> whether the record exists
    user_exists: Callable[[int], bool]  #: whether an active user has this id
    find_user: Callable[[str], int | None]  #: id of the user with this e-mail address


def record_id_of(value: Any) -> int | None:
    """Parse a record id: a string of digits, or a number as Zoho's SDK sends it."""
    if type(value) is str and _is_id(value):
        return int(value)
    return value if type(value) is int and 0 < value < 10**19 else None


def compile_check(field: Field, context: CheckContext) -> Check:
    """Build the validator of *field*."""
    strict = context.strict
    match field.data_type:
        case DataType.TEXT | DataType.TEXTAREA | DataType.WEBSITE:
            plain = _fast_text_check(field.length) if strict.trims_text else _text_check(field.length, trims=False)
            return _with_emoji_handling(plain, strict.emoji)
        case DataType.EMAIL:
            return _text_check(field.length, expected="email", accepts=_is_email)
        case DataType.PHONE:
            return _text_check(field.length, accepts=_is_phone if strict.phone_pattern else None)
        case DataType.PICKLIST:
            return _picklist_check(
                field, open_list=strict.unlisted_picklist_values is HandlingBehavior.IGNORE or not field.restricted
            )
        case _:
            return _compile_typed(field, context)


def _compile_typed(field: Field, context: CheckContext) -> Check:
    """Build the validator of a field for which an empty string is not a value."""
    if field.data_type in CHILDREN:
        return _child_rows_check  # each row is validated by its own module
    if field.data_type is DataType.MULTI_PICKLIST:
        return _multi_picklist_check(field)
    check = _CHECK_OF_TYPE[field.data_type](field, context)
    if context.strict.empty_text_on_typed_fields is HandlingBehavior.REFUSE:
        return check
    return lambda value: None if value == "" else check(value)


def _text_check(
    length: int, *, expected: str = "text", accepts: Callable[[str], object] | None = None, trims: bool = True
) -> Check:
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
        return value  # type: ignore[no-any-return]  # a string by the test above

    return check


def _fast_text_check(length: int) -> Check:
    """Build a faster ``_text`` for the most common fields."""

    def check(value: Any) -> str | None:
        if type(value) is not str:
            raise wrong_type("text")
        value = value.strip()
        if 0 < len(value) <= length:
            return value  # type: ignore[no-any-return]  # a string by the test above
        if value:
            raise too_long(length)
        return None

    return check


def _with_emoji_handling(check: Check, emoji: EmojiBehavior) -> Check:
    """Wrap *check* so that it handles four-byte characters as the switch says."""
    if emoji is EmojiBehavior.KEEP:
        return check

    def check_with_emoji(value: Any) -> Any:
        if type(value) is str and any(each > LAST_OF_THREE_BYTES for each in value):
            if emoji is EmojiBehavior.REFUSE:
                raise invalid()
            value = "".join("?" if each > LAST_OF_THREE_BYTES else each for each in value)
        return check(value)

    return check_with_emoji


def _picklist_check(field: Field, *, open_list: bool) -> Check:
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


def _multi_picklist_check(field: Field) -> Check:
    allowed = frozenset(field.values)

    def check(value: Any) -> list[str] | None:
        if type(value) is not list or any(type(each) is not str for each in value):
            raise wrong_type("jsonarray")
        if not allowed.issuperset(value):
            raise invalid(supported_values=list(field.values))
        return list(dict.fromkeys(value)) or None

    return check


def _integer_check(field: Field, context: CheckContext) -> Check:
    limit, length = 10**field.length, field.length
    big = field.data_type is DataType.BIGINT
    as_text = big and context.strict.bigint_as_text
    # A bigint is a string in responses and an integer in the SDK's requests, so both are accepted.
    text_accepted = big or context.strict.numbers_as_text is HandlingBehavior.IGNORE

    def check(value: Any) -> int | str:
        if type(value) is str and text_accepted and _is_number(value) and "." not in value:
            value = int(value)
        if type(value) is not int:
            raise wrong_type(field.data_type.value)
        if not -limit < value < limit:
            raise too_long(length)
        return str(value) if as_text else value

    return check


def _decimal_check(field: Field, context: CheckContext) -> Check:
    limit, length, decimals = 10**field.length, field.length, field.decimal_place
    step = None if decimals is None else Decimal(1).scaleb(-decimals)
    text_accepted = context.strict.numbers_as_text is HandlingBehavior.IGNORE

    def check(value: Any) -> int | float:
        kind = type(value)
        if kind is str and text_accepted and _is_number(value):
            value, kind = float(value), float
        if kind is not float and kind is not int:
            raise wrong_type("double")
        if not -limit < value < limit:
            raise too_long(length)
        if kind is float and step is not None and value != round(value, decimals):
            return float(Decimal(repr(value)).quantize(step, ROUND_DOWN))  # truncated, not rounded (section 12.23)
        return value  # type: ignore[no-any-return]  # an int or a float by the tests above

    return check


def _child_rows_check(value: Any) -> list[dict[str, Any]]:
    if type(value) is not list or any(type(each) is not dict for each in value):
        raise wrong_type("jsonarray")
    return value


def _boolean_check(value: Any) -> bool:
    if type(value) is not bool:
        raise wrong_type("boolean")
    return value


def _date_check(value: Any) -> str:
    if type(value) is not str or not _is_date(value):
        raise wrong_type("date")
    try:
        date.fromisoformat(value)
    except ValueError:
        raise wrong_type("date") from None
    return value


def _date_time_check(_field: Field, context: CheckContext) -> Check:
    def check(value: Any) -> str:
        if type(value) is not str or not _is_date_time(value):
            raise wrong_type("datetime")
        try:
            return context.zone.normalize(value)
        except ValueError:
            raise wrong_type("datetime") from None

    return check


def _reference_check(exists: Callable[[int], bool]) -> Check:
    def check(value: Any) -> int:
        if type(value) is not dict or "id" not in value:
            raise wrong_type("jsonobject")
        target = record_id_of(value["id"])
        if target is None or not exists(target):
            rejection = RecordRefusedError("INVALID_DATA", "the related id given seems to be invalid")
            rejection.path_suffix = ".id"
            raise rejection
        return target

    return check


def _lookup_check(field: Field, context: CheckContext) -> Check:
    return _reference_check(lambda target: context.record_exists(field.target, target))


def _user_check(_field: Field, context: CheckContext) -> Check:
    check = _reference_check(context.user_exists)
    if context.strict.owners_by_email is HandlingBehavior.REFUSE:
        return check

    def check_user(value: Any) -> Any:
        if type(value) is dict and "id" not in value and type(value.get("email")) is str:
            value = {"id": context.find_user(value["email"])}
        return check(value)

    return check_user


_CHECK_OF_TYPE: dict[DataType, Callable[[Field, CheckContext], Check]] = {
    DataType.INTEGER: _integer_check,
    DataType.BIGINT: _integer_check,
    DataType.DOUBLE: _decimal_check,
    DataType.CURRENCY: _decimal_check,
    DataType.PERCENT: _decimal_check,
    DataType.BOOLEAN: lambda _field, _context: _boolean_check,
    DataType.DATE: lambda _field, _context: _date_check,
    DataType.DATETIME: _date_time_check,
    DataType.LOOKUP: _lookup_check,
    DataType.OWNER: _user_check,
    DataType.USER: _user_check,
}
