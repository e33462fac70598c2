"""What to do about the answer to a batch: the table of a batch's life, as one pure function.

Replies after which the same call may simply be made again (429, a dead token, nothing left) never come here: the courier deals
with them, alike for reads and writes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from bulkzoho.domain.model.responses import Rejected, ResponseLost, Succeeded
from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.rows import Stage
from bulkzoho.errors import AccessError, BulkZohoError, RunFailedError

__all__ = ["AbortRun", "MarkInDoubt", "RejectRow", "SettleRows", "SplitBatch", "Verdict", "access_error", "judge"]

# codes that no other choice of rows can cure (zoho-api 3.4; "whole" codes about module, URL, method or feature)
_HOPELESS: Final = frozenset({
    "API_NOT_SUPPORTED",
    "FEATURE_NOT_SUPPORTED",
    "INVALID_MODULE",
    "INVALID_REQUEST_METHOD",
    "INVALID_URL_PATTERN",
    "MEDIA_TYPE_NOT_SUPPORTED",
    "NOT_SUPPORTED",
    "REQUIRED_PARAM_MISSING",
})  # fmt: skip
_ACCESS: Final = frozenset({"AUTHORIZATION_FAILED", "NO_PERMISSION", "OAUTH_SCOPE_MISMATCH"})


@dataclass(frozen=True, slots=True)
class SettleRows:
    """Each record has its result."""

    results: WriteResults


@dataclass(frozen=True, slots=True)
class SplitBatch:
    """The call was refused for the sake of some record: send it in halves."""


@dataclass(frozen=True, slots=True)
class RejectRow:
    """The call was refused and held one record: that record is to blame."""

    refusal: Rejection


@dataclass(frozen=True, slots=True)
class MarkInDoubt:
    """It may or may not have been done."""

    reason: str


@dataclass(frozen=True, slots=True)
class AbortRun:
    """Nothing was done, and no later call would fare better."""

    error: BulkZohoError


Verdict = SettleRows | SplitBatch | RejectRow | MarkInDoubt | AbortRun


def judge(reply: Succeeded | Rejected | ResponseLost, *, records: int, crm_module: str) -> Verdict:
    """Decide on the answer to a call that carried *records* records for *crm_module*."""
    match reply:
        case Succeeded(results=WriteResults() as results):
            return SettleRows(results)
        case Succeeded():
            return MarkInDoubt("the answer had no results")
        case ResponseLost(reason=reason):
            return MarkInDoubt(reason)
        case Rejected():
            return _judge_refused(reply, records=records, crm_module=crm_module)


def _judge_refused(reply: Rejected, *, records: int, crm_module: str) -> Verdict:
    if reply.access_denied or reply.code in _ACCESS:
        return AbortRun(access_error(reply, doing=f"writing to {crm_module}"))
    if reply.status in (404, 405, 415) or reply.code in _HOPELESS:  # 415: the API's own words for our Content-Type
        return AbortRun(
            RunFailedError(
                f"the CRM refuses every call for {crm_module} ({reply.code}: {reply.message}).",
                hint="See that the module can be written by the API, then resume.",
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
    """Say which of scope, permission and token it is, and what to do."""
    if reply.code == "OAUTH_SCOPE_MISMATCH":
        return AccessError(
            f"the token lacks a scope for {doing} (OAUTH_SCOPE_MISMATCH).",
            hint="Make a new refresh token with ZohoCRM.modules.ALL, ZohoCRM.settings.ALL, ZohoCRM.coql.READ, ZohoCRM.org.READ"
            " and ZohoCRM.users.READ, then resume.",
            code=reply.code,
        )
    if reply.status == 403 or reply.code in _ACCESS:  # noqa: PLR2004  the status itself
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
