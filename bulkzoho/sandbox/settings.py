"""What a sandbox can be told: size, edition, quotas, latency; the reading of unproved facts is in ``strictness``."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import MISSING, dataclass, field, fields
from enum import StrEnum
from typing import Any

from bulkzoho.sandbox.unverified_behaviors import UnverifiedBehavior, of_its_type

__all__ = ["Edition", "SandboxSettings", "refuse_unknown"]


class Edition(StrEnum):
    """What the organization pays for; it decides credits and calls in flight."""

    FREE = "free"
    STANDARD = "standard"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"
    ULTIMATE = "ultimate"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxSettings:
    """All knobs of one sandbox.  Times are in seconds; ``None`` for a quota means that it is not checked.

    Raises:
        ValueError: a number is below what it may be; the message names it.
    """

    port: int = 0  #: 0 takes a free port
    seed: int = 0  #: secrets, ids of tokens, jitter and random faults follow from it
    time_scale: float = 1.0  #: seconds of the service in one real second; 480 makes a day pass in 3 minutes
    edition: Edition = Edition.ENTERPRISE
    licences: int = 10  #: user licences, for the credit formula
    calls_per_minute: int | None = None  #: in any sliding 60 s; Zoho documents none
    calls_per_day: int | None = None  #: in any sliding 24 h; Zoho documents none
    credits_per_day: int | None = None  #: in any sliding 24 h; None takes Zoho's formula for edition and licences
    calls_in_flight: int | None = None  #: None takes Zoho's figure for the edition
    heavy_calls: int = 10  #: heavy calls in flight, all editions
    latency_s: float = 0.0  #: mean time of one call, half before and half after the work; real seconds on any time scale
    jitter_s: float = 0.0  #: added or taken at random, evenly, at most this much
    token_life_s: float = 3600.0
    code_life_s: float = 180.0  #: of a grant code; the API console offers 3 to 10 minutes
    token_requests: int | None = 10  #: access tokens that may be asked for in any 10 minutes
    active_tokens: int = 10  #: access tokens alive at once; one more kills the oldest
    legacy_token_form: bool = False  #: answer ``expires_in_sec`` and milliseconds in ``expires_in``
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
    denied: tuple[str, ...] = ()  #: what the user's profile does not allow, as ``Leads.create``, ``*.delete`` (read, edit)
    api_domain: str = ""  #: where answers with a token say the API is; the sandbox itself by default
    accounts_server: str = ""  #: where the consent page says codes are exchanged; the sandbox itself by default
    location: str = "us"  #: the data center that the consent page names
    org_id: str = "650000001"  #: what Zoho calls ``zgid``
    org_type: str = "sandbox"  #: production, sandbox, developer
    time_zone: str = "Europe/Stockholm"
    unique_fields: Mapping[str, Sequence[str]] = field(default_factory=dict)  #: more unique fields, by module
    search_lag_s: float = 5.0  #: search shows records as they were so long ago
    upload_life_s: float = 86_400.0  #: an uploaded file waits so long for its job
    job_time_s: float = 1.0  #: a bulk job or a mass update takes at least this long
    calls_as: str = ""  #: e-mail address of the user whom the token stands for; the administrator by default
    state_file: str = ""  #: what the organization holds is read from it at the start and written to it at the end
    max_body_bytes: int = 32 * 2**20  #: a larger body is answered 413
    strict: UnverifiedBehavior = field(default_factory=UnverifiedBehavior)

    def __post_init__(self) -> None:
        for each in fields(self):
            if each.default is not MISSING and None not in (each.default, getattr(self, each.name)):
                object.__setattr__(self, each.name, of_its_type(each.name, getattr(self, each.name), each.default))
        for name in ("scopes", "denied"):
            object.__setattr__(self, name, _texts(name, getattr(self, name)))
        if wrong := [each for each in self.denied if each.rpartition(".")[2] not in ("read", "create", "edit", "delete")]:
            raise ValueError(f"denied are rights such as Leads.create, not {', '.join(wrong)}")
        _refuse_tables(self)
        _refuse_numbers(self)


def refuse_unknown(what: str, given: Iterable[str], known: type[SandboxSettings | UnverifiedBehavior]) -> None:
    """Refuse names that are none of *known*; *what* comes before them in the message.

    Raises:
        ValueError: one is unknown.
    """
    if unknown := sorted(set(given) - {each.name for each in fields(known)}):
        between = "" if what.endswith(".") else " "
        raise ValueError(f"there is no {what}{between}{', '.join(unknown)}")


def _texts(name: str, value: Any) -> tuple[str, ...]:
    if not isinstance(value, list | tuple) or any(type(each) is not str for each in value):
        raise ValueError(f"{name} is a list of texts, not {value!r}")
    return tuple(value)


def _refuse_tables(settings: SandboxSettings) -> None:
    for name, kind, told in (
        ("unique_fields", Mapping, "a table of modules and lists of fields"),
        ("strict", UnverifiedBehavior, "a table of switches"),
    ):
        if not isinstance(getattr(settings, name), kind):
            raise ValueError(f"{name} is {told}, not {getattr(settings, name)!r}")  # noqa: TRY004 - what a file holds
    for crm_module, names in settings.unique_fields.items():
        _texts(f"unique_fields.{crm_module}", names)


def _refuse_numbers(settings: SandboxSettings) -> None:
    for name in ("calls_per_minute", "calls_per_day", "credits_per_day", "calls_in_flight", "token_requests"):
        value = getattr(settings, name)
        if value is not None and (type(value) is not int or value < 1):
            raise ValueError(f"{name} must be at least 1, or None: {value!r}")
    for name in _NOT_NEGATIVE:
        if not getattr(settings, name) >= 0:
            raise ValueError(f"{name} must not be negative: {getattr(settings, name)}")
    if settings.port > LAST_PORT:
        raise ValueError(f"port is at most {LAST_PORT}: {settings.port}")
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
