"""Faults to inject: scripted by call number, or at random from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from bulkzoho.sandbox.unverified_behaviors import coerce_type

__all__ = ["OPERATIONS", "Fault", "FaultKind", "FaultPlan"]


class FaultKind(StrEnum):
    """Kind of an injected fault."""

    TOO_MANY_REQUESTS = "429"
    INTERNAL_ERROR = "500"
    BAD_GATEWAY_PAGE = "502_page"  #: an HTML error page, as from a proxy
    NO_PERMISSION = "403"
    SCOPE_MISMATCH = "scope_mismatch"
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - a fault kind, not a secret
    RESET_BEFORE_COMMIT = "reset_before_commit"
    RESET_AFTER_COMMIT = "reset_after_commit"
    PARTIAL_COMMIT_THEN_RESET = "partial_commit_then_reset"  #: only the first ``records`` are committed
    COMMIT_LATE = "commit_late"  #: reset at once, committed ``seconds`` later
    HANG = "hang"  #: committed; the response comes after ``seconds``
    SLOW = "slow"  #: ``seconds`` of delay before the work
    TRUNCATED = "truncated"  #: committed; the response is cut in half
    EMPTY_200 = "empty_200"  #: committed; the response has no body
    WRONG_COUNT = "wrong_count"  #: committed; the response has ``records`` results more or fewer (default: one fewer)
    REFUSE_ALL_400 = "refuse_all_400"  #: INVALID_DATA for the whole call if the body contains ``marker``
    JOB_FAILURE = "job_failure"  #: the call starts a job that fails
    JOB_SLOW = "job_slow"  #: the call starts a job that takes ``seconds`` longer
    TOO_LARGE = "413"  #: if the body contains ``marker`` or is longer than ``max_bytes``


_CONDITIONAL = {FaultKind.REFUSE_ALL_400, FaultKind.TOO_LARGE}
_JOBS_ONLY = {FaultKind.JOB_FAILURE, FaultKind.JOB_SLOW}
#: valid values of ``operation``
OPERATIONS = frozenset(
    [
        "bulk_read",
        "bulk_read_result",
        "bulk_read_status",
        "bulk_write",
        "bulk_write_result",
        "bulk_write_status",
        "convert",
        "coql",
        "count",
        "custom_views",
        "delete",
        "deleted",
        "fields",
        "get",
        "get_file",
        "insert",
        "list",
        "mass_update",
        "mass_update_status",
        "module",
        "modules",
        "org",
        "purge",
        "put_files",
        "recycle_bin",
        "recycle_bin_count",
        "restore",
        "search",
        "token",
        "update",
        "upload",
        "upsert",
        "users",
    ]
)
JOB_OPERATIONS = {"bulk_read", "bulk_write", "mass_update"}  # operations that start a job
_WRITES_ONLY = _CONDITIONAL | {FaultKind.PARTIAL_COMMIT_THEN_RESET, FaultKind.COMMIT_LATE, FaultKind.WRONG_COUNT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One entry of a fault script.

    Job faults apply to calls that start a job.  Other faults apply to calls that write records, or, with ``path_contains``, to
    any call whose path contains that text.  Write calls are counted from 1 since the script was set; only calls that passed
    token and quotas count.
    """

    kind: FaultKind
    on_call: tuple[int, ...] = ()  #: numbers of write calls; empty means the next ones
    path_contains: str = ""
    operation: str = ""  #: only this operation: insert, update, upsert, delete, coql, list ...
    times: int | None = None  #: number of uses; None means once per ``on_call`` entry, or always for a conditional fault
    seconds: float = 5.0
    records: int | None = None
    marker: str = ""
    max_bytes: int | None = None
    commit: bool = True  #: ``hang`` only: False discards the work

    def __post_init__(self) -> None:
        """Validate the values.

        Raises:
            ValueError: a value has the wrong type or is out of range; the message names it.
        """
        for name, default in (("path_contains", ""), ("operation", ""), ("seconds", 0.0), ("marker", ""), ("commit", True)):
            object.__setattr__(self, name, coerce_type(name, getattr(self, name), default))
        for name in ("times", "records", "max_bytes"):
            if getattr(self, name) is not None:
                coerce_type(name, getattr(self, name), 0)
        if any(type(each) is not int or each < 1 for each in self.on_call):
            raise ValueError(f"on_call must be call numbers from 1, not {list(self.on_call)}")
        if not 0 <= self.seconds < math.inf or (self.times or 0) < 0:
            raise ValueError(f"seconds and times must not be negative: {self.seconds}, {self.times}")
        if self.operation and self.operation not in OPERATIONS:
            raise ValueError(f"unknown operation {self.operation!r}; known operations: {', '.join(sorted(OPERATIONS))}")
        if self.kind in _CONDITIONAL and not self.marker and self.max_bytes is None:
            raise ValueError(f"{self.kind} needs a marker" + (" or max_bytes" if self.kind is FaultKind.TOO_LARGE else ""))

    @classmethod
    def from_mapping(cls, entry: Any) -> Fault:
        """Parse an entry of a JSON script.

        Raises:
            ValueError: the entry is not an object, or has an unknown key or kind; the message names it.
        """
        if not isinstance(entry, Mapping):
            raise ValueError(f"a fault must be an object such as {{'kind': '500'}}, not {entry!r}")  # noqa: TRY004 - the value comes from a file
        unknown = set(entry) - {each.name for each in fields(cls)}
        if unknown or "kind" not in entry:
            raise ValueError(f"a fault has a kind and no key {', '.join(sorted(unknown)) or 'less'}: {dict(entry)}")
        calls = entry.get("on_call", ())
        values = {
            **entry,
            "kind": _parse_kind(str(entry["kind"])),
            "on_call": tuple(calls) if isinstance(calls, list | tuple) else (calls,),
        }
        return cls(**values)

    @property
    def total_uses(self) -> int | None:
        """Total number of uses; None means unlimited."""
        if self.times is not None:
            return self.times
        if self.kind in _CONDITIONAL:
            return None
        return max(1, len(self.on_call))


