"""Progress of a run on standard error."""

from __future__ import annotations

import io
import sys
import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from bulkzoho.cli.progress_bar import ProgressBar
from bulkzoho.cli.progress_display import NoProgress, PlainProgress, make_progress_display
from bulkzoho.cli.streams import print_note
from bulkzoho.domain.model.progress import ProgressSnapshot, QuotaStatus

SnapshotMaker = Callable[..., ProgressSnapshot]
QuotaMaker = Callable[..., QuotaStatus]


class _Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class _Broken(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(5, "Input/output error")


def test_plain_lines_come_at_once_and_then_only_when_something_changes(
    snapshot: SnapshotMaker, capsys: pytest.CaptureFixture[str]
) -> None:
    with PlainProgress() as display:
        for second in range(4):
            display.show(snapshot(float(second), accepted=second, read=100, bytes_read=10))
        display.tell("a word")

    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 2
    assert captured.err.splitlines()[1] == "a word"


def test_no_progress_still_prints_messages(snapshot: SnapshotMaker, capsys: pytest.CaptureFixture[str]) -> None:
    with make_progress_display("none") as display:
        display.show(snapshot(1.0, accepted=1, read=100, bytes_read=10))
        display.tell("a warning")

    assert capsys.readouterr().err == "a warning\n"


def _waiting(snapshot: ProgressSnapshot, quota: QuotaMaker, *, for_s: float) -> ProgressSnapshot:
    """Return *snapshot* of a run that waits for the daily limit."""
    waits = quota(waiting_for="calls a day", waiting_until=time.time() + for_s)
    return replace(snapshot, quota=waits, phase="waiting" if for_s >= 60 else "sending")


@pytest.mark.parametrize("kind", ["plain", "none"])
def test_a_long_wait_is_printed_once_and_then_rarely(
    snapshot: SnapshotMaker, quota: QuotaMaker, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    waiting = _waiting(snapshot(1.0, accepted=50, read=100, bytes_read=500), quota, for_s=7_200)
    with make_progress_display(kind) as display:
        for _ in range(3):
            display.show(waiting)

    (line,) = capsys.readouterr().err.splitlines()
    assert " waiting until " in line
    assert "(limit: API calls per day)" in line
    assert " left" not in line


def test_a_short_wait_causes_no_line(snapshot: SnapshotMaker, quota: QuotaMaker, capsys: pytest.CaptureFixture[str]) -> None:
    sending = snapshot(1.0, accepted=50, read=100, bytes_read=500)
    with PlainProgress() as display, NoProgress() as silent:
        for state in (sending, _waiting(sending, quota, for_s=5), sending):
            display.show(state)
            silent.show(state)

    assert len(capsys.readouterr().err.splitlines()) == 1


def test_auto_is_a_bar_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert type(make_progress_display("auto")) is PlainProgress

    monkeypatch.setattr(sys, "stderr", _Terminal())
    assert type(make_progress_display("auto")) is ProgressBar

    monkeypatch.setenv("TERM", "dumb")
    assert type(make_progress_display("auto")) is PlainProgress


def test_the_bar_draws_state_and_wait_on_standard_error(snapshot: SnapshotMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    with make_progress_display("bar") as display:
        display.show(snapshot(1.0, accepted=50, rejected=3, read=100, bytes_read=500))
        display.tell("[a warning]")

    assert "3 rejected" in terminal.getvalue()
    assert "[a warning]" in terminal.getvalue()


def test_notes_and_log_lines_are_printed_above_the_bar(snapshot: SnapshotMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = _Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    with make_progress_display("bar") as display:
        display.show(snapshot(1.0, accepted=50, read=100, bytes_read=500))
        terminal.truncate(terminal.seek(0))
        print_note("a log line")

    assert terminal.getvalue().startswith("\r")
    assert "a log line\n" in terminal.getvalue()


def test_a_closed_terminal_does_not_end_a_run(snapshot: SnapshotMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    bar = ProgressBar()
    with bar, NoProgress() as silent:
        monkeypatch.setattr(bar._live.console, "_file", _Broken())
        bar.show(snapshot(1.0, accepted=50, read=100, bytes_read=500))
        bar.tell("a word")

    assert type(silent) is NoProgress
