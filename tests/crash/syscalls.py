"""Kill a run at its k-th system call of one name, resume it, and check the final result, for k = 1, 2, 3 ... to the run's end.

strace delivers SIGKILL on entry to the call, so the call is not made.  It counts calls per name, hence one loop per name, and
per thread, so that the main thread, which makes more calls, is always hit first.  To hit the disk thread, a resume is attacked
at its calls on the files that only this thread syncs and on the journal's log.

Only calls that change a file or send bytes matter; ``openat`` counts from the first one in the state folder, since earlier ones
belong to Python.
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

from .harness import FAST, CommandResult, Workspace
from .invariants import audit, find_run
from .local_crm import BackdatedClock, LocalCrm
from .process_killer import finish
from .workloads import WORKLOADS, Workload, check_end

__all__ = [
    "CALL_NAMES",
    "DISK_THREAD_CALLS",
    "FAILING",
    "CallCount",
    "count_calls",
    "fail_disk_thread",
    "fail_disk_thread_at_each",
    "fail_from",
    "fail_from_each",
    "kill_at",
    "kill_at_each",
    "kill_disk_thread",
    "kill_disk_thread_at_each",
]

FAILING = {"fdatasync": "EIO", "pwrite64": "ENOSPC", "write": "ENOSPC", "ftruncate": "EIO"}  # errors of a broken or full disk
CALL_NAMES = ("write", "pwrite64", "fsync", "fdatasync", "ftruncate", "openat", "rename", "unlink", "mkdir", "sendto", "sendmsg")
DATA, LOG = ("results.jsonl", "dead-letter.jsonl"), ("journal.db-wal",)
DISK_THREAD_CALLS = {
    "fdatasync of data": ("fdatasync", DATA),
    "fdatasync of the log": ("fdatasync", LOG),
    "pwrite64": ("pwrite64", LOG),
}
ROWS = 250
SENDS_BEFORE_KILL = 8  # sends of a run by the time a few write calls have left
CONCURRENCY = 5  # for two processors: runs mostly wait for the quota of the killed process
RECORD_AGE_S = 60.0  # age of the existing records
_CALL = re.compile(r"^(\d+) +(?:\S+ )?(\w+)\((.*)$", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCount:
    """Count of one system call in the busiest thread of an undisturbed run."""

    total: int
    first: int  #: number of the first call made by the program


@dataclass(frozen=True, slots=True, kw_only=True)
class _Attack:
    """Sandbox, folder and command of one run."""

    workspace: Workspace
    workload: Workload
    first: tuple[str, ...]
    crm: LocalCrm


async def kill_at(call: str, number: int, *, name: str = "insert", quick: bool = False) -> bool:
    """Kill a run at its *number*-th *call* and complete it; return whether it was killed (otherwise it makes fewer such calls).

    *quick* skips the wait for the quota of the killed process.

    Raises:
        AssertionError: An invariant is violated; the message names the call.
    """
    return (await _inject(f"{call}:signal=KILL:when={number}", name=name, quick=quick)).killed


async def fail_from(call: str, number: int, error: str, *, name: str = "insert") -> bool:
    """Fail every *call* from the *number*-th on, then complete the run without failures; return whether it failed.

    Raises:
        AssertionError: An invariant is violated; the message names the call.
    """
    ended = await _inject(f"{call}:error={error}:when={number}+", name=name, quick=True)
    assert not ended.killed
    return ended.status not in (0, 3)


async def _inject(fault: str, *, name: str, quick: bool) -> CommandResult:
    """Run under a fault, complete without it, check the final result; return the result of the faulty run."""
    try:
        async with _attack_context(name, ROWS) as attack:
            ended = await attack.workspace.run(*attack.first, under=_under(fault))
            await _finish_and_check(attack, quick=quick)
            return ended
    except AssertionError as error:
        raise AssertionError(f"{fault}: {error}") from error


def _under(fault: str, paths: Sequence[str] = ()) -> tuple[str, ...]:
    call = fault.partition(":")[0]
    only = [word for path in paths for word in ("-P", path)]
    return ("strace", "-f", "-qq", "-o", "/dev/null", *only, "-e", f"trace={call}", "-e", f"inject={fault}")


async def _finish_and_check(attack: _Attack, *, quick: bool) -> None:
    run = find_run(attack.workspace.runs(), attack.first[0])
    state = None if run is None else audit(run)
    if quick:
        attack.workspace.delete_quota_ledger()
    if state is None or not state.done:
        state, _ = await finish(attack.workspace, attack.first)
    check_end(attack.workload, state, attack.crm.records())


async def kill_disk_thread(what: str, number: int) -> bool:
    """Kill a resume at its *number*-th call of a kind in :data:`DISK_THREAD_CALLS`; return whether it was killed.

    Raises:
        AssertionError: An invariant is violated; the message names the call.
    """
    return (await _inject_into_disk_thread(what, f"signal=KILL:when={number}")).killed


async def fail_disk_thread(what: str, number: int, error: str) -> bool:
    """Fail only the *number*-th such call of a resume; return whether the resume stopped.

    Raises:
        AssertionError: An invariant is violated; the message names the call.
    """
    ended = await _inject_into_disk_thread(what, f"error={error}:when={number}")
    assert not ended.killed
    return ended.status not in (0, 3)


async def _inject_into_disk_thread(what: str, fault: str) -> CommandResult:
    """Kill a run after its first calls, resume it under a fault, complete it without; return the result of the resume."""
    call, files = DISK_THREAD_CALLS[what]
    try:
        async with _attack_context("insert", ROWS) as attack:
            await attack.workspace.run(*attack.first, under=_under(f"sendto:signal=KILL:when={SENDS_BEFORE_KILL}"))
            run = find_run(attack.workspace.runs(), attack.first[0])
            assert run is not None
            attack.workspace.delete_quota_ledger()
            paths = [str(run / file) for file in files]
            ended = await attack.workspace.run("resume", *FAST, under=_under(f"{call}:{fault}", paths))
            await _finish_and_check(attack, quick=True)
            return ended
    except AssertionError as error:
        raise AssertionError(f"resume, {what}: {fault}: {error}") from error


async def kill_disk_thread_at_each(what: str) -> int:
    """Kill resumes at each such call; return the number of kills."""
    return await _each(lambda number: kill_disk_thread(what, number), range(1, 1_000_000))


async def fail_disk_thread_at_each(what: str, count: int) -> int:
    """Fail each of *count* such calls in its own resume; return how many resumes stopped."""
    ended = 0

    async def attack(number: int) -> bool:
        nonlocal ended
        ended += await fail_disk_thread(what, number, FAILING[DISK_THREAD_CALLS[what][0]])
        return True

    await _each(attack, range(1, count + 1))
    return ended


async def kill_at_each(call: str, numbers: Iterable[int], *, name: str = "insert") -> int:
    """Kill runs at each of *numbers*, some concurrently, until one is not killed; return the number of kills."""
    return await _each(lambda number: kill_at(call, number, name=name), numbers)


async def fail_from_each(call: str, numbers: Iterable[int], error: str, *, name: str = "insert") -> int:
    """Fail calls from each of *numbers* on, until a failure has no effect; return how many had one."""
    return await _each(lambda number: fail_from(call, number, error, name=name), numbers)


async def _each(attack: Callable[[int], Awaitable[bool]], numbers: Iterable[int]) -> int:
    """Attack at each of *numbers*, some concurrently, until an attack misses; return the number of hits.

    Raises:
        ExceptionGroup: An invariant is violated.
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
        for _ in range(CONCURRENCY):
            group.create_task(work())
    return hits


