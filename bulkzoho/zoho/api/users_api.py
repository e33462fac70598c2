"""Users of the organization, page by page (Zoho's OpenAPI ``users``, v8).  Missing values count as "not restricted"."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bulkzoho.domain.model.responses import NotSent, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.transform.user_directory import CrmUser
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.response_decoder import decode_read

__all__ = ["UserPage", "UsersClient"]

PER_PAGE: Final = 200  # users; maximum of a page
_ACTIVE: Final = "active"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserPage:
    """One page of users."""

    users: tuple[CrmUser, ...] = ()
    more: bool = False


class UsersClient:
    """Client of the users API.  Each method is one call."""

    def __init__(self, client: ApiClient, *, per_page: int = PER_PAGE) -> None:
        self._client = client
        self._per_page = per_page

    async def page(self, number: int) -> Reply:
        """``/users?type=AllUsers``, active or not; payload: :class:`UserPage`.  Pages count from 1."""
        path = f"/crm/{self._client.api_version}/users"
        params = {"type": "AllUsers", "page": str(number), "per_page": str(self._per_page)}
        response = await self._client.call("GET", path, params=params)
        if isinstance(response, NotSent | ResponseLost | TokenRejected):
            return response
        reply = decode_read(response, _page)
        return replace(reply, payload=UserPage()) if isinstance(reply, Succeeded) and reply.payload is None else reply


def _page(body: Mapping[str, Any]) -> UserPage:
    info = body.get("info")
    more = isinstance(info, dict) and info.get("more_records") is True
    return UserPage(users=tuple(map(_user, body["users"])), more=more)


def _user(user: Mapping[str, Any]) -> CrmUser:
    name = user.get("full_name") or " ".join(str(user[part]) for part in ("first_name", "last_name") if user.get(part))
    return CrmUser(
        id=str(user["id"]),
        name=str(name),
        email=str(user.get("email") or ""),
        active=str(user.get("status") or _ACTIVE).casefold() == _ACTIVE,
    )
