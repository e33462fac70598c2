"""One named account as a value: everything but its secrets, which stand apart so that no ``repr`` and no list shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from enum import StrEnum
from typing import Any, Final

from bulkzoho.errors import UsageError

__all__ = ["LoginMethod", "Profile", "SecretStorage", "Secrets", "checked_name"]

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class LoginMethod(StrEnum):
    """How an account was let in."""

    SELF_CLIENT = "self-client"  #: a grant code from the API console
    REFRESH_TOKEN = "refresh-token"  # noqa: S105  a word: a refresh token that there was already
    BROWSER = "browser"  #: a grant code that the browser brought
    CLIENT_CREDENTIALS = "client-credentials"  #: server to server, without a refresh token


class SecretStorage(StrEnum):
    """Where the secrets of a profile are."""

    FILE = "file"  #: in the file of profiles, 0600
    KEYRING = "keyring"


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """What lets in."""

    client_secret: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)  #: empty for client credentials


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """An account with a name; what is empty was not told."""

    name: str
    client_id: str = field(repr=False)
    method: LoginMethod
    dc: str
    accounts_url: str = ""  #: the three URLs only where they are not the data center's
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
        """Give the account as the environment would describe it."""
        told = {
            "BULKZOHO_CLIENT_ID": self.client_id,
            "BULKZOHO_CLIENT_SECRET": secrets.client_secret,
            "BULKZOHO_REFRESH_TOKEN": secrets.refresh_token,
            "BULKZOHO_DC": self.dc,
            "BULKZOHO_ACCOUNTS_URL": self.accounts_url,
            "BULKZOHO_API_URL": self.api_url,
            "BULKZOHO_UPLOAD_URL": self.upload_url,
        }
        return {name: value for name, value in told.items() if value}

    def to_json(self) -> dict[str, Any]:
        """Give it as the file keeps it, but for the name."""
        return {key: value for key, value in asdict(self).items() if key != "name" and value not in ("", ())}

    @classmethod
    def from_json(cls, name: str, value: Mapping[str, Any]) -> Profile:
        """Read what :meth:`to_json` gave; keys of later versions are left out.

        Raises:
            KeyError: Something that must be there is not.
            TypeError: Something is of another type.
            ValueError: A word is not known.
        """
        texts = {one.name for one in fields(cls)} - {"name", "method", "scopes", "kept_in"}
        told = {key: str(value[key]) for key in texts if key in value}
        return cls(
            name=name,
            method=LoginMethod(value["method"]),
            scopes=tuple(map(str, value.get("scopes", ()))),
            kept_in=SecretStorage(value.get("kept_in", SecretStorage.FILE)),
            **told,
        )


def checked_name(name: str) -> str:
    """Give *name* if a profile may have it.

    Raises:
        UsageError: It may not.
    """
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name!r} cannot be the name of a profile.",
            hint="Use up to 64 letters, digits, dots, hyphens and underscores, beginning with a letter or a digit.",
        )
    return name
