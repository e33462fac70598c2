"""What an export with ``--since last`` remembers for the next one."""

from __future__ import annotations

import pytest

from bulkzoho.assembly.export_state import Edge
from bulkzoho.model.export import Page

BOUND = "2026-03-01T12:00:00+00:00"


@pytest.mark.parametrize(
    ("moment", "remembered"),
    [
        ("2026-03-01T11:57:59+00:00", False),
        ("2026-03-01T11:58:00+00:00", True),
        ("2026-03-01T13:59:57+02:00", True),
        ("2026-03-01T11:59:58+00:00", False),
        ("2026-03-01T12:00:01+00:00", False),
    ],
    ids=["before the overlap", "its first second", "its last settled second", "may change under that time", "while it ran"],
)
@pytest.mark.parametrize("column", ["Modified_Time", "bulkzoho_deleted"])
def test_what_can_change_no_more_under_its_time_is_remembered(column: str, moment: str, *, remembered: bool) -> None:
    edge = Edge.of(BOUND, {})
    page = Page.of([{"id": "1", column: moment}], position={}, done=True)

    given = edge.only_new(page)

    assert len(given) == 1
    assert edge.gathered == ({"1": moment} if remembered else {})


def test_what_the_last_export_gave_comes_again_when_its_time_is_another() -> None:
    edge = Edge.of(BOUND, {"1": BOUND, "2": BOUND})
    changed = "2026-03-01T12:00:05+00:00"
    page = Page.of([{"id": "1", "Modified_Time": BOUND}, {"id": "2", "Modified_Time": changed}], position={}, done=True)

    assert edge.only_new(page).column("id") == ["2"]
