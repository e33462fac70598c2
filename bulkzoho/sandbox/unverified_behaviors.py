"""The switches: one for each behaviour that no page of Zoho's proves; the default forgives a client less."""

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
    "of_its_type",
]


class HandlingBehavior(StrEnum):
    """What happens to something that the documentation is silent about."""

    REFUSE = "refuse"
    IGNORE = "ignore"


class DuplicateKeysBehavior(StrEnum):
    """What becomes of two new records with one key in one upsert call, or in one file of a bulk write."""

    SEQUENTIAL = "sequential"  #: the first is inserted, the second updates it
    INSERT_BOTH = "insert_both"  #: two inserts, where no unique field forbids it
    REFUSE = "refuse"  #: the second is DUPLICATE_DATA


class EmojiBehavior(StrEnum):
    """What becomes of characters that take four bytes in UTF-8."""

    KEEP = "keep"
    REPLACE = "replace"  #: each becomes a question mark
    REFUSE = "refuse"  #: INVALID_DATA


class CoqlQuotesBehavior(StrEnum):
    """How a quote within a text of COQL is written."""

    BACKSLASH = "backslash"
    DOUBLED = "doubled"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedBehavior:
    """All switches.  Where the fact sheet itself names what a stand-in should do, that is the default.

    Raises:
        ValueError: a value is not of its switch's kind; the message names both.
    """

    # records (zoho-api, section 5)
    duplicate_keys: DuplicateKeysBehavior = (
        DuplicateKeysBehavior.SEQUENTIAL
    )  #: equal keys in one upsert, or in one file of a bulk write
    unknown_fields: HandlingBehavior = HandlingBehavior.REFUSE  #: keys that the module does not have
    read_only_fields: HandlingBehavior = HandlingBehavior.REFUSE  #: keys that the API may not write
    several_matches: HandlingBehavior = (
        HandlingBehavior.REFUSE
    )  #: an upsert key that several records have; else the oldest is taken
    same_record_twice: HandlingBehavior = HandlingBehavior.REFUSE  #: one id twice in one update; else both are done, in order
    upsert_by_id: bool = True  #: a record with an id is updated by it; else the id is not looked at
    upsert_without_key: HandlingBehavior = (
        HandlingBehavior.IGNORE
    )  #: a record whose check fields are empty is inserted; else refused
    system_keys_unique: bool = False  #: e-mail or name refuse a plain insert too, unique or not
    deleted_keys_stay_taken: bool = True  #: a unique value in the recycle bin refuses new records
    purged_names: bool = False  #: records gone for good are listed with the name that they had
    all_errors: bool = False  #: a record with several errors gets MULTIPLE_OR_MULTI_ERRORS; else the first one found
    short_error_details: bool = False  #: details of a refused record without json_path, as v2 is said to send
    malformed_id_status: int = 400  #: of an id in the path that is none: 400, 404 or (for reading) 204
    ids_on_list: int = 100  #: how many ``ids`` a list call takes

    # values (section 6.1)
    empty_text_on_typed_fields: HandlingBehavior = HandlingBehavior.REFUSE  #: ``""`` for a number, date, lookup; else it clears
    numbers_as_text: HandlingBehavior = HandlingBehavior.REFUSE  #: ``"12"`` for a number; else it is read as one
    phone_pattern: bool = True  #: telephone numbers hold digits, letters, ``+ ( ) . -`` and blanks only
    unlisted_picklist_values: HandlingBehavior = (
        HandlingBehavior.REFUSE
    )  #: else they are taken as text, even by a restricted list
    owners_by_email: HandlingBehavior = HandlingBehavior.REFUSE  #: ``{"email": ...}`` for an owner; else the user is found by it
    clearing_code: str = "MANDATORY_NOT_FOUND"  #: of clearing a mandatory field; INVALID_DATA is possible
    trims_text: bool = True  #: blanks at both ends are cut off
    emoji: EmojiBehavior = EmojiBehavior.KEEP  #: characters of four bytes; "acceptance varies" is all that is told
    escaped_entities: bool = False  #: ``&``, ``<`` and ``>`` come back as entities of HTML
    bigint_as_text: bool = True  #: in answers; else a number

    # the envelope (sections 2 and 3)
    wrapped_errors: bool = False  #: whole-call errors come inside ``data``
    partial_success_status: int = 207  #: 207, or 200 or 202 as older versions are said to do
    upsert_insert_status: int = 200  #: 200, or 201 when everything was inserted
    fields_required_on_list: bool = True  #: ``fields`` is mandatory on the list call
    wrong_method_status: int = 400  #: 400 or 405
    scope_mismatch_status: int = 401  #: 401 or 403
    quota_named: bool = False  #: the text of a 429 tells which quota it was
    rate_limit_headers: bool = False  #: X-RATELIMIT-LIMIT, -REMAINING and -RESET, as of old
    oauth_error_status: int = 200  #: of errors of the accounts server, but for the throttle; 400 and 401 are possible
    revoke_error_status: int = 400  #: of revoking what is no refresh token
    throttle_status_key: bool = False  #: the throttle's answer has ``"status": "failure"``
    client_credentials_throttled: bool = True  #: tokens for a client's own credentials count in the throttle
    scope_in_grants: bool = True  #: answers with a token tell its scopes, as newer ones do
    rights_in_metadata: bool = True  #: what the user may not do is false in the list of modules (creatable, editable, deletable)

    # prices (section 4)
    failed_calls_cost: bool = True  #: refused calls, 204 and 304 cost credits
    refused_calls_use_quota: bool = False  #: a call answered 429 counts in the windows of calls, which are no facts of Zoho's
    search_credits: int = 3  #: 1 or 3
    sorted_list_credits: int = 3  #: of a list with ``sort_by``; 1 or 3
    count_credits: int = 1
    deleted_credits: int = 2  #: of the list of deleted records; 1 or 2
    bulk_step_credits: int = 1  #: of upload, status and download; 0 or 1
    bulk_jobs_are_heavy: bool = True  #: to start one counts as a heavy call

    # COQL (section 7)
    coql_where_required: bool = True  #: a query without WHERE is refused
    coql_default_limit: int = 200  #: rows of a query without LIMIT
    coql_rows: int = 2_000  #: of one call; 200 in older versions
    coql_fields: int = 50  #: selected; 50 or 500
    coql_joins: int = 2  #: lookups one after the other; 2 or 5
    coql_quotes: CoqlQuotesBehavior = CoqlQuotesBehavior.BACKSLASH
    coql_hides_converted: bool = True  #: converted leads show only to a query about ``Converted__s``
    coql_star: bool = False  #: ``select *`` gives all fields
    coql_any_case_names: bool = False  #: names of modules and fields in any case
    coql_any_case_aggregates: bool = False  #: ``sum`` for ``SUM``; keywords are taken in any case anyway

    # bulk jobs (sections 8 and 9)
    bulk_module_as_text: HandlingBehavior = HandlingBehavior.REFUSE  #: ``"module": "Leads"``, as v2 took it
    bulk_jobs_at_once: int = 0  #: unfinished jobs of a kind; 0 means any number, for no page names one
    bulk_read_pages: bool = False  #: ``page`` reaches beyond the first 200,000 records; else only the token does
    id_header: str = "Id"  #: of the id's column in a bulk read's file
    bulk_read_us_dates: bool = False  #: in a bulk read's file: MM/dd/yyyy HH:mm:ss; else ISO 8601
    bulk_read_capital_booleans: bool = False  #: TRUE and FALSE in a bulk read's file
    bulk_read_quotes_all: bool = False  #: every cell of a bulk read's file is quoted
    bulk_read_bom: bool = False  #: a bulk read's file begins with a byte order mark
    csv_size_limited: bool = True  #: the 25 MB concern the CSV in the zip too
    duplicate_headers: HandlingBehavior = HandlingBehavior.REFUSE  #: in a bulk write's file
    blank_lines: HandlingBehavior = (
        HandlingBehavior.REFUSE
    )  #: in a bulk write's file they are rows that are skipped; else no rows at all
    digits_as_booleans: HandlingBehavior = HandlingBehavior.REFUSE  #: ``1`` and ``0`` in a bulk write's file
    unmatched_code: str = "RESOURCE_NOT_FOUND"  #: of a row that updates nothing
    lower_case_status: bool = False  #: ``added`` in a bulk write's result, else ``ADDED``
    shuffled_results: bool = True  #: rows of a bulk write's result come in another order than the file's
    relative_download_url: bool = False  #: of a bulk write's result: relative to the API, else absolute
    callback_tries: int = 1  #: how often a callback is posted that nobody takes

    def __post_init__(self) -> None:
        """Take the words of JSON for the members of the enums."""
        for each in fields(self):
            object.__setattr__(self, each.name, of_its_type(f"strict.{each.name}", getattr(self, each.name), each.default))


def of_its_type(name: str, value: Any, default: Any) -> Any:
    """Give *value* as the kind of thing that *default* is.

    Raises:
        ValueError: it is another kind of thing; the message names the setting.
    """
    kind = type(default)
    if issubclass(kind, StrEnum):
        try:
            return kind(value)
        except ValueError:
            raise ValueError(f"{name} is one of {', '.join(kind)}, not {value!r}") from None
    if kind is float and type(value) is int:
        return float(value)
    if kind in _WORDS and type(value) is not kind:
        raise ValueError(f"{name} is {_WORDS[kind]}, not {value!r}")
    return value


_WORDS: dict[type, str] = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
