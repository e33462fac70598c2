"""What an export's call brought, or the error that ends the run."""

from __future__ import annotations

from typing import Any, Final

from bulkzoho.core.judging import access_error
from bulkzoho.errors import RunFailedError
from bulkzoho.model.replies import Answered, Lost, Refused

__all__ = ["payload_of"]

_DENIED: Final = (401, 403)


def payload_of(reply: Answered | Refused | Lost, doing: str, *, hint: str) -> Any:
    """Give what was answered; *doing* and *hint* are words for a person.

    Raises:
        AccessError: The token, or the user, may not do it.
        RunFailedError: The CRM refuses, or its answer cannot be read.
    """
    match reply:
        case Answered(payload=payload):
            return payload
        case Refused() if reply.status in _DENIED:
            raise access_error(reply, doing=doing)
        case Refused():
            raise RunFailedError(f"{doing}: the CRM refused ({reply.code}: {reply.message}).", hint=hint, code=reply.code)
        case Lost():
            raise RunFailedError(f"{doing}: no answer that can be read ({reply.reason}).", hint="Resume it.")
