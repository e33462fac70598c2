"""Do to one call what its fault says, before the work, instead of it, or after it."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web

from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.faults import Fault, FaultKind
from bulkzoho.sandbox.wire.errors import (
    internal_error,
    invalid_data,
    invalid_token,
    no_permission,
    scope_mismatch,
    too_large,
    too_many_requests,
)
from bulkzoho.sandbox.wire.request import Request
from bulkzoho.sandbox.wire.responses import Response, json_reply

__all__ = ["answer_with_fault", "reset_connection"]

_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
_LINGER_OFF = struct.pack("ii", 1, 0)  # a close then sends RST instead of FIN


def reset_connection(request: web.BaseRequest) -> None:
    """Cut the connection with a TCP reset."""
    transport = request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
    transport.abort()


async def answer_with_fault(
    request: web.BaseRequest,
    exchange: Request,
    fault: Fault,
    work: Callable[[], Awaitable[Response]],
) -> Response | None:
    """Answer one call wrongly; None means that the connection is gone.

    Raises:
        Refusal: the fault is a whole-call error.
    """
    _refuse(exchange.crm, fault.kind)
    match fault.kind:
        case FaultKind.BAD_GATEWAY_PAGE:
            return Response(status=502, body=_PAGE, content_type="text/html")
        case FaultKind.RESET_BEFORE_COMMIT:
            reset_connection(request)
            return None
        case FaultKind.COMMIT_LATE:
            reset_connection(request)
            await exchange.crm.clock.sleep(fault.seconds)
            await work()
            return None
        case FaultKind.SLOW:
            await exchange.crm.clock.sleep(fault.seconds)
        case FaultKind.HANG:
            return await _hang(exchange, fault, work)
        case FaultKind.JOB_FAILURE | FaultKind.JOB_SLOW:
            exchange.fault = fault
        case FaultKind.PARTIAL_COMMIT_THEN_RESET:
            count = len(exchange.records())
            exchange.records_limit = count // 2 if fault.records is None else fault.records
    reply = await work()
    return _spoil(request, fault, reply)


def _refuse(crm: Crm, kind: FaultKind) -> None:
    match kind:
        case FaultKind.TOO_MANY_REQUESTS:
            raise too_many_requests()
        case FaultKind.INTERNAL_ERROR:
            raise internal_error()
        case FaultKind.NO_PERMISSION:
            raise no_permission("Crm_Implied_Api_Access")
        case FaultKind.SCOPE_MISMATCH:
            raise scope_mismatch()
        case FaultKind.TOKEN_REVOKED:
            crm.tokens.revoke_access()
            raise invalid_token()
        case FaultKind.REFUSE_ALL_400:
            raise invalid_data()
        case FaultKind.TOO_LARGE:
            raise too_large()


async def _hang(exchange: Request, fault: Fault, work: Callable[[], Awaitable[Response]]) -> Response:
    reply = await work() if fault.commit else Response(status=500)
    await exchange.crm.clock.sleep(fault.seconds)
    return reply


def _spoil(request: web.BaseRequest, fault: Fault, reply: Response) -> Response | None:
    """Make a good answer to finished work a bad one."""
    match fault.kind:
        case FaultKind.SLOW | FaultKind.JOB_FAILURE | FaultKind.JOB_SLOW:
            return reply
        case FaultKind.TRUNCATED:
            _send_half(request, reply)
            return None
        case FaultKind.EMPTY_200:
            return Response(status=200)
        case FaultKind.WRONG_COUNT:
            return _with_wrong_count(reply, -1 if fault.records is None else fault.records)
        case _:
            reset_connection(request)
            return None


def _send_half(request: web.BaseRequest, reply: Response) -> None:
    """Promise the whole length, send half, and hang up."""
    if request.transport is None:
        return
    head = f"HTTP/1.1 {reply.status} OK\r\nContent-Type: {reply.content_type}\r\nContent-Length: {len(reply.body)}\r\n\r\n"
    request.transport.write(head.encode() + reply.body[: len(reply.body) // 2])
    request.transport.close()


def _with_wrong_count(reply: Response, more: int) -> Response:
    answer = orjson.loads(reply.body)
    results = answer.get("data")
    if not results:
        return reply
    answer["data"] = results[:more] if more < 0 else [*results, *results[:1] * more]
    return json_reply(answer, reply.status)
