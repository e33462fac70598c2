"""``bulkzoho auth``: log in, show, list and delete accounts."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any, Final

import click

from bulkzoho.cli.account_text import account_json, account_text
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, GroupWithHelp
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.login_cmd import login_command
from bulkzoho.cli.options import connection_options
from bulkzoho.cli.progress_display import NoProgress
from bulkzoho.cli.streams import print_data, print_json, print_note
from bulkzoho.cli.table import format_table
from bulkzoho.domain.model.account import AccountSelection, Profile

__all__ = ["auth_command"]

_HEADINGS: Final = ("profile", "organization", "type", "user", "dc", "method", "secrets", "created")


@click.group(name="auth", cls=GroupWithHelp, context_settings=HELP_SETTINGS, no_args_is_help=False)
def auth_command() -> None:
    """Log in and manage profiles.

    \b
      bulkzoho auth login              log in, step by step
      bulkzoho auth status             show the account in use
      bulkzoho auth list               list the profiles
      bulkzoho auth logout             revoke the refresh token and delete the profile
    """  # noqa: D301  \b is click's mark: keep these lines as they are


@click.command(name="status", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@log_options
def status_command(profile: str | None, dc: str | None, as_json: bool) -> int:  # noqa: FBT001  click passes it by name
    """Show the account that commands use, as the CRM reports it.

    \b
      bulkzoho auth status
      bulkzoho auth status --profile prod --json
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.accounts import account_status

    status = asyncio.run(account_status(AccountSelection(profile=profile, dc=dc), progress=NoProgress()))
    until = datetime.fromtimestamp(status.token_until).astimezone()
    kept = status.chosen.profile
    if as_json:
        account: dict[str, Any] = account_json(kept, status.organization, status.user)
        print_json(account | {"scopes": list(status.scopes), "token_until": until.isoformat(timespec="seconds")})
        return 0
    more = [("access token", f"valid until {until:%H:%M:%S}; renewed automatically")]
    if kept is None:
        more.insert(0, ("scopes", ", ".join(status.scopes) or "unknown"))
    print_data(account_text(kept, status.organization, status.user, *more))
    return 0


@click.command(name="list", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.option("--json", "as_json", is_flag=True, help="Print a JSON array.")
@log_options
def list_command(as_json: bool) -> int:  # noqa: FBT001  click passes it by name
    """List the profiles, without calling the CRM.

    \b
      bulkzoho auth list
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.accounts import list_profiles

    profiles = list_profiles()
    if as_json:
        print_json([_profile_json(profile) for profile in profiles])
    elif profiles:
        print_data(format_table(_HEADINGS, [_cells(profile) for profile in profiles]))
    else:
        print_note("bulkzoho: no profiles yet. Create one: bulkzoho auth login")
    return 0


@click.command(name="logout", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.option(
    "--profile", metavar="NAME", help='Profile to delete.  [default: BULKZOHO_PROFILE, the profile "default", or the only one]'
)
@click.option("--no-revoke", is_flag=True, help="Delete the profile only; keep the refresh token valid.")
@log_options
def logout_command(profile: str | None, no_revoke: bool) -> int:  # noqa: FBT001  click passes it by name
    """Revoke the refresh token of a profile at Zoho and delete the profile.

    \b
      bulkzoho auth logout --profile prod
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.accounts import RevocationResult, log_out

    gone = asyncio.run(log_out(AccountSelection(profile=profile), revoking=not no_revoke))
    words = {
        RevocationResult.NOW: "Its refresh token was revoked.",
        RevocationResult.UNKNOWN: "Its refresh token was no longer valid.",
        None: "Its refresh token was not revoked.",
    }
    print_note(f"Profile {gone.profile.name} deleted. {words[gone.revoked]}")
    return 0


for _command in (login_command, status_command, list_command, logout_command):
    auth_command.add_command(_command)


def _cells(profile: Profile) -> tuple[str, ...]:
    return (
        profile.name,
        f"{profile.org_name} ({profile.org})" if profile.org else "unknown",
        profile.org_type,
        profile.user,
        profile.dc,
        profile.method,
        profile.kept_in,
        profile.created,
    )


def _profile_json(profile: Profile) -> dict[str, Any]:
    return {
        "profile": profile.name,
        "org": profile.org,
        "organization": profile.org_name,
        "type": profile.org_type,
        "user": profile.user,
        "dc": profile.dc,
        "method": str(profile.method),
        "scopes": list(profile.scopes),
        "secrets": str(profile.kept_in),
        "created": profile.created,
    }
