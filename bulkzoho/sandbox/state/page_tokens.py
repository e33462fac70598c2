"""Page tokens of listings: bound to their parameters, valid for 24 hours (zoho-api, section 5.1)."""

from __future__ import annotations

from array import array
from dataclasses import dataclass

__all__ = ["PageToken", "PageTokens"]

LIFE_S = 86_400.0  # seconds; Zoho docs, "Get Records" (v7)
KEPT = 10_000  # tokens; the oldest are dropped first


@dataclass(frozen=True, slots=True, kw_only=True)
class PageToken:
    """Position at which a listing continues."""

    parameters: tuple[tuple[str, str], ...]  #: query parameters that the token is bound to
    page: int  #: number of the page that the token returns
    last_id: int  #: last record returned; used if the listing is in id order
    snapshot: array[int] | None  #: all ids in order; used for any other order
    expires_s: float  #: seconds since 1970


class PageTokens:
    """All issued page tokens."""

    def __init__(self) -> None:
        self._positions: dict[str, PageToken] = {}

    def add(self, token: str, position: PageToken) -> None:
        """Store the position of *token*."""
        self._positions[token] = position
        if len(self._positions) > KEPT:
            del self._positions[next(iter(self._positions))]

    def find(self, token: str) -> PageToken | None:
        """Return the position of *token*, expired or not."""
        return self._positions.get(token)
