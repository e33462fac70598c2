"""The ``bulkzoho`` program: its commands, loaded when used, and the one place that turns an error into an exit code."""

from __future__ import annotations

from importlib import import_module
from typing import Final, NamedTuple

import click

from bulkzoho.cli.error_output import InterruptedEarlyError, crash_error, report_failure, state_error, usage_error
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupWithHelp
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.streams import print_data, print_note
from bulkzoho.errors import BulkZohoError, ExitCode

__all__ = ["COMMANDS", "program", "run_program"]


class LazyCommand(NamedTuple):
    """The place of a command and its line in the help, known without loading it."""

    module: str
    attribute: str
    line: str


COMMANDS: Final = {
    "import": LazyCommand("import_cmd", "import_command", "Import files into a CRM module."),
    "replay": LazyCommand("replay_cmd", "replay_command", "Retry rejected rows from a dead-letter file."),
    "resume": LazyCommand("resume_cmd", "resume_command", "Finish an interrupted run."),
    "verify": LazyCommand("verify_cmd", "verify_command", "Compare the rows of a run with the CRM."),
    "runs": LazyCommand("runs_cmd", "runs_command", "List runs and their status."),
    "quota": LazyCommand("quota_cmd", "quota_command", "Show API quota usage."),
    "auth": LazyCommand("auth_cmd", "auth_command", "Log in and manage profiles."),
    "export": LazyCommand("export_cmd", "export_command", "Export a CRM module to a file."),
    "doctor": LazyCommand("doctor_cmd", "doctor_command", "Check login, permissions, connectivity and quota."),
    "modules": LazyCommand("modules_cmd", "modules_command", "List the modules of the CRM."),
    "fields": LazyCommand("fields_cmd", "fields_command", "List the fields of a module."),
    "sandbox": LazyCommand("sandbox_cmd", "sandbox_command", "Run a local Zoho CRM sandbox."),
    "demo": LazyCommand("demo_cmd", "demo_command", "Run a guided demo against a local sandbox."),
}


class _LazyGroup(GroupWithHelp):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  click's signature
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        command: click.Command = getattr(import_module(f"bulkzoho.cli.{entry.module}"), entry.attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002  click's signature
        with formatter.section("Commands"):
            formatter.write_dl([(name, entry.line) for name, entry in COMMANDS.items()])


def run_program(arguments: list[str]) -> int:
    """Run the command line *arguments* and return the exit code."""
    if not arguments:
        with click.Context(program, info_name="bulkzoho") as context:
            print_note(context.get_help())
        return int(ExitCode.USAGE)
    try:
        outcome = program.main(args=arguments, prog_name="bulkzoho", standalone_mode=False)
    except BulkZohoError as error:
        return _failed(error, arguments)
    except click.ClickException as error:
        return _failed(usage_error(error), arguments)
    except (click.Abort, KeyboardInterrupt):
        return _failed(InterruptedEarlyError("interrupted."), arguments)
    except Exception as error:  # noqa: BLE001  the last resort: a bug becomes one line and a crash log
        return _failed(state_error(error) or crash_error(error), arguments)
    return outcome if isinstance(outcome, int) else int(ExitCode.ACCEPTED)


def _failed(error: BulkZohoError, arguments: list[str]) -> int:
    command = next((word for word in arguments if word in COMMANDS), "")
    return report_failure(error, as_json="--json" in arguments, command=command)


def _show_version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001, FBT001  click's signature
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version  # slow, and needed here only

        print_data(f"bulkzoho {version('bulkzoho')}")
        ctx.exit()


@click.group(
    cls=_LazyGroup,
    context_settings=HELP_SETTINGS,
    epilog="To connect, run bulkzoho auth login, or set BULKZOHO_CLIENT_ID, BULKZOHO_CLIENT_SECRET, BULKZOHO_REFRESH_TOKEN"
    " and BULKZOHO_DC.  All options and exit codes: docs/commands.md.",
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_show_version, help="Show the version and exit."
)
@log_options
def program() -> None:
    """Import and export Zoho CRM records in bulk: no lost rows, no duplicates from retries, never over the quota.

    \b
      bulkzoho demo                                     watch an import, in half a minute
      bulkzoho sandbox                                  run a local CRM to practise on
      bulkzoho auth login                               connect to your CRM
      bulkzoho import leads.csv --module Leads          import a file
      bulkzoho replay dead-letter.jsonl                 retry rejected rows
      bulkzoho resume                                   finish an interrupted run
    """  # noqa: D301  \b is click's mark: keep these lines as they are
