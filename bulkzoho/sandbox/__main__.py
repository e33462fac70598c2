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

# flags that have another name than their setting
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
    """Run the command and return its exit status."""
    parser = _build_parser()
    arguments_given = parser.parse_args(arguments)
    try:
        configuration = _build_configuration(arguments_given)
        settings = configuration.build_settings()
        configuration.apply_faults(FaultPlan())  # check the faults before serving
        Crm(settings, SystemClock())  # check that modules, fields and users of the settings exist
    except (OSError, ValueError) as error:
        parser.error(str(error))

    def announce(sandbox: Sandbox) -> None:
        configuration.apply_faults(sandbox.faults)
        sys.stdout.write(environment_lines(sandbox.url, sandbox.environment))
        sys.stdout.flush()

    return _serve(settings, announce)


def _serve(settings: SandboxSettings, announce: Callable[[Sandbox], None]) -> int:
    try:
        asyncio.run(serve(settings, ready=announce))
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


def _build_configuration(arguments_given: argparse.Namespace) -> Configuration:
    """Merge the flags over the file."""
    flags = vars(arguments_given)
    configuration = _read(flags["config"], read_configuration) if "config" in flags else Configuration()
    overrides = {_SETTINGS.get(name, name): value for name, value in flags.items() if name not in _NO_SETTINGS}
    return Configuration(
        settings={**configuration.settings, **overrides},
        script=_read(flags["script"], _parse_script) if "script" in flags else configuration.script,
        rates=dict(flags["fault"]) if "fault" in flags else configuration.rates,
    )


def _read(path: Path, read: Callable[[Path], Any]) -> Any:
    """Read a file; errors carry its path.

    Raises:
        ValueError: the file cannot be read or parsed.
    """
    try:
        return read(path)
    except OSError as error:
        raise ValueError(f"{path}: cannot read the file: {error.strerror or error}") from error
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _parse_script(path: Path) -> Any:
    return orjson.loads(path.read_bytes())


def _parse_rate(text: str) -> tuple[str, float]:
    kind, _, rate = text.partition("=")
    try:
        return kind, float(rate)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=RATE, such as 429=0.05") from None


def _build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bulkzoho.sandbox",
        description="Serve a simulated Zoho CRM on localhost.",
        argument_default=argparse.SUPPRESS,  # absent flags keep the file's value or the default
    )
    add = parser.add_argument
    add("--config", type=Path, metavar="FILE", help="settings and faults as TOML or JSON; flags override it")
    add("--state", metavar="FILE", help="load records from FILE at start and save them to it at exit")
    add("--port", type=int, help="port to listen on; 0 (default) picks a free one")
    add("--seed", type=int, help="seed of secrets, jitter and random faults")
    add("--time-scale", type=float, metavar="N", help="service seconds per real second; 480 makes a day pass in 3 minutes")
    add("--edition", choices=[each.value for each in Edition])
    add("--licences", type=int, help="user licences; they determine the daily credits")
    add("--calls-per-minute", type=int, help="limit in any sliding 60 s; unlimited by default")
    add("--calls-per-day", type=int, help="limit in any sliding 24 h; unlimited by default")
    add("--credits-per-day", type=int, help="limit in any sliding 24 h; default: Zoho's formula for edition and licences")
    add("--in-flight", type=int, help="maximum concurrent calls; default: Zoho's limit for the edition")
    add("--latency", type=float, metavar="SECONDS", help="mean latency of a call")
    add("--jitter", type=float, metavar="SECONDS", help="random deviation from the latency")
    add("--token-life", type=float, metavar="SECONDS", help="lifetime of an access token")
    add("--job-time", type=float, metavar="SECONDS", help="minimum duration of a bulk job")
    add(
        "--fault",
        type=_parse_rate,
        action="append",
        metavar="KIND=RATE",
        help="inject this fault into a share of calls; repeatable",
    )
    add("--script", type=Path, metavar="FILE.json", help="scripted faults as a JSON array")
    add("--retry-after", action="store_true", help="send Retry-After with a 429")
    return parser


if __name__ == "__main__":
    sys.exit(main())
