"""The accounts server: access tokens for a refresh token, and revoking (zoho-api, section 2).

Errors come with HTTP 200 and an ``error`` key, as the real one sends them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from aiohttp import web

from bulkzoho.sandbox.state.calls import Call
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.wire.breakage import answer_with_fault
from bulkzoho.sandbox.wire.exchange import Exchange, Route
from bulkzoho.sandbox.wire.refusals import invalid_url
from bulkzoho.sandbox.wire.replies import Reply, json_reply

__all__ = ["PREFIX", "answer", "scope_covers"]

PREFIX = "/oauth/"
_THROTTLED = "You have made too many requests continuously. Please try again after some time."


async def answer(crm: Crm, request: web.BaseRequest, call: Call) -> tuple[Reply | None, str | None]:
    """Answer a call to the accounts server; tell the fault that befell it.

    Raises:
        Refusal: no such address, or a fault that is one.
    """
    form: dict[str, str] = dict(request.query)
    form.update({name: value for name, value in (await request.post()).items() if isinstance(value, str)})

    async def work(_exchange: Exchange | None = None) -> Reply:
        if call.method != "POST":
            raise invalid_url()
        if call.path == "/oauth/v2/token":
            return _token(crm, form, call)
        if call.path == "/oauth/v2/token/revoke":
            return _revoke(crm, form)
        raise invalid_url()

    fault = crm.faults.choose(path=call.path, operation="token", writes=False, body=b"")
    if fault is None or not (fault.path_contains or fault.operation):
        return await work(), None
    route = Route(operation="token", method="POST", handler=work, scope="")
    exchange = Exchange(crm=crm, route=route, call=call, query={}, headers={}, parts={})
    return await answer_with_fault(request, exchange, fault, work), fault.kind.value


def _token(crm: Crm, form: Mapping[str, str], call: Call) -> Reply:
    if crm.tokens.throttled(crm.settings.token_requests):
        crm.violations.add("too_many_token_requests", call.number)
        return json_reply({"error_description": _THROTTLED, "error": "Access Denied", "status": "failure"}, 400)
    if form.get("client_id") != crm.tokens.client_id:
        return json_reply({"error": "invalid_client"})
    if form.get("client_secret") != crm.tokens.client_secret:
        return json_reply({"error": "invalid_client_secret"})
    if form.get("grant_type") != "refresh_token":
        return json_reply({"error": "invalid_code" if form.get("grant_type") else "invalid_request"})
    if form.get("refresh_token") != crm.tokens.refresh_token or not crm.tokens.refresh_token_alive:
        return json_reply({"error": "invalid_code"})
    return json_reply(_granted(crm))


def _granted(crm: Crm) -> dict[str, Any]:
    settings = crm.settings
    life_s = int(settings.token_life_s)
    life = {"expires_in_sec": life_s, "expires_in": life_s * 1000} if settings.legacy_token_form else {"expires_in": life_s}
    return {
        "access_token": crm.tokens.issue(settings),
        "scope": " ".join(settings.scopes),
        "api_domain": crm.url,
        "token_type": "Bearer",
        **life,
    }


def _revoke(crm: Crm, form: Mapping[str, str]) -> Reply:
    if form.get("token") != crm.tokens.refresh_token:
        return json_reply({"error": "invalid_token"}, 400)
    crm.tokens.revoke_refresh()
    return json_reply({"status": "success"})


def scope_covers(granted: Iterable[str], needed: str, crm_module: str) -> bool:
    """Tell whether the granted scopes allow *needed*, such as ``modules.{}.CREATE`` or ``org.READ``.

    ``ALL`` covers every operation, ``WRITE`` creating and updating; a scope without a module covers all modules.
    """
    if not needed:
        return True
    area, _, operation = needed.rpartition(".")
    areas = {area.format(crm_module), area.replace(".{}", "").split(".")[0]}
    operations = {operation, "ALL"} | ({"WRITE"} if operation in ("CREATE", "UPDATE") else set())
    wanted = {f"ZohoCRM.{each}.{word}" for each in areas for word in operations}
    return not wanted.isdisjoint(granted)
