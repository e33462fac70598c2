"""Keys with lost responses: unique fields beside the match key, repeated ids, and two concurrent resumes."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest

from bulkzoho.sandbox import Edition, Fault, FaultKind, Sandbox, SandboxSettings

from .harness import FAST, Workspace
from .invariants import audit, find_run
from .local_crm import LocalCrm
from .process_killer import finish
from .workloads import WORKLOADS, check_end

LOST = [
    Fault(kind=FaultKind.RESET_AFTER_COMMIT, on_call=(1, 4)),
    Fault(kind=FaultKind.PARTIAL_COMMIT_THEN_RESET, on_call=(2,), records=3),
    Fault(kind=FaultKind.RESET_BEFORE_COMMIT, on_call=(6,)),
]
IMPORT = ("import", "rows.csv", "--module", "Leads", "--batch-size", "10")
LOCKED = 4  # exit code


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with Sandbox(SandboxSettings(edition=Edition.ULTIMATE)) as sandbox:
        yield sandbox


@pytest.fixture
def workspace(sandbox: Sandbox, tmp_path: Path) -> Workspace:
    return Workspace(tmp_path, {**sandbox.environment, "BULKZOHO_SETTLE_WAIT": "0"})


async def test_rows_that_share_another_unique_field_are_applied_in_order(sandbox: Sandbox, workspace: Workspace) -> None:
    """Upserts match on Email; two addresses share an External_Id, so both rows are one record and the later row wins."""
    rows = [(f"Lead {n}", f"lead{n}@example.com", f"X-{(n + 1) // 2}" if n % 4 else f"x-{(n + 1) // 2}") for n in range(1, 101)]
    _write(workspace.folder / "rows.csv", ("Last_Name", "Email", "External_Id"), rows)
    sandbox.faults.script(LOST)

    state, _ = await finish(workspace, (*IMPORT, "--operation", "upsert", "--match-on", "Email", *FAST))

    assert state.accepted == 100
    records_by_id = {record["External_Id"].casefold(): record["Last_Name"] for record in sandbox.records("Leads")}
    assert records_by_id == {f"x-{pair}": f"Lead {2 * pair}" for pair in range(1, 51)}
    assert not [kind for kind in sandbox.violations.by_kind if kind.startswith("same_key")]


async def test_updates_of_the_same_id_are_applied_in_order_despite_lost_responses(sandbox: Sandbox, workspace: Workspace) -> None:
    workload = WORKLOADS["update"](200, LocalCrm(sandbox))
    (workspace.folder / "rows.csv").write_text(workload.text, encoding="utf-8", newline="")
    sandbox.faults.script(LOST)

    state, _ = await finish(workspace, (*IMPORT, *workload.options, *FAST))

    check_end(workload, state, LocalCrm(sandbox).records())
    assert not [kind for kind in sandbox.violations.by_kind if kind.startswith("same_key")]


async def test_of_two_concurrent_resumes_one_runs_and_the_other_names_its_process(sandbox: Sandbox, workspace: Workspace) -> None:
    _write(workspace.folder / "rows.csv", ("Last_Name", "External_Id"), [(f"Lead {n}", f"X-{n}") for n in range(1, 1001)])
    sandbox.change(latency_s=0.05)

    async def until_records_exist() -> None:
        while sandbox.count("Leads") < 100:
            await asyncio.sleep(0.01)

    killed = await workspace.run(*IMPORT, *FAST, kill_when=until_records_exist)
    workspace.delete_quota_ledger()
    assert killed.killed
    run = find_run(workspace.runs(), "import")
    assert run is not None

    # bulkzoho resume RUN & bulkzoho resume RUN
    both = await asyncio.gather(*(workspace.run("resume", run.name, *FAST) for _ in range(2)))

    refused, worked = sorted(both, key=lambda ended: ended.status, reverse=True)
    assert (refused.status, worked.status) == (LOCKED, 0), both
    assert "is in use by process" in refused.summary["error"]["message"]
    assert worked.summary["rows"]["accepted"] == sandbox.count("Leads") == 1000
    assert audit(run).done


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
