"""Settings of imports and replays.  Frozen and JSON-able: the journal stores them, so that a resumed run uses the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Any

from bulkzoho.domain.model.limits_and_costs import MAX_BATCH_RECORDS, PlanName, write_cost
from bulkzoho.domain.model.rows import Operation

__all__ = [
    "ConnectionSettings",
    "ErrorThreshold",
    "ImportSettings",
    "InDoubtPolicy",
    "InputFormat",
    "InputSettings",
    "MappingSettings",
    "QuotaPolicy",
    "QuotaSettings",
    "ReplaySettings",
    "RunWindow",
    "SessionSettings",
]

REPLY_TIMEOUT_S = 120.0  # seconds until a request without a response counts as lost
SETTLE_MARGIN_S = 60.0  # further seconds after which the service can no longer be working on it
GIVE_UP_AFTER_S = 900.0  # seconds without any response until the CRM counts as unreachable


class InputFormat(StrEnum):
    """The format of an input; ``auto`` decides by the file's name, then by its first bytes."""

    AUTO = "auto"
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class QuotaPolicy(StrEnum):
    """Whether to wait when the daily quota is used up."""

    WAIT = "wait"
    STOP = "stop"


class InDoubtPolicy(StrEnum):
    """Whether to look up rows whose outcome is unknown."""

    LOOKUP = "lookup"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """Hosts and credentials of a CRM account.  Secrets have no ``repr``."""

    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    accounts_url: str
    api_url: str
    upload_url: str
    api_version: str = "v8"
    allowed_hosts: frozenset[str] = frozenset()  #: the only hosts that get a token, loopback apart
    reply_timeout_s: float = REPLY_TIMEOUT_S
    connect_timeout_s: float = 15.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RunWindow:
    """The hours of the day in which a run may work, local time; may span midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaSettings:
    """Limits of API usage; None means "by the plan" (or "by the edition")."""

    plan: PlanName | None = None  #: None: ``auto``
    calls_per_minute: int | None = None
    calls_per_day: int | None = None
    credits_per_day: int | None = None
    bound_credits: bool = True  #: False: ``--credits-per-day none``
    calls_in_flight: int | None = None
    reserve: float = 0.0  #: share of every limit left to others, 0.0 to 0.95
    on_quota: QuotaPolicy = QuotaPolicy.WAIT


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSettings:
    """How to read the inputs."""

    format: InputFormat = InputFormat.AUTO
    encoding: str | None = None  #: None: by BOM, else UTF-8
    delimiter: str | None = None  #: None: detected from the header line


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSettings:
    """How columns become fields."""

    map: tuple[tuple[str, str], ...] = ()  #: (column, field), ``--map`` and ``--mapping`` together
    set: tuple[tuple[str, str], ...] = ()  #: (field, value) for every row; wins over columns
    null_text: str | None = None  #: a cell with this text clears its field
    date_format: str | None = None  #: strptime
    column_formats: tuple[tuple[str, str], ...] = ()  #: (column, strptime) from the mapping file
    time_zone: str | None = None  #: IANA name for naive times; None: the organization's
    ignore_unknown: bool = False  #: leave out unknown columns
    ignore_readonly: bool = False  #: leave out columns that the API cannot write


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorThreshold:
    """The rejected rows that stop a run: a number, or a share of the finished rows (after the first 1,000)."""

    rows: int | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """One import.

    Memory is bounded by ``(2 x senders + blocked + 2) x batch_records`` records, whatever the length of the input: the channel
    and the senders hold at most ``2 x senders`` batches, rows that wait for an earlier row with the same key ``blocked`` batches.
    """

    inputs: tuple[str, ...]  #: absolute paths; "-" is standard input
    crm_module: str
    operation: Operation = Operation.INSERT
    match_on: tuple[str, ...] = ()  #: API names; upsert needs at least one
    files: InputSettings = InputSettings()
    shape: MappingSettings = MappingSettings()
    quota: QuotaSettings = QuotaSettings()
    limit: int | None = None  #: rows to read
    batch_records: int = MAX_BATCH_RECORDS
    trigger: tuple[str, ...] = ()  #: automations to run; empty: none
    on_doubt: InDoubtPolicy = InDoubtPolicy.LOOKUP
    import_key: str | None = None  #: API name of a text field that receives run and row of each record
    owner_fallback: str | None = None  #: id, e-mail or name of the user who replaces unknown or inactive users
    settle_wait_s: float | None = None  #: None: reply time-out + 60 s
    max_errors: ErrorThreshold | None = None
    dead_letter: str | None = None  #: absolute path of a copy outside the run's folder
    results: str | None = None
    force: bool = False  #: of a replay: also send rows whose record was changed by a later row
    again: bool = False  #: import even if the same content was sent before
    window: RunWindow | None = None
    max_duration_s: float | None = None
    give_up_after_s: float = GIVE_UP_AFTER_S

    @property
    def call_ends_after_s(self) -> float:
        """Seconds after which the service can no longer be working on a request without a response."""
        return REPLY_TIMEOUT_S + SETTLE_MARGIN_S if self.settle_wait_s is None else self.settle_wait_s


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """One replay of rejected rows."""

    letters: str  #: absolute path of the dead-letter file, JSONL or CSV
    only_codes: tuple[str, ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    force: bool = False  #: also send rows whose record was changed by a later row
    overrides: tuple[tuple[str, Any], ...] = ()  #: fields of :class:`ImportSettings` that replace those of the first run


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionSettings:
    """How to call the CRM."""

    quota: QuotaSettings = QuotaSettings()
    give_up_after_s: float = GIVE_UP_AFTER_S
    heavy_calls: bool = True  #: whether calls count against Zoho's lower limit of heavy calls in flight

    @classmethod
    def of_import(cls, settings: ImportSettings) -> SessionSettings:
        """Return the settings for the calls of an import."""
        heavy = write_cost(settings.batch_records, delete=settings.operation is Operation.DELETE).heavy
        return cls(quota=settings.quota, give_up_after_s=settings.give_up_after_s, heavy_calls=heavy)
