"""``bulkzoho demo``: the main job from beginning to end, by the commands that a user would type, against a sandbox of its own."""

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

from bulkzoho.cli.demo_data import MAPPING, Customer, customers, differences, mend_letters, write_messy_file
from bulkzoho.cli.formatting import duration, format_count
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.streams import print_data
from bulkzoho.errors import ExitCode, RunFailedError

__all__ = ["demo_command"]

ROWS: Final = 10_000
END_WAIT_S: Final = 5.0  # seconds a sandbox may take to end

_SANDBOX = ("sandbox", "--edition", "ultimate")
_IMPORT = ("import", "customers.csv", "--module", "Leads", "--mapping", "mapping.toml", "--dead-letter", "refused.jsonl")
_REPLAY = ("replay", "mended.jsonl")
_AGAIN = (*_REPLAY, "--progress", "none")


@click.command(name="demo", cls=GroupedCommand, context_settings=HELP_SETTINGS)
def demo_command() -> int:
    """Show the main job, end to end, against a sandbox of its own.

    \b
      bulkzoho demo

    It makes a messy file of 10,000 rows, imports it, shows what was refused and why, mends and replays
    that, and compares CRM and file value for value.  It takes half a minute, touches no CRM of yours,
    and leaves nothing behind.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # however it ends, it ends its sandbox
    began = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="bulkzoho-demo-"))
    try:
        _show(folder)
    except RunFailedError as error:
        raise RunFailedError(error.message, hint=f"{error.hint} Everything the demo made is in {folder}.") from error
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    shutil.rmtree(folder, ignore_errors=True)
    _say("", f"That took {duration(time.monotonic() - began)}. Yours next: docs/commands.md, or bulkzoho import --help")
    return int(ExitCode.ACCEPTED)


def _show(folder: Path) -> None:
    rows = list(customers(ROWS))
    write_messy_file(folder / "customers.csv", iter(rows))
    (folder / "mapping.toml").write_text(MAPPING, encoding="utf-8")
    _say(f"A file of {format_count(ROWS)} customers as another system exported them, and a mapping of its columns:", "")
    _say(*(f"    {line}" for line in MAPPING.splitlines() if line), "", "A Zoho CRM on localhost, to rehearse against:")
    with _sandbox(folder) as environment:
        _work(folder, environment, rows)


def _work(folder: Path, environment: Mapping[str, str], rows: Sequence[Customer]) -> None:
    _say("", "The import. Some rows cannot be taken, so it ends with exit code 3:")
    _bulkzoho(_IMPORT, folder, environment, expected=ExitCode.DEAD_LETTERS)
    count = mend_letters(folder / "refused.jsonl", folder / "mended.jsonl", rows)
    _say(
        "",
        f"Somebody mends the {format_count(count)} dead letters in their file (here, this program does)."
        " Only they are sent again:",
    )
    _bulkzoho(_REPLAY, folder, environment, expected=ExitCode.ACCEPTED)
    _say("", "The same letters once more, by mistake. None is sent twice:")
    _bulkzoho(_AGAIN, folder, environment, expected=ExitCode.ACCEPTED)
    _say("", "What ran:")
    _bulkzoho(("runs",), folder, environment, expected=ExitCode.ACCEPTED)
    found = differences(rows, _stored(environment))
    if found:
        raise RunFailedError(f"the CRM and the file differ: {'; '.join(found)}.", hint="Please report this.")
    values = sum(len(row.record) for row in rows)
    _say("", f"CRM and file agree: {format_count(len(rows))} records, {format_count(values)} values, each compared.")


@contextmanager
def _sandbox(folder: Path) -> Iterator[dict[str, str]]:
    """Serve a sandbox while the context lasts; give the environment that leads to it, with a home of its own."""
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
                raise RunFailedError("the sandbox did not start.", hint="Try it alone: bulkzoho sandbox")
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
    """Run the installed program with *words*, shown as a user would type them.

    Raises:
        RunFailedError: It ended otherwise than *expected*.
    """
    _say(f"$ {_typed(words)}")
    status = subprocess.run(_command(words), cwd=folder, env=environment, check=False).returncode  # noqa: S603  this very program
    if status != expected:
        raise RunFailedError(
            f"bulkzoho {words[0]} ended with {status} where the demo expects {int(expected)}.", hint="Please report this."
        )


def _stored(environment: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Give the records that the sandbox holds, past the client that is being shown."""
    with urllib.request.urlopen(f"{environment['BULKZOHO_API_URL']}/__sandbox/records/Leads") as answer:  # noqa: S310  our own sandbox
        for line in answer:
            yield json.loads(line, parse_float=Decimal)


def _own_environment(folder: Path) -> dict[str, str]:
    """Give the user's environment without anything that leads to a CRM or a state of theirs."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BULKZOHO_")}
    return {**kept, "BULKZOHO_HOME": str(folder / "state")}


def _command(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "bulkzoho", *words]


def _typed(words: Sequence[str]) -> str:
    return shlex.join(("bulkzoho", *words))


def _say(*lines: str) -> None:
    for line in lines:
        print_data(line)
