"""The summary for a person."""

from __future__ import annotations

import json
from pathlib import Path

from bulkzoho.cli.rejection_counts import count_rejections
from bulkzoho.cli.summary_text import summary_text
from bulkzoho.domain.model.progress import CallCounts
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.run import RunStatus
from bulkzoho.domain.model.summary import Summary
from bulkzoho.errors import ExitCode


def _summary(dead_letter_file: Path, **changes: object) -> Summary:
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
        "dead_letter": str(dead_letter_file),
        "results": "/home/runs/x/results.jsonl",
        "in_doubt_file": None,
        "next": f"bulkzoho replay {dead_letter_file}",
        "crm_before": 5,
        "crm_after": 905,
    }
    return Summary(**{**facts, **changes})  # type: ignore[arg-type]  # the facts above are of the right types


def test_the_summary_adds_up_and_ends_with_the_next_command(tmp_path: Path) -> None:
    dead_letter_file = tmp_path / "dead-letter.jsonl"
    lines = [{"code": "INVALID_DATA", "field": "Email"}] * 7 + [{"code": "MANDATORY_NOT_FOUND", "field": None}] * 3
    dead_letter_file.write_text("".join(json.dumps({"v": 1, **line, "record": {"code": "X"}}) + "\n" for line in lines))

    text = summary_text(_summary(dead_letter_file)).splitlines()

    assert text[0] == "import 20261124-101500-leads-7f3a (upsert into Leads): completed after 7.1 s, 139 records/s"
    assert text[2:7] == [
        "    rows read       1,000",
        "  = accepted          990  (900 created, 90 updated)",
        "  + rejected           10",
        "  + in doubt            0",
        "  + unsent              0",
    ]
    assert "API calls: 12 (1 retried, 1 rate-limited), 100 credits" in text
    assert "Limited by: concurrent API calls (99 % used); plan enterprise, 500 calls per minute" in text
    assert "Leads in the CRM: 5 before, 905 after" in text
    assert "         7  INVALID_DATA (Email)" in text
    assert "         3  MANDATORY_NOT_FOUND" in text
    assert text[-2:] == [
        "Fix the rejected rows, then run:",
        f"Next: bulkzoho replay {dead_letter_file}",
    ]


def test_a_finished_run_has_no_next_command(tmp_path: Path) -> None:
    text = summary_text(_summary(tmp_path / "none", next="", tally=RowCounts(read=5, created=5), exit_code=ExitCode.ACCEPTED))

    assert "Next" not in text
    assert "Rejected rows" not in text


def test_rows_that_an_earlier_replay_finished_are_part_of_the_sum(tmp_path: Path) -> None:
    text = summary_text(_summary(tmp_path / "none", tally=RowCounts(read=5, created=2, already_settled=3)))

    assert "  + already done    3  (accepted by an earlier replay, or rejected and unchanged)" in text


def test_rare_reasons_are_summed_up(tmp_path: Path) -> None:
    dead_letter_file = tmp_path / "d.jsonl"
    dead_letter_file.write_text("".join(f'{{"code":"C{n}","field":null}}\n' for n in range(12) for _ in range(20 - n)))

    text = summary_text(_summary(dead_letter_file)).splitlines()

    assert "        13  C7" in text
    assert text[text.index("        13  C7") + 1] == "        42  for 4 other reasons"


def test_codes_are_counted_in_csv_files_too(tmp_path: Path) -> None:
    dead_letter_file = tmp_path / "d.csv"
    dead_letter_file.write_text(
        'Name,bulkzoho_code,bulkzoho_field\n"a\nb",INVALID_DATA,Email\nc,INVALID_DATA,Email\nd,DUPLICATE_DATA,\n'
    )

    assert count_rejections(str(dead_letter_file)) == [("INVALID_DATA", "Email", 2), ("DUPLICATE_DATA", "", 1)]


def test_a_missing_file_has_no_codes(tmp_path: Path) -> None:
    assert count_rejections(str(tmp_path / "missing.jsonl")) == []
