"""What an export's call brought, or the error that ends the run."""

from __future__ import annotations

from typing import Any

from bulkzoho.domain.model.responses import Rejected, ResponseLost, Succeeded
from bulkzoho.domain.policy.retry import access_error
from bulkzoho.errors import RunFailedError

__all__ = ["require_payload"]


def require_payload(reply: Succeeded | Rejected | ResponseLost, doing: str, *, hint: str) -> Any:
    """Give what was answered; *doing* and *hint* are words for a person.

    Raises:
        AccessError: The token, or the user, may not do it.
        RunFailedError: The CRM refuses, or its answer cannot be read.
    """
    match reply:
        case Succeeded(payload=payload):
            return payload
        case Rejected() if reply.access_denied:
            raise access_error(reply, doing=doing)
        case Rejected():
            raise RunFailedError(f"{doing}: the CRM refused ({reply.code}: {reply.message}).", hint=hint, code=reply.code)
        case ResponseLost():
            raise RunFailedError(f"{doing}: no answer that can be read ({reply.reason}).", hint="Resume it.")
