"""Kill a run at random moments, resume it each time, and check that it ends exact."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from .harness import FAST, CrmProcess, Ended, Workplace
from .invariants import AuditedRun, audit, find_run
from .workloads import LOADS, Load, check_end, fix_rows, insert_spoilt

__all__ = ["FAULTS", "Killed", "finish", "kill_and_resume"]

FAULTS: Mapping[str, float] = {  # share of calls
    "reset_before_commit": 0.02,
    "reset_after_commit": 0.03,
    "partial_commit_then_reset": 0.03,
    "truncated": 0.01,
    "500": 0.02,
    "502_page": 0.01,
    "429": 0.02,
    "token_revoked": 0.01,
}
MISCONDUCT = {"same_key_twice_in_a_call", "same_key_in_two_calls_in_flight", "search_after_write", "too_many_records"}
LATENCY_S, JITTER_S = 0.05, 0.04
SETTLE_WAIT_S = 0.3  # longer than any call runs here
OLD_AFTER_S = 4.0  # the age of a record, in whole seconds, tells it from one of a call without a response
MOST_RESUMES = 30  # without a kill, until no work is left
STARTING = 0.2  # share of kills that meet a process that is starting
WORKING_S = 1.2  # seconds, at most, that a process works before it is killed
QUOTA_FORGOTTEN = 0.8  # share of kills after which the next process does not wait for the quota of the dead one


@dataclass(frozen=True, slots=True, kw_only=True)
class Killed:
    """The figures of one attack."""

    load: Load
    kills: int  #: that met a living process
    audited: AuditedRun
    commands: int

    def __str__(self) -> str:
        tally = self.audited.tally
        return (
            f"{self.load.name:15} {self.kills:3} kills, {self.commands:3} commands: {self.audited.read:6} rows ="
            f" {self.audited.accepted:6} accepted + {tally['dead_lettered']:5} letters; {tally['created']} created,"
            f" {tally['updated']} updated, {tally['deleted']} deleted; no row lost, no duplicates"
        )


async def kill_and_resume(name: str, *, rows: int, kills: int, seed: int, folder: Path) -> Killed:
    """Attack one operation, or ``replay``.

    Raises:
        AssertionError: An invariant does not hold.
    """
    chance = random.Random(f"{seed} {name}")
    async with await CrmProcess.start("--seed", str(seed)) as crm:
        place = Workplace(folder, {**crm.environment, "BULKZOHO_SETTLE_WAIT": str(SETTLE_WAIT_S)})
        load, first = await (_prepare_replay(rows, place, crm) if name == "replay" else _prepare_import(name, rows, place, crm))
        crm.change(latency_s=LATENCY_S, jitter_s=JITTER_S)
        crm.random_faults(seed, FAULTS)
        done, commands = await _kill_often(place, crm, first, kills=kills, chance=chance)
        crm.random_faults(seed, {})
        crm.change(latency_s=0.0, jitter_s=0.0)
        audited, more = await finish(place, first)
        check_end(load, audited, crm.records())
        assert not crm.violations().keys() & MISCONDUCT, crm.violations()
        if name == "replay":
            await _see_that_nothing_goes_twice(place, crm, first, letters=load.rows)
        return Killed(load=load, kills=done, audited=audited, commands=commands + more)


async def _prepare_import(name: str, rows: int, place: Workplace, crm: CrmProcess) -> tuple[Load, tuple[str, ...]]:
    load = LOADS[name](rows, crm)
    (place.folder / "rows.csv").write_text(load.text, encoding="utf-8", newline="")
    if load.before and load.creates:
        await asyncio.sleep(OLD_AFTER_S)
    return load, ("import", "rows.csv", "--module", "Leads", "--batch-size", "10", *load.words, *FAST)


async def _prepare_replay(rows: int, place: Workplace, crm: CrmProcess) -> tuple[Load, tuple[str, ...]]:
    """Import rows of which most are rejected, and fix most of them."""
    spoilt = insert_spoilt(rows)
    (place.folder / "rows.csv").write_text(spoilt, encoding="utf-8", newline="")
    ended = await place.run("import", "rows.csv", "--module", "Leads", *FAST)
    assert ended.status == 3, ended
    letters = Path(ended.summary["dead_letter"]).read_text(encoding="utf-8")
    load, fixed = fix_rows(letters, before=[record["id"] for record in crm.records()])
    (place.folder / "fixed.jsonl").write_text(fixed, encoding="utf-8")
    await asyncio.sleep(OLD_AFTER_S)
    return load, ("replay", "fixed.jsonl", *FAST)


async def _see_that_nothing_goes_twice(place: Workplace, crm: CrmProcess, first: tuple[str, ...], *, letters: int) -> None:
    """Replay the same rows again: none is sent."""
    before = crm.records()
    ended = await place.run(*first)
    assert ended.status == 0, ended
    assert ended.summary["rows"]["already_settled"] == letters, ended.summary
    assert crm.records() == before


async def _kill_often(
    place: Workplace, crm: CrmProcess, first: tuple[str, ...], *, kills: int, chance: random.Random
) -> tuple[int, int]:
    """Kill and resume until it was killed *kills* times or no work is left; return the kills and the commands."""
    done = commands = 0
    while done < kills:
        run = find_run(place.runs(), first[0])
        words = first if run is None else ("resume", *FAST)
        ended = await place.run(*words, kill_when=partial(_moment, crm, chance))
        commands += 1
        run = find_run(place.runs(), first[0])
        audited = None if run is None else audit(run)
        if ended.killed:
            done += 1
            if chance.random() < QUOTA_FORGOTTEN:
                place.forget_quota()
        else:
            _see_status(ended)
            if audited is not None and audited.done:
                break
    return done, commands


async def _moment(crm: CrmProcess, chance: random.Random) -> None:
    """Wait for the moment of a kill: while the process starts, or while it works."""
    if chance.random() < STARTING:
        await asyncio.sleep(chance.uniform(0.05, 1.0))
        return
    before = crm.arrived()
    while crm.arrived() == before:
        await asyncio.sleep(0.02)
    await asyncio.sleep(chance.uniform(0.0, WORKING_S))


async def finish(place: Workplace, first: tuple[str, ...]) -> tuple[AuditedRun, int]:
    """Finish the run without kills; return its audit and how many commands that took."""
    for commands in range(1, MOST_RESUMES + 1):
        run = find_run(place.runs(), first[0])
        ended = await place.run(*(first if run is None else ("resume", *FAST)))
        _see_status(ended)
        run = find_run(place.runs(), first[0])
        assert run is not None, f"no run came of it: {ended}"
        audited = audit(run)
        if audited.done:
            return audited, commands
    raise AssertionError(f"not done after {MOST_RESUMES} resumes")


def _see_status(ended: Ended) -> None:
    """Accept 0, 3 and 8; and 5 for a CRM that was unreachable for a while, 6 for one that revoked one token after another."""
    revoked = ended.status == 6 and "INVALID_TOKEN" in ended.err
    assert ended.status in (0, 3, 5, 8) or revoked, f"{ended.words} ended with {ended.status}: {ended.out} {ended.err}"
