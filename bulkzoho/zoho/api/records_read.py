"""Reads of many records of one module: the list with page tokens, ids, COQL and deleted records; numbers keep their digits.

Facts: docs "Get Records" and "COQL" (v7), OpenAPI ``record`` and ``coql`` (v8).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import orjson

from bulkzoho.domain.model.export import MORE, ApiPage, ConvertedLeads
from bulkzoho.domain.model.responses import NotSent, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.transform.exact_json import decode_json
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.response_decoder import decode_read

__all__ = ["RecordReadClient"]

PER_PAGE: Final = 200  # records; docs v7 "Get Records"


class RecordReadClient:
    """Reads the records of one module.  Implements :class:`bulkzoho.interfaces.RecordReadApi`."""

    def __init__(self, client: ApiClient, *, crm_module: str, converted: ConvertedLeads = ConvertedLeads.LEFT_OUT) -> None:
        """Read the records of *crm_module*; *converted* chooses among leads."""
        self._client = client
        self._always = {} if converted is ConvertedLeads.LEFT_OUT else {"converted": converted.value}
        self._root = f"/crm/{client.api_version}"
        self._path = f"{self._root}/{crm_module}"

    async def page(self, fields: Sequence[str], *, token: str | None, since: str | None) -> Reply:
        """Read one page of the list, highest ids first; payload: :class:`ApiPage`.

        *since* (ISO 8601) leaves out records that were not changed since; it must be the same for all pages of a listing.
        """
        params = {"fields": ",".join(fields), "per_page": str(PER_PAGE), **self._always}
        if token is not None:
            params["page_token"] = token
        headers = {"If-Modified-Since": since} if since else None
        return await self._paged("GET", self._path, _list_page, params=params, headers=headers)

    async def by_ids(self, fields: Sequence[str], ids: Sequence[str]) -> Reply:
        """Read the records with these *ids* (at most 50: the parameter takes 1,024 characters); payload: :class:`ApiPage`."""
        params = {"fields": ",".join(fields), "ids": ",".join(ids), "per_page": str(PER_PAGE), **self._always}
        return await self._paged("GET", self._path, _list_page, params=params)

    async def query(self, coql: str) -> Reply:
        """Send one query; payload: :class:`ApiPage`, whose token only says whether there are more rows."""
        body = orjson.dumps({"select_query": coql})
        return await self._paged("POST", f"{self._root}/coql", _query_page, body=body)

    async def deleted(self, *, since: str | None, page: int) -> Reply:
        """Read deleted records, newest first; payload: :class:`ApiPage`, whose token is the number of the next page."""
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
        """Make one call; 204 and 304 are empty pages."""
        response = await self._client.call(method, path, params=params, headers=headers, body=body)
        if isinstance(response, NotSent | ResponseLost | TokenRejected):
            return response
        reply = decode_read(response, lambda _: convert(decode_json(response.body)))
        return replace(reply, payload=ApiPage()) if isinstance(reply, Succeeded) and reply.payload is None else reply


def _list_page(body: Any) -> ApiPage:
    info = body["info"]
    token = info.get("next_page_token") if info.get("more_records") else None
    if info.get("more_records") and not token:
        raise ValueError("more records, but no token for them")
    return ApiPage(records=list(body["data"]), next_token=token)


def _query_page(body: Any) -> ApiPage:
    return ApiPage(records=list(body["data"]), next_token=None if _is_last(body) else MORE)


def _deleted_page(body: Any, *, page: int) -> ApiPage:
    return ApiPage(records=list(body["data"]), next_token=None if _is_last(body) else str(page + 1))


def _is_last(body: Any) -> bool:
    """Return whether the response says that there are no more rows; if it says nothing, the next page shows it."""
    return body.get("info", {}).get("more_records") is False
