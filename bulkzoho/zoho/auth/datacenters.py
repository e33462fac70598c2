"""Zoho's data centers and their hosts, and the connection that the environment describes.

Hosts: Zoho's own Python SDK for API v8 (``dc`` package), but for UK and the download hosts, which follow the pattern of the
others and are unverified; every URL can therefore be given in the environment.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.errors import AccessError

__all__ = [
    "API_VERSIONS",
    "CREDENTIALS",
    "DATA_CENTERS",
    "DEFAULT_DATA_CENTER",
    "DataCenter",
    "connection_settings_from_env",
    "data_center",
    "data_center_of",
    "follows_api_domain",
    "host_of",
    "is_loopback",
    "is_token_allowed",
    "version_warning",
    "wrong_data_center",
]

DEFAULT_DATA_CENTER: Final = "us"
API_VERSIONS: Final = ("v2", "v2.1", "v3", "v4", "v5", "v6", "v7", "v8")  # trees of Zoho's documentation
PROVEN_VERSION: Final = API_VERSIONS[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCenter:
    """The hosts of one data center; all are reached by https."""

    name: str
    accounts: str
    api: str
    sandbox: str
    developer: str
    upload: str
    download: str  #: where results of bulk jobs are fetched
    console: str  #: where clients are registered; but for us unverified

    @property
    def api_hosts(self) -> frozenset[str]:
        """The hosts that answer the API, one a type of organization."""
        return frozenset({self.api, self.sandbox, self.developer})


def _data_center(name: str, suffix: str, *, zoho: str | None = None, upload: str | None = None) -> DataCenter:
    domain = zoho or f"zoho.{suffix}"
    return DataCenter(
        name=name,
        accounts=f"accounts.{domain}",
        api=f"www.zohoapis.{suffix}",
        sandbox=f"sandbox.zohoapis.{suffix}",
        developer=f"developer.zohoapis.{suffix}",
        upload=upload or f"content.zohoapis.{suffix}",
        download=f"download-accl.{domain}",
        console=f"api-console.{domain}",
    )


DATA_CENTERS: Final[Mapping[str, DataCenter]] = {
    one.name: one
    for one in (
        _data_center("us", "com"),
        _data_center("eu", "eu"),
        _data_center("in", "in"),
        _data_center("au", "com.au"),
        _data_center("jp", "jp"),
        _data_center("cn", "com.cn"),
        _data_center("ca", "ca", zoho="zohocloud.ca", upload="upload.zohocloud.ca"),
        _data_center("sa", "sa", upload="files.zoho.sa"),
        _data_center("uk", "uk"),
    )
}
_API_HOSTS: Final = frozenset[str]().union(*(one.api_hosts for one in DATA_CENTERS.values()))

CREDENTIALS: Final = ("BULKZOHO_CLIENT_ID", "BULKZOHO_CLIENT_SECRET", "BULKZOHO_REFRESH_TOKEN")
_ASCII_WORD: Final = re.compile(r"[!-~]+")


def connection_settings_from_env(env: Mapping[str, str], *, needed: Sequence[str] = CREDENTIALS) -> ConnectionSettings:
    """Read the connection that the environment (or a profile in its shape) describes.

    *needed* are the credentials that must be there: client credentials do without a refresh token.

    Raises:
        AccessError: A credential is missing, a URL is unusable or would send secrets over plain http, or there is no such data
            center or API version.
    """
    center = data_center(env.get("BULKZOHO_DC") or DEFAULT_DATA_CENTER)
    client_id, client_secret, refresh_token = _credentials(env, needed)
    accounts_url = _url(env, "BULKZOHO_ACCOUNTS_URL", center.accounts)
    api_url = _url(env, "BULKZOHO_API_URL", center.api)
    upload_url = _url(env, "BULKZOHO_UPLOAD_URL", center.upload)
    # an API URL that was given is the only API host that may see a token; else the token's own api_domain may choose
    api_hosts = {host_of(api_url)} if env.get("BULKZOHO_API_URL") else center.api_hosts
    return ConnectionSettings(
        client_id=client_id,
        client_secret=client_secret,
        refresh_token=refresh_token,
        accounts_url=accounts_url,
        api_url=api_url,
        upload_url=upload_url,
        api_version=_version(env.get("BULKZOHO_API_VERSION") or PROVEN_VERSION),
        allowed_hosts=frozenset({center.accounts, center.upload, center.download, host_of(accounts_url), host_of(upload_url)})
        | api_hosts,
    )


def version_warning(api_version: str) -> str | None:
    """Say what is not claimed for *api_version*, if anything."""
    if api_version == PROVEN_VERSION:
        return None
    return f"API version {api_version} is older than {PROVEN_VERSION}, for which bulkzoho is proven; results may differ."


def host_of(url: str) -> str:
    """Give the host of *url*, lower case, without port; "" when it has none."""
    return urlsplit(url).hostname or ""


def data_center_of(host: str) -> DataCenter | None:
    """Give the data center that *host* belongs to."""
    for center in DATA_CENTERS.values():
        if host in center.api_hosts or host in (center.accounts, center.upload, center.download):
            return center
    return None


def follows_api_domain(settings: ConnectionSettings) -> bool:
    """Whether the ``api_domain`` of a token chooses the API host: not when its URL was given (see :func:`connection_from`)."""
    return bool((settings.allowed_hosts & _API_HOSTS) - {host_of(settings.api_url)})


def is_token_allowed(url: str, settings: ConnectionSettings) -> bool:
    """Whether a token may be sent to *url*: the connection's own hosts by https, and loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):
        return parts.scheme in ("http", "https")
    return parts.scheme == "https" and host in settings.allowed_hosts


