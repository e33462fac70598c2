"""Results of one call, by what may be done next.

:mod:`bulkzoho.zoho.api.response_decoder` builds these from HTTP responses;
:mod:`bulkzoho.domain.policy.retry` decides on them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bulkzoho.domain.model.results import WriteResults

__all__ = ["NotSent", "RateLimited", "Rejected", "Reply", "ResponseLost", "Succeeded", "TokenRejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The API responded with one result per record (2xx, 207, or 400 with ``data``), or, to a read, with ``payload``."""

    results: WriteResults | None = None
    payload: Any = None  #: a read's decoded body; None for 204 and 304
    service_time: float | None = None  #: seconds since the epoch, from the ``Date`` header
    credits_remaining: int | None = None  #: from ``X-API-CREDITS-REMAINING``


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The API rejected the whole call: it had no effect."""

    status: int
    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)
    service_time: float | None = None

    @property
    def access_denied(self) -> bool:
        """Whether the token or the user lacks the right (HTTP 401 or 403)."""
        return self.status in (401, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class RateLimited:
    """429: the call had no effect; every sender must slow down."""

    retry_after_s: float | None = None
    credits_remaining: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRejected:
    """401 for the token itself: the call had no effect.  ``token_serial`` identifies the token, so that it is renewed once."""

    token_serial: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """No byte of the request can have reached the service: connection refused, name not found, TLS not agreed."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseLost:
    """The call may or may not have been executed: reset, time-out, 5xx, an unreadable response, a wrong number of results."""

    reason: str
    service_time: float | None = None


Reply = Succeeded | Rejected | RateLimited | TokenRejected | NotSent | ResponseLost
