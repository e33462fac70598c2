"""Settings survive the journal."""

from __future__ import annotations

import json
from datetime import time

import pytest

from bulkzoho.domain.model.limits_and_costs import PlanName
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import (
    ErrorThreshold,
    ImportSettings,
    InDoubtPolicy,
    InputFormat,
    InputSettings,
    MappingSettings,
    QuotaPolicy,
    QuotaSettings,
    RunWindow,
)
from bulkzoho.domain.model.settings_json import from_json, to_json

EVERYTHING = ImportSettings(
    inputs=("/tmp/a.csv", "-"),
    crm_module="Leads",
    operation=Operation.UPSERT,
    match_on=("Email", "External_Id"),
    files=InputSettings(format=InputFormat.CSV, encoding="latin-1", delimiter=";"),
    shape=MappingSettings(map=(("a", "Last_Name"),), set=(("Lead_Source", "Web"),), null_text="NULL", ignore_unknown=True),
    quota=QuotaSettings(plan=PlanName.ULTIMATE, calls_per_minute=60, bound_credits=False, reserve=0.3, on_quota=QuotaPolicy.STOP),
    limit=7,
    batch_records=50,
    trigger=("workflow",),
    on_doubt=InDoubtPolicy.REPORT,
    max_errors=ErrorThreshold(share=0.05),
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


@pytest.mark.parametrize(("settle_wait_s", "expected"), [(None, 180.0), (0.0, 0.0), (2.5, 2.5)])
def test_a_request_without_a_response_ends_after_the_settle_wait(settle_wait_s: float | None, expected: float) -> None:
    settings = ImportSettings(inputs=("/a",), crm_module="Leads", settle_wait_s=settle_wait_s)

    assert settings.call_ends_after_s == expected
