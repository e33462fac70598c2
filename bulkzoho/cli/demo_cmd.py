"""``bulkzoho demo``: a guided demo with the commands that a user would type, against a local sandbox."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import click

from bulkzoho.cli.demo_data import MAPPING, Customer, customers, differences, fix_rejected_rows, write_messy_file
from bulkzoho.cli.formatting import format_count, format_duration
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.streams import print_data
from bulkzoho.errors import ExitCode, RunFailedError

__all__ = ["demo_command"]

ROWS: Final = 10_000
END_WAIT_S: Final = 5.0  # seconds that the sandbox may take to stop

_SANDBOX = ("sandbox", "--edition", "ultimate")
_IMPORT = ("import", "customers.csv", "--module", "Leads", "--mapping", "mapping.toml", "--dead-letter", "rejected.jsonl")
_REPLAY = ("replay", "fixed.jsonl")
_AGAIN = (*_REPLAY, "--progress", "none")


@click.command(name="demo", cls=GroupedCommand, context_settings=HELP_SETTINGS)
def demo_command() -> int:
    """Run a guided demo against a local sandbox.

    \b
      bulkzoho demo

    It generates a file of 10,000 rows with typical mistakes, imports it, shows the rejected rows, fixes
    and replays them, and compares every value in the CRM with the file.  It takes half a minute, does
    not connect to your CRM, and deletes its files.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # so that the sandbox is stopped
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="bulkzoho-demo-"))
    try:
        _show(folder)
    except RunFailedError as error:
        raise RunFailedError(error.message, hint=f"{error.hint} The files of the demo are in {folder}.") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    _say("", f"Done in {format_duration(time.monotonic() - began)}. To import your own file, start with: bulkzoho import --help")
    return int(ExitCode.ACCEPTED)


def _show(folder: Path) -> None:
    rows = list(customers(ROWS))
    write_messy_file(folder / "customers.csv", iter(rows))
    (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    _say(f"customers.csv: {format_count(ROWS)} customers, as exported by another system. mapping.toml maps its columns:", "")
    _say(*(f"    {line}" for line in MAPPING.splitlines() if line), "", "Start a local Zoho CRM sandbox:")
    with _sandbox(folder) as environment:
        _run_commands(folder, environment, rows)


def _run_commands(folder: Path, environment: Mapping[str, str], rows: Sequence[Customer]) -> None:
    _say("", "Import the file. Some rows are rejected, so the exit code is 3:")
    _bulkzoho(_IMPORT, folder, environment, expected=ExitCode.DEAD_LETTERS)
    count = fix_rejected_rows(folder / "rejected.jsonl", folder / "fixed.jsonl", rows)
    _say(
        "",
        f"Fix the {format_count(count)} rejected rows (the demo does this for you) and replay them:",
    )
    _bulkzoho(_REPLAY, folder, environment, expected=ExitCode.ACCEPTED)
    _say("", "Replay the same file again, by mistake. No row is sent twice:")
    _bulkzoho(_AGAIN, folder, environment, expected=ExitCode.ACCEPTED)
    _say("", "List the runs:")
    _bulkzoho(("runs",), folder, environment, expected=ExitCode.ACCEPTED)
    found = differences(rows, _stored(environment))
    if found:
        raise RunFailedError(f"CRM and file differ: {'; '.join(found)}.", hint="Please report this.")
    values = sum(len(row.record) for row in rows)
    _say("", f"CRM and file agree: {format_count(len(rows))} records, {format_count(values)} values compared.")


@contextmanager
def _sandbox(folder: Path) -> Iterator[dict[str, str]]:
    """Run a sandbox until the context ends; yield the environment that connects to it, with its own state directory."""
    _say(f"$ {_typed(_SANDBOX)}")
    process = subprocess.Popen(  # noqa: S603  this very program
        _command(_SANDBOX), stdout=subprocess.PIPE, text=True, cwd=folder, env=_own_environment(folder)
    )
    try:
        assert process.stdout is not None
        environment = _own_environment(folder)
        while "BULKZOHO_UPLOAD_URL" not in environment:  # the last line of what it prints
            line = process.stdout.readline()
            if not line:
                raise RunFailedError("the sandbox did not start.", hint="Try to start it alone: bulkzoho sandbox")
            if line.startswith("#"):
                _say(line.rstrip())
            elif line.startswith("export "):
                key, _, value = line.removeprefix("export ").rstrip().partition("=")
                environment[key] = value
        yield environment
    finally:
        process.terminate()
        try:
            process.wait(END_WAIT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _bulkzoho(words: Sequence[str], folder: Path, environment: Mapping[str, str], *, expected: ExitCode) -> None:
    """Print and run a command.

    Raises:
        RunFailedError: Its exit code is not *expected*.
    """
    _say(f"$ {_typed(words)}")
    status = subprocess.run(_command(words), cwd=folder, env=environment, check=False).returncode  # noqa: S603  this very program
    if status != expected:
        raise RunFailedError(
            f"bulkzoho {words[0]} ended with exit code {status} instead of {int(expected)}.", hint="Please report this."
        )


def _stored(environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield the records in the sandbox, read directly and not through bulkzoho."""
    with urllib.request.urlopen(f"{environment['BULKZOHO_API_URL']}/__sandbox/records/Leads") as answer:  # noqa: S310  our own sandbox
        for line in answer:
            yield json.loads(line, parse_float=Decimal)


def _own_environment(folder: Path) -> dict[str, str]:
    """Return the environment without the variables of bulkzoho, and with a state directory in *folder*."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
    return {**kept, "BULKZOHO_HOME": str(folder / "state")}


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "bulkzoho", *words]


def _typed(words: Sequence[str]) -> str:
    return shlex.join(("bulkzoho", *words))


def _say(*lines: str) -> None:
    for line in lines:
        print_data(line)
