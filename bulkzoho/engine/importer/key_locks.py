"""Lock key values while a row with them is in flight, so that two rows with one key never travel at once.  Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bulkzoho.domain.model.rows import Cell, KeyClaim, Record, RowOrigin
from bulkzoho.domain.transform.key_values import ClaimColumn

__all__ = ["BlockedRow", "KeyLocks"]


@dataclass(slots=True, kw_only=True, eq=False)
class BlockedRow:
    """A row that waits for an earlier row with one of its keys."""

    number: int
    header: tuple[str, ...]
    record: Record
    cells: Sequence[Cell]
    origin: RowOrigin | None
    claims: Sequence[KeyClaim]


class KeyLocks:
    """The keys locked by rows in flight, and the rows that wait for them, in the order of the file.

    A row waits for every earlier row with a common key: those in flight, and those that wait themselves.
    """

    def __init__(self, fields: Iterable[str]) -> None:
        self._locked: dict[str, set[str | None]] = {field: set() for field in fields}
        self._queues: dict[str, dict[str, deque[BlockedRow]]] = {field: {} for field in self._locked}
        self._next: list[BlockedRow] = []  # rows at the head of a queue whose key was released
        self.blocked = 0  #: rows that wait

    def can_acquire(self, columns: Mapping[str, ClaimColumn]) -> bool:
        """Return whether all rows of a block can lock their keys: none is locked, and no two rows share one."""
        for field, keys in columns.items():
            distinct = set(keys)
            repeats = len(distinct) != len(keys)
            if None in distinct:
                distinct.discard(None)
                repeats = len(distinct) != len(keys) - keys.count(None)
            if repeats or not self._locked[field].isdisjoint(distinct) or not self._queues[field].keys().isdisjoint(distinct):
                return False
        return True

    def can_acquire_row(self, claims: Sequence[KeyClaim]) -> bool:
        """Return whether a row with these keys can lock them."""
        return not any(key in self._locked[field] or key in self._queues[field] for field, key in claims)

    def acquire(self, columns: Mapping[str, ClaimColumn]) -> None:
        """Lock the keys of a whole block."""
        for field, keys in columns.items():
            self._locked[field].update(keys)
            self._locked[field].discard(None)

    def acquire_row(self, claims: Sequence[KeyClaim]) -> None:
        """Lock the keys of a row."""
        for field, key in claims:
            self._locked[field].add(key)

    def release(self, claims: Iterable[KeyClaim]) -> None:
        """Unlock keys."""
        for field, key in claims:
            self._locked[field].discard(key)
            if self.blocked and key in self._queues[field]:
                self._next.append(self._queues[field][key][0])

    def block(self, row: BlockedRow) -> None:
        """Queue *row* behind the earlier rows with its keys."""
        for field, key in row.claims:
            self._queues[field].setdefault(key, deque()).append(row)
        self.blocked += 1

    def newly_unblocked(self) -> list[BlockedRow]:
        """Return the rows that need not wait any longer, with their keys locked."""
        unblocked = []
        for row in sorted(self._next, key=lambda row: row.number):
            if not all(self._is_next(row, field, key) for field, key in row.claims):
                continue
            self._leave(row)
            self.acquire_row(row.claims)
            unblocked.append(row)
        self._next.clear()
        return unblocked

    def _is_next(self, row: BlockedRow, field: str, key: str) -> bool:
        queue = self._queues[field].get(key)
        return key not in self._locked[field] and queue is not None and queue[0] is row

    def _leave(self, row: BlockedRow) -> None:
        for field, key in row.claims:
            queue = self._queues[field][key]
            queue.popleft()
            if not queue:
                del self._queues[field][key]
        self.blocked -= 1
