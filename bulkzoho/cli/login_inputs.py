"""Collect the inputs of a login: from options, a file and the environment, or by asking for them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bulkzoho.cli.credentials_file import Credentials, read_credentials
from bulkzoho.cli.login_help import steps_for
from bulkzoho.cli.prompt import ask, is_interactive
from bulkzoho.cli.streams import print_note
from bulkzoho.domain.model.account import AccountPurpose, LoginMethod, checked_name
from bulkzoho.errors import AccessError, UsageError
from bulkzoho.zoho.auth.datacenters import DEFAULT_DATA_CENTER, data_center
from bulkzoho.zoho.auth.scopes import SCOPES_OF_USE

__all__ = ["LoginInputs", "collect_inputs", "complete_credentials", "from_environment"]

DEFAULT_PROFILE: Final = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginInputs:
    """The inputs of a login, before missing ones are asked for."""

    profile: str
    method: LoginMethod
    use: AccountPurpose
    found: Credentials
    redirect_uri: str


def collect_inputs(options: Mapping[str, Any]) -> LoginInputs:
    """Return the inputs from options, file and environment.

    Raises:
        AccessError: The data center does not exist.
        UsageError: The profile name is invalid, or the organization is missing.
    """
    file = read_credentials(options["file"]) if options["file"] else Credentials()
    found = Credentials(
        client_id=options["client_id"] or file.client_id or from_environment("BULKZOHO_CLIENT_ID"),
        client_secret=file.client_secret or from_environment("BULKZOHO_CLIENT_SECRET"),
        code=file.code or from_environment("BULKZOHO_GRANT_CODE"),
        refresh_token=file.refresh_token or ("" if file.code else from_environment("BULKZOHO_REFRESH_TOKEN")),
        dc=options["dc"] or file.dc or from_environment("BULKZOHO_DC"),
        org=options["org"] or file.org,
    )
    if found.dc:
        data_center(found.dc)
    method = LoginMethod(options["method"]) if options["method"] else _method_of(found)
    if method is LoginMethod.CLIENT_CREDENTIALS and not found.org.isdecimal():
        raise UsageError("--method client-credentials needs --org ID.", hint="The id of the organization is a number.")
    return LoginInputs(
        profile=checked_name(options["profile"] or from_environment("BULKZOHO_PROFILE") or DEFAULT_PROFILE),
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


def complete_credentials(inputs: LoginInputs) -> Credentials:
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


def from_environment(name: str) -> str:
    """Return a variable of the environment; empty if it is not set."""
    return os.environ.get(name, "").strip()
