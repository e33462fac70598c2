"""Exit codes and error output of the program."""

from __future__ import annotations

import json
import signal
from importlib import import_module
from pathlib import Path

import click
import pytest

from bulkzoho.cli import main
from bulkzoho.cli.error_output import crash_error, error_line
from bulkzoho.cli.program import COMMANDS, program
from bulkzoho.cli.runs_cmd import runs_table
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.summary import RunListEntry
from bulkzoho.errors import RefusedError


def test_every_command_of_the_help_exists() -> None:
    with click.Context(program) as context:
        for name, entry in COMMANDS.items():
            command = program.get_command(context, name)

            assert command is not None
            assert command.name == name
            assert entry.line.endswith(".")


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["export"],
        ["import"],
        ["import", "--module", "Leads"],
        ["import", "a.csv"],
        ["import", "a.csv", "--module", "Leads", "--nonsense"],
        ["import", "a.csv", "--module", "Leads", "--route", "bulk"],
        ["replay"],
        ["resume", "a", "b"],
        ["runs", "x"],
        ["demo", "x"],
        ["sandbox", "--port", "x"],
        ["--nonsense"],
    ],
)
def test_a_wrong_command_line_exits_with_2_and_a_message_on_standard_error(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    status = main(words)

    captured = capsys.readouterr()
    assert status == 2
    assert captured.out == ""
    assert captured.err.startswith("bulkzoho: " if words else "Usage: ")


def test_a_usage_error_prints_no_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "--json"]) == 2
    assert capsys.readouterr().out == ""


def test_a_refused_run_prints_a_message_a_hint_and_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["import", "a.csv", "--module", "Leads", "--mapping", str(tmp_path / "m.toml"), "--json"])

    captured = capsys.readouterr()
    assert status == 4
    assert captured.err.splitlines() == [
        f"bulkzoho: {tmp_path}/m.toml: cannot be read (No such file or directory).",
        "  Check the path of --mapping.",
    ]
    assert json.loads(captured.out)["error"]["code"] == "REFUSED"


def test_a_bug_becomes_one_line_and_a_crash_log_for_the_owner_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKZOHO_HOME", str(tmp_path / "home"))

    with pytest.raises(KeyError) as caught:
        RowCounts.__dict__["Smith, a private name"]
    shown = crash_error(caught.value)

    log = tmp_path / "home" / "crash.log"
    assert shown.exit_code == 1
    assert str(log) in shown.message
    assert log.stat().st_mode & 0o777 == 0o600
    assert "KeyError" in log.read_text()
    assert "Smith" not in log.read_text().replace('["Smith', "")  # except the source line of this test


def test_an_error_that_refers_to_itself_is_logged_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BULKZOHO_HOME", str(tmp_path))
    error = ValueError()
    error.__cause__ = ExceptionGroup("several", [error, OSError(28, "No space left on device")])

    crash_error(error)

    log = (tmp_path / "crash.log").read_text()
    assert (log.count("ValueError"), log.count("No space left on device")) == (1, 1)


def test_an_error_is_one_line_whatever_it_contains() -> None:
    error = RefusedError("a\nb   c.", hint="Do\nthis.")

    assert error_line(error) == "bulkzoho: a b c.\n  Do this."


def test_runs_are_a_table_with_numbers_aligned_right() -> None:
    line = RunListEntry(
        run="20261124-101500-leads-7f3a",
        command="import",
        crm_module="Leads",
        operation="insert",
        status="completed",
        started="2026-11-24T10:15:00Z",
        tally=RowCounts(read=1_000, created=990, dead_lettered=10),
        folder="/f",
    )

    heading, row = runs_table([line]).splitlines()

    assert heading.index("read") + 4 == row.index("1,000") + 5
    assert "completed" in row


def test_commands_are_loaded_from_modules_that_exist() -> None:
    assert all(hasattr(import_module(f"bulkzoho.cli.{entry.module}"), entry.attribute) for entry in COMMANDS.values())


def test_a_command_run_in_a_program_leaves_its_signal_handlers(monkeypatch: pytest.MonkeyPatch) -> None:
    def command(_: list[str]) -> int:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return 0

    monkeypatch.setattr("bulkzoho.cli.program.run_program", command)
    before = signal.getsignal(signal.SIGINT)

    assert main(["runs"]) == 0

    assert signal.getsignal(signal.SIGINT) is before