def wrong_data_center(center: DataCenter, asked: str) -> AccessError:
    """Give the error of an account that lives in *center* while *asked*, a host, was asked."""
    name = center.name
    return AccessError(
        f"your account lives in {name.upper()}: --dc {name} ({asked or 'another data center'} was asked).",
        hint=f"Give --dc {name} or set BULKZOHO_DC={name}; to keep it in a profile: bulkzoho auth login --dc {name}",
        code="WRONG_DATA_CENTER",
    )


def data_center(name: str) -> DataCenter:
    """Give the data center called *name*.

    Raises:
        AccessError: There is none.
    """
    center = DATA_CENTERS.get(name.strip().casefold())
    if center is None:
        raise AccessError(
            f"there is no data center {name!r}.",
            hint=f"BULKZOHO_DC (or --dc) is one of {', '.join(DATA_CENTERS)}.",
            code="NO_SUCH_DATA_CENTER",
        )
    return center


def _credentials(env: Mapping[str, str], needed: Sequence[str]) -> tuple[str, str, str]:
    missing = [name for name in needed if not env.get(name, "").strip()]
    if missing:
        raise AccessError(
            f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} not set.",
            hint="Log in: bulkzoho auth login; it tells how to register a self client in Zoho's API console"
            " (https://api-console.zoho.com). To rehearse without an account, start `bulkzoho sandbox` and paste what it prints.",
            code="NO_CREDENTIALS",
        )
    for name in needed:
        if not _ASCII_WORD.fullmatch(env[name].strip()):
            raise AccessError(f"{name} holds blanks or characters that no credential has.", hint="Copy it again.")
    client_id, client_secret, refresh_token = (env.get(name, "").strip() if name in needed else "" for name in CREDENTIALS)
    return client_id, client_secret, refresh_token


def _url(env: Mapping[str, str], name: str, default_host: str) -> str:
    """Give the URL that *name* sets, without a slash at its end, or that of the data center."""
    given = env.get(name, "").strip().rstrip("/")
    if not given:
        return f"https://{default_host}"
    try:
        parts = urlsplit(given)
        host, whole = parts.hostname or "", not (parts.query or parts.fragment or parts.username or parts.password)
        parts.port  # noqa: B018  raises when it is no number
    except ValueError:
        host, whole, parts = "", False, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not whole or not _ASCII_WORD.fullmatch(given):
        raise AccessError(f"{name} is not the URL of a server.", hint="Give it as https://host, without user, query or fragment.")
    if parts.scheme == "http" and not is_loopback(host):
        raise AccessError(
            f"{name} would send secrets to {host} over plain http.",
            hint="Use https; plain http is for this machine alone (127.0.0.1).",
        )
    return given


def is_loopback(host: str) -> bool:
    """Whether *host* is this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _version(name: str) -> str:
    version = name.strip().casefold()
    if version not in API_VERSIONS:
        raise AccessError(f"there is no API version {name!r}.", hint=f"BULKZOHO_API_VERSION is one of {', '.join(API_VERSIONS)}.")
    return version
