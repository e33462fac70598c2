"""The next step for a batch, response by response."""

from __future__ import annotations

import pytest

from bulkzoho.domain.model.responses import Rejected, ResponseLost, Succeeded
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.rows import Action, Stage
from bulkzoho.domain.policy.retry import AbortRun, MarkInDoubt, RejectRow, SettleRows, SplitBatch, judge
from bulkzoho.errors import ExitCode


def rejected(status: int, code: str, **details: object) -> Rejected:
    return Rejected(status=status, code=code, message="text of the CRM", details=details)


def test_results_are_settled_row_by_row() -> None:
    """2xx, 207 and 400 with ``data`` alike."""
    results = WriteResults(ids=["1", "2"], actions=Action.INSERT)

    assert judge(Succeeded(results=results), records=2, crm_module="Leads") == SettleRows(results)


@pytest.mark.parametrize("reply", [ResponseLost(reason="reset"), Succeeded()])
def test_a_response_without_results_leaves_the_batch_in_doubt(reply: ResponseLost | Succeeded) -> None:
    """The outcome is never guessed."""
    assert isinstance(judge(reply, records=2, crm_module="Leads"), MarkInDoubt)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "INVALID_DATA"), (413, "REQUEST_ENTITY_TOO_LARGE"), (400, "UNABLE_TO_PARSE_DATA_TYPE")]
)
def test_a_rejected_call_is_split_until_one_row_is_left(status: int, code: str) -> None:
    """Several rows: split.  One row: reject it."""
    assert judge(rejected(status, code), records=2, crm_module="Leads") == SplitBatch()

    verdict = judge(rejected(status, code, api_name="Email"), records=1, crm_module="Leads")

    assert isinstance(verdict, RejectRow)
    assert (verdict.rejection.code, verdict.rejection.stage, verdict.rejection.field) == (code, Stage.CRM, "Email")


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (401, "OAUTH_SCOPE_MISMATCH", "scope"),
        (403, "NO_PERMISSION", "role"),
        (400, "AUTHORIZATION_FAILED", "role"),
        (401, "SOMETHING_NEW", "access token"),
    ],
)
def test_a_missing_scope_permission_or_token_ends_the_run(status: int, code: str, says: str) -> None:
    """Exit 6; the message names which of them is missing."""
    verdict = judge(rejected(status, code), records=100, crm_module="Leads")

    assert isinstance(verdict, AbortRun)
    assert verdict.error.exit_code is ExitCode.ACCESS
    assert says in verdict.error.message


@pytest.mark.parametrize(("status", "code"), [(404, "INVALID_URL_PATTERN"), (400, "INVALID_MODULE"), (415, "X")])
def test_an_error_that_affects_every_row_ends_the_run(status: int, code: str) -> None:
    """Exit 1; the rows stay unsent."""
    verdict = judge(rejected(status, code), records=100, crm_module="Leads")

    assert isinstance(verdict, AbortRun)
    assert verdict.error.exit_code is ExitCode.FAILED


def test_the_missing_permission_is_named() -> None:
    """As the CRM names it in ``details.permissions``."""
    verdict = judge(rejected(403, "NO_PERMISSION", permissions=["Crm_Implied_Create_Leads"]), records=1, crm_module="Leads")

    assert isinstance(verdict, AbortRun)
    assert "Crm_Implied_Create_Leads" in verdict.error.message
