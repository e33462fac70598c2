"""``bulkzoho doctor``: check login, permissions, connectivity and quota before a run."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.options import connection_options
from bulkzoho.cli.param_types import choice_of
from bulkzoho.cli.streams import print_data, print_json
from bulkzoho.domain.model.account import AccountPurpose, AccountSelection
from bulkzoho.errors import ExitCode

if TYPE_CHECKING:
    from bulkzoho.app.doctor.check_result import CheckResult

__all__ = ["doctor_command"]

NAME_WIDTH: Final = 18


@click.command(name="doctor", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@connection_options
@click.option("--module", "crm_module", metavar="NAME", help="Also check the user's permissions for this module.")
@click.option(
    "--for",
    "use",
    type=choice_of(AccountPurpose),
    default=AccountPurpose.IMPORT.value,
    show_default=True,
    help="Intended use of the account: missing requirements are failures.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@log_options
def doctor_command(profile: str | None, dc: str | None, crm_module: str | None, use: str, as_json: bool) -> int:  # noqa: FBT001  click passes it by name
    """Check login, permissions, connectivity and quota.

    \b
      bulkzoho doctor
      bulkzoho doctor --profile prod --module Leads
      0 6 * * *  bulkzoho doctor --profile prod --json > health.json || mail ...

    Prints one line per check: ok, warning, or failure with the fix.  The exit code is 0, or 6 if a check
    failed.  Nothing is changed.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.doctor.check_result import CheckStatus
    from bulkzoho.app.doctor.runner import run_doctor

    results = asyncio.run(run_doctor(AccountSelection(profile=profile, dc=dc), crm_module=crm_module, use=AccountPurpose(use)))
    failures = [result for result in results if result.state is CheckStatus.FAILURE]
    status = int(ExitCode.ACCESS if failures else ExitCode.ACCEPTED)
    if as_json:
        report: dict[str, Any] = {"healthy": not failures, "exit_code": status}
        report["checks"] = [_result_json(result) for result in results]
        if failures:
            first = failures[0]
            report["error"] = {"code": "UNHEALTHY", "message": f"{first.name}: {first.message}", "hint": first.hint}
        print_json(report)
    else:
        print_data("\n".join(_result_line(result) for result in results))
    return status


def _result_line(result: CheckResult) -> str:
    line = f"{result.state:<8} {result.name:<{NAME_WIDTH}} {result.message}"
    return f"{line} {result.hint}".rstrip()


def _result_json(result: CheckResult) -> dict[str, Any]:
    return {"name": result.name, "state": str(result.state), "message": result.message, "hint": result.hint}
