"""The log that a run keeps in its folder, and how an event is written."""

from __future__ import annotations

import asyncio
import json
import logging
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bulkzoho.app import run_log
from bulkzoho.app.log_events import text_line
from bulkzoho.app.run_log import open_run_log
from bulkzoho.errors import RefusedError

LOG = logging.getLogger("bulkzoho.engine.test")


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def record(name: str, **extra: object) -> logging.LogRecord:
    return LOG.makeRecord(LOG.name, logging.INFO, "", 0, name, (), None, extra=extra)


class Heard(logging.Handler):
    """Remembers the events that a program's own handler receives."""

    def __init__(self) -> None:
        super().__init__()
        self.events: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.events.append(str(record.msg))


@pytest.fixture
def root_handler() -> Iterator[Heard]:
    handler = Heard()
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)


def test_an_event_is_one_line_of_json_in_a_file_for_the_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "run.log"

    with open_run_log(path):
        LOG.info("batch settled", extra={"batch": 12, "rows": 100, "rejected": 3, "crm_module": "Leads"})

    (line,) = lines(path)
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "bulkzoho.engine.test",
        "event": "batch settled",
        "batch": 12,
        "rows": 100,
        "rejected": 3,
        "crm_module": "Leads",
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_debug_events_are_not_kept(tmp_path: Path) -> None:
    with open_run_log(tmp_path / "run.log"):
        LOG.debug("call", extra={"ms": 3})

    assert not (tmp_path / "run.log").exists()


def test_unknown_fields_and_other_types_are_dropped(tmp_path: Path) -> None:
    with open_run_log(tmp_path / "run.log"):
        LOG.info(
            "batch sent", extra={"email": "a@example.com", "batch": "a@example.com", "rows": [1], "run": {"a": 1}, "code": None}
        )

    assert set(lines(tmp_path / "run.log")[0]) == {"at", "level", "logger", "event"}


def test_text_is_harmless_for_a_terminal_and_short() -> None:
    line = text_line(record("call", path="\x1b[31m/crm\x9b\u202e\ud800", reason="x" * 1_000))

    assert "path=?[31m/crm???" in line
    assert line.isprintable()
    assert len(line) < 400


def test_text_quotes_what_has_blanks() -> None:
    line = text_line(record("waiting", reason='no "space" left', seconds=1.5, resumed=True))

    assert line.endswith(r'info    waiting reason="no \"space\" left" seconds=1.5 resumed=true')


def test_the_log_of_an_earlier_process_is_continued(tmp_path: Path) -> None:
    for name in ("first", "second"):
        with open_run_log(tmp_path / "run.log"):
            LOG.info(name)

    assert [line["event"] for line in lines(tmp_path / "run.log")] == ["first", "second"]


async def test_events_are_written_while_the_run_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log, "WRITE_EVERY_S", 0.01)
    path = tmp_path / "run.log"

    with open_run_log(path):
        LOG.info("quota wait")
        assert not path.exists(), "an event of the hot path costs no write"
        await asyncio.sleep(0.05)
        assert len(lines(path)) == 1
        LOG.warning("the token lock cannot be made")
        assert len(lines(path)) == 2


async def test_a_logger_that_floods_the_log_is_silent_until_the_next_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_log, "WRITE_EVERY_S", 0.01)
    other = logging.getLogger("bulkzoho.engine.other")

    with open_run_log(tmp_path / "run.log"):
        for number in range(1_000):
            LOG.info("batch sent", extra={"batch": number})
        LOG.warning("the token lock cannot be made")
        for number in range(1_000):
            LOG.info("batch sent", extra={"batch": number})
        other.info("in doubt")
        await asyncio.sleep(0.05)
        LOG.info("batch settled")

    events = [line["event"] for line in lines(tmp_path / "run.log")]
    assert events == [
        *["batch sent"] * run_log.MAX_EVENTS,
        "the token lock cannot be made",
        "events left out",
        *["batch sent"] * run_log.MAX_EVENTS,
        "in doubt",
        "events left out",
        "batch settled",
    ]
    assert LOG.level == logging.NOTSET


