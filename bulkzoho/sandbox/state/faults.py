"""What goes wrong on purpose: scripted by call, or at random from a seed."""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

from bulkzoho.sandbox.unverified_behaviors import of_its_type

__all__ = ["OPERATIONS", "Fault", "FaultKind", "FaultPlan"]


class FaultKind(StrEnum):
    """Every way in which a call may go wrong."""

    TOO_MANY_REQUESTS = "429"
    INTERNAL_ERROR = "500"
    BAD_GATEWAY_PAGE = "502_page"  #: an HTML page of a proxy
    NO_PERMISSION = "403"
    SCOPE_MISMATCH = "scope_mismatch"
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - a word, not a secret
    RESET_BEFORE_COMMIT = "reset_before_commit"
    RESET_AFTER_COMMIT = "reset_after_commit"
    PARTIAL_COMMIT_THEN_RESET = "partial_commit_then_reset"  #: only the first ``records`` are committed
    COMMIT_LATE = "commit_late"  #: reset at once, committed ``seconds`` later
    HANG = "hang"  #: committed, answered only after ``seconds``
    SLOW = "slow"  #: ``seconds`` more before the work
    TRUNCATED = "truncated"  #: committed, the answer is cut in the middle
    EMPTY_200 = "empty_200"  #: committed, the answer has no body
    WRONG_COUNT = "wrong_count"  #: committed, the answer has ``records`` results more or fewer (default: one fewer)
    REFUSE_ALL_400 = "refuse_all_400"  #: INVALID_DATA for the whole call when the body holds ``marker``
    JOB_FAILURE = "job_failure"  #: the call starts a job that will fail
    JOB_SLOW = "job_slow"  #: the call starts a job that takes ``seconds`` more
    TOO_LARGE = "413"  #: when the body holds ``marker`` or is longer than ``max_bytes``


