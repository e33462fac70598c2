"""Accounts: the selection of one, its login method and purpose, and profiles without their secrets."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from bulkzoho.errors import UsageError

__all__ = [
    "DEFAULT_ACCOUNT",
    "AccountPurpose",
    "AccountSelection",
    "LoginMethod",
    "Profile",
    "SecretStorage",
    "Secrets",
    "checked_name",
]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class AccountPurpose(StrEnum):
    """Purpose of an account."""

    READ = "read"  #: read modules, fields and records
    IMPORT = "import"  #: everything that uses the records API
    BULK = "bulk"  #: the same and Zoho's bulk jobs


class LoginMethod(StrEnum):
    """How an account was authorized."""

    SELF_CLIENT = "self-client"  #: a grant code from the API console
    REFRESH_TOKEN = "refresh-token"  # noqa: S105  a name: an existing refresh token
    BROWSER = "browser"  #: a grant code from the browser redirect
    CLIENT_CREDENTIALS = "client-credentials"  #: server to server, without a refresh token


class SecretStorage(StrEnum):
    """Where the secrets of a profile are stored."""

    FILE = "file"  #: in the profile file, 0600
    KEYRING = "keyring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Secrets of an account."""

    client_secret: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)  #: empty for client credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Named account; empty values are unknown."""

    name: str
    client_id: str = field(repr=False)
    method: LoginMethod
    dc: str
    accounts_url: str = ""  #: the three URLs are set only if they differ from the data center's
    api_url: str = ""
    upload_url: str = ""
    soid: str = ""  #: client credentials: ``ZohoCRM.`` and the organization's id
    scopes: tuple[str, ...] = ()
    org: str = ""
    org_name: str = ""
    org_type: str = ""
    user: str = ""
    kept_in: SecretStorage = SecretStorage.FILE
    created: str = ""  #: UTC, ISO 8601

    def environment(self, secrets: Secrets) -> dict[str, str]:
        """Return the account as environment variables."""
        variables = {
            "BULKZOHO_CLIENT_ID": self.client_id,
            "BULKZOHO_CLIENT_SECRET": secrets.client_secret,
            "BULKZOHO_REFRESH_TOKEN": secrets.refresh_token,
            "BULKZOHO_DC": self.dc,
            "BULKZOHO_ACCOUNTS_URL": self.accounts_url,
            "BULKZOHO_API_URL": self.api_url,
            "BULKZOHO_UPLOAD_URL": self.upload_url,
        }
        return {name: value for name, value in variables.items() if value}

    def to_json(self) -> dict[str, Any]:
        """Return the value in the file, without the name."""
        return {key: value for key, value in asdict(self).items() if key != "name" and value not in ("", ())}

    @classmethod
    def from_json(cls, name: str, value: Mapping[str, Any]) -> Profile:
        """Build a profile from the value of :meth:`to_json`; keys of later versions are ignored.

        Raises:
            KeyError: A required value is missing.
            TypeError: A value has the wrong type.
            ValueError: A word is unknown.
        """
        texts = {attribute.name for attribute in fields(cls)} - {"name", "method", "scopes", "kept_in"}
        values = {key: str(value[key]) for key in texts if key in value}
        return cls(
            name=name,
            method=LoginMethod(value["method"]),
            scopes=tuple(map(str, value.get("scopes", ()))),
            kept_in=SecretStorage(value.get("kept_in", SecretStorage.FILE)),
            **values,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSelection:
    """Account options of the command line, or of the run that is resumed."""

    profile: str | None = None  #: ``--profile``
    dc: str | None = None  #: ``--dc``
    begun_with: str | None = None  #: the profile of the resumed run, if it was not explicit

    def to_json(self) -> dict[str, str]:
        """Return the value that a run stores."""
        values = {"profile": self.profile, "dc": self.dc, "begun_with": self.begun_with}
        return {name: value for name, value in values.items() if value is not None}

    def with_fallback(self, run: Mapping[str, Any]) -> AccountSelection:
        """Return this selection, completed with the stored one of the *run*."""
        if self.profile is not None:
            return self
        return AccountSelection(profile=run.get("profile"), dc=self.dc or run.get("dc"), begun_with=run.get("begun_with"))


DEFAULT_ACCOUNT: Final = AccountSelection()
"""Selection without any option."""


def checked_name(name: str) -> str:
    """Return *name* if it is a valid profile name.

    Raises:
        UsageError: It is not.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} is not a valid profile name.",
            hint="Use up to 64 letters, digits, dots, hyphens and underscores, with a letter or digit first.",
        )
    return name
