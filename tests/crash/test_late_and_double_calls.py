"""Calls that commit after the client disconnects, and calls duplicated by the network."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkzoho.sandbox import Edition, Fault, FaultKind, Sandbox, SandboxSettings

from .fault_proxy import FaultProxy
from .harness import FAST, Workspace
from .invariants import audit, find_run
from .local_crm import BackdatedClock, LocalCrm
from .process_killer import finish
from .workloads import WORKLOADS, check_end

ROWS = 250
IMPORT = ("import", "rows.csv", "--module", "Leads", "--batch-size", "25")
LATE_S = 1.5
LARGE = SandboxSettings(edition=Edition.ULTIMATE)


@pytest.mark.parametrize("name", ["insert", "insert-keyless", "upsert", "update"])
async def test_a_call_that_commits_after_the_client_disconnects_is_found(name: str, tmp_path: Path) -> None:
    clock = BackdatedClock()
    async with Sandbox(LARGE, clock=clock) as sandbox:
        crm = LocalCrm(sandbox)
        clock.backdate_s = 60.0
        workload = WORKLOADS[name](ROWS, crm)
        clock.backdate_s = 0.0
        (tmp_path / "rows.csv").write_text(workload.text, encoding="utf-8", newline="")
        workspace = Workspace(tmp_path, {**sandbox.environment, "BULKZOHO_SETTLE_WAIT": f"{2 * LATE_S}s"})
        sandbox.faults.script([Fault(kind=FaultKind.COMMIT_LATE, on_call=(2, 5, 6), seconds=LATE_S)])

        state, _ = await finish(workspace, (*IMPORT, *workload.options, *FAST))

        check_end(workload, state, crm.records())


async def test_an_upsert_duplicated_by_the_network_creates_no_duplicate_key(tmp_path: Path) -> None:
    async with Sandbox(LARGE) as sandbox, FaultProxy(sandbox.url, duplicate_writes=True) as proxy:
        crm = LocalCrm(sandbox)
        workload = WORKLOADS["upsert"](ROWS, crm)
        (tmp_path / "rows.csv").write_text(workload.text, encoding="utf-8", newline="")
        workspace = Workspace(tmp_path, {**sandbox.environment, "BULKZOHO_API_URL": proxy.url})

        ended = await workspace.run(*IMPORT, *workload.options, *FAST)

        assert ended.status == 3, ended
        keys = [record["External_Id"].casefold() for record in crm.records() if record.get("External_Id")]
        blank = sum(
            values["External_Id"] is None for values in workload.expected_records.values()
        )  # without a key, duplicates cannot be prevented
        assert len(keys) == len(set(keys)) == workload.new_records - blank + len(workload.existing_ids)
        run = find_run(workspace.runs(), "import")
        assert run is not None
        assert {line["row"] for line in audit(run).results} == workload.expected_records.keys()


async def test_an_insert_duplicated_by_the_network_creates_no_duplicate_key(tmp_path: Path) -> None:
    """The returned response decides whether a row counts as accepted or as a duplicate; it is never both."""
    async with Sandbox(LARGE) as sandbox, FaultProxy(sandbox.url, duplicate_writes=True) as proxy:
        crm = LocalCrm(sandbox)
        workload = WORKLOADS["insert"](ROWS, crm)
        (tmp_path / "rows.csv").write_text(workload.text, encoding="utf-8", newline="")
        workspace = Workspace(tmp_path, {**sandbox.environment, "BULKZOHO_API_URL": proxy.url})

        ended = await workspace.run(*IMPORT, *workload.options, *FAST)

        assert ended.status == 3, ended
        keys = [record["External_Id"].casefold() for record in crm.records()]
        assert len(keys) == len(set(keys)) == workload.new_records + len(workload.existing_ids)
        rows = ended.summary["rows"]
        assert rows["accepted"] + rows["dead_lettered"] == rows["read"] == ROWS
