"""The disk when a call arrives: the state that a crash at that moment would leave.

On arrival of each write call the client is frozen (SIGSTOP), its run is copied as a crash would leave it, and it continues.  In
each copy journal and files agree, every row of that call is *sent*, and files have no line beyond the journalled length except
those of the write in progress, which the journal records when the client continues.
"""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from bulkzoho.sandbox import Edition, Sandbox, SandboxSettings

from .fault_proxy import Doorway
from .harness import FAST, Workplace
from .invariants import AuditedRun, audit, find_run
from .local_crm import AgedClock, LocalCrm
from .workloads import LOADS, check_end

ROWS = 250
CATCH_UP_S = 2.0


class _Witness:
    """Freezes the client at each call and looks at what it left on the disk."""

    def __init__(self, place: Workplace) -> None:
        self._place = place
        self.pid = 0
        self.calls = 0
        self.under_way = 0

    async def look(self, records: list[dict[str, Any]]) -> None:
        """Audit the run at the arrival of a call with *records*."""
        self.calls += 1
        run = find_run(self._place.runs(), "import")
        assert run is not None, "a call came before the run existed"
        with _Frozen(self.pid):
            audited = audit(run)
        rows = {int(record["Designation"].removeprefix("row-")) for record in records}
        assert rows <= audited.in_doubt, f"rows that travel but are not sent: {sorted(rows - audited.in_doubt)}"
        if any(audited.beyond.values()):
            self.under_way += 1
            await _wait_known(run, audited)


class _Frozen:
    """A stopped process."""

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


async def _wait_known(run: Path, then: AuditedRun) -> None:
    """Wait until the journal has the lines beyond its length."""
    known = {"results.jsonl": len(then.results), "dead-letter.jsonl": len(then.letters)}
    end = asyncio.get_running_loop().time() + CATCH_UP_S
    while True:
        now = audit(run)
        caught_up = {"results.jsonl": len(now.results), "dead-letter.jsonl": len(now.letters)}
        if all(caught_up[name] > known[name] for name, beyond in then.beyond.items() if beyond):
            return
        assert asyncio.get_running_loop().time() < end, f"lines that the journal never came to know: {then.beyond}"
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("name", ["insert", "upsert", "update"])
async def test_each_row_is_journalled_as_sent_before_its_call_arrives(name: str, tmp_path: Path) -> None:
    clock = AgedClock()
    async with Sandbox(SandboxSettings(edition=Edition.ULTIMATE), clock=clock) as sandbox:
        crm = LocalCrm(sandbox)
        clock.ago_s = 60.0
        load = LOADS[name](ROWS, crm)
        clock.ago_s = 0.0
        (tmp_path / "rows.csv").write_text(load.text, encoding="utf-8", newline="")
        place = Workplace(tmp_path, {})
        witness = _Witness(place)
        async with Doorway(sandbox.url, seen=witness.look) as doorway:
            place.environment = {**sandbox.environment, "BULKZOHO_API_URL": doorway.url}

            words = ("import", "rows.csv", "--module", "Leads", "--batch-size", "10", *load.words, *FAST)
            process, said = await place.start(*words)
            witness.pid = process.pid
            await asyncio.wait_for(process.wait(), 60)

            ended = place.ended(process, said, *words)
            assert doorway.error is None, doorway.error
        assert ended.status == 3, ended
        assert witness.calls > 20
        assert witness.under_way < witness.calls
        run = find_run(place.runs(), "import")
        assert run is not None
        check_end(load, audit(run), crm.records())
