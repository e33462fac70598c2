"""Have a login granted: by the accounts server that was named, or by that of the data center where the account lives."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from bulkzoho.app.access_diagnosis import token_rate_limit_error
from bulkzoho.domain.model.responses import NotSent, RateLimited, ResponseLost
from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.errors import AccessError, UnreachableError
from bulkzoho.interfaces import Progress
from bulkzoho.zoho.auth.datacenter_discovery import data_centers_of_client, other_data_centers
from bulkzoho.zoho.auth.datacenters import (
    CREDENTIALS,
    DataCenter,
    connection_settings_from_env,
    data_center,
    data_center_of,
    is_loopback,
)
from bulkzoho.zoho.auth.profile import LoginMethod
from bulkzoho.zoho.auth.token_requests import ClientCredentialsGrant, exchange_code, request_token
from bulkzoho.zoho.auth.token_responses import TokenResponse
from bulkzoho.zoho.http.http_client import HttpClient, host_of

__all__ = ["LoginRequest", "exchange_login", "follow_token_data_center"]

_ELSEWHERE: Final = frozenset({"invalid_client", "invalid_code"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """What a person has."""

    profile: str
    method: LoginMethod
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
        return self.accounts_url or f"https://{data_center(self.dc).accounts}"


async def exchange_login(line: HttpClient, login: LoginRequest, progress: Progress) -> tuple[TokenResponse, LoginRequest]:
    """Have the login granted where it was told to, else in another data center that may know the client.

    Gives the grant, and the login with the data center that gave it.

    Raises:
        AccessError: Refused everywhere; says which credential, and what to do.
        UnreachableError: The accounts server does not answer.
    """
    try:
        return await _ask(line, login), login
    except AccessError as error:
        others = other_data_centers(login.accounts)
        if error.code not in _ELSEWHERE or not others:
            raise
        homes = await data_centers_of_client(line, login.client_id, others)
        if not homes and error.code == "invalid_client":
            homes = others  # perhaps they tell nobody what they know; the login itself will
        for center in homes:
            found = await _try(line, replace(login, dc=center.name, accounts_url=""))
            if found is not None:
                progress.tell(_found(center, login))
                return found
        raise


async def _try(line: HttpClient, login: LoginRequest) -> tuple[TokenResponse, LoginRequest] | None:
    try:
        return await _ask(line, login), login
    except AccessError as error:
        if error.code in _ELSEWHERE:
            return None
        raise
    except UnreachableError:
        return None


def _found(center: DataCenter, login: LoginRequest) -> str:
    name, host = center.name, host_of(login.accounts)
    return f"Your account is in the {name.upper()} data center (--dc {name}); {host} does not know the client."


async def _ask(line: HttpClient, login: LoginRequest) -> TokenResponse:
    match login.method:
        case LoginMethod.SELF_CLIENT | LoginMethod.BROWSER:
            reply = await exchange_code(
                line,
                login.accounts,
                client_id=login.client_id,
                client_secret=login.client_secret,
                code=login.code,
                redirect_uri=login.redirect_uri,
            )
        case LoginMethod.REFRESH_TOKEN | LoginMethod.CLIENT_CREDENTIALS:
            reply = await request_token(line, _settings(login), _server(login))
        case _:
            assert_never(login.method)
    match reply:
        case TokenResponse() as grant:
            return grant
        case RateLimited():
            raise token_rate_limit_error()
        case NotSent(reason=reason) | ResponseLost(reason=reason):
            raise UnreachableError(
                f"the accounts server cannot be reached ({reason}).",
                hint="Check the network, the proxy and the data center (--dc); `bulkzoho doctor` looks at each.",
            )


def follow_token_data_center(login: LoginRequest, grant: TokenResponse, progress: Progress) -> LoginRequest:
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
            f"the accounts server names {host} as the API host, which is not a host of Zoho.",
            hint="No token was sent to it. Check --dc and BULKZOHO_ACCOUNTS_URL.",
            code="FOREIGN_HOST",
        )
    if center.name == login.dc:
        return login
    progress.tell(_found(center, login))
    return replace(login, dc=center.name, accounts_url=login.accounts_url if is_loopback(host_of(login.accounts)) else "")


def _settings(login: LoginRequest) -> ConnectionSettings:
    told = {
        "BULKZOHO_CLIENT_ID": login.client_id,
        "BULKZOHO_CLIENT_SECRET": login.client_secret,
        "BULKZOHO_REFRESH_TOKEN": login.refresh_token,
        "BULKZOHO_DC": login.dc,
        "BULKZOHO_ACCOUNTS_URL": login.accounts_url,
    }
    return connection_settings_from_env(told, needed=CREDENTIALS if login.refresh_token else CREDENTIALS[:2])


def _server(login: LoginRequest) -> ClientCredentialsGrant | None:
    if login.method is not LoginMethod.CLIENT_CREDENTIALS:
        return None
    return ClientCredentialsGrant(organization=f"ZohoCRM.{login.org}", scopes=login.scopes)
