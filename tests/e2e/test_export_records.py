"""An export as records, inside a program."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

import bulkzoho
from bulkzoho.app.export_records import export_records
from bulkzoho.domain.model.export import ExportSettings
from bulkzoho.domain.model.progress import ProgressSnapshot
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import RefusedError

from .harness import SandboxProcess


class _Quiet:
    def show(self, snapshot: ProgressSnapshot) -> None:
        """Ignore the snapshot."""

    def tell(self, line: str) -> None:
        """Ignore the line."""


@pytest.fixture
def _connected(monkeypatch: pytest.MonkeyPatch, sandbox: SandboxProcess, tmp_path: Path) -> None:
    for name, value in {**sandbox.environment, "BULKZOHO_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("_connected")
async def test_a_program_gets_records_one_by_one(sandbox: SandboxProcess, tmp_path: Path) -> None:
    sandbox.put("Leads", ({"Last_Name": f"L{n}", "Languages": ["English"], "Annual_Revenue": 0.1} for n in range(5)))

    settings = ExportSettings(crm_module="Leads", fields=("Last_Name", "Languages", "Annual_Revenue"))
    records = [one async for one in export_records(settings, progress=_Quiet(), stop=StopSignal())]

    assert sorted(one["Last_Name"] for one in records) == [f"L{n}" for n in range(5)]
    assert records[0].keys() == {"id", "Last_Name", "Languages", "Annual_Revenue"}
    assert records[0]["Annual_Revenue"] == Decimal("0.1"), "as written, not as the nearest float"
    assert not list(tmp_path.glob("records-*"))


@pytest.mark.usefixtures("_connected")
async def test_a_program_requests_ids_and_deleted_records(sandbox: SandboxProcess) -> None:
    sandbox.put("Leads", ({"Last_Name": f"L{n}"} for n in range(4)))
    ids = [str(one["id"]) for one in sandbox.records("Leads")]
    sandbox.delete("Leads", ids[2])

    async with bulkzoho.connect() as crm:
        found = [one async for one in crm.export("Leads", fields=["Last_Name"], ids=ids[1:3], include_deleted=True, route="coql")]

    assert [(one["id"], one["Last_Name"], one["bulkzoho_deleted"] is not None) for one in found] == [
        (ids[1], "L1", False),
        (ids[2], None, True),
    ]


@pytest.mark.usefixtures("_connected")
async def test_a_refused_export_raises_before_the_first_record() -> None:
    with pytest.raises(RefusedError, match="no module"):
        await anext(export_records(ExportSettings(crm_module="Leds"), progress=_Quiet(), stop=StopSignal()))
