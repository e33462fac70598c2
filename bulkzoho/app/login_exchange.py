"""Exchange the credentials of a login for a token, in the named data center or in the one that knows the client."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Final, assert_never

from bulkzoho.app.access_diagnosis import token_rate_limit_error
from bulkzoho.domain.model.account import LoginMethod
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
from bulkzoho.zoho.auth.token_requests import ClientCredentialsGrant, exchange_code, request_token
from bulkzoho.zoho.auth.token_responses import TokenResponse
from bulkzoho.zoho.http.http_client import HttpClient, host_of

__all__ = ["LoginRequest", "exchange_login", "follow_token_data_center"]

_UNKNOWN_CLIENT: Final = frozenset({"invalid_client", "invalid_code"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginRequest:
    """Credentials and options of a login."""

    profile: str
    method: LoginMethod
    dc: str
    client_id: str = field(repr=False)
    client_secret: str = field(repr=False)
    code: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    redirect_uri: str = ""  #: only for the browser login
    org: str = ""  #: only for client credentials: Zoho's id of the organization
    scopes: tuple[str, ...] = ()  #: requested scopes
    accounts_url: str = ""  #: the three URLs are set only if they differ from the data center's
    api_url: str = ""
    upload_url: str = ""
    keyring: bool | None = None  #: None: use a keyring if there is a working one

    @property
    def accounts(self) -> str:
        """The accounts server to try first."""
        return self.accounts_url or f"https://{data_center(self.dc).accounts}"


async def exchange_login(http: HttpClient, login: LoginRequest, progress: Progress) -> tuple[TokenResponse, LoginRequest]:
    """Get a token in the data center of the login, else in another one that knows the client.

    Returns the token, and the login with the data center that issued it.

    Raises:
        AccessError: All rejected the login; the message names the credential and the fix.
        UnreachableError: The accounts server does not respond.
    """
    try:
        return await _request(http, login), login
    except AccessError as error:
        others = other_data_centers(login.accounts)
        if error.code not in _UNKNOWN_CLIENT or not others:
            raise
        homes = await data_centers_of_client(http, login.client_id, others)
        if not homes and error.code == "invalid_client":
            homes = others  # they may hide which clients they know; the login itself shows it
        for center in homes:
            found = await _try(http, replace(login, dc=center.name, accounts_url=""))
            if found is not None:
                progress.tell(_move_message(center, login))
                return found
        raise


async def _try(http: HttpClient, login: LoginRequest) -> tuple[TokenResponse, LoginRequest] | None:
    try:
        return await _request(http, login), login
    except AccessError as error:
        if error.code in _UNKNOWN_CLIENT:
            return None
        raise
    except UnreachableError:
        return None


def _move_message(center: DataCenter, login: LoginRequest) -> str:
    name, host = center.name, host_of(login.accounts)
    return f"Your account is in the {name.upper()} data center (--dc {name}); {host} does not know the client."


async def _request(http: HttpClient, login: LoginRequest) -> TokenResponse:
    match login.method:
        case LoginMethod.SELF_CLIENT | LoginMethod.BROWSER:
            reply = await exchange_code(
                http,
                login.accounts,
                client_id=login.client_id,
                client_secret=login.client_secret,
                code=login.code,
                redirect_uri=login.redirect_uri,
            )
        case LoginMethod.REFRESH_TOKEN | LoginMethod.CLIENT_CREDENTIALS:
            reply = await request_token(http, _settings(login), _client_credentials(login))
        case _:
            assert_never(login.method)
    match reply:
        case TokenResponse():
            return reply
        case RateLimited():
            raise token_rate_limit_error()
        case NotSent(reason=reason) | ResponseLost(reason=reason):
            raise UnreachableError(
                f"the accounts server cannot be reached ({reason}).",
                hint="Check the network, the proxy and the data center (--dc); `bulkzoho doctor` checks each of them.",
            )


def follow_token_data_center(login: LoginRequest, token: TokenResponse, progress: Progress) -> LoginRequest:
    """Switch the login to the data center that the token names.

    Raises:
        AccessError: The token names a host that is not one of Zoho's.
    """
    host = host_of(token.api_domain or "")
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
    progress.tell(_move_message(center, login))
    return replace(login, dc=center.name, accounts_url=login.accounts_url if is_loopback(host_of(login.accounts)) else "")


def _settings(login: LoginRequest) -> ConnectionSettings:
    variables = {
        "BULKZOHO_CLIENT_ID": login.client_id,
        "BULKZOHO_CLIENT_SECRET": login.client_secret,
        "BULKZOHO_REFRESH_TOKEN": login.refresh_token,
        "BULKZOHO_DC": login.dc,
        "BULKZOHO_ACCOUNTS_URL": login.accounts_url,
    }
    return connection_settings_from_env(variables, needed=CREDENTIALS if login.refresh_token else CREDENTIALS[:2])


def _client_credentials(login: LoginRequest) -> ClientCredentialsGrant | None:
    if login.method is not LoginMethod.CLIENT_CREDENTIALS:
        return None
    return ClientCredentialsGrant(organization=f"ZohoCRM.{login.org}", scopes=login.scopes)
