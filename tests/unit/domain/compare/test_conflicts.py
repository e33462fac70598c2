"""Which lost updates would overwrite what somebody did since."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.domain.compare.conflicts import comparable_fields, conflict_rejection, is_overwritten_change
from bulkzoho.domain.model.rows import Stage
from tests.unit.domain.crm_samples import LEADS

ME, ANOTHER = "571", "572"
LEFT_S = 800.6  # when the lost call left
SENT = {"id": "1", "Company": "Acme", "No_of_Employees": 12}


def held(seconds: int, by: str | None = ME, **values: Any) -> dict[str, Any]:
    moment = f"1970-01-01T00:{seconds // 60:02}:{seconds % 60:02}+00:00"
    return {"id": "1", "Modified_Time": moment, "Modified_By": {"id": by}, "Company": "Acme", "No_of_Employees": 12, **values}


def clash(now: dict[str, Any], *, user_id: str | None = ME) -> bool:
    return is_overwritten_change(SENT, now, LEADS, since_s=LEFT_S, user_id=user_id)


@pytest.mark.parametrize("now", [held(799, ANOTHER, Company="Other"), held(700, Company="Other")])
def test_what_was_changed_before_is_there_to_be_overwritten(now: dict[str, Any]) -> None:
    assert not clash(now)


@pytest.mark.parametrize("now", [held(800), held(900), held(900, ANOTHER), held(900, City="Oslo")])
def test_a_record_that_is_what_was_sent_may_be_sent_again(now: dict[str, Any]) -> None:
    assert not clash(now)


def test_what_another_user_changed_since_the_call_left_is_a_conflict() -> None:
    assert clash(held(800, ANOTHER, Company="Other"))
    assert clash(held(900, ANOTHER, No_of_Employees=13))


def test_what_this_user_changed_is_a_conflict_once_no_earlier_row_can_have_done_it() -> None:
    assert not clash(held(802, Company="Other"))
    assert clash(held(803, Company="Other"))


@pytest.mark.parametrize("by", [ANOTHER, None])
def test_where_the_user_is_not_known_only_the_time_tells(by: str | None) -> None:
    assert not clash(held(801, by, Company="Other"), user_id=None)
    assert clash(held(803, by, Company="Other"), user_id=None)


def test_a_record_that_does_not_say_when_it_was_changed_is_no_conflict() -> None:
    assert not clash({**held(900, Company="Other"), "Modified_Time": None})


def test_a_field_that_could_not_be_read_is_not_compared() -> None:
    now = held(900)
    del now["Company"]

    assert not clash(now)


def test_a_conflict_names_fields_and_no_values() -> None:
    refusal = conflict_rejection(SENT, held(900, Company="Other"), LEADS)

    assert (refusal.code, refusal.stage, refusal.field) == ("CONFLICT", Stage.CHECK, "Company")
    assert refusal.details == {"fields": ["Company"], "modified_time": "1970-01-01T00:15:00+00:00"}


def test_only_fields_with_a_single_value_are_asked_for() -> None:
    assert comparable_fields({"id": "1", "Company": "A", "Nonsense": 1, "Parent_Account": {"id": "5"}}, LEADS) == [
        "Company",
        "Parent_Account",
    ]
