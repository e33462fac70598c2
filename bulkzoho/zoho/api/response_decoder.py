"""Zoho's words turned into replies: by status first, then by code, never by message alone.

Rules from Zoho's docs "Status codes" and the record operations of its OpenAPI files (v8): 401, 403, 404, 429 and 5xx concern the
whole call even when wrapped in ``data``; 2xx, 207 and 400 with as many results as records are per record, in input order; a
400 with one bare or wrapped error is the whole call's.  Only the API's own JSON ends a call: a page or nothing leaves it lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import orjson

from bulkzoho.domain.model.responses import RateLimited, Rejected, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.rows import Operation
from bulkzoho.zoho.api.error_details import strip_personal_data
from bulkzoho.zoho.api.write_results import UnreadableResultError, results_from
from bulkzoho.zoho.api.write_results_fast import decode_if_all_succeeded

__all__ = ["RawResponse", "decode_read", "decode_write"]

# 401 for the token itself; OAUTH_SCOPE_MISMATCH comes with 401 too and no new token cures it
_DEAD_TOKEN: Final = frozenset({"INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"})
_EMPTY_READ: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_PER_RECORD: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.PRECONDITION_FAILED)  # 412: ALREADY_MODIFIED, a result a record
# about the call even where it held one record, so that its one result looks like the record's
_WHOLE_CODES: Final = frozenset({
    "API_NOT_SUPPORTED",
    "FEATURE_NOT_SUPPORTED",
    "INVALID_MODULE",
    "INVALID_REQUEST",
    "INVALID_REQUEST_METHOD",
    "INVALID_URL_PATTERN",
    "NOT_SUPPORTED",
    "REQUIRED_PARAM_MISSING",
    "UNABLE_TO_PARSE_DATA_TYPE",
})  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResponse:
    """One whole answer, not yet understood."""

    status: int
    body: bytes = field(repr=False)
    token_serial: int
    service_time: float | None = None  #: seconds since the epoch, from ``Date``
    retry_after_s: float | None = None
    credits_remaining: int | None = None


def decode_write(wire: RawResponse, operation: Operation, *, sent_ids: list[str] | None, records: int) -> Reply:
    """Give the reply to a call that wrote *records* records.

    *sent_ids* are the ids that a delete or an update named; they stand in where an answer leaves its id out.
    """
    if _succeeded(wire):
        accepted = decode_if_all_succeeded(wire.body, operation, records=records)
        if accepted is not None:
            return Succeeded(results=accepted, service_time=wire.service_time, credits_remaining=wire.credits_remaining)
    body = _parsed(wire)
    if _succeeded(wire) or wire.status in _PER_RECORD:
        results = body.get("data") if isinstance(body, dict) else None
        if isinstance(results, list) and len(results) == records and not _is_whole(results, records):
            try:
                decoded = results_from(results, operation, sent_ids)
            except UnreadableResultError as error:
                return ResponseLost(reason=f"HTTP {wire.status}: {error}", service_time=wire.service_time)
            return Succeeded(results=decoded, service_time=wire.service_time, credits_remaining=wire.credits_remaining)
    if _succeeded(wire):
        return _lost(wire, "another number of results than records" if isinstance(body, dict) else "no JSON")
    return _refused(wire, body)


def decode_read(wire: RawResponse, convert: Callable[[Any], Any]) -> Reply:
    """Give the reply to a read; *convert* makes the payload of its body (204 and 304 have none).

    A body in which *convert* finds no sense (KeyError, TypeError, ValueError ...) is refused as such: asking again would bring
    the same.
    """
    if wire.status in _EMPTY_READ:
        return Succeeded(service_time=wire.service_time, credits_remaining=wire.credits_remaining)
    body = _parsed(wire)
    if not _succeeded(wire):
        return _refused(wire, body)
    if body is None:
        return _lost(wire, "no JSON")
    try:
        payload = convert(body)
    except (AttributeError, LookupError, TypeError, ValueError):
        return Rejected(
            status=wire.status,
            code="UNEXPECTED_ANSWER",
            message="the answer has not the documented shape",
            service_time=wire.service_time,
        )
    return Succeeded(payload=payload, service_time=wire.service_time, credits_remaining=wire.credits_remaining)


def _refused(wire: RawResponse, body: Any) -> Reply:
    """Understand an answer that is no success and has no result a record."""
    status = wire.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(retry_after_s=wire.retry_after_s, credits_remaining=wire.credits_remaining)
    if not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _lost(wire, "redirected" if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST else "")
    error = _error_in(body, alone=status in _PER_RECORD)
    if error is None:
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:  # a server in front says so with a page; it let nothing through
            return Rejected(
                status=status,
                code="REQUEST_ENTITY_TOO_LARGE",
                message="the request is too large",
                service_time=wire.service_time,
            )
        return _lost(wire, "no error of the API in it")
    code = str(error["code"])
    if status == HTTPStatus.UNAUTHORIZED and code in _DEAD_TOKEN:
        return TokenRejected(token_serial=wire.token_serial, code=code)
    details = error.get("details")
    return Rejected(
        status=status,
        code=code,
        message=str(error.get("message") or ""),
        details=strip_personal_data(details) if isinstance(details, dict) else {},
        service_time=wire.service_time,
    )


def _error_in(body: Any, *, alone: bool) -> Mapping[str, Any] | None:
    """Find the error of a whole call: bare, or in ``data`` (or ``users``, ``org`` ...).

    Where results could stand instead it must be alone; a status that concerns the whole call may come with one for each record.
    """
    if not isinstance(body, dict):
        return None
    if isinstance(body.get("code"), str):
        return body
    for value in body.values():
        if isinstance(value, list) and value and all(_is_error(one) for one in value):
            first: Mapping[str, Any] = value[0]
            return first if len(value) == 1 or not alone else None
    return None


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("code"), str) and value.get("status") == "error"


def _is_whole(results: list[Any], records: int) -> bool:
    return records == 1 and _is_error(results[0]) and results[0]["code"] in _WHOLE_CODES


def _succeeded(wire: RawResponse) -> bool:
    return HTTPStatus.OK <= wire.status < HTTPStatus.MULTIPLE_CHOICES


def _parsed(wire: RawResponse) -> Any:
    """Give the body; None when it is no JSON object."""
    try:
        body = orjson.loads(wire.body)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _lost(wire: RawResponse, what: str) -> ResponseLost:
    if wire.body.lstrip()[:1] == b"<":
        what = "a page of a proxy or a portal instead of JSON"
    return ResponseLost(reason=f"HTTP {wire.status}{': ' if what else ''}{what}", service_time=wire.service_time)
