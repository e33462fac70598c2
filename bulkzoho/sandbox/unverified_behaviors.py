"""Switches for behaviours that Zoho's documentation does not prove; each default is the stricter variant."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Any

__all__ = [
    "CoqlQuotesBehavior",
    "DuplicateKeysBehavior",
    "EmojiBehavior",
    "HandlingBehavior",
    "UnverifiedBehavior",
    "coerce_type",
]


class HandlingBehavior(StrEnum):
    """Handling of input that the documentation does not mention."""

    REFUSE = "refuse"
    IGNORE = "ignore"


class DuplicateKeysBehavior(StrEnum):
    """Handling of two new records with equal keys in one upsert call or in one bulk write file."""

    SEQUENTIAL = "sequential"  #: the first is inserted, the second updates it
    INSERT_BOTH = "insert_both"  #: two inserts, where no unique field forbids it
    REFUSE = "refuse"  #: the second is rejected with DUPLICATE_DATA


class EmojiBehavior(StrEnum):
    """Handling of characters that take four bytes in UTF-8."""

    KEEP = "keep"
    REPLACE = "replace"  #: each becomes a question mark
    REFUSE = "refuse"  #: INVALID_DATA


class CoqlQuotesBehavior(StrEnum):
    """Escaping of a quote inside a COQL string."""

    BACKSLASH = "backslash"
    DOUBLED = "doubled"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedBehavior:
    """All switches.  If the fact sheet (zoho-api) recommends a variant, that is the default.

    Raises:
        ValueError: a value has the wrong type; the message names the switch.
    """

    # records (zoho-api, section 5)
    duplicate_keys: DuplicateKeysBehavior = (
        DuplicateKeysBehavior.SEQUENTIAL
    )  #: equal keys in one upsert, or in one file of a bulk write
    unknown_fields: HandlingBehavior = HandlingBehavior.REFUSE  #: keys that are not fields of the module
    read_only_fields: HandlingBehavior = HandlingBehavior.REFUSE  #: keys of read-only fields
    several_matches: HandlingBehavior = (
        HandlingBehavior.REFUSE
    )  #: an upsert key shared by several records; IGNORE updates the oldest
    same_record_twice: HandlingBehavior = (
        HandlingBehavior.REFUSE
    )  #: the same id twice in one update; IGNORE applies both in order
    upsert_by_id: bool = True  #: a record with an id is updated by it; otherwise the id is ignored
    upsert_without_key: HandlingBehavior = (
        HandlingBehavior.IGNORE
    )  #: a record with empty check fields is inserted; REFUSE rejects it
    system_keys_unique: bool = False  #: a duplicate e-mail or name rejects a plain insert, even if not marked unique
    deleted_keys_stay_taken: bool = True  #: a unique value in the recycle bin rejects new records
    purged_names: bool = False  #: permanently deleted records keep their name in the list of deleted records
    all_errors: bool = False  #: a record with several errors gets MULTIPLE_OR_MULTI_ERRORS; otherwise only its first error
    short_error_details: bool = False  #: details of a rejected record omit json_path, as reported for v2
    malformed_id_status: int = 400  #: status for a malformed id in the path: 400, 404 or (for reads) 204
    ids_on_list: int = 100  #: maximum ``ids`` of a list call

    # values (section 6.1)
    empty_text_on_typed_fields: HandlingBehavior = (
        HandlingBehavior.REFUSE
    )  #: ``""`` for a number, date or lookup; IGNORE clears the field
    numbers_as_text: HandlingBehavior = HandlingBehavior.REFUSE  #: ``"12"`` for a number; IGNORE parses it
    phone_pattern: bool = True  #: phone numbers may contain only digits, letters, ``+ ( ) . -`` and spaces
    unlisted_picklist_values: HandlingBehavior = HandlingBehavior.REFUSE  #: IGNORE accepts them, even in a restricted list
    owners_by_email: HandlingBehavior = HandlingBehavior.REFUSE  #: ``{"email": ...}`` for an owner; IGNORE looks the user up
    clearing_code: str = "MANDATORY_NOT_FOUND"  #: error code for clearing a mandatory field; INVALID_DATA is possible
    trims_text: bool = True  #: leading and trailing spaces are removed
    emoji: EmojiBehavior = EmojiBehavior.KEEP  #: four-byte characters; the documentation says only that "acceptance varies"
    escaped_entities: bool = False  #: ``&``, ``<`` and ``>`` are returned as HTML entities
    bigint_as_text: bool = True  #: bigint values in responses are strings; otherwise numbers

    # the envelope (sections 2 and 3)
    wrapped_errors: bool = False  #: whole-call errors are wrapped in ``data``
    partial_success_status: int = 207  #: 207; 200 or 202 are reported for older versions
    upsert_insert_status: int = 200  #: 200, or 201 when everything was inserted
    fields_required_on_list: bool = True  #: ``fields`` is mandatory on the list call
    wrong_method_status: int = 400  #: 400 or 405
    scope_mismatch_status: int = 401  #: 401 or 403
    quota_named: bool = False  #: the message of a 429 names the exceeded quota
    rate_limit_headers: bool = False  #: send the legacy headers X-RATELIMIT-LIMIT, -REMAINING and -RESET
    oauth_error_status: int = 200  #: status of accounts server errors other than throttling; 400 and 401 are possible
    revoke_error_status: int = 400  #: status for revoking an unknown refresh token
    throttle_status_key: bool = False  #: the throttle response has ``"status": "failure"``
    client_credentials_throttled: bool = True  #: client credentials grants count towards the throttle
    scope_in_grants: bool = True  #: token responses list the scopes, as newer ones do
    rights_in_metadata: bool = True  #: missing rights are false in the list of modules (creatable, editable, deletable)

    # prices (section 4)
    failed_calls_cost: bool = True  #: rejected calls, 204 and 304 cost credits
    refused_calls_use_quota: bool = False  #: a 429 counts towards the call quotas (which Zoho does not document)
    search_credits: int = 3  #: 1 or 3
    sorted_list_credits: int = 3  #: credits of a list with ``sort_by``; 1 or 3
    count_credits: int = 1
    deleted_credits: int = 2  #: credits of the list of deleted records; 1 or 2
    bulk_step_credits: int = 1  #: credits of upload, status and download; 0 or 1
    bulk_jobs_are_heavy: bool = True  #: starting a bulk job is a heavy call

    # COQL (section 7)
    coql_where_required: bool = True  #: a query without WHERE is rejected
    coql_default_limit: int = 200  #: row limit of a query without LIMIT
    coql_rows: int = 2_000  #: maximum rows of one call; 200 in older versions
    coql_fields: int = 50  #: maximum selected fields; 50 or 500
    coql_joins: int = 2  #: maximum chained lookups; 2 or 5
    coql_quotes: CoqlQuotesBehavior = CoqlQuotesBehavior.BACKSLASH
    coql_hides_converted: bool = True  #: converted leads appear only in queries that mention ``Converted__s``
    coql_star: bool = False  #: ``select *`` returns all fields
    coql_any_case_names: bool = False  #: module and field names are case-insensitive
    coql_any_case_aggregates: bool = False  #: ``sum`` works like ``SUM``; keywords are always case-insensitive

    # bulk jobs (sections 8 and 9)
    bulk_module_as_text: HandlingBehavior = HandlingBehavior.REFUSE  #: ``"module": "Leads"``, as accepted by v2
    bulk_jobs_at_once: int = 0  #: maximum unfinished jobs of a kind; 0 means unlimited, since no page names a limit
    bulk_read_pages: bool = False  #: ``page`` reaches beyond the first 200,000 records; otherwise only the token does
    id_header: str = "Id"  #: header of the id column in a bulk read file
    bulk_read_us_dates: bool = False  #: dates in a bulk read file are MM/dd/yyyy HH:mm:ss; otherwise ISO 8601
    bulk_read_capital_booleans: bool = False  #: booleans in a bulk read file are TRUE and FALSE
    bulk_read_quotes_all: bool = False  #: every cell of a bulk read file is quoted
    bulk_read_bom: bool = False  #: a bulk read file begins with a byte order mark
    csv_size_limited: bool = True  #: the 25 MB limit also applies to the CSV inside the zip
    duplicate_headers: HandlingBehavior = HandlingBehavior.REFUSE  #: the same header twice in a bulk write file
    blank_lines: HandlingBehavior = (
        HandlingBehavior.REFUSE
    )  #: blank lines of a bulk write file are skipped rows; IGNORE does not count them as rows
    digits_as_booleans: HandlingBehavior = HandlingBehavior.REFUSE  #: ``1`` and ``0`` for booleans in a bulk write file
    unmatched_code: str = "RESOURCE_NOT_FOUND"  #: error code of a row that matches no record to update
    lower_case_status: bool = False  #: ``added`` in a bulk write result; otherwise ``ADDED``
    shuffled_results: bool = True  #: rows of a bulk write result are not in file order
    relative_download_url: bool = False  #: download URL of a bulk write result is relative to the API; otherwise absolute
    callback_tries: int = 1  #: attempts to post a callback that fails

    def __post_init__(self) -> None:
        """Convert strings from JSON to enum members."""
        for each in fields(self):
            object.__setattr__(self, each.name, coerce_type(f"strict.{each.name}", getattr(self, each.name), each.default))


def coerce_type(name: str, value: Any, default: Any) -> Any:
    """Return *value* converted to the type of *default*.

    Raises:
        ValueError: the types do not match; the message names the setting.
    """
    kind = type(default)
    if issubclass(kind, StrEnum):
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{name} must be one of {', '.join(kind)}, not {value!r}") from None
    if kind is float and type(value) is int:
        return float(value)
    if kind in _TYPE_NAMES and type(value) is not kind:
        raise ValueError(f"{name} must be {_TYPE_NAMES[kind]}, not {value!r}")
    return value


_TYPE_NAMES: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a string"}
