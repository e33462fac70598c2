"""Kill a run at its k-th system call of one name, resume it, and check that it ends exact: for k = 1, 2, 3 ... to the run's end.

strace delivers SIGKILL on entering the call, so the call is not made.  It counts calls for each name by itself, hence one loop a
name; and for each thread by itself, so that the main thread, which makes more calls, is always met first.  To meet the thread
that waits for the disk, a resume is attacked at its calls on the files that this thread alone syncs, and on the journal's log.

The calls of interest are those that change a file or send bytes; ``openat`` counts from the first one in the state folder on,
since what is opened before is Python's own.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tempfile
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from bulkzoho.sandbox import Edition, Sandbox, SandboxSettings

from .harness import FAST, Ended, Workplace
from .invariants import audit, find_run
from .local_crm import AgedClock, LocalCrm
from .process_killer import finish
from .workloads import LOADS, Load, check_end

__all__ = [
    "ASIDE",
    "CALL_NAMES",
    "FAILING",
    "Census",
    "count_calls",
    "fail_aside",
    "fail_aside_at_each",
    "fail_from",
    "fail_from_each",
    "kill_aside",
    "kill_aside_at_each",
    "kill_at",
    "kill_at_each",
]

FAILING = {"fdatasync": "EIO", "pwrite64": "ENOSPC", "write": "ENOSPC", "ftruncate": "EIO"}  # how a broken or full disk answers
CALL_NAMES = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "openat", "rename", "unlink", "mkdir", "sendto", "sendmsg")
DATA, LOG = ("results.jsonl", "dead-letter.jsonl"), ("journal.db-wal",)
ASIDE = {"fdatasync of data": ("fdatasync", DATA), "fdatasync of the log": ("fdatasync", LOG), "pwrite64": ("pwrite64", LOG)}
ROWS = 250
BEGUN = 8  # so many times a run has sent bytes when a few calls of its rows have left
AT_ONCE = 5  # for two processors: most of the time is waiting for the quota of the dead process
OLD_S = 60.0  # age of the records that were there before
_CALL = re.compile(r"^(\d+) +(?:\S+ )?(\w+)\((.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """How often the busiest thread of an undisturbed run makes one system call."""

    total: int
    first: int  #: the first one that is ours


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attack:
    """One run of its own: sandbox, folder, file."""

    place: Workplace
    load: Load
    first: tuple[str, ...]
    crm: LocalCrm


async def kill_at(call: str, number: int, *, name: str = "insert", quick: bool = False) -> bool:
    """Kill a run on its *number*-th *call*, finish it; return whether it was killed (else the run makes fewer such calls).

    A *quick* one does not wait until the quota of the dead process is free again.

    Raises:
        AssertionError: An invariant does not hold; names the call.
    """
    return (await _inject(f"{call}:signal=KILL:when={number}", name=name, quick=quick)).killed


async def fail_from(call: str, number: int, error: str, *, name: str = "insert") -> bool:
    """Let every *call* from the *number*-th on fail, then remove the fault and finish the run; return whether it failed.

    Raises:
        AssertionError: An invariant does not hold; names the call.
    """
    ended = await _inject(f"{call}:error={error}:when={number}+", name=name, quick=True)
    assert not ended.killed
    return ended.status not in (0, 3)


async def _inject(fault: str, *, name: str, quick: bool) -> Ended:
    """Run under a fault, finish without it, check that the end is exact; return how the run under it ended."""
    try:
        async with _attacked(name, ROWS) as attack:
            ended = await attack.place.run(*attack.first, under=_under(fault))
            await _finish_exact(attack, quick=quick)
            return ended
    except AssertionError as error:
        raise AssertionError(f"{fault}: {error}") from error


def _under(fault: str, paths: Sequence[str] = ()) -> tuple[str, ...]:
    call = fault.partition(":")[0]
    only = [word for path in paths for word in ("-P", path)]
    return ("strace", "-f", "-qq", "-o", "/dev/null", *only, "-e", f"trace={call}", "-e", f"inject={fault}")


async def _finish_exact(attack: _Attack, *, quick: bool) -> None:
    run = find_run(attack.place.runs(), attack.first[0])
    audited = None if run is None else audit(run)
    if quick:
        attack.place.forget_quota()
    if audited is None or not audited.done:
        audited, _ = await finish(attack.place, attack.first)
    check_end(attack.load, audited, attack.crm.records())


async def kill_aside(what: str, number: int) -> bool:
    """Kill a resume on its *number*-th call of a kind in :data:`ASIDE`; return whether it was killed.

    Raises:
        AssertionError: An invariant does not hold; names the call.
    """
    return (await _inject_aside(what, f"signal=KILL:when={number}")).killed


async def fail_aside(what: str, number: int, error: str) -> bool:
    """Let that one call of a resume fail, and none after it; return whether the resume ended for it.

    Raises:
        AssertionError: An invariant does not hold; names the call.
    """
    ended = await _inject_aside(what, f"error={error}:when={number}")
    assert not ended.killed
    return ended.status not in (0, 3)


async def _inject_aside(what: str, fault: str) -> Ended:
    """Kill a run when it has sent something, resume it under a fault, finish it without; return how the resume ended."""
    call, files = ASIDE[what]
    try:
        async with _attacked("insert", ROWS) as attack:
            await attack.place.run(*attack.first, under=_under(f"sendto:signal=KILL:when={BEGUN}"))
            run = find_run(attack.place.runs(), attack.first[0])
            assert run is not None
            attack.place.forget_quota()
            paths = [str(run / file) for file in files]
            ended = await attack.place.run("resume", *FAST, under=_under(f"{call}:{fault}", paths))
            await _finish_exact(attack, quick=True)
            return ended
    except AssertionError as error:
        raise AssertionError(f"resume, {what}: {fault}: {error}") from error


async def kill_aside_at_each(what: str) -> int:
    """Kill resumes at each such call; return how many were killed."""
    return await _each(lambda number: kill_aside(what, number), range(1, 1_000_000))


async def fail_aside_at_each(what: str, count: int) -> int:
    """Let one of *count* such calls of a resume fail, for each; return how many ended for it."""
    ended = 0

    async def attack(number: int) -> bool:
        nonlocal ended
        ended += await fail_aside(what, number, FAILING[ASIDE[what][0]])
        return True

    await _each(attack, range(1, count + 1))
    return ended


async def kill_at_each(call: str, numbers: Iterable[int], *, name: str = "insert") -> int:
    """Kill runs at each of *numbers*, some at once; end when one was not killed.  Return how many were."""
    return await _each(lambda number: kill_at(call, number, name=name), numbers)


async def fail_from_each(call: str, numbers: Iterable[int], error: str, *, name: str = "insert") -> int:
    """Let calls fail from each of *numbers* on; end when one made no difference.  Return how many did."""
    return await _each(lambda number: fail_from(call, number, error, name=name), numbers)


async def _each(attack: Callable[[int], Awaitable[bool]], numbers: Iterable[int]) -> int:
    """Attack at each of *numbers*, some at once, until one attack does not hit; return how many did.

    Raises:
        ExceptionGroup: An invariant does not hold.
    """
    hits = 0
    waiting = iter(numbers)
    exhausted = False

    async def work() -> None:
        nonlocal hits, exhausted
        for number in waiting:
            if exhausted:
                return
            if await attack(number):
                hits += 1
            else:
                exhausted = True

    async with asyncio.TaskGroup() as group:
        for _ in range(AT_ONCE):
            group.create_task(work())
    return hits


async def count_calls(*, name: str = "insert") -> dict[str, Census]:
    """Count the calls of an undisturbed run."""
    async with _attacked(name, ROWS) as attack:
        trace = attack.place.folder / "trace"
        under = ("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={','.join(CALL_NAMES)}")
        await attack.place.run(*attack.first, under=under)
        seen = _CALL.findall(trace.read_text(encoding="utf-8", errors="replace"))
        home = str(attack.place.home)
    calls: dict[str, dict[str, list[str]]] = {call: {} for call in CALL_NAMES}
    for thread, made, rest in seen:
        calls[made].setdefault(thread, []).append(rest)
    return {
        call: _census(max(threads.values(), key=len, default=[]), home, own_only=call == "openat")
        for call, threads in calls.items()
    }


def _census(arguments: Sequence[str], home: str, *, own_only: bool) -> Census:
    first = next((number for number, rest in enumerate(arguments, 1) if not own_only or home in rest), 1)
    return Census(total=len(arguments), first=first)


class _attacked:  # noqa: N801  a context manager, used as one
    """A sandbox and a folder for one attack; both are gone afterwards."""

    def __init__(self, name: str, rows: int) -> None:
        self._name, self._rows = name, rows
        self._clock = AgedClock()
        settings = SandboxSettings(edition=Edition.ULTIMATE, licences=1000, token_requests=None)
        self._sandbox = Sandbox(settings, clock=self._clock)
        self._folder = Path(tempfile.mkdtemp(prefix="attack-"))

    async def __aenter__(self) -> _Attack:
        await self._sandbox.__aenter__()
        crm = LocalCrm(self._sandbox)
        self._clock.ago_s = OLD_S
        load = LOADS[self._name](self._rows, crm)
        self._clock.ago_s = 0.0
        place = Workplace(self._folder, {**self._sandbox.environment, "BULKZOHO_SETTLE_WAIT": "0"})
        (self._folder / "rows.csv").write_text(load.text, encoding="utf-8", newline="")
        first = ("import", "rows.csv", "--module", "Leads", "--batch-size", "25", *load.words, *FAST)
        return _Attack(place=place, load=load, first=first, crm=crm)

    async def __aexit__(self, *exception: object) -> None:
        await self._sandbox.__aexit__(None, None, None)
        if exception[0] is None:
            shutil.rmtree(self._folder)
