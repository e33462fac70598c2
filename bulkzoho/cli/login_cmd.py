"""``bulkzoho auth login``: collect credentials from a file, the environment or a person, and save them as a profile."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import click

from bulkzoho.cli.account_text import account_json, account_text
from bulkzoho.cli.credentials_file import Credentials, read_credentials
from bulkzoho.cli.help_format import HELP_SETTINGS, GroupedCommand, GroupedOption
from bulkzoho.cli.log_options import log_options
from bulkzoho.cli.login_help import steps_for
from bulkzoho.cli.options import combine_options
from bulkzoho.cli.param_types import choice_of
from bulkzoho.cli.progress_display import NoProgress
from bulkzoho.cli.prompt import ask, is_interactive
from bulkzoho.cli.streams import print_data, print_json, print_note
from bulkzoho.errors import AccessError, UsageError
from bulkzoho.zoho.auth.datacenters import DEFAULT_DATA_CENTER, data_center
from bulkzoho.zoho.auth.profile import LoginMethod, checked_name
from bulkzoho.zoho.auth.scopes import SCOPES_OF_USE, AccountPurpose, missing_scopes

__all__ = ["login_command"]

DEFAULT_PROFILE: Final = "default"
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


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginInputs:
    """The inputs of a login, before missing ones are asked for."""

    profile: str
    method: LoginMethod
    use: AccountPurpose
    found: Credentials
    redirect_uri: str


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
    inputs = _collect(options)
    credentials = _complete(inputs)
    from bulkzoho.app.login_exchange import LoginRequest

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
        accounts_url=_from_env("BULKZOHO_ACCOUNTS_URL"),
        api_url=_from_env("BULKZOHO_API_URL"),
        upload_url=_from_env("BULKZOHO_UPLOAD_URL"),
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


def _collect(options: dict[str, Any]) -> LoginInputs:
    file = read_credentials(options["file"]) if options["file"] else Credentials()
    found = Credentials(
        client_id=options["client_id"] or file.client_id or _from_env("BULKZOHO_CLIENT_ID"),
        client_secret=file.client_secret or _from_env("BULKZOHO_CLIENT_SECRET"),
        code=file.code or _from_env("BULKZOHO_GRANT_CODE"),
        refresh_token=file.refresh_token or ("" if file.code else _from_env("BULKZOHO_REFRESH_TOKEN")),
        dc=options["dc"] or file.dc or _from_env("BULKZOHO_DC"),
        org=options["org"] or file.org,
    )
    if found.dc:
        data_center(found.dc)
    method = LoginMethod(options["method"]) if options["method"] else _method_of(found)
    if method is LoginMethod.CLIENT_CREDENTIALS and not found.org.isdecimal():
        raise UsageError("--method client-credentials needs --org ID.", hint="The id of the organization is a number.")
    return LoginInputs(
        profile=checked_name(options["profile"] or _from_env("BULKZOHO_PROFILE") or DEFAULT_PROFILE),
        method=method,
        use=AccountPurpose(options["use"]),
        found=found,
        redirect_uri=f"http://127.0.0.1:{options['redirect_port']}/callback",
    )


def _method_of(found: Credentials) -> LoginMethod:
    return LoginMethod.REFRESH_TOKEN if found.refresh_token and not found.code else LoginMethod.SELF_CLIENT


_NEEDED: Final = {
    LoginMethod.SELF_CLIENT: (("code", "Grant code", "BULKZOHO_GRANT_CODE"),),
    LoginMethod.REFRESH_TOKEN: (("refresh_token", "Refresh token", "BULKZOHO_REFRESH_TOKEN"),),
    LoginMethod.BROWSER: (),
    LoginMethod.CLIENT_CREDENTIALS: (),
}


def _complete(inputs: LoginInputs) -> Credentials:
    """Ask for missing values.

    Raises:
        AccessError: A value is missing and there is no terminal to ask at.
    """
    found = inputs.found
    client = (("client_id", "Client ID", "BULKZOHO_CLIENT_ID"), ("client_secret", "Client Secret", "BULKZOHO_CLIENT_SECRET"))
    missing = [value for value in (*client, *_NEEDED[inputs.method]) if not getattr(found, value[0])]
    if missing and not is_interactive():
        print_note(_steps(inputs, found.dc or DEFAULT_DATA_CENTER))
        raise AccessError(
            f"{', '.join(variable for _, _, variable in missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            hint="Follow the steps above, then set it, use --file, or log in at a terminal.",
            code="NO_CREDENTIALS",
        )
    if missing:
        if not found.dc:
            found = replace(found, dc=_ask_data_center())
        print_note(_steps(inputs, found.dc))
        for key, question, _ in missing:
            found = replace(found, **{key: ask(question, secret=key != "client_id")})
    return found if found.dc else replace(found, dc=DEFAULT_DATA_CENTER)


def _ask_data_center() -> str:
    while True:
        name = ask("Data center (us, eu, in, au, jp, cn, ca, sa, uk)", default=DEFAULT_DATA_CENTER)
        try:
            return data_center(name).name
        except AccessError as error:
            print_note(error.message)


def _steps(inputs: LoginInputs, dc: str) -> str:
    steps = steps_for(
        inputs.method,
        console=data_center(dc).console,
        scopes=SCOPES_OF_USE[inputs.use],
        redirect_uri=inputs.redirect_uri,
    )
    return f"To log in for {inputs.use} ({inputs.method}):\n{steps}\n"


def _from_env(name: str) -> str:
    return os.environ.get(name, "").strip()