async def count_calls(*, name: str = "insert") -> dict[str, CallCount]:
    """Count the system calls of an undisturbed run."""
    async with _attack_context(name, ROWS) as attack:
        trace = attack.workspace.folder / "trace"
        under = ("strace", "-f", "-qq", "-o", str(trace), "-e", f"trace={','.join(CALL_NAMES)}")
        await attack.workspace.run(*attack.first, under=under)
        seen = _CALL.findall(trace.read_text(encoding="utf-8", errors="replace"))
        home = str(attack.workspace.home)
    calls: dict[str, dict[str, list[str]]] = {call: {} for call in CALL_NAMES}
    for thread, made, rest in seen:
        calls[made].setdefault(thread, []).append(rest)
    return {
        call: _call_count(max(threads.values(), key=len, default=[]), home, own_only=call == "openat")
        for call, threads in calls.items()
    }


def _call_count(arguments: Sequence[str], home: str, *, own_only: bool) -> CallCount:
    first = next((number for number, rest in enumerate(arguments, 1) if not own_only or home in rest), 1)
    return CallCount(total=len(arguments), first=first)


class _attack_context:  # noqa: N801  a context manager
    """Context of one attack: a sandbox and a temporary folder."""

    def __init__(self, name: str, rows: int) -> None:
        self._name, self._rows = name, rows
        self._clock = BackdatedClock()
        settings = SandboxSettings(edition=Edition.ULTIMATE, licences=1000, token_requests=None)
        self._sandbox = Sandbox(settings, clock=self._clock)
        self._folder = Path(tempfile.mkdtemp(prefix="attack-"))

    async def __aenter__(self) -> _Attack:
        await self._sandbox.__aenter__()
        crm = LocalCrm(self._sandbox)
        self._clock.backdate_s = RECORD_AGE_S
        workload = WORKLOADS[self._name](self._rows, crm)
        self._clock.backdate_s = 0.0
        workspace = Workspace(self._folder, {**self._sandbox.environment, "BULKZOHO_SETTLE_WAIT": "0"})
        (self._folder / "rows.csv").write_text(workload.text, encoding="utf-8", newline="")
        first = ("import", "rows.csv", "--module", "Leads", "--batch-size", "25", *workload.options, *FAST)
        return _Attack(workspace=workspace, workload=workload, first=first, crm=crm)

    async def __aexit__(self, *exception: object) -> None:
        await self._sandbox.__aexit__(None, None, None)
        if exception[0] is None:
            shutil.rmtree(self._folder)
