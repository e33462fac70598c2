"""``python -m bulkzoho.sandbox``: start a sandbox, print the environment to export, serve until stopped."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import orjson

from bulkzoho.sandbox.configuration import Configuration, read_configuration
from bulkzoho.sandbox.process import serve
from bulkzoho.sandbox.server import Sandbox, environment_lines
from bulkzoho.sandbox.settings import Edition, SandboxSettings
from bulkzoho.sandbox.state.clock import SystemClock
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.faults import FaultPlan
from bulkzoho.sandbox.state.persistence import StateFileError

__all__ = ["main"]

# flags whose name is not that of their setting
_SETTINGS = {
    "in_flight": "calls_in_flight",
    "latency": "latency_s",
    "jitter": "jitter_s",
    "token_life": "token_life_s",
    "job_time": "job_time_s",
    "state": "state_file",
}
_NO_SETTINGS = {"fault", "script", "config"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        told = _configuration(given)
        settings = told.made()
        told.arm(FaultPlan())  # read once before serving, so that a wrong one is refused at once
        Crm(settings, SystemClock())  # so that what the settings name is there
    except (OSError, ValueError) as error:
        parser.error(str(error))

    def start(sandbox: Sandbox) -> None:
        told.arm(sandbox.faults)
        sys.stdout.write(environment_lines(sandbox.url, sandbox.environment))
        sys.stdout.flush()

    return _served(settings, start)


def _served(settings: SandboxSettings, start: Callable[[Sandbox], None]) -> int:
    try:
        asyncio.run(serve(settings, ready=start))
    except StateFileError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except OSError as error:
        reason = error.strerror or error
        sys.stderr.write(f"cannot serve on 127.0.0.1:{settings.port}: {reason}. Choose another --port.\n")
        return 1
    except KeyboardInterrupt:  # where signals cannot be handled by the loop
        return 0
    return 0


def _configuration(given: argparse.Namespace) -> Configuration:
    """Lay the flags over the file."""
    flags = vars(given)
    told = _read(flags["config"], read_configuration) if "config" in flags else Configuration()
    own = {_SETTINGS.get(name, name): value for name, value in flags.items() if name not in _NO_SETTINGS}
    return Configuration(
        settings={**told.settings, **own},
        script=_read(flags["script"], _script) if "script" in flags else told.script,
        rates=dict(flags["fault"]) if "fault" in flags else told.rates,
    )


def _read(path: Path, read: Callable[[Path], Any]) -> Any:
    """Read a file; what is wrong names it.

    Raises:
        ValueError: it cannot be read, or does not hold what it should.
    """
    try:
        return read(path)
    except OSError as error:
        raise ValueError(f"{path}: cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _script(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


def _rate(text: str) -> tuple[str, float]:
    kind, _, rate = text.partition("=")
    try:
        return kind, float(rate)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=RATE, such as 429=0.05") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bulkzoho.sandbox",
        description="A Zoho CRM on localhost.",
        argument_default=argparse.SUPPRESS,  # what is not given is not set: the file's value or the default holds
    )
    add = parser.add_argument
    add("--config", type=Path, metavar="FILE", help="settings and faults, TOML or JSON; flags win over it")
    add("--state", metavar="FILE", help="records are read from it at the start and written to it at the end")
    add("--port", type=int, help="0 (default) takes a free one")
    add("--seed", type=int, help="secrets, jitter and random faults follow from it")
    add("--time-scale", type=float, metavar="N", help="the service's seconds in one real second; 480: a day in 3 minutes")
    add("--edition", choices=[each.value for each in Edition])
    add("--licences", type=int, help="user licences, for the credits of a day")
    add("--calls-per-minute", type=int, help="in any sliding 60 s; not checked by default")
    add("--calls-per-day", type=int, help="in any sliding 24 h; not checked by default")
    add("--credits-per-day", type=int, help="in any sliding 24 h; default: Zoho's formula for edition and licences")
    add("--in-flight", type=int, help="calls in flight; default: Zoho's figure for the edition")
    add("--latency", type=float, metavar="SECONDS")
    add("--jitter", type=float, metavar="SECONDS")
    add("--token-life", type=float, metavar="SECONDS")
    add("--job-time", type=float, metavar="SECONDS", help="how long a bulk job takes at least")
    add("--fault", type=_rate, action="append", metavar="KIND=RATE", help="a random fault; may be given again")
    add("--script", type=Path, metavar="FILE.json", help="scripted faults: a JSON array")
    add("--retry-after", action="store_true", help="send Retry-After with a 429")
    return parser


if __name__ == "__main__":
    sys.exit(main())
