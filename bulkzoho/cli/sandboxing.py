"""``bulkzoho sandbox``: a Zoho CRM on localhost."""

from __future__ import annotations

import asyncio
import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulkzoho.cli.helping import HELP_SETTINGS, GroupedCommand, GroupedOption
from bulkzoho.cli.options import stacked
from bulkzoho.cli.output import print_data
from bulkzoho.cli.values import DURATION, FAULT, choice_of
from bulkzoho.cli.verbosity import verbose_option
from bulkzoho.errors import RefusedError, RunFailedError, UsageError
from bulkzoho.model.plans import PlanName

if TYPE_CHECKING:
    from bulkzoho.sandbox import Sandbox

__all__ = ["sandbox_command"]

LAST_PORT = 65535

_service = partial(click.option, cls=GroupedOption, group="The service")
_quotas = partial(click.option, cls=GroupedOption, group="Its quotas, measured at arrival in sliding windows")
_trouble = partial(click.option, cls=GroupedOption, group="Trouble")

_count = click.IntRange(min=1)

_service_options = stacked(
    _service("--port", type=click.IntRange(0, LAST_PORT), default=0, metavar="N", help="0, the default, takes a free one."),
    _service("--seed", type=int, default=0, metavar="N", help="Secrets, jitter and random faults follow from it.  [default: 0]"),
    _service("--latency", type=DURATION, default=0.0, help="Mean time of a call, as in 0.05.  [default: none]"),
    _service("--jitter", type=DURATION, default=0.0, help="More or less than that, at most.  [default: none]"),
    _service("--token-life", type=DURATION, default=3600.0, help="Life of an access token.  [default: 1h]"),
)

_quota_options = stacked(
    _quotas(
        "--edition",
        type=choice_of(PlanName),
        default=PlanName.ENTERPRISE.value,
        show_default=True,
        help="What the organization pays for.",
    ),
    _quotas(
        "--licences",
        type=click.IntRange(min=0),
        default=10,
        show_default=True,
        metavar="N",
        help="User licences; credits follow from them.",
    ),
    _quotas("--calls-per-minute", type=_count, metavar="N", help="In any 60 seconds.  [default: not checked]"),
    _quotas("--calls-per-day", type=_count, metavar="N", help="In any 24 hours.  [default: not checked]"),
    _quotas("--credits-per-day", type=_count, metavar="N", help="In any 24 hours.  [default: by edition and licences]"),
    _quotas("--in-flight", type=_count, metavar="N", help="Calls at one time.  [default: by edition]"),
)

_trouble_options = stacked(
    _trouble("--fault", multiple=True, type=FAULT, help="A random fault, as in reset_after_commit=0.01; may be repeated."),
    _trouble("--script", metavar="FILE.json", help="Scripted faults: a JSON array; see docs/sandbox.md."),
    _trouble("--retry-after", is_flag=True, help="Send Retry-After with a 429."),
)


@click.command(name="sandbox", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@_service_options
@_quota_options
@_trouble_options
@verbose_option
def sandbox_command(**given: Any) -> int:
    """Serve a Zoho CRM on localhost until Ctrl-C.

    \b
      bulkzoho sandbox --port 8080
      bulkzoho sandbox --port 8080 --latency 0.2 --calls-per-minute 200 --fault 500=0.01

    It prints the environment that makes bulkzoho use it: paste that into another shell.  Its records
    are gone when it ends.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.sandbox import Edition, SandboxSettings, serve  # noqa: PLC0415  a whole server, loaded only to be started

    script = _script(given["script"])
    settings = SandboxSettings(
        port=given["port"],
        seed=given["seed"],
        edition=Edition(given["edition"]),
        licences=given["licences"],
        calls_per_minute=given["calls_per_minute"],
        calls_per_day=given["calls_per_day"],
        credits_per_day=given["credits_per_day"],
        calls_in_flight=given["in_flight"],
        latency_s=given["latency"],
        jitter_s=given["jitter"],
        token_life_s=given["token_life"],
        retry_after=given["retry_after"],
    )
    try:
        asyncio.run(serve(settings, ready=lambda sandbox: _start(sandbox, given, script)))
    except OSError as error:
        raise RunFailedError(
            f"cannot serve on 127.0.0.1:{settings.port}: {_reason(error)}.",
            hint="Choose another --port; 0 takes a free one.",
        ) from error
    return 0


def _reason(error: OSError) -> str:
    """Give the system's own words: asyncio puts a sentence of its own around them."""
    return os.strerror(error.errno) if error.errno else str(error)


def _script(path: str | None) -> Any:
    if path is None:
        return None
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise RefusedError(f"{path}: cannot be read: {error.strerror}.", hint="Check the path given to --script.") from error
    except ValueError as error:
        raise RefusedError(
            f"{path}: is no JSON: {error}.", hint="A script is an array of objects; see docs/sandbox.md."
        ) from error


def _start(sandbox: Sandbox, given: dict[str, Any], script: Any) -> None:
    from bulkzoho.sandbox import environment_lines  # noqa: PLC0415  as above

    if script is not None:
        try:
            sandbox.faults.script(script)
        except (ValueError, TypeError) as error:
            raise RefusedError(f"{given['script']}: {error}.", hint="The kinds of faults are in docs/sandbox.md.") from error
    try:
        sandbox.faults.random(given["seed"], dict(given["fault"]))
    except ValueError as error:
        raise UsageError(f"--fault: {error}.", hint="The kinds of faults are in docs/sandbox.md.") from error
    print_data(environment_lines(sandbox.url, sandbox.environment).rstrip("\n"))
