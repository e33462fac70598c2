"""Organization, user, modules, fields and record counts.

Shapes: Zoho's OpenAPI ``org``, ``users``, ``modules``, ``fields`` and ``record_count`` (v8).  Values that an older version
or an edition leaves out count as "not restricted".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo, Organization, User
from bulkzoho.domain.model.responses import NotSent, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.field_metadata import field_from
from bulkzoho.zoho.api.response_decoder import decode_read

__all__ = ["MetadataClient"]


class MetadataClient:
    """Implements :class:`bulkzoho.interfaces.MetadataApi`.  Each method is one call."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client
        self._root = f"/crm/{client.api_version}"

    async def organization(self) -> Reply:
        """``/org``; payload: :class:`Organization`."""
        return await self._read("/org", lambda body: _organization(body["org"][0]))

    async def current_user(self) -> Reply:
        """``/users?type=CurrentUser``; payload: :class:`User`."""
        return await self._read("/users", lambda body: _user(body["users"][0]), type="CurrentUser")

    async def modules(self) -> Reply:
        """``/settings/modules``; payload: tuple of :class:`ModuleInfo`."""
        reply = await self._read("/settings/modules", lambda body: tuple(map(_module, body["modules"])))
        return _default_payload(reply, ())

    async def module(self, name: ModuleInfo) -> Reply:
        """``/settings/fields?module=``; payload: :class:`CrmModule`."""

        def convert(body: Any) -> CrmModule:
            return CrmModule(name=name, fields=tuple(map(field_from, body["fields"])))

        reply = await self._read("/settings/fields", convert, module=name.api_name)
        return _default_payload(reply, CrmModule(name=name))

    async def count(self, crm_module: str) -> Reply:
        """``/{module}/actions/count``; payload: int (an integer in OpenAPI 3.1, text in 3.0)."""
        return await self._read(f"/{crm_module}/actions/count", lambda body: int(body["count"]))

    async def renew_token(self, serial: int) -> Reply:
        """Renew the token unless it was renewed since *serial*; payload: None.

        Raises:
            AccessError: The refresh token or the client was rejected, or the account is in another data center.
        """
        return await self._client.renew_token(serial)

    async def _read(
        self,
        path: str,
        convert: Callable[[Any], Any],
        **params: str,
    ) -> Reply:
        response = await self._client.call("GET", self._root + path, params=params or None)
        return response if isinstance(response, NotSent | ResponseLost | TokenRejected) else decode_read(response, convert)


def _default_payload(reply: Reply, empty: Any) -> Reply:
    """Return *reply* with the payload *empty* if it has none (204, "nothing found")."""
    return replace(reply, payload=empty) if isinstance(reply, Succeeded) and reply.payload is None else reply


def _organization(org: Mapping[str, Any]) -> Organization:
    licence = org.get("license_details")
    edition: str | None = None
    licences: int | None = None
    if isinstance(licence, dict):
        word = licence.get("paid_type")
        edition = word if licence.get("paid") and isinstance(word, str) and word else "free"
        bought = licence.get("users_license_purchased")
        licences = int(bought) if isinstance(bought, int | str) and str(bought).isdecimal() else None
    return Organization(
        id=str(org.get("zgid") or org["id"]),
        name=str(org.get("company_name") or ""),
        type=_text(org.get("type")),
        edition=edition,
        licences=licences,
        time_zone=_text(org.get("time_zone")),
    )


def _user(user: Mapping[str, Any]) -> User:
    name = user.get("full_name") or " ".join(str(user[part]) for part in ("first_name", "last_name") if user.get(part))
    return User(id=str(user["id"]), name=str(name))


def _module(module: Mapping[str, Any]) -> ModuleInfo:
    api_name = str(module["api_name"])
    return ModuleInfo(
        api_name=api_name,
        singular_label=str(module.get("singular_label") or api_name),
        plural_label=str(module.get("plural_label") or api_name),
        api_supported=module.get("api_supported") is not False,
        creatable=module.get("creatable") is not False,
        editable=module.get("editable") is not False,
        deletable=module.get("deletable") is not False,
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) and value else None
