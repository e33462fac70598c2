"""Runs for tests: their info and settings, with the fields that a test does not care about filled in."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bulkzoho.domain.model.export import ExportSettings
from bulkzoho.domain.model.journal_events import RunInfo
from bulkzoho.domain.model.run_settings import ExportRunSettings, ImportRunSettings
from bulkzoho.domain.model.settings import ImportSettings

__all__ = ["export_info", "import_info", "import_settings"]


def import_settings(**changes: Any) -> ImportRunSettings:
    """Return the settings of an import of ``/a.csv`` into Leads, with *changes*."""
    return ImportRunSettings(imports=replace(ImportSettings(inputs=("/a.csv",), crm_module="Leads"), **changes))


def import_info(run: str = "r1", **changes: Any) -> RunInfo:
    """Return an import into Leads, with *changes*."""
    info = RunInfo(run=run, crm_module="Leads", settings=import_settings(), started="2026-11-24T10:15:00Z")
    return replace(info, **changes)


def export_info(run: str = "r1", **changes: Any) -> RunInfo:
    """Return an export of Leads, with *changes*."""
    settings = ExportRunSettings(export=ExportSettings(crm_module="Leads"))
    return replace(RunInfo(run=run, crm_module="Leads", settings=settings, started="2026-11-24T10:15:00Z"), **changes)
