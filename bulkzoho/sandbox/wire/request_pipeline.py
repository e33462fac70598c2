"""The one way in: find the route, then token, scope, quotas, price, fault, work; and write the call down.

The order of checks is that of zoho-api section 13.
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
from bulkzoho.sandbox.wire.fault_injection import answer_with_fault
from bulkzoho.sandbox.wire.permissions import check_rights
from bulkzoho.sandbox.wire.request import Request
from bulkzoho.sandbox.wire.responses import JSON_TYPE, Response, refusal_reply

__all__ = ["RequestPipeline"]

TOKEN_PREFIX = "Zoho-oauthtoken "  # noqa: S105 - the scheme, not a token
RETRY_AFTER_S = 5
BAD_REQUEST = 400
DAY_S = 86_400.0
# the page takes nothing from elsewhere, and stands in no other page
PAGE_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; connect-src 'self'; "
    "img-src data:; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}


class RequestPipeline:
    """Answer every request that reaches the server."""

    def __init__(self, crm: Crm, keep: ResponseRecorder | None = None) -> None:
        self._crm = crm
        self._keep = keep  # is shown every good answer, before a fault spoils it
        self._conduct = ClientRules(crm)
        self._running: set[asyncio.Task[None]] = set()

    async def __call__(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request."""
        path = request.path
        if path == "/" and request.method == "GET":
            return web.Response(body=PAGE, content_type="text/html", charset="utf-8", headers=PAGE_HEADERS)
        if path.startswith(control.PREFIX):
            return await control.answer(self._crm, request)
        task = asyncio.current_task()
        assert task is not None
        self._running.add(task)
        try:
            reply = await self._answer(request, path)
        finally:
            self._running.discard(task)
        if reply is None:
            return web.Response()  # goes nowhere: the connection is gone
        return reply.response(self._crm.now_s())

    async def close(self) -> None:
        """End the calls that still run: those that hang, and those whose client is gone."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _answer(self, request: web.BaseRequest, path: str) -> Response | None:
        crm = self._crm
        crm.in_flight += 1
        call = Call(
            number=crm.calls.total + 1,
            arrived_s=crm.clock.monotonic(),
            method=request.method,
            path=path,
            in_flight=crm.in_flight,
        )
        crm.calls.open(call)
        exchange: Request | None = None
        reply: Response | None = None
        try:
            try:
                if path.startswith(oauth.PREFIX):
                    call = replace(call, operation="token")
                    reply, fault = await oauth.answer(crm, request, call)
                    call = replace(call, fault=fault)
                else:
                    exchange = await self._admit(request, call)
                    reply = await self._work(request, exchange)
            except ApiError as refusal:
                reply = self._refused(refusal)
                self._show(exchange.route.operation if exchange else "", reply)
            except (ConnectionError, web.RequestPayloadError):
                reply = None  # the client went before its request was whole
        finally:
            crm.in_flight -= 1
            if exchange is not None:
                call = exchange.call
                crm.heavy_in_flight -= call.heavy
                self._conduct.leave(exchange)
            crm.calls.close(replace(call, status=reply.status if reply else None, replied_s=crm.clock.monotonic()))
        return reply

    async def _admit(self, request: web.BaseRequest, call: Call) -> Request:
        """Let a call in as far as its price, or refuse it.

        Raises:
            Refusal: no such address, no good token or scope, or a quota is used up.
        """
        crm = self._crm
        crm.arrivals.add(call.arrived_s)
        crm.peak_in_flight = max(crm.peak_in_flight, crm.in_flight)
        try:
            route, parts = resolve(request.method, call.path)
            self._check_token(request, route.scope, parts.get("crm_module", ""))
            broken = crm.quotas.refusal_at_arrival(call.arrived_s, crm.in_flight, crm.settings)
            if broken is not None:
                raise self._over(broken, call)
        except ApiError:
            await request.read()  # the client may finish sending before it is refused
            raise
        call = replace(call, operation=route.operation, crm_module=parts.get("crm_module", ""))
        return Request(crm=crm, route=route, call=call, query=request.query, headers=request.headers, parts=parts)

    def _check_token(self, request: web.BaseRequest, scope: str, crm_module: str) -> None:
        header = request.headers.get("Authorization", "")
        if not header.startswith(TOKEN_PREFIX):
            raise no_token() if not header else invalid_token()
        if not self._crm.tokens.is_alive(header[len(TOKEN_PREFIX) :]):
            raise invalid_token()
        store = self._crm.stores.get(crm_module)
        if not self._crm.allows(scope, None if store is None else store.crm_module):
            raise scope_mismatch()

    async def _work(self, request: web.BaseRequest, exchange: Request) -> Response | None:
        """Read, price and do the call, with its fault if it has one.

        Raises:
            Refusal: a quota is used up, the body is too long, or the route refuses the call.
        """
        crm, route = self._crm, exchange.route
        try:
            exchange.body = await request.read()
        except web.HTTPRequestEntityTooLarge:
            raise too_large() from None
        self._charge(exchange)
        self._conduct.enter(exchange)
        fault = crm.faults.choose(path=exchange.call.path, operation=route.operation, writes=route.writes, body=exchange.body)

        async def work() -> Response:
            await self._half_latency()
            try:
                check_rights(exchange)
                reply = await route.handler(exchange)
            except ApiError as refusal:
                reply = self._refused(refusal)
            except RecursionError:  # a query or criteria of thousands of brackets
                reply = self._refused(invalid_data(reason="nested too deeply"))
            self._show(route.operation, reply)
            await self._half_latency()
            if not crm.settings.strict.failed_calls_cost and (reply.status >= BAD_REQUEST or reply.status in (204, 304)):
                crm.quotas.give_back(exchange.call.arrived_s, exchange.call.credits)
            return self._with_credits(reply)

        if fault is None:
            return await work()
        exchange.call = replace(exchange.call, fault=fault.kind.value)
        return await answer_with_fault(request, exchange, fault, work)

    def _charge(self, exchange: Request) -> None:
        crm = self._crm
        call = exchange.call = exchange.priced()
        crm.heavy_in_flight += call.heavy
        crm.peak_heavy = max(crm.peak_heavy, crm.heavy_in_flight)
        broken = crm.quotas.refusal_by_price(call.arrived_s, call.credits, crm.settings)
        if call.heavy and crm.heavy_in_flight > crm.settings.heavy_calls:
            broken = "over_heavy_calls"
        if broken is not None:
            raise self._over(broken, call)

    def _over(self, broken: str, call: Call) -> ApiError:
        self._crm.violations.add(broken, call.number)
        return too_many_requests(broken if self._crm.settings.strict.quota_named else "")

    def _show(self, operation: str, reply: Response) -> None:
        if self._keep is not None and reply.body and reply.content_type == JSON_TYPE:
            self._keep(operation, reply.status, reply.body)

    async def _half_latency(self) -> None:
        settings = self._crm.settings
        if settings.latency_s or settings.jitter_s:
            jitter_s = settings.jitter_s * self._crm.chance.uniform(-1, 1)
            await self._crm.clock.sleep(max(0.0, settings.latency_s + jitter_s) / 2)

    def _with_credits(self, reply: Response) -> Response:
        """Add the header that Zoho sends once half of the day's credits are used."""
        crm = self._crm
        left, limit = crm.quotas.credits_left(crm.clock.monotonic(), crm.settings), crm.credits_limit
        told: dict[str, str] = {}
        if left * 2 <= limit:
            told["X-API-CREDITS-REMAINING"] = str(max(0, left))
        if crm.settings.strict.rate_limit_headers:
            resets_ms = str(int((crm.clock.wall() + DAY_S) * 1000))
            told |= {"X-RATELIMIT-LIMIT": str(limit), "X-RATELIMIT-REMAINING": str(max(0, left)), "X-RATELIMIT-RESET": resets_ms}
        return replace(reply, headers={**reply.headers, **told}) if told else reply

    def _refused(self, refusal: ApiError) -> Response:
        settings = self._crm.settings
        reply = refusal_reply(refusal, wrapped=settings.strict.wrapped_errors)
        if refusal.code == "INVALID_REQUEST_METHOD":
            reply = replace(reply, status=settings.strict.wrong_method_status)
        elif refusal.code == "OAUTH_SCOPE_MISMATCH":
            reply = replace(reply, status=settings.strict.scope_mismatch_status)
        if refusal.status == 429 and settings.retry_after:  # noqa: PLR2004 - Too Many Requests
            return replace(reply, headers={"Retry-After": str(RETRY_AFTER_S)})
        return self._with_credits(reply) if refusal.status == 429 else reply  # noqa: PLR2004 - as above
