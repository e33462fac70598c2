"""``python -m bulkzoho.sandbox``: start a sandbox, print the environment to export, serve until stopped."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import orjson

from bulkzoho.sandbox.process import serve
from bulkzoho.sandbox.server import Sandbox, environment_lines
from bulkzoho.sandbox.settings import Edition, SandboxSettings
from bulkzoho.sandbox.state.faults import FaultBook

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; give its exit status."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        settings = _settings(given)
        faults = FaultBook()  # read once before serving, so that a wrong one is refused at once
        script = [] if given.script is None else orjson.loads(given.script.read_bytes())
        rates = dict(given.fault or ())
        faults.script(script)
        faults.random(given.seed, rates)
    except (OSError, TypeError, ValueError) as error:
        parser.error(str(error))

    def start(sandbox: Sandbox) -> None:
        sandbox.faults.script(script)
        sandbox.faults.random(given.seed, rates)
        sys.stdout.write(environment_lines(sandbox.url, sandbox.environment))
        sys.stdout.flush()

    try:
        asyncio.run(serve(settings, ready=start))
    except OSError as error:
        reason = error.strerror or error
        sys.stderr.write(f"cannot serve on 127.0.0.1:{settings.port}: {reason}. Choose another --port.\n")
        return 1
    except KeyboardInterrupt:  # where signals cannot be handled by the loop
        return 0
    return 0


def _settings(given: argparse.Namespace) -> SandboxSettings:
    return SandboxSettings(
        port=given.port,
        seed=given.seed,
        edition=Edition(given.edition),
        licences=given.licences,
        calls_per_minute=given.calls_per_minute,
        calls_per_day=given.calls_per_day,
        credits_per_day=given.credits_per_day,
        calls_in_flight=given.in_flight,
        latency_s=given.latency,
        jitter_s=given.jitter,
        token_life_s=given.token_life,
        retry_after=given.retry_after,
    )


def _rate(text: str) -> tuple[str, float]:
    kind, _, rate = text.partition("=")
    try:
        return kind, float(rate)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=RATE, such as 429=0.05") from None


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bulkzoho.sandbox", description="A Zoho CRM on localhost.")
    add = parser.add_argument
    add("--port", type=int, default=0, help="0 (default) takes a free one")
    add("--seed", type=int, default=0, help="secrets, jitter and random faults follow from it")
    add("--edition", choices=[each.value for each in Edition], default=Edition.ENTERPRISE.value)
    add("--licences", type=int, default=10, help="user licences, for the credits of a day")
    add("--calls-per-minute", type=int, help="in any sliding 60 s; not checked by default")
    add("--calls-per-day", type=int, help="in any sliding 24 h; not checked by default")
    add("--credits-per-day", type=int, help="in any sliding 24 h; default: Zoho's formula for edition and licences")
    add("--in-flight", type=int, help="calls in flight; default: Zoho's figure for the edition")
    add("--latency", type=float, default=0.0, metavar="SECONDS")
    add("--jitter", type=float, default=0.0, metavar="SECONDS")
    add("--token-life", type=float, default=3600.0, metavar="SECONDS")
    add("--fault", type=_rate, action="append", metavar="KIND=RATE", help="a random fault; may be given again")
    add("--script", type=Path, metavar="FILE.json", help="scripted faults: a JSON array")
    add("--retry-after", action="store_true", help="send Retry-After with a 429")
    return parser


if __name__ == "__main__":
    sys.exit(main())
