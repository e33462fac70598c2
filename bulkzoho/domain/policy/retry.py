"""Decide what to do after a response: the retry delay, and the next step for a batch.  Pure.

Responses after which the same call may simply be repeated (429, an expired token, nothing sent) never reach :func:`judge`:
:class:`bulkzoho.engine.concurrency.retrying_caller.RetryingCaller` handles them, for reads and writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.responses import Rejected, ResponseLost, Succeeded
from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.rows import Stage
from bulkzoho.errors import AccessError, BulkZohoError, RunFailedError

__all__ = [
    "MAX_DELAY_S",
    "AbortRun",
    "MarkInDoubt",
    "RejectRow",
    "SettleRows",
    "SplitBatch",
    "Verdict",
    "access_error",
    "delay_s",
    "judge",
]

FIRST_DELAY_S: Final = 1.0
MAX_DELAY_S: Final = 60.0

# codes that no other choice of rows can avoid (zoho-api 3.4; "whole" codes about module, URL, method or feature)
_MODULE_CODES: Final = frozenset({
    "API_NOT_SUPPORTED",
    "FEATURE_NOT_SUPPORTED",
    "INVALID_MODULE",
    "INVALID_REQUEST_METHOD",
    "INVALID_URL_PATTERN",
    "MEDIA_TYPE_NOT_SUPPORTED",
    "NOT_SUPPORTED",
    "REQUIRED_PARAM_MISSING",
})  # fmt: skip
_ACCESS_CODES: Final = frozenset({"AUTHORIZATION_FAILED", "NO_PERMISSION", "OAUTH_SCOPE_MISMATCH"})


def delay_s(attempt: int, *, jitter: float) -> float:
    """Return the seconds to wait before attempt number *attempt* + 1: 1, 2, 4 ... capped at 60, the upper half random.

    Args:
        attempt: Attempts made so far, from 1.
        jitter: A number from 0.0 to 1.0; different for each sender, so that they do not retry together.
    """
    full = min(MAX_DELAY_S, FIRST_DELAY_S * 2.0 ** min(attempt - 1, 16))
    return full * (0.5 + 0.5 * jitter)


@dataclass(frozen=True, slots=True)
class SettleRows:
    """Each record has its result."""

    results: WriteResults


@dataclass(frozen=True, slots=True)
class SplitBatch:
    """The CRM rejected the whole call because of some record: send it in halves."""


@dataclass(frozen=True, slots=True)
class RejectRow:
    """The CRM rejected a call with one record: reject that record."""

    rejection: Rejection


@dataclass(frozen=True, slots=True)
class MarkInDoubt:
    """The call may or may not have been executed."""

    reason: str


@dataclass(frozen=True, slots=True)
class AbortRun:
    """The call was not executed, and no later call can succeed."""

    error: BulkZohoError


Verdict = SettleRows | SplitBatch | RejectRow | MarkInDoubt | AbortRun


def judge(reply: Succeeded | Rejected | ResponseLost, *, records: int, crm_module: str) -> Verdict:
    """Decide what follows from the response to a call that carried *records* records for *crm_module*."""
    match reply:
        case Succeeded(results=WriteResults() as results):
            return SettleRows(results)
        case Succeeded():
            return MarkInDoubt("the response had no results")
        case ResponseLost(reason=reason):
            return MarkInDoubt(reason)
        case Rejected():
            return _judge_rejected(reply, records=records, crm_module=crm_module)


def _judge_rejected(reply: Rejected, *, records: int, crm_module: str) -> Verdict:
    if reply.access_denied or reply.code in _ACCESS_CODES:
        return AbortRun(access_error(reply, doing=f"writing to {crm_module}"))
    if reply.status in (404, 405, 415) or reply.code in _MODULE_CODES:  # 415: the API's own words for our Content-Type
        return AbortRun(
            RunFailedError(
                f"the CRM rejects every call for {crm_module} ({reply.code}: {reply.message}).",
                hint="Check that the module can be written through the API, then resume.",
                code=reply.code,
            )
        )
    if records > 1:
        return SplitBatch()
    return RejectRow(
        Rejection(code=reply.code, message=reply.message, stage=Stage.CRM, details=reply.details, field=_field(reply)),
    )


def _field(reply: Rejected) -> str | None:
    name = reply.details.get("api_name")
    return name if isinstance(name, str) else None


def access_error(reply: Rejected, *, doing: str) -> AccessError:
    """Return the error for missing access: scope, permission or token, with the fix."""
    if reply.code == "OAUTH_SCOPE_MISMATCH":
        return AccessError(
            f"the token lacks a scope for {doing} (OAUTH_SCOPE_MISMATCH).",
            hint="Make a new refresh token with ZohoCRM.modules.ALL, ZohoCRM.settings.ALL, ZohoCRM.coql.READ, ZohoCRM.org.READ"
            " and ZohoCRM.users.READ, then resume.",
            code=reply.code,
        )
    if reply.status == 403 or reply.code in _ACCESS_CODES:  # noqa: PLR2004  the status itself
        wanted = reply.details.get("permissions")
        named = f" ({', '.join(map(str, wanted))})" if isinstance(wanted, list) and wanted else ""
        return AccessError(
            f"the user's role does not permit {doing}{named} ({reply.code}).",
            hint="Have an administrator grant it to the user's profile, then resume.",
            code=reply.code,
        )
    return AccessError(
        f"the CRM does not accept the access token for {doing} ({reply.code}).",
        hint="Check the data center (BULKZOHO_DC) and make a new refresh token, then resume.",
        code=reply.code,
    )
