"""Checks over a whole run of the tests.

A full run proves the acceptance list: it fails if a named test was not run, and if any test was skipped.  Where Zoho's OpenAPI
files are at hand, any run fails if a sandbox that a test started, in this process or another, gave an answer that they do not
describe.  A clone does not contain these files: get github.com/zoho/crm-oas and set BULKZOHO_OAS_DIR to its folder ``v8.0``.
"""

from __future__ import annotations

import compileall
import os
import re
import signal
import tempfile
from collections.abc import Iterable
from pathlib import Path

import hypothesis
import pytest

from bulkzoho.sandbox.contract import ANSWERS_VARIABLE
from bulkzoho.sandbox.contract.response_validator import check_answers

TOP = Path(__file__).resolve().parents[1]
_TEST = re.compile(r"`(tests/[\w/]+\.py(?:::\w+)?)`")
_NARROWED_BY = ("keyword", "markexpr", "lf", "failedfirst", "maxfail", "collectonly", "deselect", "ignore", "ignore_glob")

# a deadline for one example measures how busy the machine is; the time-out of a test is what bounds it
hypothesis.settings.register_profile("bulkzoho", deadline=None)
hypothesis.settings.load_profile("bulkzoho")

OPENAPI = Path(os.environ.get("BULKZOHO_OAS_DIR") or TOP.parent / "shared" / "oas")
# A test run started in the background ignores SIGINT, one under nohup SIGHUP; the programs that tests start would inherit that.
for _number, _handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, signal.SIG_DFL)):
    if signal.getsignal(_number) is signal.SIG_IGN:
        signal.signal(_number, _handler)
IS_WORKER = "PYTEST_XDIST_WORKER" in os.environ  # one of several processes that share a run: the first one judges it
# Tests start thousands of processes.  With this variable each of them would compile the whole program; without it, the first
# one would write the compiled files and so make other system calls than the next.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
if not IS_WORKER:
    compileall.compile_dir(
        TOP / "bulkzoho", quiet=2
    )  # before the first process starts, so that all of them make the same system calls
    _answers = tempfile.TemporaryDirectory(prefix="answers-")
    os.environ[ANSWERS_VARIABLE] = _answers.name  # every sandbox writes its answers there, one of each form

_ran: set[str] = set()
_skipped: set[str] = set()


def named_tests() -> list[str]:
    """Return the files and tests that the tables in docs/acceptance.md name, in their order."""
    rows = [line for line in (TOP / "docs" / "acceptance.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return list(dict.fromkeys(name for row in rows for name in _TEST.findall(row)))


def not_run(ran: Iterable[str]) -> list[str]:
    """Return the named tests that are not among the node ids *ran*."""
    seen: set[str] = set()
    for node in ran:
        file, _, test = node.partition("::")
        seen |= {file, f"{file}::{test.partition('[')[0]}"}
    return [name for name in named_tests() if name not in seen]


@pytest.fixture(name="named_tests", scope="session")
def fixture_named_tests() -> list[str]:
    """Return the tests that the acceptance list names."""
    return named_tests()


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Record which tests ran and which were skipped."""
    if report.skipped:
        _skipped.add(report.nodeid)
    elif report.when == "call":
        _ran.add(report.nodeid)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail a run with answers that the OpenAPI files do not describe, and a full run that did not prove the whole list."""
    if IS_WORKER:
        return
    wrong = check_answers(Path(_answers.name), OPENAPI) if OPENAPI.is_dir() else []
    _answers.cleanup()
    if wrong:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.stash[_WRONG] = wrong
    if session.exitstatus != pytest.ExitCode.OK or not _is_full(session.config):
        return
    missing = not_run(_ran)
    if missing or _skipped:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        session.config.stash[_LACKS] = [
            *(f"not run: {name}" for name in missing),
            *(f"skipped: {name}" for name in sorted(_skipped)),
        ]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print why the run failed."""
    for line in config.stash.get(_WRONG, []):
        terminalreporter.write_line(f"not as Zoho's OpenAPI files describe it: {line}", red=True)
    for line in config.stash.get(_LACKS, []):
        terminalreporter.write_line(f"acceptance: {line}", red=True)
    if not OPENAPI.is_dir() and not IS_WORKER:
        terminalreporter.write_line(
            f"NOT CHECKED: the sandbox against Zoho's OpenAPI files: no {OPENAPI} (see CONTRIBUTING.md)",
            yellow=True,
        )


def _is_full(config: pytest.Config) -> bool:
    """Return whether the run is a full one: no files named, no test left out."""
    everything = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return everything and not any(config.getoption(name, None) for name in _NARROWED_BY)


_LACKS = pytest.StashKey[list[str]]()
_WRONG = pytest.StashKey[list[str]]()
