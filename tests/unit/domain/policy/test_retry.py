"""The table of a batch's life, cell by cell."""

from __future__ import annotations

import pytest

from bulkzoho.domain.model.responses import Rejected, ResponseLost, Succeeded
from bulkzoho.domain.model.results import WriteResults
from bulkzoho.domain.model.rows import Action, Stage
from bulkzoho.domain.policy.retry import AbortRun, MarkInDoubt, RejectRow, SettleRows, SplitBatch, judge
from bulkzoho.errors import ExitCode


def refused(status: int, code: str, **details: object) -> Rejected:
    return Rejected(status=status, code=code, message="said the CRM", details=details)


def test_results_are_settled_row_by_row() -> None:
    """2xx, 207 and 400 with ``data`` alike."""
    results = WriteResults(ids=["1", "2"], actions=Action.INSERT)

    assert judge(Succeeded(results=results), records=2, crm_module="Leads") == SettleRows(results)


@pytest.mark.parametrize("reply", [ResponseLost(reason="reset"), Succeeded()])
def test_an_answer_that_tells_nothing_is_a_doubt(reply: ResponseLost | Succeeded) -> None:
    """Never a guess."""
    assert isinstance(judge(reply, records=2, crm_module="Leads"), MarkInDoubt)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "INVALID_DATA"), (413, "REQUEST_ENTITY_TOO_LARGE"), (400, "UNABLE_TO_PARSE_DATA_TYPE")]
)
def test_a_refused_call_is_halved_until_a_row_stands_alone(status: int, code: str) -> None:
    """Several rows: split.  One row: it is to blame."""
    assert judge(refused(status, code), records=2, crm_module="Leads") == SplitBatch()

    verdict = judge(refused(status, code, api_name="Email"), records=1, crm_module="Leads")

    assert isinstance(verdict, RejectRow)
    assert (verdict.refusal.code, verdict.refusal.stage, verdict.refusal.field) == (code, Stage.CRM, "Email")


@pytest.mark.parametrize(
    ("status", "code", "says"),
    [
        (401, "OAUTH_SCOPE_MISMATCH", "scope"),
        (403, "NO_PERMISSION", "role"),
        (400, "AUTHORIZATION_FAILED", "role"),
        (401, "SOMETHING_NEW", "access token"),
    ],
)
def test_missing_scope_permission_or_token_ends_the_run_by_name(status: int, code: str, says: str) -> None:
    """Exit 6, naming which of them it is."""
    verdict = judge(refused(status, code), records=100, crm_module="Leads")

    assert isinstance(verdict, AbortRun)
    assert verdict.error.exit_code is ExitCode.ACCESS
    assert says in verdict.error.message


@pytest.mark.parametrize(("status", "code"), [(404, "INVALID_URL_PATTERN"), (400, "INVALID_MODULE"), (415, "X")])
def test_what_no_choice_of_rows_can_cure_ends_the_run(status: int, code: str) -> None:
    """Exit 1; the rows stay unsent."""
    verdict = judge(refused(status, code), records=100, crm_module="Leads")

    assert isinstance(verdict, AbortRun)
    assert verdict.error.exit_code is ExitCode.FAILED


def test_the_missing_permission_is_named() -> None:
    """As the CRM names it in ``details.permissions``."""
    verdict = judge(refused(403, "NO_PERMISSION", permissions=["Crm_Implied_Create_Leads"]), records=1, crm_module="Leads")

    assert isinstance(verdict, AbortRun)
    assert "Crm_Implied_Create_Leads" in verdict.error.message
