"""Logs of calls and of rule violations."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

__all__ = ["Call", "CallLog", "Violation", "ViolationLog"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API call.  Times are seconds of the sandbox's monotonic clock."""

    number: int  #: 1 for the first
    arrived_s: float
    replied_s: float | None = None  #: None while it runs
    method: str
    path: str
    operation: str = ""  #: insert, update, upsert, delete, list, get, coql, token ...
    crm_module: str = ""
    records: int = 0  #: records or ids in the request
    status: int | None = None  #: None while it runs, or if the connection was cut
    fault: str | None = None
    in_flight: int = 0  #: calls in flight at arrival, this one included
    heavy: bool = False
    credits: int = 0
    trigger: tuple[str, ...] | None = None  #: None if the request has no such key
    duplicate_check_fields: tuple[str, ...] | None = None


class CallLog(Sequence[Call]):
    """Log of the latest calls, oldest first, with counts of all calls."""

    def __init__(self, capacity: int = 200_000) -> None:
        self._capacity = capacity
        self._calls: list[Call] = []
        self._dropped = 0
        self.by_status: Counter[str] = Counter()

    @property
    def total(self) -> int:
        """Number of all calls, including those dropped from the log."""
        return self._dropped + len(self._calls)

    def open(self, call: Call) -> None:
        """Append a call at its arrival; its number is ``total + 1``."""
        self._calls.append(call)
        if len(self._calls) > self._capacity:
            self._dropped += self._capacity // 2
            del self._calls[: self._capacity // 2]

    def close(self, call: Call) -> None:
        """Replace an open call by its finished form."""
        position = call.number - 1 - self._dropped
        if position >= 0:
            self._calls[position] = call
        self.by_status["none" if call.status is None else str(call.status)] += 1

    def since(self, number: int) -> Iterator[Call]:
        """Iterate over the calls with a higher number."""
        yield from self._calls[max(0, number - self._dropped) :]

    @overload
    def __getitem__(self, index: int) -> Call: ...
    @overload
    def __getitem__(self, index: slice) -> list[Call]: ...
    def __getitem__(self, index: int | slice) -> Call | list[Call]:
        return self._calls[index]

    def __len__(self) -> int:
        return len(self._calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """A violation of Zoho's client rules."""

    kind: str
    call: int  #: the number of the call
    detail: str = ""


class ViolationLog(Sequence[Violation]):
    """Log of the first violations, with counts of all."""

    def __init__(self, capacity: int = 1_000) -> None:
        self._capacity = capacity
        self._kept: list[Violation] = []
        self.by_kind: Counter[str] = Counter()

    def add(self, kind: str, call: int, detail: str = "") -> None:
        """Append a violation."""
        self.by_kind[kind] += 1
        if len(self._kept) < self._capacity:
            self._kept.append(Violation(kind=kind, call=call, detail=detail))

    @overload
    def __getitem__(self, index: int) -> Violation: ...
    @overload
    def __getitem__(self, index: slice) -> list[Violation]: ...
    def __getitem__(self, index: int | slice) -> Violation | list[Violation]:
        return self._kept[index]

    def __len__(self) -> int:
        return len(self._kept)
