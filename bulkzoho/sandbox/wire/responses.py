"""Responses as values and their conversion to aiohttp."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from bulkzoho.sandbox.state.clock import http_date
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["Response", "error_response", "json_response", "no_content"]

JSON_TYPE = "application/json;charset=UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One response that is not sent yet."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)

    def to_aiohttp(self, now_s: int) -> web.Response:
        """Return the aiohttp response, dated with the sandbox's clock."""
        headers = {"Date": http_date(now_s), "Server": "zoho-crm-sandbox", **self.headers}
        if self.body:
            headers["Content-Type"] = self.content_type
        return web.Response(status=self.status, body=self.body or None, headers=headers)


def json_response(value: Any, status: int = 200) -> Response:
    """Return a response with *value* as JSON."""
    return Response(status=status, body=orjson.dumps(value))


def no_content() -> Response:
    """Return the response for an empty result: 204 without a body."""
    return Response(status=204)


def error_response(error: ApiError, *, wrapped: bool) -> Response:
    """Return the response for a whole-call error, optionally wrapped in ``data``."""
    body: Any = error.body()
    return json_response({"data": [body]} if wrapped else body, error.status)
