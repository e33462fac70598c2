"""The settings of a run as its journal stores them: typed, with their JSON in one place."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from bulkzoho.domain.model.export import ExportSettings
from bulkzoho.domain.model.settings import ErrorThreshold, ImportSettings, RunWindow
from bulkzoho.domain.model.settings_json import from_json, to_json
from bulkzoho.errors import UsageError

__all__ = [
    "ExportRunSettings",
    "ImportRunSettings",
    "ReplayRunSettings",
    "ResumeOverrides",
    "RunSettings",
    "run_settings_from_json",
]

_IMPORT: Final = "import"
_EXPORT: Final = "export"
_CODES: Final = "only_codes"
_ACCOUNT: Final = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRunSettings:
    """The settings of an import."""

    command: ClassVar[str] = "import"
    imports: ImportSettings
    account: Mapping[str, str] = field(default_factory=dict)  #: names the account; holds no secret

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON."""
        return {_IMPORT: to_json(self.imports), _CODES: [], _ACCOUNT: dict(self.account)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayRunSettings:
    """The settings of a replay: those of the import that it is, and which rejected rows it takes."""

    command: ClassVar[str] = "replay"
    imports: ImportSettings
    only_codes: tuple[str, ...] = ()  #: rejection codes; empty: all
    account: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON."""
        return {_IMPORT: to_json(self.imports), _CODES: list(self.only_codes), _ACCOUNT: dict(self.account)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportRunSettings:
    """The settings of an export."""

    command: ClassVar[str] = "export"
    export: ExportSettings
    account: Mapping[str, str] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON."""
        return {_EXPORT: to_json(self.export), _ACCOUNT: dict(self.account)}


RunSettings = ImportRunSettings | ReplayRunSettings | ExportRunSettings


def run_settings_from_json(command: str, data: Mapping[str, Any]) -> RunSettings:
    """Build the settings of a *command* from its JSON, also from that of an older version.

    Raises:
        ValueError: There is no such command, or its settings are missing.
    """
    account = data.get(_ACCOUNT, {})
    match command, data:
        case ImportRunSettings.command, {"import": settings}:
            return ImportRunSettings(imports=from_json(ImportSettings, settings), account=account)
        case ReplayRunSettings.command, {"import": settings}:
            codes = tuple(data.get(_CODES, ()))
            return ReplayRunSettings(imports=from_json(ImportSettings, settings), only_codes=codes, account=account)
        case ExportRunSettings.command, {"export": settings}:
            return ExportRunSettings(export=from_json(ExportSettings, settings), account=account)
        case _:
            raise ValueError(f"no settings of a known command: {command}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeOverrides:
    """The settings that a resume changes, for this process and later ones; None leaves a setting as it is."""

    limit: int | None = None  #: rows to read in all
    no_limit: bool = False  #: read the whole input
    settle_wait_s: float | None = None
    quota: Mapping[str, Any] = field(default_factory=dict)  #: fields of ``QuotaSettings``
    window: RunWindow | None = None
    max_duration_s: float | None = None
    max_errors: ErrorThreshold | None = None
    give_up_after_s: float | None = None

    @property
    def moves_limit(self) -> bool:
        """Whether the end of the input moves: a run that ended at its limit then has work left."""
        return self.limit is not None or self.no_limit

    def apply_to_import(self, settings: ImportSettings) -> ImportSettings:
        """Return the settings of an import with the changes."""
        changes = self._timing()
        if self.moves_limit:
            changes["limit"] = self.limit
        if self.settle_wait_s is not None:
            changes["settle_wait_s"] = self.settle_wait_s
        if self.max_errors is not None:
            changes["max_errors"] = self.max_errors
        return replace(settings, quota=replace(settings.quota, **self.quota), **changes)

    def apply_to_export(self, settings: ExportSettings, *, run: str) -> ExportSettings:
        """Return the settings of an export with the changes.

        Raises:
            UsageError: A change that only imports have.
        """
        if self.max_errors is not None:
            raise UsageError(f"run {run} is an export, which has no --max-errors.", hint="Leave it out.")
        return replace(settings, quota=replace(settings.quota, **self.quota), **self._timing())

    def _timing(self) -> dict[str, Any]:
        names = ("window", "max_duration_s", "give_up_after_s")
        return {name: value for name in names if (value := getattr(self, name)) is not None}
