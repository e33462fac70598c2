"""Calls that commit after the client has hung up, and calls that the network makes twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from bulkzoho.sandbox import Edition, Fault, FaultKind, Sandbox, SandboxSettings

from .fault_proxy import Doorway
from .harness import FAST, Workplace
from .invariants import audit, find_run
from .local_crm import AgedClock, LocalCrm
from .process_killer import finish
from .workloads import LOADS, check_end

ROWS = 250
IMPORT = ("import", "rows.csv", "--module", "Leads", "--batch-size", "25")
LATE_S = 1.5
LARGE = SandboxSettings(edition=Edition.ULTIMATE)


@pytest.mark.parametrize("name", ["insert", "insert-keyless", "upsert", "update"])
async def test_a_call_that_commits_after_the_client_hung_up_is_waited_for(name: str, tmp_path: Path) -> None:
    clock = AgedClock()
    async with Sandbox(LARGE, clock=clock) as sandbox:
        crm = LocalCrm(sandbox)
        clock.ago_s = 60.0
        load = LOADS[name](ROWS, crm)
        clock.ago_s = 0.0
        (tmp_path / "rows.csv").write_text(load.text, encoding="utf-8", newline="")
        place = Workplace(tmp_path, {**sandbox.environment, "BULKZOHO_SETTLE_WAIT": f"{2 * LATE_S}s"})
        sandbox.faults.script([Fault(kind=FaultKind.COMMIT_LATE, on_call=(2, 5, 6), seconds=LATE_S)])

        audited, _ = await finish(place, (*IMPORT, *load.words, *FAST))

        check_end(load, audited, crm.records())


async def test_an_upsert_that_the_network_makes_twice_at_once_doubles_no_key(tmp_path: Path) -> None:
    async with Sandbox(LARGE) as sandbox, Doorway(sandbox.url, twice=True) as doorway:
        crm = LocalCrm(sandbox)
        load = LOADS["upsert"](ROWS, crm)
        (tmp_path / "rows.csv").write_text(load.text, encoding="utf-8", newline="")
        place = Workplace(tmp_path, {**sandbox.environment, "BULKZOHO_API_URL": doorway.url})

        ended = await place.run(*IMPORT, *load.words, *FAST)

        assert ended.status == 3, ended
        keys = [record["External_Id"].casefold() for record in crm.records() if record.get("External_Id")]
        blank = sum(values["External_Id"] is None for values in load.good.values())  # nothing prevents duplicates of these
        assert len(keys) == len(set(keys)) == load.creates - blank + len(load.before)
        run = find_run(place.runs(), "import")
        assert run is not None
        assert {line["row"] for line in audit(run).results} == load.good.keys()


async def test_an_insert_that_the_network_makes_twice_at_once_doubles_no_unique_field(tmp_path: Path) -> None:
    """The response that comes back decides whether a row counts as accepted or as a duplicate; it is never both."""
    async with Sandbox(LARGE) as sandbox, Doorway(sandbox.url, twice=True) as doorway:
        crm = LocalCrm(sandbox)
        load = LOADS["insert"](ROWS, crm)
        (tmp_path / "rows.csv").write_text(load.text, encoding="utf-8", newline="")
        place = Workplace(tmp_path, {**sandbox.environment, "BULKZOHO_API_URL": doorway.url})

        ended = await place.run(*IMPORT, *load.words, *FAST)

        assert ended.status == 3, ended
        keys = [record["External_Id"].casefold() for record in crm.records()]
        assert len(keys) == len(set(keys)) == load.creates + len(load.before)
        rows = ended.summary["rows"]
        assert rows["accepted"] + rows["dead_lettered"] == rows["read"] == ROWS
