"""Settings survive the journal."""

from __future__ import annotations

import json
from datetime import time

from bulkzoho.core.settings_json import from_json, to_json
from bulkzoho.model.plans import PlanName
from bulkzoho.model.rows import Operation
from bulkzoho.model.settings import (
    FileSettings,
    ImportSettings,
    InputFormat,
    MaxErrors,
    OnDoubt,
    OnQuota,
    QuotaSettings,
    RunWindow,
    ShapeSettings,
)

EVERYTHING = ImportSettings(
    inputs=("/tmp/a.csv", "-"),
    crm_module="Leads",
    operation=Operation.UPSERT,
    match_on=("Email", "External_Id"),
    files=FileSettings(format=InputFormat.CSV, encoding="latin-1", delimiter=";"),
    shape=ShapeSettings(map=(("a", "Last_Name"),), set=(("Lead_Source", "Web"),), null_text="NULL", ignore_unknown=True),
    quota=QuotaSettings(plan=PlanName.ULTIMATE, calls_per_minute=60, bound_credits=False, reserve=0.3, on_quota=OnQuota.STOP),
    limit=7,
    batch_records=50,
    trigger=("workflow",),
    on_doubt=OnDoubt.REPORT,
    max_errors=MaxErrors(share=0.05),
    window=RunWindow(start=time(22), end=time(6)),
    max_duration_s=3600.0,
)


def test_settings_come_back_as_they_were() -> None:
    """Through JSON text, as the journal keeps them."""
    text = json.dumps(to_json(EVERYTHING))

    assert from_json(ImportSettings, json.loads(text)) == EVERYTHING


def test_a_setting_that_an_older_journal_lacks_keeps_its_default() -> None:
    """And one that it has and we no longer know is left out."""
    data = to_json(ImportSettings(inputs=("/a",), crm_module="Leads"))
    del data["trigger"]
    data["forgotten"] = 1

    assert from_json(ImportSettings, data).trigger == ()