def test_no_event_is_left_out_for_a_program_that_asks_for_events(tmp_path: Path, root_handler: Heard) -> None:
    logger = logging.getLogger("bulkzoho")
    logger.setLevel(logging.INFO)
    try:
        with open_run_log(tmp_path / "run.log"):
            for _ in range(1_000):
                LOG.info("batch sent")
    finally:
        logger.setLevel(logging.NOTSET)

    assert len(root_handler.events) == len(lines(tmp_path / "run.log")) == 1_000


async def test_two_runs_of_one_process_keep_their_own_events(tmp_path: Path) -> None:
    async def run(name: str) -> None:
        with open_run_log(tmp_path / name):
            for _ in range(3):
                LOG.info(name)
                await asyncio.sleep(0)

    await asyncio.gather(run("a"), run("b"))

    assert [{line["event"] for line in lines(tmp_path / name)} for name in ("a", "b")] == [{"a"}, {"b"}]


def test_at_ten_megabytes_the_log_starts_again_and_two_old_files_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run_log, "MAX_BYTES", 300)
    path = tmp_path / "run.log"

    with open_run_log(path):
        for number in range(20):
            LOG.info("batch sent", extra={"batch": number})

    assert sorted(file.name for file in tmp_path.iterdir()) == ["run.log", "run.log.1", "run.log.2"]
    kept = [line["batch"] for name in ("run.log.2", "run.log.1", "run.log") for line in lines(tmp_path / name)]
    assert kept == list(range(20 - len(kept), 20))
    assert {stat.S_IMODE(file.stat().st_mode) for file in tmp_path.iterdir()} == {0o600}


def test_a_log_that_cannot_be_written_ends_nothing(tmp_path: Path, root_handler: Heard) -> None:
    with open_run_log(tmp_path / "not there" / "run.log"):
        LOG.warning("the token lock cannot be made")

    assert root_handler.events == ["the token lock cannot be made"]
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_ends_nothing(root_handler: Heard) -> None:
    with open_run_log(Path("/dev/full")):
        LOG.warning("the token lock cannot be made")

    assert root_handler.events == ["the token lock cannot be made"]


def test_handlers_of_the_program_receive_no_more_than_without_a_run_log(tmp_path: Path, root_handler: Heard) -> None:
    with open_run_log(tmp_path / "run.log"):
        LOG.info("batch sent")
        LOG.warning("the token lock cannot be made")

    assert root_handler.events == ["the token lock cannot be made"]
    assert len(lines(tmp_path / "run.log")) == 2


def test_a_program_that_asks_for_events_receives_them(tmp_path: Path, root_handler: Heard) -> None:
    logger = logging.getLogger("bulkzoho")
    logger.setLevel(logging.DEBUG)
    try:
        with open_run_log(tmp_path / "run.log"):
            LOG.debug("call")
            LOG.info("batch sent")
        assert logger.level == logging.DEBUG
    finally:
        logger.setLevel(logging.NOTSET)

    assert root_handler.events == ["call", "batch sent"]


def test_the_logger_is_left_as_it_was(tmp_path: Path) -> None:
    logger = logging.getLogger("bulkzoho")
    before = (logger.level, logger.propagate, logger.handlers[:])

    with open_run_log(tmp_path / "a"), open_run_log(tmp_path / "b"):
        pass

    assert (logger.level, logger.propagate, logger.handlers[:]) == before


def test_a_refused_run_is_logged_with_its_code(tmp_path: Path) -> None:
    with pytest.raises(RefusedError), open_run_log(tmp_path / "run.log"):
        raise RefusedError("no such file.", code="NO_SUCH_FILE")

    (line,) = lines(tmp_path / "run.log")
    assert (line["event"], line["code"], line["exit_code"]) == ("run refused", "NO_SUCH_FILE", 4)
