"""What a run was told to do.  Frozen, JSON-able, kept in the run's journal so that a resume does the same."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import time
from enum import StrEnum
from typing import Any

from bulkzoho.domain.model.edition_limits import MAX_BATCH_RECORDS, PlanName
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
]

REPLY_TIMEOUT_S = 120.0  # seconds a reply may take before the call counts as lost
SETTLE_MARGIN_S = 60.0  # seconds beyond it after which the lost call can no longer be running
GIVE_UP_AFTER_S = 900.0  # seconds without any answer before the CRM counts as unreachable


class InputFormat(StrEnum):
    """How an input is written; ``auto`` goes by the file's name, then by its first bytes."""

    AUTO = "auto"
    CSV = "csv"
    JSONL = "jsonl"
    PARQUET = "parquet"


class QuotaPolicy(StrEnum):
    """What to do when the day's quota is used up."""

    WAIT = "wait"
    STOP = "stop"


class InDoubtPolicy(StrEnum):
    """What to do with rows whose fate is not known."""

    LOOKUP = "lookup"
    REPORT = "report"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionSettings:
    """Where the CRM is and how to be let in.  Secrets have no ``repr``."""

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
    """Hours of the day in which a run may work, local time; may span midnight."""

    start: time
    end: time


@dataclass(frozen=True, slots=True, kw_only=True)
class QuotaSettings:
    """Limits as told; None means "by the plan" (or "by the edition")."""

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
    delimiter: str | None = None  #: None: found out from the header line


@dataclass(frozen=True, slots=True, kw_only=True)
class MappingSettings:
    """How columns become fields."""

    map: tuple[tuple[str, str], ...] = ()  #: (column, field), ``--map`` and ``--mapping`` together
    set: tuple[tuple[str, str], ...] = ()  #: (field, value) given to every row; wins over columns
    null_text: str | None = None  #: a cell with this text clears the field
    date_format: str | None = None  #: strptime
    column_formats: tuple[tuple[str, str], ...] = ()  #: (column, strptime) from the mapping file
    time_zone: str | None = None  #: IANA name for naive times; None: the organization's
    ignore_unknown: bool = False  #: columns that are no field are left out
    ignore_readonly: bool = False  #: columns that the API may not write are left out


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorThreshold:
    """When too many rows were refused: a number of rows, or a share of those settled (after the first 1,000)."""

    rows: int | None = None
    share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportSettings:
    """One import.

    Memory is bounded by ``(2 x senders + parked + 2) x batch_records`` records of the input, whatever its length: the channel
    and the senders hold at most ``2 x senders`` batches, rows that wait for an earlier row of the same key at most ``parked``.
    """

    inputs: tuple[str, ...]  #: absolute paths; "-" is standard input
    crm_module: str
    operation: Operation = Operation.INSERT
    match_on: tuple[str, ...] = ()  #: API names; upsert needs at least one
    files: InputSettings = InputSettings()
    shape: MappingSettings = MappingSettings()
    quota: QuotaSettings = QuotaSettings()
    limit: int | None = None  #: rows to take
    batch_records: int = MAX_BATCH_RECORDS
    trigger: tuple[str, ...] = ()  #: automations to run; empty: none
    on_doubt: InDoubtPolicy = InDoubtPolicy.LOOKUP
    import_key: str | None = None  #: API name of a text field that each record is stamped in with run and row
    owner_fallback: str | None = None  #: id, e-mail address or name of who stands in for unknown or inactive users
    settle_wait_s: float | None = None  #: None: reply time-out + 60 s
    max_errors: ErrorThreshold | None = None
    dead_letter: str | None = None  #: absolute path beside the run's folder
    results: str | None = None
    force: bool = False  #: of a replay: send letters too whose record a later row was accepted for
    again: bool = False  #: import although the same content was sent before
    window: RunWindow | None = None
    max_duration_s: float | None = None
    give_up_after_s: float = GIVE_UP_AFTER_S


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaySettings:
    """What a replay takes beyond the letters themselves."""

    letters: str  #: absolute path, JSONL or CSV
    only_codes: tuple[str, ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    force: bool = False  #: also letters whose key was accepted later
    overrides: tuple[tuple[str, Any], ...] = ()  #: fields of :class:`ImportSettings` given anew
