"""Bulk read jobs: ask for one, look how it stands, fetch its zip (docs "Bulk Read" v7; OpenAPI ``bulk_read`` v8)."""

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

MAX_ZIP_BYTES: Final = 4 << 30  # of one job's zip: 200,000 records of 20 KB
_RUNNING: Final = frozenset({"ADDED", "QUEUED", "IN PROGRESS", "INPROGRESS"})  # with and without the blank (CONFLICT)
_FAILED: Final = frozenset({"FAILURE", "FAILED"})


class BulkReadClient:
    """Calls about bulk read jobs; implements the ``BulkReadApi`` port."""

    def __init__(self, transport: ApiClient, settings: ConnectionSettings) -> None:
        self._transport = transport
        self._settings = settings
        self._path = f"/crm/bulk/{transport.api_version}/read"

    async def create(self, query: Mapping[str, Any]) -> Reply:
        """Ask for a job; payload: its id."""
        body = encode_json({"query": query})
        wire = await self._transport.call("POST", self._path, body=body)
        if isinstance(wire, NotSent | ResponseLost | TokenRejected):
            return wire
        return decode_read(wire, lambda answer: str(answer["data"][0]["details"]["id"]))

    async def status(self, job: str) -> Reply:
        """Look at a job; payload: :class:`BulkJob`."""
        wire = await self._transport.call("GET", f"{self._path}/{job}")
        if isinstance(wire, NotSent | ResponseLost | TokenRejected):
            return wire
        return decode_read(wire, lambda answer: _job(answer["data"][0]))

    async def download(self, url: str, file: BinaryIO) -> Reply:
        """Fetch the zip of a finished job into *file*; a URL that may not see our token is refused, not called."""
        if not url.startswith("/") and not is_token_allowed(url, self._settings):
            return Rejected(status=0, code="FOREIGN_HOST", message="the result lies on a host outside the data center")
        wire = await self._transport.call("GET", url, into=Download(file, MAX_ZIP_BYTES))
        if isinstance(wire, NotSent | ResponseLost | TokenRejected):
            return wire
        if wire.status == 200 and not wire.body:  # noqa: PLR2004  the body is in the file
            return Succeeded(service_time=wire.service_time, credits_remaining=wire.credits_remaining)
        reply = decode_read(wire, lambda answer: answer)
        return replace(reply, payload=None) if isinstance(reply, Succeeded) else reply


def _job(data: Mapping[str, Any]) -> BulkJob:
    """Read how a job stands; its result counts only when it is completed (docs v7 show one before).

    Raises:
        ValueError: A state that is not known.
    """
    state = str(data["state"])
    if state in _RUNNING:
        return BulkJob(finished=False)
    result = data.get("result") or {}
    if state in _FAILED:
        told = result.get("error_message")
        return BulkJob(finished=True, error=str(told.get("code") if isinstance(told, dict) else told or "FAILURE"))
    if state != "COMPLETED":
        raise ValueError(f"unknown state {state}")
    token = result.get("next_page_token") if result.get("more_records") else None
    if result.get("more_records") and not token:
        raise ValueError("more records, but no token for them")
    return BulkJob(finished=True, count=int(result["count"]), download_url=str(result["download_url"]), next_token=token)
