"""State on disk at the arrival of each call: what a crash at that moment would leave.

At each write call the client is stopped (SIGSTOP), its run is copied as a crash would leave it, and the client continues.  In
each copy journal and files agree, every row of the call is *sent*, and files have no line beyond the journaled length except
those of one write in progress, which the journal records once the client continues.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from bulkzoho.sandbox import Edition, Sandbox, SandboxSettings

from .fault_proxy import FaultProxy
from .harness import FAST, Workspace
from .invariants import RunState, audit, find_run
from .local_crm import BackdatedClock, LocalCrm
from .workloads import WORKLOADS, check_end

ROWS = 250
CATCH_UP_S = 2.0


class _ClientObserver:
    """Observer that stops the client at each call and checks its state on disk."""

    def __init__(self, workspace: Workspace) -> None:
        self._place = workspace
        self.pid = 0
        self.calls = 0
        self.writes_in_progress = 0

    async def check_state(self, records: list[dict[str, Any]]) -> None:
        """Check the run at the arrival of a call with *records*."""
        self.calls += 1
        run = find_run(self._place.runs(), "import")
        assert run is not None, "a call came before the run existed"
        with _Stopped(self.pid):
            state = audit(run)
        rows = {int(record["Designation"].removeprefix("row-")) for record in records}
        assert rows <= state.in_doubt, f"rows in a call but not marked as sent: {sorted(rows - state.in_doubt)}"
        if any(state.beyond.values()):
            self.writes_in_progress += 1
            await _wait_until_recorded(run, state)


class _Stopped:
    """Context in which a process is stopped."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def __enter__(self) -> None:
        os.kill(self._pid, signal.SIGSTOP)
        while any(_state_of(task) not in "Tt" for task in Path(f"/proc/{self._pid}/task").iterdir()):
            pass

    def __exit__(self, *_: object) -> None:
        os.kill(self._pid, signal.SIGCONT)


def _state_of(task: Path) -> str:
    return (task / "stat").read_text().rpartition(") ")[2][0]


async def _wait_until_recorded(run: Path, then: RunState) -> None:
    """Wait until the journal records the lines beyond its length."""
    known = {"results.jsonl": len(then.results), "dead-letter.jsonl": len(then.dead_letters)}
    end = asyncio.get_running_loop().time() + CATCH_UP_S
    while True:
        now = audit(run)
        caught_up = {"results.jsonl": len(now.results), "dead-letter.jsonl": len(now.dead_letters)}
        if all(caught_up[name] > known[name] for name, beyond in then.beyond.items() if beyond):
            return
        assert asyncio.get_running_loop().time() < end, f"lines that the journal never recorded: {then.beyond}"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", ["insert", "upsert", "update"])
async def test_each_row_is_journaled_as_sent_before_its_call_arrives(name: str, tmp_path: Path) -> None:
    clock = BackdatedClock()
    async with Sandbox(SandboxSettings(edition=Edition.ULTIMATE), clock=clock) as sandbox:
        crm = LocalCrm(sandbox)
        clock.backdate_s = 60.0
        workload = WORKLOADS[name](ROWS, crm)
        clock.backdate_s = 0.0
        (tmp_path / "rows.csv").write_text(workload.text, encoding="utf-8", newline="")
        workspace = Workspace(tmp_path, {})
        observer = _ClientObserver(workspace)
        async with FaultProxy(sandbox.url, on_write=observer.check_state) as proxy:
            workspace.environment = {**sandbox.environment, "BULKZOHO_API_URL": proxy.url}

            words = ("import", "rows.csv", "--module", "Leads", "--batch-size", "10", *workload.options, *FAST)
            process, output = await workspace.start(*words)
            observer.pid = process.pid
            await asyncio.wait_for(process.wait(), 60)

            ended = workspace.result_of(process, output, *words)
            assert proxy.error is None, proxy.error
        assert ended.status == 3, ended
        assert observer.calls > 20
        assert observer.writes_in_progress < observer.calls
        run = find_run(workspace.runs(), "import")
        assert run is not None
        check_end(workload, audit(run), crm.records())
