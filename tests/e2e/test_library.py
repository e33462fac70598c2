"""The Python API in this process, with a sandbox in another."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import bulkzoho
from bulkzoho.domain.model.run import RunStatus, StopReason
from bulkzoho.domain.model.settings import QuotaSettings

from .harness import Program, SandboxProcess

README = Path(__file__).parents[2] / "README.md"
FAST = QuotaSettings(calls_per_minute=60_000)


@pytest.fixture(autouse=True)
def _at_home(bulkzoho: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKZOHO_HOME", str(bulkzoho.home))
    for name, value in bulkzoho.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("BULKZOHO_PLAN", raising=False)


def test_the_python_of_the_readme_runs(sandbox: SandboxProcess, bulkzoho: Program) -> None:
    code = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)[0]

    # python rows.py
    ended = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, **bulkzoho.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert ended.stdout.strip() == "250 accepted, 0 rejected;"
    assert sandbox.count() == 250


async def test_rows_of_a_program_are_imported_with_exact_numbers(sandbox: SandboxProcess) -> None:
    rows = [
        {"Last_Name": f"L{n}", "Annual_Revenue": Decimal("1200.50"), "Birthday": date(2001, 2, 3), "Email_Opt_Out": True}
        for n in range(250)
    ]

    async with bulkzoho.connect() as crm:
        summary = await crm.import_rows(rows, crm_module="Leads", quota=FAST)

    assert (summary.exit_code, summary.tally.created, summary.input_complete) == (0, 250, True)
    record = sandbox.records()[0]
    assert (record["Annual_Revenue"], record["Birthday"], record["Email_Opt_Out"]) == (1200.5, "2001-02-03", True)
    assert [line.run for line in crm.runs()] == [summary.run]


async def test_records_are_exported_one_by_one(sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", [{"Last_Name": f"L{n}", "Email": f"l{n}@example.com"} for n in range(450)])

    async with bulkzoho.connect() as crm:
        names = [record["Last_Name"] async for record in crm.export("Leads", fields=["id", "Last_Name"], quota=FAST)]

    assert sorted(names) == sorted(f"L{n}" for n in range(450))


async def test_rows_are_read_no_faster_than_they_are_sent(sandbox: SandboxProcess) -> None:
    taken = 0

    async def rows() -> AsyncIterator[dict[str, Any]]:
        nonlocal taken
        for n in range(100_000):
            taken += 1
            yield {"Last_Name": f"L{n}", "Description": "x" * 500}

    stop = bulkzoho.Stop()
    sandbox.change(latency_s=0.2)
    async with bulkzoho.connect() as crm, asyncio.TaskGroup() as group:
        run = group.create_task(crm.import_rows(rows(), crm_module="Leads", quota=FAST, stop=stop))
        while sandbox.count() == 0:
            await asyncio.sleep(0.2)
        stop.request(StopReason.SIGNAL)
    summary = run.result()

    assert summary.status is RunStatus.INTERRUPTED
    assert summary.tally.adds_up
    assert 0 < summary.tally.created < taken < summary.tally.created + 8_000  # rows in the channel and with the senders
    assert sandbox.count() == summary.tally.created


async def test_an_iterator_that_raises_passes_its_own_error_on(sandbox: SandboxProcess) -> None:
    def rows() -> Iterator[dict[str, Any]]:
        for n in range(1_000):
            yield {"Last_Name": f"L{n}"}
        raise LookupError("the database went away")

    async with bulkzoho.connect() as crm:
        with pytest.raises(LookupError, match="the database went away"):
            await crm.import_rows(rows(), crm_module="Leads", quota=FAST)

    line = crm.runs()[0]
    assert line.status == "failed"
    assert line.tally.created == sandbox.count() == 1_000  # all rows before the error


@pytest.mark.parametrize("no_value", [float("nan"), Decimal("NaN"), np.float32("inf"), pd.NaT, pd.NA])
async def test_an_invalid_value_clears_nothing(sandbox: SandboxProcess, no_value: Any) -> None:
    sandbox.put("Leads", [{"Last_Name": "Lovelace", "Email": "ada@example.com", "Annual_Revenue": 7.5, "City": "London"}])
    row = {"Last_Name": "Lovelace", "Email": "ada@example.com", "Annual_Revenue": no_value, "City": None}
    upsert: dict[str, Any] = {"crm_module": "Leads", "operation": "upsert", "match_on": ["Email"], "quota": FAST}

    async with bulkzoho.connect() as crm:
        with pytest.raises(ValueError, match=r"row 2, field 'Annual_Revenue': .* is not a value. Use None to clear the field"):
            await crm.import_rows([{"Last_Name": "Hopper", "Email": "grace@example.com"}, row], **upsert)
        failed, kept = crm.runs()[0], sandbox.records()[0]
        summary = await crm.import_rows([row], missing="skip", **upsert)

    assert (failed.status, kept["Annual_Revenue"], kept["City"]) == ("failed", 7.5, "London")
    assert (summary.exit_code, summary.tally.accepted) == (0, 1)
    after = sandbox.records()[0]
    assert (after["Annual_Revenue"], after.get("City")) == (7.5, None)  # None clears the field, nan does not


async def test_a_bad_row_fails_the_run_after_the_rows_before_it_were_sent(sandbox: SandboxProcess) -> None:
    rows: list[Any] = [*({"Last_Name": f"L{n}"} for n in range(1_000)), {"Last_Name": b"bytes"}]

    async with bulkzoho.connect() as crm:
        with pytest.raises(ValueError, match="row 1001, field 'Last_Name': a value of type bytes cannot be sent"):
            await crm.import_rows(rows, crm_module="Leads", quota=FAST)
        line = crm.runs()[0]
        resumed = await crm.resume(line.run)

    assert line.status == "failed"
    assert resumed is not None
    assert (resumed.tally.unsent, resumed.input_complete) == (0, False)
    assert line.tally.created == resumed.tally.created == resumed.tally.read == sandbox.count() == 1_000


@pytest.mark.parametrize("error", [ConnectionResetError, BrokenPipeError, asyncio.CancelledError])
@pytest.mark.parametrize("is_async", [False, True])
async def test_an_iterator_that_ends_with_an_error_is_not_complete(
    sandbox: SandboxProcess, error: type[BaseException], is_async: bool
) -> None:
    """This includes errors that we might raise too: a reset source, a cancelled task of the program."""

    def rows() -> Iterator[dict[str, Any]]:
        yield from ({"Last_Name": f"L{n}"} for n in range(350))
        raise error

    async def rows_of_a_source() -> AsyncIterator[dict[str, Any]]:
        for row in rows():
            yield row

    async with bulkzoho.connect() as crm:
        with pytest.raises(error):
            await crm.import_rows(rows_of_a_source() if is_async else rows(), crm_module="Leads", quota=FAST)

    assert crm.runs()[0].status == "failed"
    assert sandbox.count() == 350


async def test_an_interrupted_run_of_rows_is_resumed(sandbox: SandboxProcess) -> None:
    stop = bulkzoho.Stop()

    def rows() -> Iterator[dict[str, Any]]:
        for n in range(2_000):
            if n == 1_500:
                stop.request(StopReason.SIGNAL)
            yield {"Last_Name": f"L{n}", "External_Id": f"X{n}"}

    async with bulkzoho.connect() as crm:
        first = await crm.import_rows(rows(), crm_module="Leads", quota=FAST, stop=stop)
        second = await crm.resume(first.run)

    assert first.status is RunStatus.INTERRUPTED
    assert second is not None
    assert second.tally.unsent == 0
    assert second.tally.created == sandbox.count() == second.tally.read
    assert not second.input_complete  # the later rows were never read
