"""Zoho's data centers with their hosts, and the connection settings of the environment.

Hosts: Zoho's own Python SDK for API v8 (``dc`` package), except UK and the download hosts, which follow the pattern of the others
and are UNVERIFIED; therefore every URL can be set in the environment.
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
from bulkzoho.zoho.http.http_client import host_of

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
    "is_loopback",
    "is_token_allowed",
    "version_warning",
    "wrong_data_center",
]

DEFAULT_DATA_CENTER: Final = "us"
API_VERSIONS: Final = ("v2", "v2.1", "v3", "v4", "v5", "v6", "v7", "v8")  # versions of Zoho's documentation
TESTED_VERSION: Final = API_VERSIONS[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class DataCenter:
    """Hosts of one data center; all use https."""

    name: str
    accounts: str
    api: str
    sandbox: str
    developer: str
    upload: str
    download: str  #: results of bulk jobs
    console: str  #: where clients are registered; UNVERIFIED except for us

    @property
    def api_hosts(self) -> frozenset[str]:
        """Hosts of the API, one per type of organization."""
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
    center.name: center
    for center in (
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
_API_HOSTS: Final = frozenset[str]().union(*(center.api_hosts for center in DATA_CENTERS.values()))

CREDENTIALS: Final = ("BULKZOHO_CLIENT_ID", "BULKZOHO_CLIENT_SECRET", "BULKZOHO_REFRESH_TOKEN")
_ASCII_WORD: Final = re.compile(r"[!-~]+")


def connection_settings_from_env(env: Mapping[str, str], *, needed: Sequence[str] = CREDENTIALS) -> ConnectionSettings:
    """Read the connection settings from environment variables (or from a profile in the same form).

    *needed* are the required credentials: client credentials need no refresh token.

    Raises:
        AccessError: A credential is missing, a URL is invalid or would send secrets over plain http, or the data center or API
            version does not exist.
    """
    center = data_center(env.get("BULKZOHO_DC") or DEFAULT_DATA_CENTER)
    client_id, client_secret, refresh_token = _credentials(env, needed)
    accounts_url = _url(env, "BULKZOHO_ACCOUNTS_URL", center.accounts)
    api_url = _url(env, "BULKZOHO_API_URL", center.api)
    upload_url = _url(env, "BULKZOHO_UPLOAD_URL", center.upload)
    # a configured API URL is the only API host that may get a token; otherwise the token's own api_domain may choose
    api_hosts = {host_of(api_url)} if env.get("BULKZOHO_API_URL") else center.api_hosts
    return ConnectionSettings(
        client_id=client_id,
        client_secret=client_secret,
        refresh_token=refresh_token,
        accounts_url=accounts_url,
        api_url=api_url,
        upload_url=upload_url,
        api_version=_version(env.get("BULKZOHO_API_VERSION") or TESTED_VERSION),
        allowed_hosts=frozenset({center.accounts, center.upload, center.download, host_of(accounts_url), host_of(upload_url)})
        | api_hosts,
    )


def version_warning(api_version: str) -> str | None:
    """Return a warning if *api_version* is not the tested one."""
    if api_version == TESTED_VERSION:
        return None
    return f"API version {api_version} is untested; bulkzoho is tested with {TESTED_VERSION}. Results may differ."


def data_center_of(host: str) -> DataCenter | None:
    """Return the data center that *host* belongs to, if any."""
    for center in DATA_CENTERS.values():
        if host in center.api_hosts or host in (center.accounts, center.upload, center.download):
            return center
    return None


def follows_api_domain(settings: ConnectionSettings) -> bool:
    """Return whether a token's ``api_domain`` chooses the API host: not if the API URL is configured."""
    return bool((settings.allowed_hosts & _API_HOSTS) - {host_of(settings.api_url)})


def is_token_allowed(url: str, settings: ConnectionSettings) -> bool:
    """Return whether a token may be sent to *url*: the connection's own hosts by https, and loopback."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if is_loopback(host):
        return parts.scheme in ("http", "https")
    return parts.scheme == "https" and host in settings.allowed_hosts


def wrong_data_center(center: DataCenter, host: str) -> AccessError:
    """Return the error for an account that is in *center*, after a request to *host*."""
    name = center.name
    return AccessError(
        f"your account is in the {name.upper()} data center, not at {host or 'the configured one'}.",
        hint=f"Use --dc {name} or set BULKZOHO_DC={name}; to store it in a profile: bulkzoho auth login --dc {name}",
        code="WRONG_DATA_CENTER",
    )


def data_center(name: str) -> DataCenter:
    """Return the data center *name*.

    Raises:
        AccessError: There is no such data center.
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
            hint="Log in: bulkzoho auth login; it explains how to register a self client in Zoho's API console"
            " (https://api-console.zoho.com). To try bulkzoho without an account, start `bulkzoho sandbox` and paste its output.",
            code="NO_CREDENTIALS",
        )
    for name in needed:
        if not _ASCII_WORD.fullmatch(env[name].strip()):
            raise AccessError(f"{name} contains spaces or characters that a credential cannot have.", hint="Copy it again.")
    client_id, client_secret, refresh_token = (env.get(name, "").strip() if name in needed else "" for name in CREDENTIALS)
    return client_id, client_secret, refresh_token


def _url(env: Mapping[str, str], name: str, default_host: str) -> str:
    """Return the URL in the variable *name*, without a trailing slash, or that of the data center."""
    value = env.get(name, "").strip().rstrip("/")
    if not value:
        return f"https://{default_host}"
    try:
        parts = urlsplit(value)
        host, whole = parts.hostname or "", not (parts.query or parts.fragment or parts.username or parts.password)
        parts.port  # noqa: B018  raises if it is not a number
    except ValueError:
        host, whole, parts = "", False, urlsplit("")
    if parts.scheme not in ("http", "https") or not host or not whole or not _ASCII_WORD.fullmatch(value):
        raise AccessError(f"{name} is not the URL of a server.", hint="Write https://host, without user, query or fragment.")
    if parts.scheme == "http" and not is_loopback(host):
        raise AccessError(
            f"{name} would send secrets to {host} over plain http.",
            hint="Use https; plain http is allowed only for this machine (127.0.0.1).",
        )
    return value


def is_loopback(host: str) -> bool:
    """Return whether *host* is this machine."""
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
