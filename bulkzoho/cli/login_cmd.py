"""``bulkzoho auth login``: collect credentials from a file, the environment or a person, and save them as a profile."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any, Final

import click

from bulkzoho.cli.account_text import account_json, account_text
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, GroupedOption
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.options import combine_options
from bulkzoho.cli.param_types import choice_of
from bulkzoho.cli.progress_display import NoProgress
from bulkzoho.cli.streams import print_data, print_json, print_note
from bulkzoho.domain.model.account import AccountPurpose, LoginMethod
from bulkzoho.zoho.auth.scopes import SCOPES_OF_USE, missing_scopes

__all__ = ["login_command"]

REDIRECT_PORT: Final = 8734  # free on most machines; part of the registered redirect address
LAST_PORT: Final = 65535
STORES: Final = ("auto", "keyring", "file")

_account = partial(click.option, cls=GroupedOption, group="Account")
_login = partial(click.option, cls=GroupedOption, group="Login")

_login_options = combine_options(
    _account("--profile", metavar="NAME", help='Name of the profile to save.  [default: BULKZOHO_PROFILE, or "default"]'),
    _account("--client-id", metavar="ID", help="Client id from the API console (not a secret).  [default: BULKZOHO_CLIENT_ID]"),
    _account(
        "--dc", metavar="DC", help="Data center to try first; the others follow if it does not know the client.  [default: us]"
    ),
    _account("--org", metavar="ID", help="Organization id (a number), for client-credentials."),
    _login(
        "--method",
        type=choice_of(LoginMethod),
        help="Login method.  [default: refresh-token if there is one, else self-client]",
    ),
    _login(
        "--for",
        "use",
        type=choice_of(AccountPurpose),
        default=AccountPurpose.IMPORT.value,
        show_default=True,
        help="Scopes to request: read only, imports, or imports and bulk jobs.",
    ),
    _login("--file", metavar="FILE", help="JSON file with client_id, client_secret, code or refresh_token; - is standard input."),
    _login(
        "--store",
        type=click.Choice(STORES),
        default="auto",
        show_default=True,
        help="Where to store secrets; auto is the keyring if it works, else a file that only you can read.",
    ),
    _login(
        "--redirect-port",
        type=click.IntRange(1, LAST_PORT),
        default=REDIRECT_PORT,
        show_default=True,
        metavar="N",
        help="Port of the registered redirect address, for browser.",
    ),
    _login("--no-open", is_flag=True, help="Print the address instead of opening the browser, for browser."),
)


@click.command(name="login", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@_login_options
@click.option("--json", "as_json", is_flag=True, help="Print the account as one JSON object.")
@log_options
def login_command(as_json: bool, **options: Any) -> int:  # noqa: FBT001  click passes it by name
    """Log in and save the account as a profile.  Shows each step and asks for missing values.

    \b
      bulkzoho auth login
      bulkzoho auth login --profile prod --dc eu --for bulk
      bulkzoho auth login --file self_client.json
      bulkzoho auth login --method browser
      bulkzoho auth login --method client-credentials --org 650000001

    Secrets are read from --file, from BULKZOHO_CLIENT_SECRET, BULKZOHO_GRANT_CODE and
    BULKZOHO_REFRESH_TOKEN, or asked for.  No option takes a secret: other users can see arguments.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    from bulkzoho.app.login_exchange import LoginRequest
    from bulkzoho.cli.login_inputs import collect_inputs, complete_credentials, from_environment

    inputs = collect_inputs(options)
    credentials = complete_credentials(inputs)
    login = LoginRequest(
        profile=inputs.profile,
        method=inputs.method,
        dc=credentials.dc,
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
        code=credentials.code,
        refresh_token=credentials.refresh_token,
        org=credentials.org,
        scopes=SCOPES_OF_USE[inputs.use],
        accounts_url=from_environment("BULKZOHO_ACCOUNTS_URL"),
        api_url=from_environment("BULKZOHO_API_URL"),
        upload_url=from_environment("BULKZOHO_UPLOAD_URL"),
        keyring=None if options["store"] == "auto" else options["store"] == "keyring",
    )
    logged_in = asyncio.run(_log_in(login, port=options["redirect_port"], opens=not options["no_open"]))
    profile, wanted = logged_in.profile, SCOPES_OF_USE[inputs.use]
    if profile.scopes and (missing := missing_scopes(profile.scopes, wanted)):
        print_note(f"bulkzoho: warning: the token lacks scopes for --for {inputs.use}: {', '.join(missing)}")
    if as_json:
        print_json(account_json(profile, logged_in.organization, logged_in.user))
    else:
        print_note(f"Logged in. Saved as profile {profile.name}.")
        print_data(account_text(profile, logged_in.organization, logged_in.user))
    return 0


async def _log_in(login: Any, *, port: int, opens: bool) -> Any:
    from bulkzoho.app.login import log_in, login_in_browser

    def show(address: str) -> None:
        print_note(f"Open this address in a browser on this computer:\n\n  {address}\n")
        if opens:
            import webbrowser

            webbrowser.open(address)

    if login.method is LoginMethod.BROWSER:
        login = await login_in_browser(login, port=port, show=show)
    return await log_in(login, progress=NoProgress())
