"""Have a login granted: by the accounts server that was named, or by that of the data center where the account lives."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from bulkzoho.assembly.diagnosing import tokens_throttled
from bulkzoho.errors import AccessError, UnreachableError
from bulkzoho.model.replies import Lost, NothingLeft, Throttled
from bulkzoho.model.settings import ConnectionSettings
from bulkzoho.ports import Progress
from bulkzoho.profiles.profile import Method
from bulkzoho.zoho.datacenters import CREDENTIALS, DataCenter, connection_from, data_center_of, host_of, is_loopback, named_center
from bulkzoho.zoho.discovery import centers_that_know, other_centers
from bulkzoho.zoho.line import Line
from bulkzoho.zoho.token_grants import Grant
from bulkzoho.zoho.token_requests import ServerGrant, ask_for_token, exchange_code

__all__ = ["Login", "granted", "where_the_account_lives"]

_ELSEWHERE: Final = frozenset({"invalid_client", "invalid_code"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a person has."""

    profile: str
    method: Method
    dc: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    code: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    redirect_uri: str = ""  #: the browser's
    org: str = ""  #: client credentials: Zoho's id of the organization
    scopes: tuple[str, ...] = ()  #: wanted
    accounts_url: str = ""  #: the three URLs only where they are not the data center's
    api_url: str = ""
    upload_url: str = ""
    keyring: bool | None = None  #: None: the keyring if there is one that works

    @property
    def accounts(self) -> str:
        """The accounts server that is asked first."""
        return self.accounts_url or f"https://{named_center(self.dc).accounts}"


async def granted(line: Line, login: Login, progress: Progress) -> tuple[Grant, Login]:
    """Have the login granted where it was told to, else in another data center that may know the client.

    Gives the grant, and the login with the data center that gave it.

    Raises:
        AccessError: Refused everywhere; says which credential, and what to do.
        UnreachableError: The accounts server does not answer.
    """
    try:
        return await _ask(line, login), login
    except AccessError as error:
        others = other_centers(login.accounts)
        if error.code not in _ELSEWHERE or not others:
            raise
        homes = await centers_that_know(line, login.client_id, others)
        if not homes and error.code == "invalid_client":
            homes = others  # perhaps they tell nobody what they know; the login itself will
        for center in homes:
            found = await _try(line, replace(login, dc=center.name, accounts_url=""))
            if found is not None:
                progress.tell(_found(center, login))
                return found
        raise


async def _try(line: Line, login: Login) -> tuple[Grant, Login] | None:
    try:
        return await _ask(line, login), login
    except AccessError as error:
        if error.code in _ELSEWHERE:
            return None
        raise
    except UnreachableError:
        return None


def _found(center: DataCenter, login: Login) -> str:
    return f"Your account lives in {center.name.upper()}: --dc {center.name} ({host_of(login.accounts)} does not know it)."


async def _ask(line: Line, login: Login) -> Grant:
    match login.method:
        case Method.SELF_CLIENT | Method.BROWSER:
            reply = await exchange_code(
                line,
                login.accounts,
                client_id=login.client_id,
                client_secret=login.client_secret,
                code=login.code,
                redirect_uri=login.redirect_uri,
            )
        case Method.REFRESH_TOKEN | Method.CLIENT_CREDENTIALS:
            reply = await ask_for_token(line, _settings(login), _server(login))
        case _:
            assert_never(login.method)
    match reply:
        case Grant() as grant:
            return grant
        case Throttled():
            raise tokens_throttled()
        case NothingLeft(reason=reason) | Lost(reason=reason):
            raise UnreachableError(
                f"the accounts server cannot be reached ({reason}).",
                hint="Check the network, the proxy and the data center (--dc); `bulkzoho doctor` looks at each.",
            )


def where_the_account_lives(login: Login, grant: Grant, progress: Progress) -> Login:
    """Go where the token says that the API is, if that is another data center.

    Raises:
        AccessError: It says that of a host which is none of Zoho's.
    """
    host = host_of(grant.api_domain or "")
    if not host or login.api_url or is_loopback(host):
        return login
    center = data_center_of(host)
    if center is None or host not in center.api_hosts:
        raise AccessError(
            f"the accounts server sends to {host}, no host of Zoho's API: no token goes there.",
            hint="Check --dc and BULKZOHO_ACCOUNTS_URL.",
            code="FOREIGN_HOST",
        )
    if center.name == login.dc:
        return login
    progress.tell(_found(center, login))
    return replace(login, dc=center.name, accounts_url=login.accounts_url if is_loopback(host_of(login.accounts)) else "")


def _settings(login: Login) -> ConnectionSettings:
    told = {
        "BULKZOHO_CLIENT_ID": login.client_id,
        "BULKZOHO_CLIENT_SECRET": login.client_secret,
        "BULKZOHO_REFRESH_TOKEN": login.refresh_token,
        "BULKZOHO_DC": login.dc,
        "BULKZOHO_ACCOUNTS_URL": login.accounts_url,
    }
    return connection_from(told, needed=CREDENTIALS if login.refresh_token else CREDENTIALS[:2])


def _server(login: Login) -> ServerGrant | None:
    if login.method is not Method.CLIENT_CREDENTIALS:
        return None
    return ServerGrant(organization=f"ZohoCRM.{login.org}", scopes=login.scopes)
