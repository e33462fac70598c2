"""Request pipeline: route, token, scope, quotas, price, fault, work, call log.

The order of checks follows zoho-api section 13.
"""

from __future__ import annotations

import asyncio
from dataclasses import replace

from aiohttp import web

from bulkzoho.sandbox.contract import ResponseRecorder
from bulkzoho.sandbox.page.html import PAGE
from bulkzoho.sandbox.routes import control, oauth
from bulkzoho.sandbox.routes.router import resolve
from bulkzoho.sandbox.state.call_log import Call
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.wire.client_rules import ClientRules
from bulkzoho.sandbox.wire.errors import (
    ApiError,
    invalid_data,
    invalid_token,
    no_token,
    scope_mismatch,
    too_large,
    too_many_requests,
)
from bulkzoho.sandbox.wire.fault_injection import respond_with_fault
from bulkzoho.sandbox.wire.permissions import check_permissions
from bulkzoho.sandbox.wire.request import Request
from bulkzoho.sandbox.wire.responses import JSON_TYPE, Response, error_response

__all__ = ["RequestPipeline"]

TOKEN_PREFIX = "Zoho-oauthtoken "  # noqa: S105 - the scheme, not a token
RETRY_AFTER_S = 5
BAD_REQUEST = 400
DAY_S = 86_400.0
# the page loads nothing from other hosts and cannot be framed
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class RequestPipeline:
    """Handler of every request that reaches the server."""

    def __init__(self, crm: Crm, recorder: ResponseRecorder | None = None) -> None:
        self._crm = crm
        self._recorder = recorder  # sees each response before a fault spoils it
        self._client_rules = ClientRules(crm)
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, http_request: web.BaseRequest) -> web.StreamResponse:
        """Handle one request."""
        path = http_request.path
        if path == "/" and http_request.method == "GET":
            return web.Response(body=PAGE, content_type="text/html", charset="utf-8", headers=PAGE_HEADERS)
        if path.startswith(control.PREFIX):
            return await control.handle(self._crm, http_request)
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            response = await self._handle(http_request, path)
        finally:
            self._running.discard(task)
        if response is None:
            return web.Response()  # never sent: the connection is gone
        return response.to_aiohttp(self._crm.now_s())

    async def close(self) -> None:
        """Cancel the calls that still run: those that hang and those whose client is gone."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _handle(self, http_request: web.BaseRequest, path: str) -> Response | None:
        crm = self._crm
        crm.in_flight += 1
        call = Call(
            number=crm.calls.total + 1,
            arrived_s=crm.clock.monotonic(),
            method=http_request.method,
            path=path,
            in_flight=crm.in_flight,
        )
        crm.calls.open(call)
        request: Request | None = None
        response: Response | None = None
        try:
            try:
                if path.startswith(oauth.PREFIX):
                    call = replace(call, operation="token")
                    response, fault = await oauth.handle(crm, http_request, call)
                    call = replace(call, fault=fault)
                else:
                    request = await self._admit(http_request, call)
                    response = await self._work(http_request, request)
            except ApiError as error:
                response = self._error_response(error)
                self._record(request.route.operation if request else "", response)
            except (ConnectionError, web.RequestPayloadError):
                response = None  # the client disconnected while sending
        finally:
            crm.in_flight -= 1
            if request is not None:
                call = request.call
                crm.heavy_in_flight -= call.heavy
                self._client_rules.end_call(request)
            crm.calls.close(replace(call, status=response.status if response else None, replied_s=crm.clock.monotonic()))
        return response

    async def _admit(self, http_request: web.BaseRequest, call: Call) -> Request:
        """Check path, token, scope and call quotas.

        Raises:
            ApiError: the path is unknown, token or scope are invalid, or a quota is exceeded.
        """
        crm = self._crm
        crm.arrivals.add(call.arrived_s)
        crm.peak_in_flight = max(crm.peak_in_flight, crm.in_flight)
        try:
            route, parts = resolve(http_request.method, call.path)
            self._check_token(http_request, route.scope, parts.get("crm_module", ""))
            exceeded = crm.quotas.count_arrival(call.arrived_s, crm.in_flight, crm.settings)
            if exceeded is not None:
                raise self._quota_error(exceeded, call)
        except ApiError:
            await http_request.read()  # let the client finish sending before the error response
            raise
        call = replace(call, operation=route.operation, crm_module=parts.get("crm_module", ""))
        return Request(crm=crm, route=route, call=call, query=http_request.query, headers=http_request.headers, parts=parts)

    def _check_token(self, http_request: web.BaseRequest, scope: str, crm_module: str) -> None:
        header = http_request.headers.get("Authorization", "")
        if not header.startswith(TOKEN_PREFIX):
            raise no_token() if not header else invalid_token()
        if not self._crm.tokens.is_alive(header[len(TOKEN_PREFIX) :]):
            raise invalid_token()
        store = self._crm.stores.get(crm_module)
        if not self._crm.allows(scope, None if store is None else store.crm_module):
            raise scope_mismatch()

    async def _work(self, http_request: web.BaseRequest, request: Request) -> Response | None:
        """Read, charge and handle the call, with its fault if it has one.

        Raises:
            ApiError: a quota is exceeded, the body is too large, or the route rejects the call.
        """
        crm, route = self._crm, request.route
        try:
            request.body = await http_request.read()
        except web.HTTPRequestEntityTooLarge:
            raise too_large() from None
        self._charge(request)
        self._client_rules.start_call(request)
        fault = crm.faults.choose(path=request.call.path, operation=route.operation, writes=route.writes, body=request.body)

        async def work() -> Response:
            await self._half_latency()
            try:
                check_permissions(request)
                response = await route.handler(request)
            except ApiError as error:
                response = self._error_response(error)
            except RecursionError:  # thousands of nested brackets in a query or criteria
                response = self._error_response(invalid_data(reason="nested too deeply"))
            self._record(route.operation, response)
            await self._half_latency()
            if not crm.settings.strict.failed_calls_cost and (response.status >= BAD_REQUEST or response.status in (204, 304)):
                crm.quotas.refund(request.call.arrived_s, request.call.credits)
            return self._with_credits(response)

        if fault is None:
            return await work()
        request.call = replace(request.call, fault=fault.kind.value)
        return await respond_with_fault(http_request, request, fault, work)

    def _charge(self, request: Request) -> None:
        crm = self._crm
        call = request.call = request.with_price()
        crm.heavy_in_flight += call.heavy
        crm.peak_heavy = max(crm.peak_heavy, crm.heavy_in_flight)
        exceeded = crm.quotas.charge(call.arrived_s, call.credits, crm.settings)
        if call.heavy and crm.heavy_in_flight > crm.settings.heavy_calls:
            exceeded = "over_heavy_calls"
        if exceeded is not None:
            raise self._quota_error(exceeded, call)

    def _quota_error(self, exceeded: str, call: Call) -> ApiError:
        self._crm.violations.add(exceeded, call.number)
        return too_many_requests(exceeded if self._crm.settings.strict.quota_named else "")

    def _record(self, operation: str, response: Response) -> None:
        if self._recorder is not None and response.body and response.content_type == JSON_TYPE:
            self._recorder(operation, response.status, response.body)

    async def _half_latency(self) -> None:
        settings = self._crm.settings
        if settings.latency_s or settings.jitter_s:
            jitter_s = settings.jitter_s * self._crm.rng.uniform(-1, 1)
            await self._crm.clock.sleep(max(0.0, settings.latency_s + jitter_s) / 2)

    def _with_credits(self, response: Response) -> Response:
        """Add the credit headers; Zoho sends the first one once half of the daily credits are used."""
        crm = self._crm
        left, limit = crm.quotas.credits_left(crm.clock.monotonic(), crm.settings), crm.credits_limit
        added: dict[str, str] = {}
        if left * 2 <= limit:
            added["X-API-CREDITS-REMAINING"] = str(max(0, left))
        if crm.settings.strict.rate_limit_headers:
            reset_ms = str(int((crm.clock.wall() + DAY_S) * 1000))
            added |= {"X-RATELIMIT-LIMIT": str(limit), "X-RATELIMIT-REMAINING": str(max(0, left)), "X-RATELIMIT-RESET": reset_ms}
        return replace(response, headers={**response.headers, **added}) if added else response

    def _error_response(self, error: ApiError) -> Response:
        settings = self._crm.settings
        response = error_response(error, wrapped=settings.strict.wrapped_errors)
        if error.code == "INVALID_REQUEST_METHOD":
            response = replace(response, status=settings.strict.wrong_method_status)
        elif error.code == "OAUTH_SCOPE_MISMATCH":
            response = replace(response, status=settings.strict.scope_mismatch_status)
        if error.status == 429 and settings.retry_after:  # noqa: PLR2004 - Too Many Requests
            return replace(response, headers={"Retry-After": str(RETRY_AFTER_S)})
        return self._with_credits(response) if error.status == 429 else response  # noqa: PLR2004 - as above
