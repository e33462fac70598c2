"""Answers as values, and as aiohttp sends them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from bulkzoho.sandbox.state.clock import http_date
from bulkzoho.sandbox.wire.errors import ApiError

__all__ = ["Response", "json_reply", "no_content", "refusal_reply"]

JSON_TYPE = "application/json;charset=UTF-8"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer, not yet sent."""

    status: int
    body: bytes = b""
    content_type: str = JSON_TYPE
    headers: dict[str, str] = field(default_factory=dict)

    def response(self, now_s: int) -> web.Response:
        """Give it as aiohttp's, dated with the sandbox's own time."""
        headers = {"Date": http_date(now_s), "Server": "zoho-crm-sandbox", **self.headers}
        if self.body:
            headers["Content-Type"] = self.content_type
        return web.Response(status=self.status, body=self.body or None, headers=headers)


def json_reply(value: Any, status: int = 200) -> Response:
    """Answer with *value* as JSON."""
    return Response(status=status, body=orjson.dumps(value))


def no_content() -> Response:
    """Answer that nothing was found: 204 without a body."""
    return Response(status=204)


def refusal_reply(refusal: ApiError, *, wrapped: bool) -> Response:
    """Answer with a whole-call error, bare or inside ``data``."""
    body: Any = refusal.body()
    return json_reply({"data": [body]} if wrapped else body, refusal.status)
