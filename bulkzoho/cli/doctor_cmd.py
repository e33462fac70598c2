"""``bulkzoho doctor``: what keeps a run from working, before it runs; made for cron."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

import click

from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.options import connection_options
from bulkzoho.cli.param_types import choice_of
from bulkzoho.cli.streams import print_data, print_json
from bulkzoho.errors import ExitCode
from bulkzoho.zoho.auth.scopes import AccountPurpose

if TYPE_CHECKING:
    from bulkzoho.app.doctor.check_result import CheckResult

__all__ = ["doctor_command"]

NAME_WIDTH: Final = 18


@click.command(name="doctor", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@connection_options
@click.option("--module", "crm_module", metavar="NAME", help="See what the user may do with the records of this module.")
@click.option(
    "--for",
    "use",
    type=choice_of(AccountPurpose),
    default=AccountPurpose.IMPORT.value,
    show_default=True,
    help="What the account is wanted for: what that needs and is not there is a failure.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
@log_options
def doctor_command(profile: str | None, dc: str | None, crm_module: str | None, use: str, as_json: bool) -> int:  # noqa: FBT001  click gives it by name
    """Look at everything between this machine and the CRM; exit 0, or 6 when something failed.

    \b
      bulkzoho doctor
      bulkzoho doctor --profile prod --module Leads
      0 6 * * *  bulkzoho doctor --profile prod --json > health.json || mail ...

    Versions, state folder, hosts, clock, data center, client, tokens, scopes, permissions, edition, quota.
    One line each: ok, warning, or failure with what to do.  Nothing is changed.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.doctor.check_result import CheckStatus  # noqa: PLC0415  loaded only when it is used
    from bulkzoho.app.doctor.runner import run_doctor  # noqa: PLC0415  loaded only when it is used
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  loaded only when it is used

    findings = asyncio.run(run_doctor(AccountSelection(profile=profile, dc=dc), crm_module=crm_module, use=AccountPurpose(use)))
    failed = any(one.state is CheckStatus.FAILURE for one in findings)
    status = int(ExitCode.ACCESS if failed else ExitCode.ACCEPTED)
    if as_json:
        told: dict[str, Any] = {"healthy": not failed, "exit_code": status, "checks": [_finding_json(one) for one in findings]}
        if failed:
            first = next(one for one in findings if one.state is CheckStatus.FAILURE)
            told["error"] = {"code": "UNHEALTHY", "message": f"{first.name}: {first.message}", "hint": first.hint}
        print_json(told)
    else:
        print_data("\n".join(_finding_line(one) for one in findings))
    return status


def _finding_line(finding: CheckResult) -> str:
    line = f"{finding.state:<8} {finding.name:<{NAME_WIDTH}} {finding.message}"
    return f"{line} {finding.hint}".rstrip()


def _finding_json(finding: CheckResult) -> dict[str, Any]:
    return {"name": finding.name, "state": str(finding.state), "message": finding.message, "hint": finding.hint}
