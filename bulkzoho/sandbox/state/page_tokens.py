"""Page tokens of listings: bound to their parameters, dead after 24 hours (zoho-api, section 5.1)."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

__all__ = ["PageToken", "PageTokens"]

LIFE_S = 86_400.0  # seconds; Zoho docs, "Get Records" (v7)
KEPT = 10_000  # tokens; the oldest go first


@dataclass(frozen=True, slots=True, kw_only=True)
class PageToken:
    """Where a listing goes on."""

    parameters: tuple[tuple[str, str], ...]  #: those that the token is bound to
    page: int  #: number of the page that the token gives
    last_id: int  #: the last record given; used where the order is that of the ids
    snapshot: array[int] | None  #: all ids in order, where it is not
    expires_s: float  #: seconds since 1970


class PageTokens:
    """The tokens that were given out."""

    def __init__(self) -> None:
        self._marks: dict[str, PageToken] = {}

    def give(self, token: str, mark: PageToken) -> None:
        """Note what *token* stands for."""
        self._marks[token] = mark
        if len(self._marks) > KEPT:
            del self._marks[next(iter(self._marks))]

    def find(self, token: str) -> PageToken | None:
        """Give what *token* stands for, expired or not."""
        return self._marks.get(token)
