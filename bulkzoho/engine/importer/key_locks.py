"""Key values: the form in which two of them are the same to the service, and which of them are in use.  Pure.

The service compares unique values without case (docs "Create custom field" v7: ``unique.case_sensitive`` only takes false); it
may trim them.  The form here is the wider one: two keys that might be taken for one never meet.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import repeat
from typing import Any, Final

from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.rows import Cell, KeyClaim, Record, RowOrigin

__all__ = ["BlockedRow", "ClaimColumn", "KeyLocks", "key_normalizer", "to_key_locks"]

ClaimColumn = Sequence[str | None]  #: one key a row, None where the row has none

_NUMBERS: Final = frozenset({"integer", "bigint", "double", "currency", "percent"})
_SEPARATOR: Final = "\x00"  # not in any cell that a person wrote; if it is, the slow way is taken


def key_normalizer(field: FieldMetadata) -> Callable[[Sequence[Any]], ClaimColumn]:
    """Give the function that brings a column of values of *field* into the form in which keys are compared."""
    if field.data_type in _NUMBERS:
        return lambda values: [_number_claim(value) for value in values]
    if field.data_type == "id":
        return lambda values: [None if value is None else str(value).strip().lstrip("0") or None for value in values]
    return _text_claims


def to_key_locks(columns: Mapping[str, ClaimColumn]) -> list[KeyClaim]:
    """Give all keys of all *columns* as claims."""
    claims: list[KeyClaim] = []
    for field, keys in columns.items():
        present: Sequence[Any] = [key for key in keys if key is not None] if None in keys else keys
        claims.extend(zip(repeat(field), present))
    return claims


def _text_claims(values: Sequence[Any]) -> ClaimColumn:
    try:
        keys = _SEPARATOR.join(values).casefold().split(_SEPARATOR)  # one call for the whole column
    except TypeError:  # a value is no text
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
    except InvalidOperation:  # blank, or no number: that row is not sent
        return None


@dataclass(slots=True, kw_only=True, eq=False)
class BlockedRow:
    """A row that waits for earlier rows of one of its keys."""

    number: int
    header: tuple[str, ...]
    record: Record
    cells: Sequence[Cell]
    origin: RowOrigin | None
    claims: Sequence[KeyClaim]


class KeyLocks:
    """Which keys are in use by rows under way, and which rows wait for them, in the order of the file.

    A row waits behind every earlier row with a key in common: those under way, and those that wait themselves.
    """

    def __init__(self, fields: Iterable[str]) -> None:
        self._taken: dict[str, set[str | None]] = {field: set() for field in fields}
        self._queues: dict[str, dict[str, deque[BlockedRow]]] = {field: {} for field in self._taken}
        self._next: list[BlockedRow] = []  # rows that came to the head of a queue whose key was given back
        self.parked = 0  #: rows that wait

    def admits(self, columns: Mapping[str, ClaimColumn]) -> bool:
        """Whether all rows of a block may go, none of them in the way of another."""
        for field, keys in columns.items():
            distinct = set(keys)
            repeats = len(distinct) != len(keys)
            if None in distinct:
                distinct.discard(None)
                repeats = len(distinct) != len(keys) - keys.count(None)
            if repeats or not self._taken[field].isdisjoint(distinct) or not self._queues[field].keys().isdisjoint(distinct):
                return False
        return True

    def admits_row(self, claims: Sequence[KeyClaim]) -> bool:
        """Whether a row with these keys may go."""
        return not any(key in self._taken[field] or key in self._queues[field] for field, key in claims)

    def take(self, columns: Mapping[str, ClaimColumn]) -> None:
        """Note that the keys of a whole block are in use."""
        for field, keys in columns.items():
            self._taken[field].update(keys)
            self._taken[field].discard(None)

    def take_row(self, claims: Sequence[KeyClaim]) -> None:
        """Note that the keys of a row are in use."""
        for field, key in claims:
            self._taken[field].add(key)

    def give_back(self, claims: Iterable[KeyClaim]) -> None:
        """Note that keys are free again."""
        for field, key in claims:
            self._taken[field].discard(key)
            if self.parked and key in self._queues[field]:
                self._next.append(self._queues[field][key][0])

    def park(self, row: BlockedRow) -> None:
        """Let *row* wait."""
        for field, key in row.claims:
            self._queues[field].setdefault(key, deque()).append(row)
        self.parked += 1

    def freed(self) -> list[BlockedRow]:
        """Give the rows that need not wait any longer, and take their keys for them."""
        free = []
        for row in sorted(self._next, key=lambda one: one.number):
            if not all(self._is_next(row, field, key) for field, key in row.claims):
                continue
            self._leave(row)
            self.take_row(row.claims)
            free.append(row)
        self._next.clear()
        return free

    def _is_next(self, row: BlockedRow, field: str, key: str) -> bool:
        queue = self._queues[field].get(key)
        return key not in self._taken[field] and queue is not None and queue[0] is row

    def _leave(self, row: BlockedRow) -> None:
        for field, key in row.claims:
            queue = self._queues[field][key]
            queue.popleft()
            if not queue:
                del self._queues[field][key]
        self.parked -= 1
