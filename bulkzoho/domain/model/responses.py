"""What can come back from one call, told apart by what may be done next.

``zoho`` decodes the wire into these; ``core.judging`` decides on them; nobody else sees a status or a body.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bulkzoho.domain.model.results import WriteResults

__all__ = ["NotSent", "RateLimited", "Rejected", "Reply", "ResponseLost", "Succeeded", "TokenRejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Succeeded:
    """The API answered with one result a record (2xx, 207, or 400 with ``data``), or, for a read, with ``payload``."""

    results: WriteResults | None = None
    payload: Any = None  #: a read's decoded body; None for 204 and 304
    service_time: float | None = None  #: seconds since the epoch, from the ``Date`` header
    credits_remaining: int | None = None  #: from ``X-API-CREDITS-REMAINING``


@dataclass(frozen=True, slots=True, kw_only=True)
class Rejected:
    """The API refused the whole call: nothing of it was done."""

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
    """429: nothing was done; everyone is to slow down."""

    retry_after_s: float | None = None
    credits_remaining: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenRejected:
    """401 for the token itself: nothing was done.  ``token_serial`` says which token, so that it is renewed once."""

    token_serial: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotSent:
    """No byte of the request can have reached the service: connection refused, name not found, TLS not agreed."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponseLost:
    """It may or may not have been done: reset, time-out, 5xx, an answer that cannot be read or has another number of results."""

    reason: str
    service_time: float | None = None


Reply = Succeeded | Rejected | RateLimited | TokenRejected | NotSent | ResponseLost
