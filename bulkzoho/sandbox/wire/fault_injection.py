"""Inject a fault into one call: before, instead of or after its work."""

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
from bulkzoho.sandbox.wire.responses import Response, json_response

__all__ = ["reset_connection", "respond_with_fault"]

_ERROR_PAGE = b"<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>"
_LINGER_OFF = struct.pack("ii", 1, 0)  # closing then sends RST instead of FIN


def reset_connection(http_request: web.BaseRequest) -> None:
    """Abort the connection with a TCP reset."""
    transport = http_request.transport
    if transport is None:
        return
    connection = transport.get_extra_info("socket")
    if connection is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_OFF)
    transport.abort()


async def respond_with_fault(
    http_request: web.BaseRequest,
    request: Request,
    fault: Fault,
    work: Callable[[], Awaitable[Response]],
) -> Response | None:
    """Return the faulty response to one call; None means that the connection is gone.

    Raises:
        ApiError: the fault is a whole-call error.
    """
    _raise_error(request.crm, fault.kind)
    match fault.kind:
        case FaultKind.BAD_GATEWAY_PAGE:
            return Response(status=502, body=_ERROR_PAGE, content_type="text/html")
        case FaultKind.RESET_BEFORE_COMMIT:
            reset_connection(http_request)
            return None
        case FaultKind.COMMIT_LATE:
            reset_connection(http_request)
            await request.crm.clock.sleep(fault.seconds)
            await work()
            return None
        case FaultKind.SLOW:
            await request.crm.clock.sleep(fault.seconds)
        case FaultKind.HANG:
            return await _hang(request, fault, work)
        case FaultKind.JOB_FAILURE | FaultKind.JOB_SLOW:
            request.fault = fault
        case FaultKind.PARTIAL_COMMIT_THEN_RESET:
            count = len(request.records())
            request.records_limit = count // 2 if fault.records is None else fault.records
    response = await work()
    return _spoil_response(http_request, fault, response)


def _raise_error(crm: Crm, kind: FaultKind) -> None:
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


async def _hang(request: Request, fault: Fault, work: Callable[[], Awaitable[Response]]) -> Response:
    response = await work() if fault.commit else Response(status=500)
    await request.crm.clock.sleep(fault.seconds)
    return response


def _spoil_response(http_request: web.BaseRequest, fault: Fault, response: Response) -> Response | None:
    """Spoil the response of a call whose work is done."""
    match fault.kind:
        case FaultKind.SLOW | FaultKind.JOB_FAILURE | FaultKind.JOB_SLOW:
            return response
        case FaultKind.TRUNCATED:
            _send_half(http_request, response)
            return None
        case FaultKind.EMPTY_200:
            return Response(status=200)
        case FaultKind.WRONG_COUNT:
            return _with_wrong_count(response, -1 if fault.records is None else fault.records)
        case _:
            reset_connection(http_request)
            return None


def _send_half(http_request: web.BaseRequest, response: Response) -> None:
    """Send half of the announced body and close the connection."""
    if http_request.transport is None:
        return
    head = (
        f"HTTP/1.1 {response.status} OK\r\nContent-Type: {response.content_type}\r\nContent-Length: {len(response.body)}\r\n\r\n"
    )
    http_request.transport.write(head.encode() + response.body[: len(response.body) // 2])
    http_request.transport.close()


def _with_wrong_count(response: Response, difference: int) -> Response:
    body = orjson.loads(response.body)
    results = body.get("data")
    if not results:
        return response
    body["data"] = results[:difference] if difference < 0 else [*results, *results[:1] * difference]
    return json_response(body, response.status)
