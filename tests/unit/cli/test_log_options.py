"""``-v``, ``--log-file`` and ``--log-format``."""

from __future__ import annotations

import json
import logging
import stat
from pathlib import Path

import click
import pytest

from bulkzoho.cli.import_options import require_separate_log_file
from bulkzoho.cli.log_options import log_options
from bulkzoho.errors import RefusedError, UsageError

LOG = logging.getLogger("bulkzoho.engine.test")


@click.group()
@log_options
def program() -> None:
    """Replace bulkzoho."""


@program.command()
@click.argument("file", required=False)
@log_options
def work(file: str | None) -> None:
    """Log one event per level."""
    require_separate_log_file((file and str(Path(file).absolute()),))
    LOG.debug("call", extra={"ms": 3})
    LOG.info("batch sent", extra={"batch": 1})
    LOG.warning("the token lock cannot be made")


def run(*words: str) -> None:
    program.main(list(words), standalone_mode=False)


@pytest.mark.parametrize(
    ("words", "events"),
    [
        (("work",), ["the token lock cannot be made"]),
        (("work", "-v"), ["batch sent", "the token lock cannot be made"]),
        (("-v", "work"), ["batch sent", "the token lock cannot be made"]),
        (("work", "-vv"), ["call", "batch sent", "the token lock cannot be made"]),
        (("-v", "work", "-v"), ["call", "batch sent", "the token lock cannot be made"]),
    ],
)
def test_v_shows_more_events_on_standard_error(
    words: tuple[str, ...], events: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    run(*words, "--log-format", "json")

    captured = capsys.readouterr()
    assert [json.loads(line)["event"] for line in captured.err.splitlines()] == events
    assert captured.out == ""


def test_text_is_the_default_format(capsys: pytest.CaptureFixture[str]) -> None:
    run("work", "-v")

    assert capsys.readouterr().err.splitlines()[0].endswith(" info    batch sent batch=1")


@pytest.mark.parametrize(("words", "count"), [((), 2), (("-v",), 2), (("-vv",), 3)])
def test_the_log_file_has_info_events_without_v_and_debug_events_with_vv(
    words: tuple[str, ...], count: int, tmp_path: Path
) -> None:
    path = tmp_path / "events.log"

    run("work", "--log-file", str(path), *words)
    run("--log-file", str(path), "work", *words)

    assert len(path.read_text().splitlines()) == 2 * count
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_log_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="log file cannot be opened"):
        run("work", "--log-file", str(tmp_path / "not there" / "events.log"))


def test_a_file_of_the_command_cannot_be_the_log_file(tmp_path: Path) -> None:
    leads = tmp_path / "leads.csv"
    leads.write_text("Last_Name\n")

    with pytest.raises(UsageError, match="--log-file"):
        run("work", str(leads), "--log-file", str(leads))

    assert leads.read_text() == "Last_Name\n"


def test_a_full_disk_does_not_end_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    run("work", "--log-file", "/dev/full", "--log-format", "json")

    events = [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()]
    assert events == ["the token lock cannot be made"]


def test_the_logger_is_left_as_it_was() -> None:
    logger = logging.getLogger("bulkzoho")

    run("work", "-vv")

    assert (logger.level, logger.handlers) == (logging.NOTSET, [])
