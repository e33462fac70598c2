"""Many records of a module in one call: the list with page tokens, and COQL; numbers keep their own digits.

Facts: docs "Get Records" and "COQL" (v7), OpenAPI ``record`` and ``coql`` (v8).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson

from bulkzoho.domain.model.export import ApiPage, ConvertedLeads
from bulkzoho.domain.model.responses import NotSent, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.transform.exact_json import ExactNumber
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.response_decoder import RawResponse, decode_read

__all__ = ["RecordReadClient"]

PER_PAGE: Final = 200  # records; docs v7 "Get Records"
_LOSSY: Final = re.compile(rb"[:\[,]\s*-?(?:[0-9]+[.eE]|[0-9]{19})")  # what a float or a 64-bit integer might bend
_NATIVE_DIGITS: Final = 18  # of integers that surely fit 64 bits


def _whole(digits: str) -> int | ExactNumber:
    return int(digits) if len(digits) <= _NATIVE_DIGITS else ExactNumber(digits)


_DECODER: Final = json.JSONDecoder(parse_float=ExactNumber, parse_int=_whole)


class RecordReadClient:
    """Reads the records of one module; implements the ``Records`` port of the export."""

    def __init__(self, transport: ApiClient, *, crm_module: str, converted: ConvertedLeads = ConvertedLeads.LEFT_OUT) -> None:
        """Read the records of *crm_module*; of leads, those whether *converted* or not."""
        self._transport = transport
        self._always = {} if converted is ConvertedLeads.LEFT_OUT else {"converted": converted.value}
        self._root = f"/crm/{transport.api_version}"
        self._path = f"{self._root}/{crm_module}"

    async def page(self, fields: Sequence[str], *, token: str | None, since: str | None) -> Reply:
        """One page of the list, newest ids first; payload: :class:`ApiPage`.

        *since* (ISO 8601) leaves out what was not changed since; it must be the same for all pages of a listing.
        """
        params = {"fields": ",".join(fields), "per_page": str(PER_PAGE), **self._always}
        if token is not None:
            params["page_token"] = token
        headers = {"If-Modified-Since": since} if since else None
        return await self._paged("GET", self._path, _list_page, params=params, headers=headers)

    async def named(self, fields: Sequence[str], ids: Sequence[str]) -> Reply:
        """The records of these *ids* (at most 50: the parameter holds 1,024 characters); payload: :class:`ApiPage`."""
        params = {"fields": ",".join(fields), "ids": ",".join(ids), "per_page": str(PER_PAGE), **self._always}
        return await self._paged("GET", self._path, _list_page, params=params)

    async def rows(self, coql: str) -> Reply:
        """The rows of a query; payload: :class:`ApiPage`, whose token only says whether there are more."""
        body = orjson.dumps({"select_query": coql})
        return await self._paged("POST", f"{self._root}/coql", _query_page, body=body)

    async def deleted(self, *, since: str | None, page: int) -> Reply:
        """What was deleted since then (or ever), newest first; payload: :class:`ApiPage`, its token the next page's number."""
        params = {"type": "all", "page": str(page), "per_page": str(PER_PAGE)}
        headers = {"If-Modified-Since": since} if since else None
        path = f"{self._path}/deleted"
        return await self._paged("GET", path, partial(_deleted_page, page=page), params=params, headers=headers)

    async def _paged(
        self,
        method: str,
        path: str,
        convert: Callable[[Any], ApiPage],
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Reply:
        """Make one call; 204 and 304 are pages without records."""
        wire = await self._transport.call(method, path, params=params, headers=headers, body=body)
        if isinstance(wire, NotSent | ResponseLost | TokenRejected):
            return wire
        reply = decode_read(wire, lambda _: convert(_exactly(wire)))
        return replace(reply, payload=ApiPage()) if isinstance(reply, Succeeded) and reply.payload is None else reply


def _list_page(body: Any) -> ApiPage:
    info = body["info"]
    token = info.get("next_page_token") if info.get("more_records") else None
    if info.get("more_records") and not token:
        raise ValueError("more records, but no token for them")
    return ApiPage(records=list(body["data"]), next_token=token)


def _query_page(body: Any) -> ApiPage:
    more = body["info"].get("more_records")
    return ApiPage(records=list(body["data"]), next_token="more" if more else None)


def _deleted_page(body: Any, *, page: int) -> ApiPage:
    return ApiPage(records=list(body["data"]), next_token=str(page + 1) if body["info"].get("more_records") else None)


def _exactly(wire: RawResponse) -> Any:
    """Parse the body again where a number in it might not survive as a float."""
    if _LOSSY.search(wire.body) is None:
        return orjson.loads(wire.body)
    return _DECODER.decode(wire.body.decode())
