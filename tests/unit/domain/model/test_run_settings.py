"""The settings of a run survive the journal, with their type; a resume may change some."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bulkzoho.domain.model.export import ExportSettings
from bulkzoho.domain.model.run_settings import (
    ExportRunSettings,
    ImportRunSettings,
    ReplayRunSettings,
    ResumeOverrides,
    RunSettings,
    run_settings_from_json,
)
from bulkzoho.domain.model.settings import ErrorThreshold, ImportSettings, QuotaSettings
from bulkzoho.errors import UsageError

IMPORTS = ImportSettings(inputs=("/a.csv",), crm_module="Leads", limit=7)
EXPORT = ExportSettings(crm_module="Leads", fields=("Email",))
ACCOUNT = {"profile": "acme", "dc": "eu"}


@pytest.mark.parametrize(
    "settings",
    [
        ImportRunSettings(imports=IMPORTS, account=ACCOUNT),
        ReplayRunSettings(imports=IMPORTS, only_codes=("INVALID_DATA",), account=ACCOUNT),
        ExportRunSettings(export=EXPORT, account=ACCOUNT),
    ],
)
def test_settings_come_back_as_they_were(settings: RunSettings) -> None:
    text = json.dumps(settings.to_json())

    assert run_settings_from_json(settings.command, json.loads(text)) == settings


@pytest.mark.parametrize(("command", "data"), [("import", {}), ("export", {"import": {}}), ("sync", {"import": {}})])
def test_settings_that_do_not_fit_the_command_are_refused(command: str, data: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=command):
        run_settings_from_json(command, data)


def test_a_resume_without_changes_leaves_the_settings_as_they_are() -> None:
    unchanged = ResumeOverrides()

    assert unchanged.apply_to_import(IMPORTS) == IMPORTS
    assert unchanged.apply_to_export(EXPORT, run="r1") == EXPORT
    assert not unchanged.moves_limit


def test_a_resume_changes_what_it_is_given() -> None:
    changes = ResumeOverrides(limit=9, settle_wait_s=0.0, quota={"reserve": 0.5}, max_errors=ErrorThreshold(rows=1))

    assert changes.apply_to_import(IMPORTS) == replace(
        IMPORTS, limit=9, settle_wait_s=0.0, quota=QuotaSettings(reserve=0.5), max_errors=ErrorThreshold(rows=1)
    )
    assert ResumeOverrides(no_limit=True).apply_to_import(IMPORTS).limit is None


def test_an_export_has_no_error_threshold() -> None:
    with pytest.raises(UsageError, match="--max-errors"):
        ResumeOverrides(max_errors=ErrorThreshold(rows=1)).apply_to_export(EXPORT, run="r1")
