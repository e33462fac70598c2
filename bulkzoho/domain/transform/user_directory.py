"""The users of the organization, found by id, e-mail address or full name.  Pure: no clock, no I/O."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from functools import cached_property
from typing import Final

from bulkzoho.errors import RefusedError

__all__ = ["CrmUser", "UnknownUserReason", "UserDirectory"]

_ID: Final = re.compile(r"[0-9]{1,19}").fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class CrmUser:
    """A user of the organization (``/users``, Zoho's OpenAPI ``users``, v8).  Personal data have no ``repr``."""

    id: str
    name: str = field(repr=False)  #: full name
    email: str = field(repr=False)  #: "" if the API gives none
    active: bool


class UnknownUserReason(StrEnum):
    """Why a cell resolves to no user, as shown to the user."""

    UNKNOWN = "no user has this id, e-mail address or full name"
    AMBIGUOUS = "several users have this name; use the e-mail address or the id"
    INACTIVE = "this user is not active"


@dataclass(frozen=True, kw_only=True)
class UserDirectory:
    """All users of the organization, found regardless of case and blanks.

    Attributes:
        fallback: Id of the user to use in place of one that is unknown, ambiguous or inactive.
    """

    everyone: tuple[CrmUser, ...] = ()
    fallback: str | None = None

    def find(self, text: str) -> CrmUser | UnknownUserReason:
        """Return the active user that *text* identifies, or the reason why there is none.

        Two users with one name are ambiguous even if one of them is inactive: the row may mean either.
        """
        found = self._by_key.get(_normalize(text), ())
        if len(found) != 1:
            return UnknownUserReason.AMBIGUOUS if found else UnknownUserReason.UNKNOWN
        return found[0] if found[0].active else UnknownUserReason.INACTIVE

    def id_for(self, text: str) -> str | UnknownUserReason:
        """Return the id of the user that *text* identifies, else the fallback, else the reason why there is none.

        Without a fallback an id is returned unchanged: the CRM checks it.
        """
        if self.fallback is None and _ID(text):
            return text
        found = self.find(text)
        if isinstance(found, CrmUser):
            return found.id
        return found if self.fallback is None else self.fallback

    def with_fallback(self, text: str) -> UserDirectory:
        """Return a directory with the user that *text* identifies as the fallback.

        Raises:
            RefusedError: *text* identifies no active user.
        """
        found = self.find(text)
        if isinstance(found, UnknownUserReason):
            raise RefusedError(
                f"--owner-fallback {text}: {found.value}.",
                hint="Name an active user by id, e-mail address or full name.",
                code="UNKNOWN_USER",
            )
        return replace(self, fallback=found.id)

    @cached_property
    def _by_key(self) -> dict[str, tuple[CrmUser, ...]]:
        """Users by id, e-mail address and name; each user once per key, although the address may equal the name."""
        found: dict[str, tuple[CrmUser, ...]] = {}
        for user in self.everyone:
            for key in _keys(user):
                found[key] = (*found.get(key, ()), user)
        return found


def _keys(user: CrmUser) -> Iterable[str]:
    return {key for key in map(_normalize, (user.id, user.email, user.name)) if key}


def _normalize(text: str) -> str:
    """Return *text* without case, surplus blanks and invisible differences of spelling."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())
