"""``bulkzoho auth``: log in, look, list, log out."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import click

from bulkzoho.cli.account_text import account_json, account_page
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, HelpingGroup
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.login_cmd import login_command
from bulkzoho.cli.options import connection_options
from bulkzoho.cli.progress_display import NoProgress
from bulkzoho.cli.streams import print_data, print_json, print_note
from bulkzoho.cli.table import table

if TYPE_CHECKING:
    from bulkzoho.zoho.auth.profile import Profile

__all__ = ["auth_command"]

_HEADINGS: Final = ("profile", "organization", "type", "user", "dc", "method", "secrets", "since")


@click.group(name="auth", cls=HelpingGroup, context_settings=HELP_SETTINGS, no_args_is_help=False)
def auth_command() -> None:
    """Log in, and keep accounts as profiles.

    \b
      bulkzoho auth login              log in; says what to click, and asks
      bulkzoho auth status             who is let in, and until when
      bulkzoho auth list               the profiles
      bulkzoho auth logout             revoke the refresh token and forget the profile
    """  # noqa: D301  \b is click's mark: keep these lines as they are


@click.command(name="status", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@connection_options
@click.option("--json", "as_json", is_flag=True, help="Print one object.")
@log_options
def status_command(profile: str | None, dc: str | None, as_json: bool) -> int:  # noqa: FBT001  click gives it by name
    """Show the account that a command would use: asks the CRM who is let in.

    \b
      bulkzoho auth status
      bulkzoho auth status --profile prod --json
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.accounts import account_status  # noqa: PLC0415  loaded only when it is used
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  loaded only when it is used

    status = asyncio.run(account_status(AccountSelection(profile=profile, dc=dc), progress=NoProgress()))
    until = datetime.fromtimestamp(status.token_until).astimezone()
    kept = status.chosen.profile
    if as_json:
        told: dict[str, Any] = account_json(kept, status.organization, status.user)
        print_json(told | {"scopes": list(status.scopes), "token_until": until.isoformat(timespec="seconds")})
        return 0
    more = [("access token", f"until {until:%H:%M:%S}; it is renewed before")]
    if kept is None:
        more.insert(0, ("scopes", ", ".join(status.scopes) or "not told"))
    print_data(account_page(kept, status.organization, status.user, *more))
    return 0


@click.command(name="list", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.option("--json", "as_json", is_flag=True, help="Print an array of objects.")
@log_options
def list_command(as_json: bool) -> int:  # noqa: FBT001  click gives it by name
    """List the profiles; asks nobody.

    \b
      bulkzoho auth list
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.accounts import list_profiles  # noqa: PLC0415  loaded only when it is used

    profiles = list_profiles()
    if as_json:
        print_json([_profile_json(one) for one in profiles])
    elif profiles:
        print_data(table(_HEADINGS, [_cells(one) for one in profiles]))
    else:
        print_note("bulkzoho: no profile yet. Make one: bulkzoho auth login")
    return 0


@click.command(name="logout", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@click.option("--profile", metavar="NAME", help="Which.  [default: BULKZOHO_PROFILE, the one called default, or the only one]")
@click.option("--no-revoke", is_flag=True, help="Forget it here, and leave the refresh token alive.")
@log_options
def logout_command(profile: str | None, no_revoke: bool) -> int:  # noqa: FBT001  click gives it by name
    """Revoke the refresh token of a profile at Zoho, and forget the profile.

    \b
      bulkzoho auth logout --profile prod
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.accounts import log_out  # noqa: PLC0415  loaded only when it is used
    from bulkzoho.zoho.auth.account_resolver import AccountSelection  # noqa: PLC0415  loaded only when it is used
    from bulkzoho.zoho.auth.token_requests import RevocationResult  # noqa: PLC0415  loaded only when it is used

    gone = asyncio.run(log_out(AccountSelection(profile=profile), revoking=not no_revoke))
    words = {
        RevocationResult.NOW: "its refresh token is revoked",
        RevocationResult.UNKNOWN: "its refresh token was dead already",
        None: "nothing was revoked",
    }
    print_note(f"Profile {gone.profile.name} is forgotten; {words[gone.revoked]}.")
    return 0


for _command in (login_command, status_command, list_command, logout_command):
    auth_command.add_command(_command)


def _cells(profile: Profile) -> tuple[str, ...]:
    return (
        profile.name,
        f"{profile.org_name} ({profile.org})" if profile.org else "not met",
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
