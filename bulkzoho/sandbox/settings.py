"""What a sandbox can be told: size, edition, quotas, latency, and the stricter or looser reading of unproved facts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from enum import StrEnum

__all__ = ["DuplicateKeys", "Edition", "Handling", "SandboxSettings", "Strictness"]


class Edition(StrEnum):
    """What the organization pays for; it decides credits and calls in flight."""

    FREE = "free"
    STANDARD = "standard"
    PROFESSIONAL = "professional"
    ENTERPRISE = "enterprise"
    ULTIMATE = "ultimate"


class Handling(StrEnum):
    """What happens to something that the documentation is silent about."""

    REFUSE = "refuse"
    IGNORE = "ignore"


class DuplicateKeys(StrEnum):
    """What becomes of two new records with one key in one upsert call."""

    SEQUENTIAL = "sequential"  #: the first is inserted, the second updates it
    INSERT_BOTH = "insert_both"  #: two inserts, where no unique field forbids it
    REFUSE = "refuse"  #: the second is DUPLICATE_DATA


@dataclass(frozen=True, slots=True, kw_only=True)
class Strictness:
    """One switch for each behaviour that no page of Zoho's proves; the default is the one that forgives a client less."""

    duplicate_keys: DuplicateKeys = DuplicateKeys.SEQUENTIAL  #: equal keys in one upsert
    unknown_fields: Handling = Handling.REFUSE  #: keys that the module does not have
    read_only_fields: Handling = Handling.REFUSE  #: keys that the API may not write
    several_matches: Handling = Handling.REFUSE  #: an upsert key that several records have; else the oldest is taken
    empty_text_on_typed_fields: Handling = Handling.REFUSE  #: ``""`` for a number, date, lookup; else it clears
    numbers_as_text: Handling = Handling.REFUSE  #: ``"12"`` for a number; else it is read as one
    phone_pattern: bool = True  #: telephone numbers hold digits, letters, ``+ ( ) . -`` and blanks only
    wrapped_errors: bool = False  #: whole-call errors come inside ``data``
    partial_success_status: int = 207  #: 207, or 200 or 202 as older versions are said to do
    upsert_insert_status: int = 200  #: 200, or 201 when everything was inserted
    fields_required_on_list: bool = True  #: ``fields`` is mandatory on the list call
    coql_where_required: bool = True  #: a query without WHERE is refused
    relative_download_url: bool = False  #: of a bulk write's result: relative to the API, else absolute
    lower_case_status: bool = False  #: ``added`` in a bulk write's result, else ``ADDED``
    shuffled_results: bool = False  #: rows of a bulk write's result come in another order than the file's
    id_header: str = "Id"  #: of the id's column in a bulk read's file
    deleted_keys_stay_taken: bool = False  #: a unique value in the recycle bin refuses new records; no page says so
    refused_calls_use_quota: bool = False  #: a call answered 429 counts against the quota as well
    oauth_error_status: int = 200  #: of errors of the accounts server, but for the throttle; 400 and 401 are possible
    scope_in_grants: bool = True  #: answers with a token tell its scopes, as newer ones do
    rights_in_metadata: bool = True  #: what the user may not do is false in the list of modules (creatable, editable, deletable)

    def __post_init__(self) -> None:
        """Take the words of JSON for the members of the enums.

        Raises:
            ValueError: a word is none of theirs.
        """
        for each in fields(self):
            kind = type(each.default)
            if issubclass(kind, StrEnum):
                object.__setattr__(self, each.name, kind(getattr(self, each.name)))


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
    search_lag_s: float = 5.0  #: a record is found by search only this long after its last change
    job_time_s: float = 1.0  #: a bulk job or a mass update takes at least this long
    calls_as: str = ""  #: e-mail address of the user whom the token stands for; the administrator by default
    state_file: str = ""  #: what the organization holds is read from it at the start and written to it at the end
    max_body_bytes: int = 32 * 2**20  #: a larger body is answered 413
    strict: Strictness = field(default_factory=Strictness)

    def __post_init__(self) -> None:
        object.__setattr__(self, "edition", Edition(self.edition))
        if wrong := [each for each in self.denied if each.rpartition(".")[2] not in ("read", "create", "edit", "delete")]:
            raise ValueError(f"denied are rights such as Leads.create, not {', '.join(wrong)}")
        for name in ("calls_per_minute", "calls_per_day", "credits_per_day", "calls_in_flight", "token_requests"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} must be at least 1, or None: {value}")
        for name in ("port", "licences", "latency_s", "jitter_s", "search_lag_s", "token_life_s", "job_time_s"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative: {getattr(self, name)}")
        if not self.time_scale > 0:
            raise ValueError(f"time_scale must be above 0: {self.time_scale}")