_CONDITIONAL = {FaultKind.REFUSE_ALL_400, FaultKind.TOO_LARGE}
_JOBS_ONLY = {FaultKind.JOB_FAILURE, FaultKind.JOB_SLOW}
#: the words for ``operation``: what calls do
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
JOB_OPERATIONS = {"bulk_read", "bulk_write", "mass_update"}  # the calls that start a job
_WRITES_ONLY = _CONDITIONAL | {FaultKind.PARTIAL_COMMIT_THEN_RESET, FaultKind.COMMIT_LATE, FaultKind.WRONG_COUNT}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One entry of a script.

    Faults of jobs concern the calls that start one.  For the others: without ``path_contains`` it concerns the calls that write
    records, counted from 1 since the script was set; only calls that got past token and quotas count.  With it, it concerns any
    call whose path holds that text.
    """

    kind: FaultKind
    on_call: tuple[int, ...] = ()  #: which write calls; empty means the next ones
    path_contains: str = ""
    operation: str = ""  #: only this operation: insert, update, upsert, delete, coql, list ...
    times: int | None = None  #: how often; None means once for each of ``on_call``, and always for one with a condition
    seconds: float = 5.0
    records: int | None = None
    marker: str = ""
    max_bytes: int | None = None
    commit: bool = True  #: ``hang`` only: False loses the work

    def __post_init__(self) -> None:
        """Refuse what is no fault.

        Raises:
            ValueError: a value is of another type or out of range; the message names it.
        """
        for name, default in (("path_contains", ""), ("operation", ""), ("seconds", 0.0), ("marker", ""), ("commit", True)):
            object.__setattr__(self, name, of_its_type(name, getattr(self, name), default))
        for name in ("times", "records", "max_bytes"):
            if getattr(self, name) is not None:
                of_its_type(name, getattr(self, name), 0)
        if any(type(each) is not int or each < 1 for each in self.on_call):
            raise ValueError(f"on_call counts calls from 1, not {list(self.on_call)}")
        if not 0 <= self.seconds < math.inf or (self.times or 0) < 0:
            raise ValueError(f"seconds and times are not negative: {self.seconds}, {self.times}")
        if self.operation and self.operation not in OPERATIONS:
            raise ValueError(f"no operation is called {self.operation!r}; there are {', '.join(sorted(OPERATIONS))}")
        if self.kind in _CONDITIONAL and not self.marker and self.max_bytes is None:
            raise ValueError(f"{self.kind} needs a marker" + (" or max_bytes" if self.kind is FaultKind.TOO_LARGE else ""))

    @classmethod
    def from_mapping(cls, entry: Any) -> Fault:
        """Read an entry of a script as JSON has it.

        Raises:
            ValueError: it is no table, or has an unknown key or kind; the message names it.
        """
        if not isinstance(entry, Mapping):
            raise ValueError(f"a fault is a table such as {{'kind': '500'}}, not {entry!r}")  # noqa: TRY004 - what a file holds
        unknown = set(entry) - {each.name for each in fields(cls)}
        if unknown or "kind" not in entry:
            raise ValueError(f"a fault has a kind and no key {', '.join(sorted(unknown)) or 'less'}: {dict(entry)}")
        calls = entry.get("on_call", ())
        made = {
            **entry,
            "kind": _kind(str(entry["kind"])),
            "on_call": tuple(calls) if isinstance(calls, list | tuple) else (calls,),
        }
        return cls(**made)

    @property
    def uses(self) -> int | None:
        """How often it happens in all; None means without end."""
        if self.times is not None:
            return self.times
        if self.kind in _CONDITIONAL:
            return None
        return max(1, len(self.on_call))


def _kind(word: str) -> FaultKind:
    try:
        return FaultKind(word)
    except ValueError:
        known = ", ".join(FaultKind)
        raise ValueError(f"no fault is called {word!r}; there are {known}") from None


class FaultPlan:
    """What is to go wrong; asked once for every call that got past token and quotas."""

    def __init__(self) -> None:
        self._script: list[tuple[Fault, int | None]] = []  # with the uses that are left
        self._rates: dict[FaultKind, float] = {}
        self._chance = random.Random(0)  # noqa: S311 - a test wants the same faults again
        self._writes = 0

    def script(self, entries: Iterable[Fault | Mapping[str, Any]]) -> None:
        """Replace the script; write calls are counted anew.

        Raises:
            ValueError: it is no list, or an entry is wrong.
        """
        try:
            listed = list(entries)
        except TypeError:
            raise ValueError(f"a script is a list of faults, not {entries!r}") from None
        made = [each if isinstance(each, Fault) else Fault.from_mapping(each) for each in listed]
        self._script = [(each, each.uses) for each in made]
        self._writes = 0

    def random(self, seed: int, rates: Mapping[str, float]) -> None:
        """Replace the random faults: the share of calls, by kind, that each befalls.

        Raises:
            ValueError: an unknown kind, or shares that add up to more than 1.
        """
        try:
            shares = {_kind(word): of_its_type(word, rate, 0.0) for word, rate in rates.items()}
        except AttributeError:
            raise ValueError(f"rates are a table of kinds and shares of calls, not {rates!r}") from None
        if any(not rate >= 0 for rate in shares.values()) or sum(shares.values()) > 1 or _CONDITIONAL & shares.keys():
            raise ValueError(f"rates are shares that add up to at most 1, of kinds without a condition: {dict(rates)}")
        self._rates = shares
        self._chance = random.Random(seed)  # noqa: S311 - a test wants the same faults again

    def clear(self) -> None:
        """Let everything go well."""
        self._script, self._rates, self._writes = [], {}, 0

    def choose(self, *, path: str, operation: str, writes: bool, body: bytes) -> Fault | None:
        """Give the fault of this call, if any: the first of the script that fits, else one at random."""
        if writes:
            self._writes += 1
        for position, (fault, left) in enumerate(self._script):
            if left != 0 and self._fits(fault, path, operation, writes) and _condition_holds(fault, body):
                self._script[position] = (fault, None if left is None else left - 1)
                return fault
        return self._at_random(writes=writes, starts_job=operation in JOB_OPERATIONS) if self._rates else None

    def _fits(self, fault: Fault, path: str, operation: str, writes: bool) -> bool:  # noqa: FBT001 - a fact of the call
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

    def _at_random(self, *, writes: bool, starts_job: bool) -> Fault | None:
        drawn = self._chance.random()
        for kind, rate in self._rates.items():
            drawn -= rate
            if drawn < 0:
                fits = starts_job if kind in _JOBS_ONLY else writes or kind not in _WRITES_ONLY
                return Fault(kind=kind) if fits else None
        return None


def _condition_holds(fault: Fault, body: bytes) -> bool:
    if fault.kind not in _CONDITIONAL:
        return True
    if fault.marker and fault.marker.encode() in body:
        return True
    return fault.max_bytes is not None and len(body) > fault.max_bytes
