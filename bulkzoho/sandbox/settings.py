"""Settings of a sandbox; switches for unverified behaviours are in ``unverified_behaviors``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any

from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior, coerce_type

__all__ = ["Edition", "SandboxSettings", "reject_unknown_names"]


class Edition(StrEnum):
    """Edition of the organization; it determines the credits and the concurrency limit."""

    FREE = "free"
    STANDARD = "standard"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"
    ULTIMATE = "ultimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """All settings of one sandbox.  Times are in seconds; a quota of ``None`` is unlimited.

    Raises:
        ValueError: a value has the wrong type or is out of range; the message names the setting.
    """

    port: int = 0  #: 0 picks a free port
    seed: int = 0  #: seed of secrets, tokens, jitter and random faults
    time_scale: float = 1.0  #: service seconds per real second; 480 makes a day pass in 3 minutes
    edition: Edition = Edition.ENTERPRISE
    licences: int = 10  #: user licences, for the credit formula
    calls_per_minute: int | None = None  #: in any sliding 60 s; Zoho documents none
    calls_per_day: int | None = None  #: in any sliding 24 h; Zoho documents none
    credits_per_day: int | None = None  #: in any sliding 24 h; None applies Zoho's formula for edition and licences
    calls_in_flight: int | None = None  #: None applies Zoho's limit for the edition
    heavy_calls: int = 10  #: heavy calls in flight, all editions
    latency_s: float = 0.0  #: mean latency of a call, half before and half after the work; real seconds on any time scale
    jitter_s: float = 0.0  #: uniform random deviation from the latency, at most this much
    token_life_s: float = 3600.0
    code_life_s: float = 180.0  #: lifetime of a grant code; the API console offers 3 to 10 minutes
    token_requests: int | None = 10  #: token requests allowed in any 10 minutes
    active_tokens: int = 10  #: valid access tokens at once; one more invalidates the oldest
    legacy_token_form: bool = False  #: respond with ``expires_in_sec``, and milliseconds in ``expires_in``
    retry_after: bool = False  #: send Retry-After with a 429; Zoho documents none
    scopes: tuple[str, ...] = (
        "ZohoCRM.modules.ALL",
        "ZohoCRM.settings.ALL",
        "ZohoCRM.users.READ",
        "ZohoCRM.org.READ",
        "ZohoCRM.coql.READ",
        "ZohoCRM.bulk.ALL",
        "ZohoCRM.files.ALL",
        "ZohoFiles.files.ALL",
        "ZohoSearch.securesearch.READ",
    )
    denied: tuple[
        str, ...
    ] = ()  #: rights missing from the user's profile, such as ``Leads.create`` or ``*.delete`` (also read, edit)
    api_domain: str = ""  #: API address in token responses; the sandbox itself by default
    accounts_server: str = ""  #: accounts server named by the consent page; the sandbox itself by default
    location: str = "us"  #: data center named by the consent page
    org_id: str = "650000001"  #: ``zgid`` in Zoho's terms
    org_type: str = "sandbox"  #: production, sandbox, developer
    time_zone: str = "Europe/Stockholm"
    unique_fields: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: additional unique fields, by module
    search_lag_s: float = 5.0  #: delay of the search index: search shows records as they were this long ago
    upload_life_s: float = 86_400.0  #: lifetime of an uploaded file that no job has used
    job_time_s: float = 1.0  #: minimum duration of a bulk job or mass update
    calls_as: str = ""  #: e-mail address of the user who owns the token; the administrator by default
    state_file: str = ""  #: loaded at start and saved at exit
    max_body_bytes: int = 32 * 2**20  #: a larger request body gets a 413
    strict: UnverifiedBehavior = field(default_factory=UnverifiedBehavior)

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.default is not MISSING and None not in (each.default, getattr(self, each.name)):
                object.__setattr__(self, each.name, coerce_type(each.name, getattr(self, each.name), each.default))
        for name in ("scopes", "denied"):
            object.__setattr__(self, name, _string_tuple(name, getattr(self, name)))
        if wrong := [each for each in self.denied if each.rpartition(".")[2] not in ("read", "create", "edit", "delete")]:
            raise ValueError(f"denied accepts rights such as Leads.create, not {', '.join(wrong)}")
        _check_tables(self)
        _check_numbers(self)


def reject_unknown_names(what: str, names: Iterable[str], known: type[SandboxSettings | UnverifiedBehavior]) -> None:
    """Check that all names are fields of *known*; *what* precedes unknown names in the message.

    Raises:
        ValueError: a name is unknown.
    """
    if unknown := sorted(set(names) - {each.name for each in fields(known)}):
        between = "" if what.endswith(".") else " "
        raise ValueError(f"unknown {what}{between}{', '.join(unknown)}")


def _string_tuple(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or any(type(each) is not str for each in value):
        raise ValueError(f"{name} must be a list of strings, not {value!r}")
    return tuple(value)


def _check_tables(settings: SandboxSettings) -> None:
    for name, kind, expected in (
        ("unique_fields", Mapping, "a table of modules and lists of fields"),
        ("strict", UnverifiedBehavior, "a table of switches"),
    ):
        if not isinstance(getattr(settings, name), kind):
            raise ValueError(f"{name} must be {expected}, not {getattr(settings, name)!r}")  # noqa: TRY004 - the value comes from a file
    for crm_module, names in settings.unique_fields.items():
        _string_tuple(f"unique_fields.{crm_module}", names)


def _check_numbers(settings: SandboxSettings) -> None:
    for name in ("calls_per_minute", "calls_per_day", "credits_per_day", "calls_in_flight", "token_requests"):
        value = getattr(settings, name)
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"{name} must be at least 1, or None: {value!r}")
    for name in _NOT_NEGATIVE:
        if not getattr(settings, name) >= 0:
            raise ValueError(f"{name} must not be negative: {getattr(settings, name)}")
    if settings.port > LAST_PORT:
        raise ValueError(f"port must be at most {LAST_PORT}: {settings.port}")
    if not 0 < settings.time_scale < math.inf:
        raise ValueError(f"time_scale must be above 0: {settings.time_scale}")


LAST_PORT = 65_535
_NOT_NEGATIVE = (
    "port",
    "licences",
    "latency_s",
    "jitter_s",
    "search_lag_s",
    "token_life_s",
    "job_time_s",
    "code_life_s",
    "upload_life_s",
    "heavy_calls",
    "active_tokens",
    "max_body_bytes",
)
