"""Shared parts of bulk job calls: body, callback, price, creating and finding jobs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import orjson

from bulkzoho.sandbox.state.faults import FaultKind
from bulkzoho.sandbox.state.jobs import Job
from bulkzoho.sandbox.unverified_behaviors import HandlingBehavior
from bulkzoho.sandbox.wire.errors import ApiError, too_many_requests
from bulkzoho.sandbox.wire.request import Price, Request

__all__ = [
    "DAY_S",
    "find_job",
    "job_price",
    "module_name",
    "new_job",
    "not_found",
    "parse_body",
    "parse_callback",
    "post_callback",
    "step_price",
]

DAY_S = 86_400.0
CALLBACK_POLL_S = 0.05  # real seconds between two checks of a job with a callback
CALLBACK_TIMEOUT_S = 10.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def parse_body(request: Request) -> dict[str, Any]:
    """Parse the body of a bulk job call.

    Raises:
        ApiError: the body is not a JSON object, or its Content-Type is not JSON.
    """
    if not request.headers.get("Content-Type", "").startswith("application/json"):
        raise ApiError(415, "MEDIA_TYPE_NOT_SUPPORTED", "media type is not supported")
    if not request.body.strip():
        raise ApiError(400, "REQUEST_BODY_IS_EMPTY", "request body is empty")
    try:
        body = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        raise ApiError(400, "REQUEST_BODY_NOT_READABLE", "request body is not readable") from None
    if type(body) is not dict:
        raise ApiError(400, "REQUEST_BODY_NOT_SUPPORTED", "request body is not supported")
    return body


def new_job(request: Request, kind: str, crm_module: str, job_request: dict[str, Any]) -> Job:
    """Create a job with the fault of its call; the caller starts its work.

    Raises:
        ApiError: too many jobs of this kind are unfinished.
    """
    crm, fault = request.crm, request.fault
    limit = crm.settings.strict.bulk_jobs_at_once
    if limit and len(crm.jobs.unfinished(kind, crm.clock.wall())) >= limit:
        raise too_many_requests()
    request.call = replace(request.call, crm_module=crm_module)
    now_s = crm.clock.wall()
    delay_s = fault.seconds if fault is not None and fault.kind is FaultKind.JOB_SLOW else 0.0
    return Job(
        id=crm.next_id(),
        kind=kind,
        crm_module=crm_module,
        created_s=now_s,
        ends_s=now_s + crm.settings.job_time_s + delay_s,
        made_by=crm.current_user.reference(),
        request=job_request,
        fails=fault is not None and fault.kind is FaultKind.JOB_FAILURE,
    )


def not_found(resource: str) -> ApiError:
    """Build the error for an unknown job, or a result that is expired or not ready."""
    return ApiError(404, "RESOURCE_NOT_FOUND", "The requested resource doesn't exist.", resource=resource)


def find_job(request: Request, kind: str) -> Job:
    """Return the job in the path.

    Raises:
        ApiError: the job does not exist.
    """
    job = request.crm.jobs.find(kind, int(request.parts["id"]))
    if job is None:
        raise not_found(request.parts["id"])
    return job


def parse_callback(body: dict[str, Any]) -> str:
    """Return the callback address, or an empty string.

    Raises:
        ApiError: the address is invalid, or the method is not ``post``.
    """
    callback = body.get("callback") or body.get("callBack")
    if callback is None:
        return ""
    address = callback.get("url") if type(callback) is dict else None
    if type(address) is not str or not _is_address(address):
        raise ApiError(400, "INVALID_CALLBACK_URL", "callback url is invalid")
    if callback.get("method") != "post":
        message = "callback method is invalid"
        raise ApiError(400, "INVALID_CALLBACK_METHOD", message, supported_callback_methods=["post"])
    return address


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https") and bool(urlsplit(text).hostname)
    except ValueError:  # a malformed IPv6 address
        return False


async def post_callback(request: Request, job: Job, address: str, detail: Callable[[], Any]) -> None:
    """Post the state of a job to *address* once it has ended; only loopback addresses are called."""
    if urlsplit(address).hostname not in _LOOPBACK:
        return
    while job.share_done(request.crm.clock.wall()) < 1:  # noqa: ASYNC110 - a manual clock decides when it ends
        await asyncio.sleep(CALLBACK_POLL_S)
    timeout, headers = aiohttp.ClientTimeout(total=CALLBACK_TIMEOUT_S), {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for _ in range(request.crm.settings.strict.callback_tries):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):  # a failed callback does not affect the job
                if (await session.post(address, data=orjson.dumps(detail()), headers=headers)).ok:
                    return
            await asyncio.sleep(CALLBACK_POLL_S)


def step_price(request: Request) -> Price:
    """Return the price of a further step of a job: upload, status, download."""
    return Price(credits=request.crm.settings.strict.bulk_step_credits)


def job_price(credits_: int) -> Callable[[Request], Price]:
    """Build the price function of a call that starts a job."""
    return lambda request: Price(credits=credits_, heavy=request.crm.settings.strict.bulk_jobs_are_heavy)


def module_name(request: Request, callback: Any) -> str:
    """Return the module name of a job: a string in v2, an object with ``api_name`` in newer versions.

    Raises:
        ApiError: the name is a string and the switch rejects that.
    """
    if type(callback) is str:
        if request.crm.settings.strict.bulk_module_as_text is HandlingBehavior.REFUSE:
            raise ApiError(400, "INVALID_DATA", "invalid data", api_name="module", expected_data_type="jsonobject")
        return callback
    return str(callback.get("api_name")) if type(callback) is dict else ""
