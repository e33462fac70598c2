"""Kill a run at random moments, resume it each time, and check the final result."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .harness import FAST, CommandResult, CrmProcess, Workspace
from .invariants import RunState, audit, find_run
from .workloads import WORKLOADS, Workload, check_end, fix_rejected_rows, mostly_invalid_rows

__all__ = ["FAULTS", "KillReport", "finish", "kill_and_resume"]

FAULTS: Mapping[str, float] = {  # kind -> share of calls
    "reset_before_commit": 0.02,
    "reset_after_commit": 0.03,
    "partial_commit_then_reset": 0.03,
    "truncated": 0.01,
    "500": 0.02,
    "502_page": 0.01,
    "429": 0.02,
    "token_revoked": 0.01,
}
FORBIDDEN_VIOLATIONS = {"same_key_twice_in_a_call", "same_key_in_two_calls_in_flight", "search_after_write", "too_many_records"}
LATENCY_S, JITTER_S = 0.05, 0.04
SETTLE_WAIT_S = 0.3  # longer than any call takes here
RECORD_AGE_S = 4.0  # age (whole seconds) that distinguishes older records of the same user from those of an unanswered call
MAX_RESUMES = 30  # resumes without a kill until the run is complete
KILL_AT_START_SHARE = 0.2  # share of kills during the start of a process
MAX_WORK_S = 1.2  # maximum seconds of work before a kill
LEDGER_DELETED_SHARE = 0.8  # share of kills after which the quota ledger is deleted


@dataclass(frozen=True, slots=True, kw_only=True)
class KillReport:
    """Result of one attack."""

    workload: Workload
    kills: int  #: kills of a running process
    state: RunState
    commands: int

    def __str__(self) -> str:
        tally = self.state.tally
        return (
            f"{self.workload.name:15} {self.kills:3} kills, {self.commands:3} commands: {self.state.read:6} rows ="
            f" {self.state.accepted:6} accepted + {tally['dead_lettered']:5} rejected; {tally['created']} created,"
            f" {tally['updated']} updated, {tally['deleted']} deleted; no row lost, no duplicates"
        )


async def kill_and_resume(name: str, *, rows: int, kills: int, seed: int, folder: Path) -> KillReport:
    """Attack one operation, or ``replay``.

    Raises:
        AssertionError: An invariant is violated.
    """
    rng = random.Random(f"{seed} {name}")
    async with await CrmProcess.start("--seed", str(seed)) as crm:
        workspace = Workspace(folder, {**crm.environment, "BULKZOHO_SETTLE_WAIT": str(SETTLE_WAIT_S)})
        workload, first = await (
            _prepare_replay(rows, workspace, crm) if name == "replay" else _prepare_import(name, rows, workspace, crm)
        )
        crm.change(latency_s=LATENCY_S, jitter_s=JITTER_S)
        crm.random_faults(seed, FAULTS)
        done, commands = await _kill_often(workspace, crm, first, kills=kills, rng=rng)
        crm.random_faults(seed, {})
        crm.change(latency_s=0.0, jitter_s=0.0)
        state, more = await finish(workspace, first)
        check_end(workload, state, crm.records())
        assert not crm.violations().keys() & FORBIDDEN_VIOLATIONS, crm.violations()
        if name == "replay":
            await _check_nothing_is_sent_again(workspace, crm, first, dead_letters=workload.rows)
        return KillReport(workload=workload, kills=done, state=state, commands=commands + more)


async def _prepare_import(name: str, rows: int, workspace: Workspace, crm: CrmProcess) -> tuple[Workload, tuple[str, ...]]:
    workload = WORKLOADS[name](rows, crm)
    (workspace.folder / "rows.csv").write_text(workload.text, encoding="utf-8", newline="")
    if workload.existing_ids and workload.new_records:
        await asyncio.sleep(RECORD_AGE_S)
    return workload, ("import", "rows.csv", "--module", "Leads", "--batch-size", "10", *workload.options, *FAST)


async def _prepare_replay(rows: int, workspace: Workspace, crm: CrmProcess) -> tuple[Workload, tuple[str, ...]]:
    """Import rows that are mostly rejected and fix most of the rejected rows."""
    invalid_rows = mostly_invalid_rows(rows)
    (workspace.folder / "rows.csv").write_text(invalid_rows, encoding="utf-8", newline="")
    ended = await workspace.run("import", "rows.csv", "--module", "Leads", *FAST)
    assert ended.status == 3, ended
    dead_letters = Path(ended.summary["dead_letter"]).read_text(encoding="utf-8")
    workload, fixed = fix_rejected_rows(dead_letters, existing_ids=[record["id"] for record in crm.records()])
    (workspace.folder / "fixed.jsonl").write_text(fixed, encoding="utf-8")
    await asyncio.sleep(RECORD_AGE_S)
    return workload, ("replay", "fixed.jsonl", *FAST)


async def _check_nothing_is_sent_again(
    workspace: Workspace, crm: CrmProcess, first: tuple[str, ...], *, dead_letters: int
) -> None:
    """Replay the same rejected rows again and check that nothing is sent."""
    before = crm.records()
    ended = await workspace.run(*first)
    assert ended.status == 0, ended
    assert ended.summary["rows"]["already_settled"] == dead_letters, ended.summary
    assert crm.records() == before


async def _kill_often(
    workspace: Workspace, crm: CrmProcess, first: tuple[str, ...], *, kills: int, rng: random.Random
) -> tuple[int, int]:
    """Kill and resume up to *kills* times or until the run is complete; return the numbers of kills and commands."""
    done = commands = 0
    while done < kills:
        run = find_run(workspace.runs(), first[0])
        words = first if run is None else ("resume", *FAST)
        ended = await workspace.run(*words, kill_when=partial(_wait_for_kill_moment, crm, rng))
        commands += 1
        run = find_run(workspace.runs(), first[0])
        state = None if run is None else audit(run)
        if ended.killed:
            done += 1
            if rng.random() < LEDGER_DELETED_SHARE:
                workspace.delete_quota_ledger()
        else:
            _check_status(ended)
            if state is not None and state.done:
                break
    return done, commands


async def _wait_for_kill_moment(crm: CrmProcess, rng: random.Random) -> None:
    """Wait for a random moment while the process starts or works."""
    if rng.random() < KILL_AT_START_SHARE:
        await asyncio.sleep(rng.uniform(0.05, 1.0))
        return
    before = crm.call_count()
    while crm.call_count() == before:
        await asyncio.sleep(0.02)
    await asyncio.sleep(rng.uniform(0.0, MAX_WORK_S))


async def finish(workspace: Workspace, first: tuple[str, ...]) -> tuple[RunState, int]:
    """Complete the run without kills; return its state and the number of commands."""
    for commands in range(1, MAX_RESUMES + 1):
        run = find_run(workspace.runs(), first[0])
        ended = await workspace.run(*(first if run is None else ("resume", *FAST)))
        _check_status(ended)
        run = find_run(workspace.runs(), first[0])
        assert run is not None, f"the command created no run: {ended}"
        state = audit(run)
        if state.done:
            return state, commands
    raise AssertionError(f"not complete after {MAX_RESUMES} resumes")


def _check_status(ended: CommandResult) -> None:
    """Check the exit status: 0, 3 and 8 are normal, 5 means unreachable, 6 is allowed for revoked tokens."""
    revoked = ended.status == 6 and "INVALID_TOKEN" in ended.err
    assert ended.status in (0, 3, 5, 8) or revoked, f"{ended.command} ended with {ended.status}: {ended.out} {ended.err}"
