"""``bulkzoho sandbox``: a Zoho CRM on localhost."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, GroupedOption
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.options import combine_options
from bulkzoho.cli.param_types import DURATION, FAULT, choice_of
from bulkzoho.cli.streams import print_data
from bulkzoho.domain.model.edition_limits import PlanName
from bulkzoho.errors import RefusedError, RunFailedError, UsageError

if TYPE_CHECKING:
    from bulkzoho.sandbox import Sandbox
    from bulkzoho.sandbox.configuration import Configuration

__all__ = ["sandbox_command"]

LAST_PORT = 65535
_SETTINGS = {
    "in_flight": "calls_in_flight",
    "latency": "latency_s",
    "jitter": "jitter_s",
    "token_life": "token_life_s",
    "job_time": "job_time_s",
    "state": "state_file",
}
_NO_SETTINGS = frozenset({"fault", "script", "config", "verbose"})

_service = partial(click.option, cls=GroupedOption, group="The service")
_quotas = partial(click.option, cls=GroupedOption, group="Its quotas, measured at arrival in sliding windows")
_trouble = partial(click.option, cls=GroupedOption, group="Trouble")

_count = click.IntRange(min=1)

_service_options = combine_options(
    _service("--port", type=click.IntRange(0, LAST_PORT), metavar="N", help="0, the default, takes a free one."),
    _service("--config", metavar="FILE", help="Settings and faults, TOML or JSON; flags win over it.  See docs/sandbox.md."),
    _service("--state", metavar="FILE", help="Records are read from it at the start and written to it at the end."),
    _service("--seed", type=int, metavar="N", help="Secrets, jitter and random faults follow from it.  [default: 0]"),
    _service("--latency", type=DURATION, help="Mean time of a call, as in 0.05.  [default: none]"),
    _service("--jitter", type=DURATION, help="More or less than that, at most.  [default: none]"),
    _service("--token-life", type=DURATION, help="Life of an access token.  [default: 1h]"),
    _service("--job-time", type=DURATION, help="What a bulk job takes at least.  [default: 1s]"),
    _service(
        "--time-scale",
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        help="The service's seconds in a real one; 480: a day in 3 minutes.",
    ),
)

_quota_options = combine_options(
    _quotas(
        "--edition",
        type=choice_of(PlanName),
        help="What the organization pays for.  [default: enterprise]",
    ),
    _quotas(
        "--licences",
        type=click.IntRange(min=0),
        metavar="N",
        help="User licences; credits follow from them.  [default: 10]",
    ),
    _quotas("--calls-per-minute", type=_count, metavar="N", help="In any 60 seconds.  [default: not checked]"),
    _quotas("--calls-per-day", type=_count, metavar="N", help="In any 24 hours.  [default: not checked]"),
    _quotas("--credits-per-day", type=_count, metavar="N", help="In any 24 hours.  [default: by edition and licences]"),
    _quotas("--in-flight", type=_count, metavar="N", help="Calls at one time.  [default: by edition]"),
)

_trouble_options = combine_options(
    _trouble("--fault", multiple=True, type=FAULT, help="A random fault, as in reset_after_commit=0.01; may be repeated."),
    _trouble("--script", metavar="FILE.json", help="Scripted faults: a JSON array; see docs/sandbox.md."),
    _trouble("--retry-after", is_flag=True, help="Send Retry-After with a 429."),
)


@click.command(name="sandbox", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@_service_options
@_quota_options
@_trouble_options
@log_options
def sandbox_command(**given: Any) -> int:
    """Serve a Zoho CRM on localhost until Ctrl-C.

    \b
      bulkzoho sandbox --port 8080
      bulkzoho sandbox --port 8080 --latency 0.2 --calls-per-minute 200 --fault 500=0.01

    It prints the environment that makes bulkzoho use it: paste that into another shell.  Its records
    are gone when it ends, unless --state keeps them.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.sandbox import serve  # noqa: PLC0415  a whole server, loaded only to be started
    from bulkzoho.sandbox.state.persistence import StateFileError  # noqa: PLC0415  as above

    told = _configuration(given)
    try:
        settings = told.build_settings()
    except ValueError as error:
        raise _wrong_setting(given, error) from error
    try:
        asyncio.run(serve(settings, ready=lambda sandbox: _start(sandbox, told, given)))
    except OSError as error:
        raise RunFailedError(
            f"cannot serve on 127.0.0.1:{settings.port}: {_reason(error)}.",
            hint="Choose another --port; 0 takes a free one.",
        ) from error
    except StateFileError as error:
        raise RefusedError(
            f"{error}.", hint="Name the file that an earlier sandbox wrote, or a new one in a folder of yours."
        ) from error
    except ValueError as error:  # a user or field that is not there
        raise _wrong_setting(given, error) from error
    return 0


def _wrong_setting(given: Mapping[str, Any], error: ValueError) -> RefusedError | UsageError:
    """Blame the file, if there is one: the flags are checked before."""
    hint = "The settings are in docs/sandbox.md."
    if given["config"] is None:
        return UsageError(f"{error}.", hint=hint)
    return RefusedError(f"{given['config']}: {error}.", hint=hint)


def _configuration(given: Mapping[str, Any]) -> Configuration:
    """Lay the flags over the file."""
    from bulkzoho.sandbox.configuration import Configuration, read_configuration  # noqa: PLC0415  as above

    told = Configuration()
    if given["config"] is not None:
        try:
            told = read_configuration(Path(given["config"]))
        except OSError as error:
            raise RefusedError(f"{given['config']}: cannot be read: {error.strerror}.", hint="Check the path.") from error
        except ValueError as error:
            raise RefusedError(f"{given['config']}: {error}.", hint="What it may hold is in docs/sandbox.md.") from error
    flags = {_SETTINGS.get(name, name): value for name, value in given.items() if name not in _NO_SETTINGS and value is not None}
    if not given["retry_after"]:
        flags.pop("retry_after")  # a flag that is not given leaves what the file says
    script = _script(given["script"])
    return Configuration(
        settings={**told.settings, **flags},
        script=told.script if script is None else script,
        rates=dict(given["fault"]) or told.rates,
    )


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


def _start(sandbox: Sandbox, told: Configuration, given: Mapping[str, Any]) -> None:
    from bulkzoho.sandbox import environment_lines  # noqa: PLC0415  as above

    where = given["script"] or given["config"] or "--fault"
    try:
        told.apply_faults(sandbox.faults)
    except (ValueError, TypeError) as error:
        kind = RefusedError if given["script"] or given["config"] else UsageError
        raise kind(f"{where}: {error}.", hint="The kinds of faults are in docs/sandbox.md.") from error
    print_data(environment_lines(sandbox.url, sandbox.environment).rstrip("\n"))
