"""The accounts server: token grants, consent and revocation (zoho-api, section 2).

Errors have HTTP status 200 and a key ``error``, like the real server; the status is a switch because it is unverified.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode

from aiohttp import web

from bulkzoho.sandbox.state.call_log import Call
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.wire.errors import invalid_url
from bulkzoho.sandbox.wire.fault_injection import respond_with_fault
from bulkzoho.sandbox.wire.request import Request, Route
from bulkzoho.sandbox.wire.responses import Response, json_response

__all__ = ["PREFIX", "handle"]

PREFIX = "/oauth/"
_THROTTLED = "You have made too many requests continuously. Please try again after some time."


async def handle(crm: Crm, http_request: web.BaseRequest, call: Call) -> tuple[Response | None, str | None]:
    """Handle a call to the accounts server; return the response and the injected fault.

    Raises:
        ApiError: the path is unknown, or the fault is an error.
    """
    form: dict[str, str] = dict(http_request.query)
    form.update({name: value for name, value in (await http_request.post()).items() if isinstance(value, str)})

    async def work(_request: Request | None = None) -> Response:
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
    request = Request(crm=crm, route=route, call=call, query={}, headers={}, parts={})
    return await respond_with_fault(http_request, request, fault, work), fault.kind.value


def _token(crm: Crm, form: Mapping[str, str], call: Call) -> Response:
    strict = crm.settings.strict
    is_counted = strict.client_credentials_throttled or form.get("grant_type") != "client_credentials"
    if is_counted and crm.tokens.throttled(crm.settings.token_requests):
        crm.violations.add("too_many_token_requests", call.number)
        status = {"status": "failure"} if strict.throttle_status_key else {}
        return json_response({"error_description": _THROTTLED, "error": "Access Denied", **status}, 400)
    if form.get("client_id") != crm.tokens.client_id:
        return _error(crm, "invalid_client")
    if form.get("client_secret") != crm.tokens.client_secret:
        return _error(crm, "invalid_client_secret")
    grant = _GRANTS.get(form.get("grant_type", ""))
    if grant is None:
        return _error(crm, "invalid_code" if form.get("grant_type") else "invalid_request")
    return grant(crm, form)


def _refresh(crm: Crm, form: Mapping[str, str]) -> Response:
    return (
        json_response(_token_grant(crm))
        if crm.tokens.is_refresh_token(form.get("refresh_token", ""))
        else _error(crm, "invalid_code")
    )


def _exchange_code(crm: Crm, form: Mapping[str, str]) -> Response:
    redirect_uri = crm.tokens.use_code(form.get("code", ""), crm.settings.code_life_s)
    if redirect_uri is None:
        return _error(crm, "invalid_code")
    if form.get("redirect_uri", "") != redirect_uri:
        return _error(crm, "invalid_redirect_uri")
    return json_response({**_token_grant(crm), "refresh_token": crm.tokens.issue_refresh()})


def _client_credentials(crm: Crm, form: Mapping[str, str]) -> Response:
    if form.get("soid") != f"ZohoCRM.{crm.settings.org_id}":
        return _error(crm, "invalid_code")
    if not form.get("scope"):
        return _error(crm, "invalid_scope")
    return json_response(_token_grant(crm))


_GRANTS: dict[str, Callable[[Crm, Mapping[str, str]], Response]] = {
    "refresh_token": _refresh,
    "authorization_code": _exchange_code,
    "client_credentials": _client_credentials,
}


def _consent(crm: Crm, form: Mapping[str, str]) -> Response:
    """Consent without a user and redirect the browser with a grant code."""
    redirect_uri = form.get("redirect_uri", "")
    if form.get("client_id") != crm.tokens.client_id or not redirect_uri or form.get("response_type") != "code":
        return json_response({"error": "invalid_client" if redirect_uri else "invalid_redirect_uri"}, 400)
    parameters = {
        "code": crm.tokens.issue_code(redirect_uri),
        "location": crm.settings.location,
        "accounts-server": crm.settings.accounts_server or crm.url,
    }
    if "state" in form:
        parameters["state"] = form["state"]
    return Response(status=302, headers={"Location": f"{redirect_uri}?{urlencode(parameters)}"})


def _error(crm: Crm, code: str) -> Response:
    return json_response({"error": code}, crm.settings.strict.oauth_error_status)


def _token_grant(crm: Crm) -> dict[str, Any]:
    settings = crm.settings
    life_s = int(settings.token_life_s)
    lifetime = {"expires_in_sec": life_s, "expires_in": life_s * 1000} if settings.legacy_token_form else {"expires_in": life_s}
    scope = {"scope": " ".join(settings.scopes)} if settings.strict.scope_in_grants else {}
    return {
        "access_token": crm.tokens.issue(settings),
        **scope,
        "api_domain": settings.api_domain or crm.url,
        "token_type": "Bearer",
        **lifetime,
    }


def _revoke(crm: Crm, form: Mapping[str, str]) -> Response:
    token = form.get("token", "")
    if not crm.tokens.is_refresh_token(token):
        return json_response({"error": "invalid_token"}, crm.settings.strict.revoke_error_status)
    crm.tokens.revoke_refresh(token)
    return json_response({"status": "success"})
