"""Bulk read jobs: create, status, download (docs "Bulk Read" v7; OpenAPI ``bulk_read`` v8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, BinaryIO, Final

from bulkzoho.domain.model.export import BulkJob
from bulkzoho.domain.model.responses import NotSent, Rejected, Reply, ResponseLost, Succeeded, TokenRejected
from bulkzoho.domain.model.settings import ConnectionSettings
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.response_decoder import decode_read
from bulkzoho.zoho.auth.datacenters import is_token_allowed
from bulkzoho.zoho.http.http_client import Download

__all__ = ["BulkReadClient"]

MAX_ZIP_BYTES: Final = 4 << 30  # per job: 200,000 records of 20 KB
_RUNNING: Final = frozenset({"ADDED", "QUEUED", "IN PROGRESS", "INPROGRESS"})  # with and without the space: sources disagree
_FAILED: Final = frozenset({"FAILURE", "FAILED"})


class BulkReadClient:
    """Implements :class:`bulkzoho.interfaces.BulkReadApi`."""

    def __init__(self, client: ApiClient, settings: ConnectionSettings) -> None:
        self._client = client
        self._settings = settings
        self._path = f"/crm/bulk/{client.api_version}/read"

    async def create(self, query: Mapping[str, Any]) -> Reply:
        """Create a job; payload: its id."""
        body = encode_json({"query": query})
        response = await self._client.call("POST", self._path, body=body)
        if isinstance(response, NotSent | ResponseLost | TokenRejected):
            return response
        return decode_read(response, lambda body: str(body["data"][0]["details"]["id"]))

    async def status(self, job: str) -> Reply:
        """Get the state of a job; payload: :class:`BulkJob`."""
        response = await self._client.call("GET", f"{self._path}/{job}")
        if isinstance(response, NotSent | ResponseLost | TokenRejected):
            return response
        return decode_read(response, lambda body: _job(body["data"][0]))

    async def download(self, url: str, file: BinaryIO) -> Reply:
        """Download the zip of a finished job into *file*; a URL where the token may not be sent is not called."""
        if not url.startswith("/") and not is_token_allowed(url, self._settings):
            return Rejected(status=0, code="FOREIGN_HOST", message="the result is on a host outside the data center")
        response = await self._client.call("GET", url, into=Download(file, MAX_ZIP_BYTES))
        if isinstance(response, NotSent | ResponseLost | TokenRejected):
            return response
        if response.status == 200 and not response.body:  # noqa: PLR2004  the body is in the file
            return Succeeded(service_time=response.service_time, credits_remaining=response.credits_remaining)
        reply = decode_read(response, lambda body: body)
        return replace(reply, payload=None) if isinstance(reply, Succeeded) else reply


def _job(data: Mapping[str, Any]) -> BulkJob:
    """Decode the state of a job; its result counts only if it is completed (docs v7 show one earlier).

    Raises:
        ValueError: The state is unknown.
    """
    state = str(data["state"])
    if state in _RUNNING:
        return BulkJob(finished=False)
    result = data.get("result") or {}
    if state in _FAILED:
        error = result.get("error_message")
        return BulkJob(finished=True, error=str(error.get("code") if isinstance(error, dict) else error or "FAILURE"))
    if state != "COMPLETED":
        raise ValueError(f"unknown state {state}")
    token = result.get("next_page_token") if result.get("more_records") else None
    if result.get("more_records") and not token:
        raise ValueError("more records, but no page token")
    return BulkJob(finished=True, count=int(result["count"]), download_url=str(result["download_url"]), next_token=token)
