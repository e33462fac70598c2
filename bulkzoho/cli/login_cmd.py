"""``bulkzoho auth login``: gather what lets in, from flags, a file, the environment or a person; never from arguments alone."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import click

from bulkzoho.cli.account_text import account_json, account_page
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
REDIRECT_PORT: Final = 8734  # any that is free on most machines; it is part of the address that is registered
LAST_PORT: Final = 65535
STORES: Final = ("auto", "keyring", "file")

_who = partial(click.option, cls=GroupedOption, group="Who")
_how = partial(click.option, cls=GroupedOption, group="How")

_login_options = combine_options(
    _who("--profile", metavar="NAME", help="The name to keep the account under.  [default: BULKZOHO_PROFILE, or default]"),
    _who("--client-id", metavar="ID", help="Of the client in the API console; no secret.  [default: BULKZOHO_CLIENT_ID]"),
    _who("--dc", metavar="DC", help="The data center; it is found when this one does not know the client.  [default: us]"),
    _who("--org", metavar="ID", help="For client-credentials: the organization's id, a number."),
    _how(
        "--method",
        type=choice_of(LoginMethod),
        help="What lets in.  [default: refresh-token where there is one, else self-client]",
    ),
    _how(
        "--for",
        "use",
        type=choice_of(AccountPurpose),
        default=AccountPurpose.IMPORT.value,
        show_default=True,
        help="What the scopes are to allow: read only, imports, imports and bulk jobs.",
    ),
    _how("--file", metavar="FILE", help="JSON with client_id, client_secret, code or refresh_token; - is standard input."),
    _how(
        "--store",
        type=click.Choice(STORES),
        default="auto",
        show_default=True,
        help="Where secrets are kept: the keyring if one works, else a file for you alone.",
    ),
    _how(
        "--redirect-port",
        type=click.IntRange(1, LAST_PORT),
        default=REDIRECT_PORT,
        show_default=True,
        metavar="N",
        help="For browser: the port of the registered redirect address.",
    ),
    _how("--no-open", is_flag=True, help="For browser: show the address, open nothing."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginInputs:
    """What is known before anybody is asked."""

    profile: str
    method: LoginMethod
    use: AccountPurpose
    found: Credentials
    redirect_uri: str


@click.command(name="login", cls=GroupedCommand, context_settings=HELP_SETTINGS)
@_login_options
@click.option("--json", "as_json", is_flag=True, help="Print the account as one object.")
@log_options
def login_command(as_json: bool, **given: Any) -> int:  # noqa: FBT001  click gives it by name
    """Log in and keep the account as a profile; says what to click and asks for what is missing.

    \b
      bulkzoho auth login
      bulkzoho auth login --profile prod --dc eu --for bulk
      bulkzoho auth login --file self_client.json
      bulkzoho auth login --method browser
      bulkzoho auth login --method client-credentials --org 650000001

    Secrets come from --file, from BULKZOHO_CLIENT_SECRET, BULKZOHO_GRANT_CODE and
    BULKZOHO_REFRESH_TOKEN, or are asked for; never from arguments, which other users can see.
    """  # noqa: D301  \b is click's mark: keep these lines as they are
    gathered = _gather(given)
    credentials = _complete(gathered)
    from bulkzoho.app.login_exchange import LoginRequest  # noqa: PLC0415  loaded only when it is used

    login = LoginRequest(
        profile=gathered.profile,
        method=gathered.method,
        dc=credentials.dc,
        client_id=credentials.client_id,
        client_secret=credentials.client_secret,
        code=credentials.code,
        refresh_token=credentials.refresh_token,
        org=credentials.org,
        scopes=SCOPES_OF_USE[gathered.use],
        accounts_url=_from_env("BULKZOHO_ACCOUNTS_URL"),
        api_url=_from_env("BULKZOHO_API_URL"),
        upload_url=_from_env("BULKZOHO_UPLOAD_URL"),
        keyring=None if given["store"] == "auto" else given["store"] == "keyring",
    )
    logged_in = asyncio.run(_carry_out(login, port=given["redirect_port"], opens=not given["no_open"]))
    profile, wanted = logged_in.profile, SCOPES_OF_USE[gathered.use]
    if profile.scopes and (missing := missing_scopes(profile.scopes, wanted)):
        print_note(f"bulkzoho: the token lacks {', '.join(missing)}, which --for {gathered.use} wants.")
    if as_json:
        print_json(account_json(profile, logged_in.organization, logged_in.user))
    else:
        print_note(f"Logged in; kept as profile {profile.name}.")
        print_data(account_page(profile, logged_in.organization, logged_in.user))
    return 0


async def _carry_out(login: Any, *, port: int, opens: bool) -> Any:
    from bulkzoho.app.login import log_in, login_in_browser  # noqa: PLC0415  as above

    def show(address: str) -> None:
        print_note(f"Open this address in a browser on this machine:\n\n  {address}\n")
        if opens:
            import webbrowser  # noqa: PLC0415  for this method only

            webbrowser.open(address)

    if login.method is LoginMethod.BROWSER:
        login = await login_in_browser(login, port=port, show=show)
    return await log_in(login, progress=NoProgress())


def _gather(given: dict[str, Any]) -> LoginInputs:
    file = read_credentials(given["file"]) if given["file"] else Credentials()
    found = Credentials(
        client_id=given["client_id"] or file.client_id or _from_env("BULKZOHO_CLIENT_ID"),
        client_secret=file.client_secret or _from_env("BULKZOHO_CLIENT_SECRET"),
        code=file.code or _from_env("BULKZOHO_GRANT_CODE"),
        refresh_token=file.refresh_token or ("" if file.code else _from_env("BULKZOHO_REFRESH_TOKEN")),
        dc=given["dc"] or file.dc or _from_env("BULKZOHO_DC"),
        org=given["org"] or file.org,
    )
    if found.dc:
        data_center(found.dc)
    method = LoginMethod(given["method"]) if given["method"] else _method_of(found)
    if method is LoginMethod.CLIENT_CREDENTIALS and not found.org.isdecimal():
        raise UsageError("--method client-credentials needs --org ID: the organization's id, a number.")
    return LoginInputs(
        profile=checked_name(given["profile"] or _from_env("BULKZOHO_PROFILE") or DEFAULT_PROFILE),
        method=method,
        use=AccountPurpose(given["use"]),
        found=found,
        redirect_uri=f"http://127.0.0.1:{given['redirect_port']}/callback",
    )


def _method_of(found: Credentials) -> LoginMethod:
    return LoginMethod.REFRESH_TOKEN if found.refresh_token and not found.code else LoginMethod.SELF_CLIENT


_NEEDED: Final = {
    LoginMethod.SELF_CLIENT: (("code", "Grant code", "BULKZOHO_GRANT_CODE"),),
    LoginMethod.REFRESH_TOKEN: (("refresh_token", "Refresh token", "BULKZOHO_REFRESH_TOKEN"),),
    LoginMethod.BROWSER: (),
    LoginMethod.CLIENT_CREDENTIALS: (),
}


def _complete(gathered: LoginInputs) -> Credentials:
    """Ask for what is missing.

    Raises:
        AccessError: Something is missing, and nobody is there to be asked.
    """
    found = gathered.found
    client = (("client_id", "Client ID", "BULKZOHO_CLIENT_ID"), ("client_secret", "Client Secret", "BULKZOHO_CLIENT_SECRET"))
    missing = [one for one in (*client, *_NEEDED[gathered.method]) if not getattr(found, one[0])]
    if missing and not is_interactive():
        print_note(_steps(gathered, found.dc or DEFAULT_DATA_CENTER))
        raise AccessError(
            f"{', '.join(variable for _, _, variable in missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            hint="Set it, give --file, or log in at a terminal, where you are asked. The steps stand above.",
            code="NO_CREDENTIALS",
        )
    if missing:
        if not found.dc:
            found = replace(found, dc=_asked_center())
        print_note(_steps(gathered, found.dc))
        for key, question, _ in missing:
            found = replace(found, **{key: ask(question, secret=key != "client_id")})
    return found if found.dc else replace(found, dc=DEFAULT_DATA_CENTER)


def _asked_center() -> str:
    while True:
        name = ask("Data center (us, eu, in, au, jp, cn, ca, sa, uk)", default=DEFAULT_DATA_CENTER)
        try:
            return data_center(name).name
        except AccessError as error:
            print_note(error.message)


def _steps(gathered: LoginInputs, dc: str) -> str:
    steps = steps_for(
        gathered.method,
        console=data_center(dc).console,
        scopes=SCOPES_OF_USE[gathered.use],
        redirect_uri=gathered.redirect_uri,
    )
    return f"To log in for {gathered.use} ({gathered.method}):\n{steps}\n"


def _from_env(name: str) -> str:
    return os.environ.get(name, "").strip()
