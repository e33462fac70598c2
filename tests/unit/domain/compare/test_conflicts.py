"""Updates without a response that would overwrite a later change."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.domain.compare.conflicts import comparable_fields, conflict_rejection, is_overwritten_change
from bulkzoho.domain.model.rows import Stage
from tests.unit.domain.crm_samples import LEADS

ME, ANOTHER = "571", "572"
SENT_S = 800.6  # when the request was sent
SENT = {"id": "1", "Company": "Acme", "No_of_Employees": 12}


def held(seconds: int, by: str | None = ME, **values: Any) -> dict[str, Any]:
    moment = f"1970-01-01T00:{seconds // 60:02}:{seconds % 60:02}+00:00"
    return {"id": "1", "Modified_Time": moment, "Modified_By": {"id": by}, "Company": "Acme", "No_of_Employees": 12, **values}


def is_conflict(now: dict[str, Any], *, user_id: str | None = ME) -> bool:
    return is_overwritten_change(SENT, now, LEADS, since_s=SENT_S, user_id=user_id)


@pytest.mark.parametrize("now", [held(799, ANOTHER, Company="Other"), held(700, Company="Other")])
def test_an_earlier_change_is_no_conflict(now: dict[str, Any]) -> None:
    assert not is_conflict(now)


@pytest.mark.parametrize("now", [held(800), held(900), held(900, ANOTHER), held(900, City="Oslo")])
def test_a_record_with_the_values_sent_is_no_conflict(now: dict[str, Any]) -> None:
    assert not is_conflict(now)


def test_a_change_by_another_user_since_the_request_is_a_conflict() -> None:
    assert is_conflict(held(800, ANOTHER, Company="Other"))
    assert is_conflict(held(900, ANOTHER, No_of_Employees=13))


def test_a_change_by_this_user_is_a_conflict_once_no_earlier_row_can_have_made_it() -> None:
    assert not is_conflict(held(802, Company="Other"))
    assert is_conflict(held(803, Company="Other"))


@pytest.mark.parametrize("by", [ANOTHER, None])
def test_only_the_time_decides_if_the_user_is_unknown(by: str | None) -> None:
    assert not is_conflict(held(801, by, Company="Other"), user_id=None)
    assert is_conflict(held(803, by, Company="Other"), user_id=None)


def test_a_record_without_a_time_of_change_is_no_conflict() -> None:
    assert not is_conflict({**held(900, Company="Other"), "Modified_Time": None})


def test_a_field_that_could_not_be_read_is_not_compared() -> None:
    now = held(900)
    del now["Company"]

    assert not is_conflict(now)


def test_a_conflict_names_fields_but_no_values() -> None:
    rejection = conflict_rejection(SENT, held(900, Company="Other"), LEADS)

    assert (rejection.code, rejection.stage, rejection.field) == ("CONFLICT", Stage.CHECK, "Company")
    assert rejection.details == {"fields": ["Company"], "modified_time": "1970-01-01T00:15:00+00:00"}


def test_only_fields_with_a_single_value_are_compared() -> None:
    assert comparable_fields({"id": "1", "Company": "A", "Nonsense": 1, "Parent_Account": {"id": "5"}}, LEADS) == [
        "Company",
        "Parent_Account",
    ]
