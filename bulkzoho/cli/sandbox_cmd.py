"""``bulkzoho sandbox``: run a local Zoho CRM sandbox."""

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
from bulkzoho.domain.model.limits_and_costs import PlanName
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

_service = partial(click.option, cls=GroupedOption, group="Service")
_quotas = partial(click.option, cls=GroupedOption, group="Quotas")
_faults = partial(click.option, cls=GroupedOption, group="Faults")

_count = click.IntRange(min=1)

_service_options = combine_options(
    _service("--port", type=click.IntRange(0, LAST_PORT), metavar="N", help="Port; 0 is any free port.  [default: 0]"),
    _service("--config", metavar="FILE", help="Settings and faults in TOML or JSON; options override it.  See docs/sandbox.md."),
    _service("--state", metavar="FILE", help="Load records from this file at the start and save them at the end."),
    _service("--seed", type=int, metavar="N", help="Seed for secrets, jitter and random faults.  [default: 0]"),
    _service("--latency", type=DURATION, help="Mean duration of a call, for example 0.05.  [default: 0]"),
    _service("--jitter", type=DURATION, help="Largest deviation from the mean.  [default: 0]"),
    _service("--token-life", type=DURATION, help="Lifetime of access tokens.  [default: 1h]"),
    _service("--job-time", type=DURATION, help="Shortest duration of a bulk job.  [default: 1s]"),
    _service(
        "--time-scale",
        type=click.FloatRange(min=0, min_open=True),
        metavar="N",
        help="Speed of the clock; at 480 a day takes 3 minutes.  [default: 1]",
    ),
)

_quota_options = combine_options(
    _quotas(
        "--edition",
        type=choice_of(PlanName),
        help="Edition of the organization.  [default: enterprise]",
    ),
    _quotas(
        "--licences",
        type=click.IntRange(min=0),
        metavar="N",
        help="Number of user licences, which determine the credits.  [default: 10]",
    ),
    _quotas("--calls-per-minute", type=_count, metavar="N", help="API calls in any 60 seconds.  [default: unlimited]"),
    _quotas("--calls-per-day", type=_count, metavar="N", help="API calls in any 24 hours.  [default: unlimited]"),
    _quotas(
        "--credits-per-day", type=_count, metavar="N", help="API credits in any 24 hours.  [default: by edition and licences]"
    ),
    _quotas("--in-flight", type=_count, metavar="N", help="Concurrent API calls.  [default: by edition]"),
)

_faults_options = combine_options(
    _faults(
        "--fault", multiple=True, type=FAULT, help="Random fault and its rate, for example reset_after_commit=0.01.  Repeatable."
    ),
    _faults("--script", metavar="FILE.json", help="Scripted faults, a JSON array; see docs/sandbox.md."),
    _faults("--retry-after", is_flag=True, help="Send Retry-After with status 429."),
)


@click.command(name="sandbox", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@_service_options
@_quota_options
@_faults_options
@log_options
def sandbox_command(**options: Any) -> int:
    """Run a local Zoho CRM sandbox until Ctrl-C.

    \b
      bulkzoho sandbox --port 8080
      bulkzoho sandbox --port 8080 --latency 0.2 --calls-per-minute 200 --fault 500=0.01

    It prints the environment variables that connect bulkzoho to it: paste them into another shell.
    Records are lost when it ends, unless --state is set.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.sandbox import serve
    from bulkzoho.sandbox.state.persistence import StateFileError

    configuration = _configuration(options)
    try:
        settings = configuration.build_settings()
    except ValueError as error:
        raise _wrong_setting(options, error) from error
    try:
        asyncio.run(serve(settings, ready=lambda sandbox: _start(sandbox, configuration, options)))
    except OSError as error:
        raise RunFailedError(
            f"cannot serve on 127.0.0.1:{settings.port}: {_reason(error)}.",
            hint="Choose another --port, or 0 for any free port.",
        ) from error
    except StateFileError as error:
        raise RefusedError(
            f"{error}.", hint="Use a file that an earlier sandbox wrote, or a new file in a writable folder."
        ) from error
    except ValueError as error:  # an unknown user or field
        raise _wrong_setting(options, error) from error
    return 0


def _wrong_setting(options: Mapping[str, Any], error: ValueError) -> RefusedError | UsageError:
    """Return an error about the file, if there is one: the options were checked before."""
    hint = "See docs/sandbox.md for the settings."
    if options["config"] is None:
        return UsageError(f"{error}.", hint=hint)
    return RefusedError(f"{options['config']}: {error}.", hint=hint)


def _configuration(options: Mapping[str, Any]) -> Configuration:
    """Return the configuration file, overridden by the options."""
    from bulkzoho.sandbox.configuration import Configuration, read_configuration

    base = Configuration()
    if options["config"] is not None:
        try:
            base = read_configuration(Path(options["config"]))
        except OSError as error:
            raise RefusedError(f"{options['config']}: cannot be read ({error.strerror}).", hint="Check the path.") from error
        except ValueError as error:
            raise RefusedError(f"{options['config']}: {error}.", hint="See docs/sandbox.md for its format.") from error
    flags = {
        _SETTINGS.get(name, name): value for name, value in options.items() if name not in _NO_SETTINGS and value is not None
    }
    if not options["retry_after"]:
        flags.pop("retry_after")  # an option that is not set does not override the file
    script = _script(options["script"])
    return Configuration(
        settings={**base.settings, **flags},
        script=base.script if script is None else script,
        rates=dict(options["fault"]) or base.rates,
    )


def _reason(error: OSError) -> str:
    """Return the message of the operating system, without the sentence that asyncio adds."""
    return os.strerror(error.errno) if error.errno else str(error)


def _script(path: str | None) -> Any:
    if path is None:
        return None
    try:
        return json.loads(Path(path).read_bytes())
    except OSError as error:
        raise RefusedError(f"{path}: cannot be read ({error.strerror}).", hint="Check the path of --script.") from error
    except ValueError as error:
        raise RefusedError(
            f"{path}: invalid JSON: {error}.", hint="A script is an array of objects; see docs/sandbox.md."
        ) from error


def _start(sandbox: Sandbox, configuration: Configuration, options: Mapping[str, Any]) -> None:
    from bulkzoho.sandbox import environment_lines

    where = options["script"] or options["config"] or "--fault"
    try:
        configuration.apply_faults(sandbox.faults)
    except (ValueError, TypeError) as error:
        kind = RefusedError if options["script"] or options["config"] else UsageError
        raise kind(f"{where}: {error}.", hint="See docs/sandbox.md for the kinds of faults.") from error
    print_data(environment_lines(sandbox.url, sandbox.environment).rstrip("\n"))
