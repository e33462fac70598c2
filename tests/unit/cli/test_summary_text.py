"""The summary that a person reads."""

from __future__ import annotations

import json
from pathlib import Path

from bulkzoho.cli.rejection_counts import count_rejections
from bulkzoho.cli.summary_text import summary_page
from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.summary import Summary
from bulkzoho.errors import ExitCode


def _summary(letters: Path, **changes: object) -> Summary:
    facts: dict[str, object] = {
        "run": "20261124-101500-leads-7f3a",
        "command": "import",
        "crm_module": "Leads",
        "operation": Operation.UPSERT,
        "route": "records",
        "status": RunStatus.COMPLETED,
        "exit_code": ExitCode.DEAD_LETTERS,
        "tally": RowCounts(read=1000, created=900, updated=90, dead_lettered=10),
        "calls": CallCounts(total=12, retried=1, throttled=1, credits=100),
        "seconds": 7.1,
        "plan": "enterprise",
        "calls_per_minute": 500,
        "used_share": 0.99,
        "bound": "calls in flight",
        "org": "650000001",
        "input_complete": True,
        "dead_letter": str(letters),
        "results": "/home/runs/x/results.jsonl",
        "in_doubt_file": None,
        "next": f"bulkzoho replay {letters}",
        "crm_before": 5,
        "crm_after": 905,
    }
    return Summary(**{**facts, **changes})  # type: ignore[arg-type]  # the facts above are of the right types


def test_the_page_adds_up_and_ends_with_the_next_command(tmp_path: Path) -> None:
    letters = tmp_path / "dead-letter.jsonl"
    lines = [{"code": "INVALID_DATA", "field": "Email"}] * 7 + [{"code": "MANDATORY_NOT_FOUND", "field": None}] * 3
    letters.write_text("".join(json.dumps({"v": 1, **line, "record": {"code": "X"}}) + "\n" for line in lines))

    page = summary_page(_summary(letters)).splitlines()

    assert page[0] == "import 20261124-101500-leads-7f3a (upsert into Leads) completed after 7.1 s, 139 records/s"
    assert page[2:7] == [
        "    rows read       1,000",
        "  = accepted          990  (900 created, 90 updated)",
        "  + dead letters       10",
        "  + in doubt            0",
        "  + unsent              0",
    ]
    assert "         7  INVALID_DATA (Email)" in page
    assert "         3  MANDATORY_NOT_FOUND" in page
    assert page[-2:] == [
        "As they stand the letters would be refused again: mend them, then",
        f"Next: bulkzoho replay {letters}",
    ]


def test_a_page_with_nothing_left_to_do_has_no_next_command(tmp_path: Path) -> None:
    page = summary_page(_summary(tmp_path / "none", next="", tally=RowCounts(read=5, created=5), exit_code=ExitCode.ACCEPTED))

    assert "Next" not in page
    assert "Dead letters" not in page


def test_letters_that_were_settled_before_are_a_term_of_the_sum(tmp_path: Path) -> None:
    page = summary_page(_summary(tmp_path / "none", tally=RowCounts(read=5, created=2, already_settled=3)))

    assert "  + already settled 3  (accepted by an earlier replay, or refused as they stand)" in page


def test_reasons_that_are_not_named_are_counted(tmp_path: Path) -> None:
    letters = tmp_path / "d.jsonl"
    letters.write_text("".join(f'{{"code":"C{n}","field":null}}\n' for n in range(12) for _ in range(20 - n)))

    page = summary_page(_summary(letters)).splitlines()

    assert "        13  C7" in page
    assert page[page.index("        13  C7") + 1] == "        42  for 4 other reasons"


def test_codes_are_counted_in_csv_letters_too(tmp_path: Path) -> None:
    letters = tmp_path / "d.csv"
    letters.write_text('Name,bulkzoho_code,bulkzoho_field\n"a\nb",INVALID_DATA,Email\nc,INVALID_DATA,Email\nd,DUPLICATE_DATA,\n')

    assert count_rejections(str(letters)) == [("INVALID_DATA", "Email", 2), ("DUPLICATE_DATA", "", 1)]


def test_letters_that_cannot_be_read_have_no_codes(tmp_path: Path) -> None:
    assert count_rejections(str(tmp_path / "missing.jsonl")) == []
