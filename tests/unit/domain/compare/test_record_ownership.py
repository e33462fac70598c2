"""Who created a record, and when."""

from __future__ import annotations

from typing import Any

import pytest

from bulkzoho.domain.compare.record_ownership import CreationWindow, RecordOwnership, creation_window, ownership_of
from tests.unit.domain.compare.lookup_samples import at

WINDOW = CreationWindow(start_s=1_000.0, end_s=1_182.0)


def test_the_window_is_in_the_service_s_time_and_begins_two_seconds_before_the_request() -> None:
    assert creation_window(900.5, skews_s=[101.2], call_ends_after_s=180.0) == CreationWindow(start_s=999.0, end_s=1184.0)


def test_the_window_covers_both_times_of_a_clock_that_was_set() -> None:
    back_an_hour = [101.2, 3_701.2]

    assert creation_window(900.5, skews_s=back_an_hour, call_ends_after_s=180.0) == CreationWindow(start_s=999.0, end_s=4784.0)


@pytest.mark.parametrize(
    ("created", "creator", "known", "expected"),
    [
        (at(1000), {"id": "7"}, False, RecordOwnership.OURS),
        (at(1182), {"id": "7", "name": "Ana"}, False, RecordOwnership.OURS),
        (at(1100), "7", False, RecordOwnership.OURS),
        (at(999), {"id": "7"}, False, RecordOwnership.EARLIER),
        (at(1183), {"id": "7"}, False, RecordOwnership.EARLIER),
        (at(1100), {"id": "8"}, False, RecordOwnership.OTHERS),
        (at(1100), {"id": "7"}, True, RecordOwnership.OTHERS),
        (at(1100), None, False, RecordOwnership.UNKNOWN),
        (None, {"id": "7"}, False, RecordOwnership.UNKNOWN),
        ("yesterday", {"id": "7"}, False, RecordOwnership.UNKNOWN),
        ("1970-01-01T00:17:00", {"id": "7"}, False, RecordOwnership.UNKNOWN),
    ],
)
def test_a_record_is_ours_if_this_user_created_it_in_the_window_and_no_row_has_it(
    created: str | None, creator: Any, known: bool, expected: RecordOwnership
) -> None:
    held = {"id": "1", "Created_Time": created, "Created_By": creator}

    assert ownership_of(held, WINDOW, user_id="7", is_known=known) is expected


def test_every_record_of_the_window_counts_if_the_user_is_unknown() -> None:
    held = {"id": "1", "Created_Time": at(1100)}

    assert ownership_of(held, WINDOW, user_id=None, is_known=False) is RecordOwnership.OURS
