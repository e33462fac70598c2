"""Keys with lost responses: unique fields that are not the match key, repeated ids, and two resumes of one run."""

from __future__ import annotations

import asyncio
import csv
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path

import pytest

from bulkzoho.sandbox import Edition, Fault, FaultKind, Sandbox, SandboxSettings

from .harness import FAST, Workplace
from .invariants import audit, find_run
from .local_crm import LocalCrm
from .process_killer import finish
from .workloads import LOADS, check_end

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
def place(sandbox: Sandbox, tmp_path: Path) -> Workplace:
    return Workplace(tmp_path, {**sandbox.environment, "BULKZOHO_SETTLE_WAIT": "0"})


async def test_rows_that_share_a_unique_field_beside_the_match_key_come_in_order(sandbox: Sandbox, place: Workplace) -> None:
    """Upserts match on Email; two addresses share one External_Id, so both rows are one record: the later one wins."""
    rows = [(f"Lead {n}", f"lead{n}@example.com", f"X-{(n + 1) // 2}" if n % 4 else f"x-{(n + 1) // 2}") for n in range(1, 101)]
    _write(place.folder / "rows.csv", ("Last_Name", "Email", "External_Id"), rows)
    sandbox.faults.script(LOST)

    audited, _ = await finish(place, (*IMPORT, "--operation", "upsert", "--match-on", "Email", *FAST))

    assert audited.accepted == 100
    held = {record["External_Id"].casefold(): record["Last_Name"] for record in sandbox.records("Leads")}
    assert held == {f"x-{pair}": f"Lead {2 * pair}" for pair in range(1, 51)}
    assert not [one for one in sandbox.violations.by_kind if one.startswith("same_key")]


async def test_updates_of_one_id_come_in_order_though_replies_are_lost(sandbox: Sandbox, place: Workplace) -> None:
    load = LOADS["update"](200, LocalCrm(sandbox))
    (place.folder / "rows.csv").write_text(load.text, encoding="utf-8", newline="")
    sandbox.faults.script(LOST)

    audited, _ = await finish(place, (*IMPORT, *load.words, *FAST))

    check_end(load, audited, LocalCrm(sandbox).records())
    assert not [one for one in sandbox.violations.by_kind if one.startswith("same_key")]


async def test_of_two_resumes_at_once_one_works_and_the_other_says_who_does(sandbox: Sandbox, place: Workplace) -> None:
    _write(place.folder / "rows.csv", ("Last_Name", "External_Id"), [(f"Lead {n}", f"X-{n}") for n in range(1, 1001)])
    sandbox.change(latency_s=0.05)

    async def while_it_works() -> None:
        while sandbox.count("Leads") < 100:
            await asyncio.sleep(0.01)

    killed = await place.run(*IMPORT, *FAST, kill_when=while_it_works)
    place.forget_quota()
    assert killed.killed
    run = find_run(place.runs(), "import")
    assert run is not None

    # bulkzoho resume RUN & bulkzoho resume RUN
    both = await asyncio.gather(*(place.run("resume", run.name, *FAST) for _ in range(2)))

    refused, worked = sorted(both, key=lambda ended: ended.status, reverse=True)
    assert (refused.status, worked.status) == (LOCKED, 0), both
    assert "is in use by process" in refused.summary["error"]["message"]
    assert worked.summary["rows"]["accepted"] == sandbox.count("Leads") == 1000
    assert audit(run).done


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([header, *rows])
