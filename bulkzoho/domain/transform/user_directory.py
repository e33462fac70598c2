"""Who can own records, and whom a cell means: by id, e-mail address or full name.  Pure: no clock, no I/O."""

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
    email: str = field(repr=False)  #: "" where none is told
    active: bool


class UnknownUserReason(StrEnum):
    """Why nobody is meant by a cell, as a person reads it."""

    UNKNOWN = "no user has this id, e-mail address or full name"
    AMBIGUOUS = "more than one user has this name; give the e-mail address or the id"
    INACTIVE = "this user is not active"


@dataclass(frozen=True, kw_only=True)
class UserDirectory:
    """All users of the organization, found without regard to case and blanks.

    Attributes:
        fallback: Id of the user who stands in for one that is unknown, ambiguous or inactive.
    """

    everyone: tuple[CrmUser, ...] = ()
    fallback: str | None = None

    def find(self, text: str) -> CrmUser | UnknownUserReason:
        """Give the active user whom *text* means.

        Two users of one name are ambiguous even if one of them is inactive: the row may have meant either.
        """
        found = self._by_word.get(_folded(text), ())
        if len(found) != 1:
            return UnknownUserReason.AMBIGUOUS if found else UnknownUserReason.UNKNOWN
        return found[0] if found[0].active else UnknownUserReason.INACTIVE

    def id_for(self, text: str) -> str | UnknownUserReason:
        """Give the id of the user whom *text* means, or of the one who stands in for them.

        An id goes as it is unless somebody could stand in: whether it is one is for the CRM to say.
        """
        if self.fallback is None and _ID(text):
            return text
        found = self.find(text)
        if isinstance(found, CrmUser):
            return found.id
        return found if self.fallback is None else self.fallback

    def with_fallback(self, text: str) -> UserDirectory:
        """Let the user whom *text* means stand in for those who are unknown, ambiguous or inactive.

        Raises:
            RefusedError: *text* itself means nobody.
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
    def _by_word(self) -> dict[str, tuple[CrmUser, ...]]:
        """Users by id, e-mail address and name; each once a word, though the address may be the name."""
        found: dict[str, tuple[CrmUser, ...]] = {}
        for user in self.everyone:
            for word in _words(user):
                found[word] = (*found.get(word, ()), user)
        return found


def _words(user: CrmUser) -> Iterable[str]:
    return {word for word in map(_folded, (user.id, user.email, user.name)) if word}


def _folded(text: str) -> str:
    """Give *text* without case, blanks at its ends, and differences of spelling that cannot be seen."""
    return " ".join(unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold()).split())
