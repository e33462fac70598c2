"""What the accounts server answers to a request for an access token, decoded.

It answers errors with HTTP 200 and an ``error`` key; like Zoho's own SDK this decides by the presence of ``access_token`` and
never by the status alone.  Nothing of an answer is echoed but error words of the usual form.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Final

from bulkzoho.errors import AccessError
from bulkzoho.model.replies import Lost, Throttled
from bulkzoho.zoho.line import HttpReply

__all__ = ["Grant", "grant_from"]

# Seconds to leave the accounts server alone after "Access Denied"; it names none, and blocks for the rest of ten minutes (docs
# "Token limits": ten requests in ten minutes).  Asking each minute would fill the window again, should refused requests count.
THROTTLED_S: Final = 120.0
LIFE_S: Final = 3600.0  # docs "Access token expiry": one hour, when the answer does not say
_ERROR_WORD: Final = re.compile(r"[A-Za-z_ ]{1,40}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A new access token."""

    access_token: str = field(repr=False)
    life_s: float
    api_domain: str | None


def grant_from(reply: HttpReply) -> Grant | Throttled | Lost:
    """Decode the answer to a refresh.

    Raises:
        AccessError: The refresh token or the client is refused; says which, and what to do.
    """
    try:
        answer = json.loads(reply.body)
    except ValueError:
        answer = None
    if not isinstance(answer, dict):
        if reply.status == 429:  # noqa: PLR2004  Too Many Requests, whoever says so
            return Throttled(retry_after_s=THROTTLED_S)
        return Lost(reason=f"the accounts server answered HTTP {reply.status} without JSON")
    token = answer.get("access_token")
    if isinstance(token, str) and token and token.isascii() and token.isprintable() and " " not in token:
        domain = answer.get("api_domain")
        return Grant(
            access_token=token, life_s=_life_s(answer), api_domain=domain if isinstance(domain, str) and domain else None
        )
    word = answer.get("error")
    if reply.status == 429 or (isinstance(word, str) and word.casefold() == "access denied"):  # noqa: PLR2004  as above
        return Throttled(retry_after_s=THROTTLED_S)
    if reply.status >= 500:  # noqa: PLR2004  the server's own trouble
        return Lost(reason=f"the accounts server answered HTTP {reply.status}")
    raise _refused(word if isinstance(word, str) and _ERROR_WORD.fullmatch(word) else "no access token in the answer")


def _life_s(answer: dict[str, Any]) -> float:
    """Give seconds; the rule of Zoho's SDK: beside ``expires_in_sec``, ``expires_in`` is in milliseconds."""
    for name in ("expires_in_sec", "expires_in"):
        try:
            life_s = float(answer[name])
        except (KeyError, TypeError, ValueError):
            continue
        if 0 < life_s < float("inf"):
            return life_s
    return LIFE_S


def _refused(word: str) -> AccessError:
    match word:
        case "invalid_code":
            return AccessError(
                "the refresh token is not valid (invalid_code): it was revoked, mistyped, or belongs to another client.",
                hint="Make a new one and set BULKZOHO_REFRESH_TOKEN.",
                code=word,
            )
        case "invalid_client":
            return AccessError(
                "the client id is not known here (invalid_client).",
                hint="Check BULKZOHO_CLIENT_ID, and that BULKZOHO_DC (or --dc) names the data center where it was registered.",
                code=word,
            )
        case "invalid_client_secret":
            return AccessError(
                "the client secret is wrong (invalid_client_secret).",
                hint="Copy BULKZOHO_CLIENT_SECRET from the API console of the same data center.",
                code=word,
            )
        case _:
            return AccessError(
                f"the accounts server gives no access token ({word}).",
                hint="Check client id, client secret, refresh token and data center (BULKZOHO_DC).",
                code=word if _ERROR_WORD.fullmatch(word) and " " not in word else "NO_TOKEN",
            )
