"""The accounts server: tokens for a refresh token, a grant code or a client, consent, and revoking (zoho-api, section 2).

Errors come with HTTP 200 and an ``error`` key, as the real one sends them; their status is a switch, for it is not proved.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bulkzoho.sandbox.state.call_log import Call
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.wire.errors import invalid_url
from bulkzoho.sandbox.wire.fault_injection import answer_with_fault
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_reply

__all__ = ["PREFIX", "answer"]

PREFIX = "/oauth/"
_THROTTLED = "You have made too many requests continuously. Please try again after some time."


async def answer(crm: Crm, request: web.BaseRequest, call: Call) -> tuple[Response | None, str | None]:
    """Answer a call to the accounts server; tell the fault that befell it.

    Raises:
        Refusal: no such address, or a fault that is one.
    """
    form: dict[str, str] = dict(request.query)
    form.update({name: value for name, value in (await request.post()).items() if isinstance(value, str)})

    async def work(_exchange: Request | None = None) -> Response:
        if (call.method, call.path) == ("GET", "/oauth/v2/auth"):
            return _consent(crm, form)
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
    exchange = Request(crm=crm, route=route, call=call, query={}, headers={}, parts={})
    return await answer_with_fault(request, exchange, fault, work), fault.kind.value


def _token(crm: Crm, form: Mapping[str, str], call: Call) -> Response:
    strict = crm.settings.strict
    counts = strict.client_credentials_throttled or form.get("grant_type") != "client_credentials"
    if counts and crm.tokens.throttled(crm.settings.token_requests):
        crm.violations.add("too_many_token_requests", call.number)
        status = {"status": "failure"} if strict.throttle_status_key else {}
        return json_reply({"error_description": _THROTTLED, "error": "Access Denied", **status}, 400)
    if form.get("client_id") != crm.tokens.client_id:
        return _error(crm, "invalid_client")
    if form.get("client_secret") != crm.tokens.client_secret:
        return _error(crm, "invalid_client_secret")
    grant = _GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        return _error(crm, "invalid_code" if form.get("grant_type") else "invalid_request")
    return grant(crm, form)


def _refresh(crm: Crm, form: Mapping[str, str]) -> Response:
    return json_reply(_granted(crm)) if crm.tokens.renews(form.get("refresh_token", "")) else _error(crm, "invalid_code")


def _exchange_code(crm: Crm, form: Mapping[str, str]) -> Response:
    redirect_uri = crm.tokens.use_code(form.get("code", ""), crm.settings.code_life_s)
    if redirect_uri is None:
        return _error(crm, "invalid_code")
    if form.get("redirect_uri", "") != redirect_uri:
        return _error(crm, "invalid_redirect_uri")
    return json_reply({**_granted(crm), "refresh_token": crm.tokens.issue_refresh()})


def _client_credentials(crm: Crm, form: Mapping[str, str]) -> Response:
    if form.get("soid") != f"ZohoCRM.{crm.settings.org_id}":
        return _error(crm, "invalid_code")
    if not form.get("scope"):
        return _error(crm, "invalid_scope")
    return json_reply(_granted(crm))


_GRANTS: dict[str, Callable[[Crm, Mapping[str, str]], Response]] = {
    "refresh_token": _refresh,
    "authorization_code": _exchange_code,
    "client_credentials": _client_credentials,
}


def _consent(crm: Crm, form: Mapping[str, str]) -> Response:
    """Agree at once, as a person would with a click, and send the browser on with a code."""
    redirect_uri = form.get("redirect_uri", "")
    if form.get("client_id") != crm.tokens.client_id or not redirect_uri or form.get("response_type") != "code":
        return json_reply({"error": "invalid_client" if redirect_uri else "invalid_redirect_uri"}, 400)
    told = {
        "code": crm.tokens.issue_code(redirect_uri),
        "location": crm.settings.location,
        "accounts-server": crm.settings.accounts_server or crm.url,
    }
    if "state" in form:
        told["state"] = form["state"]
    return Response(status=302, headers={"Location": f"{redirect_uri}?{urlencode(told)}"})


def _error(crm: Crm, word: str) -> Response:
    return json_reply({"error": word}, crm.settings.strict.oauth_error_status)


def _granted(crm: Crm) -> dict[str, Any]:
    settings = crm.settings
    life_s = int(settings.token_life_s)
    life = {"expires_in_sec": life_s, "expires_in": life_s * 1000} if settings.legacy_token_form else {"expires_in": life_s}
    scope = {"scope": " ".join(settings.scopes)} if settings.strict.scope_in_grants else {}
    return {
        "access_token": crm.tokens.issue(settings),
        **scope,
        "api_domain": settings.api_domain or crm.url,
        "token_type": "Bearer",
        **life,
    }


def _revoke(crm: Crm, form: Mapping[str, str]) -> Response:
    token = form.get("token", "")
    if not crm.tokens.renews(token):
        return json_reply({"error": "invalid_token"}, crm.settings.strict.revoke_error_status)
    crm.tokens.revoke_refresh(token)
    return json_reply({"status": "success"})