def _parse_kind(name: str) -> FaultKind:
    try:
        return FaultKind(name)
    except ValueError:
        known = ", ".join(FaultKind)
        raise ValueError(f"unknown fault {name!r}; known faults: {known}") from None


class FaultPlan:
    """Plan of faults; consulted once for every call that passed token and quotas."""

    def __init__(self) -> None:
        self._script: list[tuple[Fault, int | None]] = []  # each fault with its remaining uses
        self._rates: dict[FaultKind, float] = {}
        self._rng = random.Random(0)  # noqa: S311 - reproducible, not secret
        self._writes = 0

    def script(self, entries: Iterable[Fault | Mapping[str, Any]]) -> None:
        """Replace the script and restart the count of write calls.

        Raises:
            ValueError: the script is not a list, or an entry is invalid.
        """
        try:
            listed = list(entries)
        except TypeError:
            raise ValueError(f"a script must be a list of faults, not {entries!r}") from None
        faults = [each if isinstance(each, Fault) else Fault.from_mapping(each) for each in listed]
        self._script = [(each, each.total_uses) for each in faults]
        self._writes = 0

    def random(self, seed: int, rates: Mapping[str, float]) -> None:
        """Replace the random faults; *rates* maps each kind to its share of calls.

        Raises:
            ValueError: a kind is unknown, or the shares add up to more than 1.
        """
        try:
            shares = {_parse_kind(name): coerce_type(name, rate, 0.0) for name, rate in rates.items()}
        except AttributeError:
            raise ValueError(f"rates must map kinds to shares of calls, not {rates!r}") from None
        if any(not rate >= 0 for rate in shares.values()) or sum(shares.values()) > 1 or _CONDITIONAL & shares.keys():
            raise ValueError(f"rates must add up to at most 1 and name kinds without a condition: {dict(rates)}")
        self._rates = shares
        self._rng = random.Random(seed)  # noqa: S311 - reproducible, not secret

    def clear(self) -> None:
        """Remove all faults."""
        self._script, self._rates, self._writes = [], {}, 0

    def choose(self, *, path: str, operation: str, writes: bool, body: bytes) -> Fault | None:
        """Return the fault of this call, if any: the first matching script entry, otherwise a random one."""
        if writes:
            self._writes += 1
        for position, (fault, uses_left) in enumerate(self._script):
            if uses_left != 0 and self._matches(fault, path, operation, writes) and _condition_holds(fault, body):
                self._script[position] = (fault, None if uses_left is None else uses_left - 1)
                return fault
        return self._random_fault(writes=writes, starts_job=operation in JOB_OPERATIONS) if self._rates else None

    def _matches(self, fault: Fault, path: str, operation: str, writes: bool) -> bool:  # noqa: FBT001 - a fact of the call
        if fault.kind in _JOBS_ONLY and operation not in JOB_OPERATIONS:
            return False
        if fault.path_contains:
            if fault.path_contains not in path:
                return False
        elif not writes and not fault.operation and fault.kind not in _JOBS_ONLY:
            return False
        if fault.operation and fault.operation != operation:
            return False
        return not fault.on_call or (writes and self._writes in fault.on_call)

    def _random_fault(self, *, writes: bool, starts_job: bool) -> Fault | None:
        draw = self._rng.random()
        for kind, rate in self._rates.items():
            draw -= rate
            if draw < 0:
                fits = starts_job if kind in _JOBS_ONLY else writes or kind not in _WRITES_ONLY
                return Fault(kind=kind) if fits else None
        return None


def _condition_holds(fault: Fault, body: bytes) -> bool:
    if fault.kind not in _CONDITIONAL:
        return True
    if fault.marker and fault.marker.encode() in body:
        return True
    return fault.max_bytes is not None and len(body) > fault.max_bytes
