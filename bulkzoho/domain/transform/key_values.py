"""Normalize key values so that two values are equal exactly when Zoho may treat them as the same key.

Zoho compares unique values without case (docs "Create custom field" v7: ``unique.case_sensitive`` only takes false) and may trim
them.  The form here is the wider one: two keys that Zoho might treat as equal are equal here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from itertools import repeat
from typing import Any, Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.rows import KeyClaim

__all__ = ["ClaimColumn", "key_normalizer", "to_key_locks"]

ClaimColumn = Sequence[str | None]  #: one key a row, None where the row has none

_NUMBERS: Final = frozenset({"integer", "bigint", "double", "currency", "percent"})
_SEPARATOR: Final = "\x00"  # practically never in a cell; if it is, each value is converted alone


def key_normalizer(field: FieldMetadata) -> Callable[[Sequence[Any]], ClaimColumn]:
    """Return the function that normalizes a column of values of *field* for comparison."""
    if field.data_type in _NUMBERS:
        return lambda values: [_number_claim(value) for value in values]
    if field.data_type == "id":
        return lambda values: [None if value is None else str(value).strip().lstrip("0") or None for value in values]
    return _text_claims


def to_key_locks(columns: Mapping[str, ClaimColumn]) -> list[KeyClaim]:
    """Return all keys of all *columns* as claims."""
    claims: list[KeyClaim] = []
    for field, keys in columns.items():
        present: Sequence[Any] = [key for key in keys if key is not None] if None in keys else keys
        claims.extend(zip(repeat(field), present))
    return claims


def _text_claims(values: Sequence[Any]) -> ClaimColumn:
    try:
        keys = _SEPARATOR.join(values).casefold().split(_SEPARATOR)  # one call for the whole column
    except TypeError:  # a value is not a text
        keys = []
    if len(keys) == len(values):
        keys = [*map(str.strip, keys)]
        return keys if all(keys) else [key or None for key in keys]
    return [_text_claim(value) for value in values]


def _text_claim(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("id")
    return None if value is None else str(value).casefold().strip() or None


def _number_claim(value: Any) -> str | None:
    try:
        return str(Decimal(str(value)).normalize() + 0)  # "+ 0": -0 is 0
    except InvalidOperation:  # blank, or not a number: this row is not sent
        return None
