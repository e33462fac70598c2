"""Decode API responses by status, then by code, never by the message.

Rules from Zoho's docs "Status codes" and the record operations of its OpenAPI files (v8): 401, 403, 404, 429 and 5xx concern the
whole call even if wrapped in ``data``; 2xx, 207 and 400 with as many results as records have one result per record, in input
order; a 400 with one bare or wrapped error concerns the whole call.  Anything but the API's own JSON leaves the outcome unknown.
"""

from __future__ import annotations

import logging
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

# 401 because of the token; OAUTH_SCOPE_MISMATCH is a 401 too, but a new token does not help
_DEAD_TOKEN: Final = frozenset({"INVALID_TOKEN", "INVALID_OAUTHTOKEN", "AUTHENTICATION_FAILURE"})
_EMPTY_READ: Final = (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED)
_PER_RECORD: Final = (HTTPStatus.BAD_REQUEST, HTTPStatus.PRECONDITION_FAILED)  # 412: ALREADY_MODIFIED, one result per record
# concern the call, even if it had one record and the error looks like that record's result
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


_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class RawResponse:
    """Complete response, not decoded yet."""

    status: int
    body: bytes = field(repr=False)
    token_serial: int
    service_time: float | None = None  #: seconds since the epoch, from ``Date``
    retry_after_s: float | None = None
    credits_remaining: int | None = None


def decode_write(response: RawResponse, operation: Operation, *, sent_ids: list[str] | None, records: int) -> Reply:
    """Decode the response to a call that wrote *records* records.

    *sent_ids* are the ids in the request of a delete or an update; they replace ids that the response leaves out.
    """
    if _succeeded(response):
        accepted = decode_if_all_succeeded(response.body, operation, records=records)
        if accepted is not None:
            return Succeeded(results=accepted, service_time=response.service_time, credits_remaining=response.credits_remaining)
    body = _json_object(response)
    if _succeeded(response) or response.status in _PER_RECORD:
        results = body.get("data") if isinstance(body, dict) else None
        if isinstance(results, list) and len(results) == records and not _is_whole(results, records):
            try:
                decoded = results_from(results, operation, sent_ids)
            except UnreadableResultError as error:
                return ResponseLost(reason=f"HTTP {response.status}: {error}", service_time=response.service_time)
            return Succeeded(results=decoded, service_time=response.service_time, credits_remaining=response.credits_remaining)
    if _succeeded(response):
        return _response_lost(
            response, "the number of results differs from the number of records" if isinstance(body, dict) else "not JSON"
        )
    return _decode_error(response, body)


def decode_read(response: RawResponse, convert: Callable[[Any], Any]) -> Reply:
    """Decode the response to a read; *convert* turns its body into the payload (204 and 304 have none).

    A body that *convert* cannot read (KeyError, TypeError, ValueError ...) becomes a rejection, because a retry would return the
    same body.
    """
    if response.status in _EMPTY_READ:
        return Succeeded(service_time=response.service_time, credits_remaining=response.credits_remaining)
    body = _json_object(response)
    if not _succeeded(response):
        return _decode_error(response, body)
    if body is None:
        return _response_lost(response, "not JSON")
    try:
        payload = convert(body)
    except (AttributeError, LookupError, TypeError, ValueError):
        return Rejected(
            status=response.status,
            code="UNEXPECTED_ANSWER",
            message="the response does not have the documented form",
            service_time=response.service_time,
        )
    return Succeeded(payload=payload, service_time=response.service_time, credits_remaining=response.credits_remaining)


def _decode_error(response: RawResponse, body: Any) -> Reply:
    """Decode a response that is neither a success nor a list of results."""
    status = response.status
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return RateLimited(retry_after_s=response.retry_after_s, credits_remaining=response.credits_remaining)
    if not HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _response_lost(response, "redirected" if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST else "")
    error = _error_in(body, alone=status in _PER_RECORD)
    if error is None:
        if status == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:  # a proxy answers with an HTML page; it did not forward the request
            return Rejected(
                status=status,
                code="REQUEST_ENTITY_TOO_LARGE",
                message="the request is too large",
                service_time=response.service_time,
            )
        return _response_lost(response, "no error of the API in the body")
    code = str(error["code"])
    if status == HTTPStatus.UNAUTHORIZED and code in _DEAD_TOKEN:
        _LOG.info("token rejected", extra={"code": code})
        return TokenRejected(token_serial=response.token_serial, code=code)
    details = error.get("details")
    return Rejected(
        status=status,
        code=code,
        message=str(error.get("message") or ""),
        details=strip_personal_data(details) if isinstance(details, dict) else {},
        service_time=response.service_time,
    )


def _error_in(body: Any, *, alone: bool) -> Mapping[str, Any] | None:
    """Return the error of a whole call: bare, or in ``data`` (or ``users``, ``org`` ...).

    Where the list could also hold results, the error must be *alone*; a status for the whole call may have an error per record.
    """
    if not isinstance(body, dict):
        return None
    if isinstance(body.get("code"), str):
        return body
    for value in body.values():
        if isinstance(value, list) and value and all(map(_is_error, value)):
            first: Mapping[str, Any] = value[0]
            return first if len(value) == 1 or not alone else None
    return None


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("code"), str) and value.get("status") == "error"


def _is_whole(results: list[Any], records: int) -> bool:
    return records == 1 and _is_error(results[0]) and results[0]["code"] in _WHOLE_CODES


def _succeeded(response: RawResponse) -> bool:
    return HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES


def _json_object(response: RawResponse) -> Any:
    """Return the body, or None if it is not a JSON object."""
    try:
        body = orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return None
    return body if isinstance(body, dict) else None


def _response_lost(response: RawResponse, problem: str) -> ResponseLost:
    if response.body.lstrip()[:1] == b"<":
        problem = "an HTML page of a proxy or portal instead of JSON"
    return ResponseLost(reason=f"HTTP {response.status}{': ' if problem else ''}{problem}", service_time=response.service_time)
