"""What the calls about bulk jobs have in common: their body, their callback, a job begun and found again."""

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
    "begun",
    "body_of",
    "call_back",
    "check_callback",
    "found",
    "job_price",
    "module_name",
    "not_found",
    "step_price",
]

DAY_S = 86_400.0
CALLBACK_LOOK_S = 0.05  # real seconds between two looks at a job that is to be told of
CALLBACK_TIMEOUT_S = 10.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def body_of(exchange: Request) -> dict[str, Any]:
    """Give the JSON object of a call about bulk jobs.

    Raises:
        Refusal: it is none, or its Content-Type does not say that it is.
    """
    if not exchange.headers.get("Content-Type", "").startswith("application/json"):
        raise ApiError(415, "MEDIA_TYPE_NOT_SUPPORTED", "media type is not supported")
    if not exchange.body.strip():
        raise ApiError(400, "REQUEST_BODY_IS_EMPTY", "request body is empty")
    try:
        body = orjson.loads(exchange.body)
    except orjson.JSONDecodeError:
        raise ApiError(400, "REQUEST_BODY_NOT_READABLE", "request body is not readable") from None
    if type(body) is not dict:
        raise ApiError(400, "REQUEST_BODY_NOT_SUPPORTED", "request body is not supported")
    return body


def begun(exchange: Request, kind: str, crm_module: str, request: dict[str, Any]) -> Job:
    """Give a new job, with the fault of its call; its work is not begun yet.

    Raises:
        Refusal: as many jobs of the kind as the switch allows are not finished.
    """
    crm, fault = exchange.crm, exchange.fault
    most = crm.settings.strict.bulk_jobs_at_once
    if most and len(crm.jobs.unfinished(kind, crm.clock.wall())) >= most:
        raise too_many_requests()
    exchange.call = replace(exchange.call, crm_module=crm_module)
    now_s = crm.clock.wall()
    slower_s = fault.seconds if fault is not None and fault.kind is FaultKind.JOB_SLOW else 0.0
    return Job(
        id=crm.next_id(),
        kind=kind,
        crm_module=crm_module,
        created_s=now_s,
        ends_s=now_s + crm.settings.job_time_s + slower_s,
        made_by=crm.me.reference(),
        request=request,
        fails=fault is not None and fault.kind is FaultKind.JOB_FAILURE,
    )


def not_found(resource: str) -> ApiError:
    """No such job, or its result is not there any more, or not yet."""
    return ApiError(404, "RESOURCE_NOT_FOUND", "The requested resource doesn't exist.", resource=resource)


def found(exchange: Request, kind: str) -> Job:
    """Give the job that the path names.

    Raises:
        Refusal: there is none.
    """
    job = exchange.crm.jobs.find(kind, int(exchange.parts["id"]))
    if job is None:
        raise not_found(exchange.parts["id"])
    return job


def check_callback(body: dict[str, Any]) -> str:
    """Give the address to call when the job has ended, or an empty text.

    Raises:
        Refusal: it is no address, or the method is not ``post``.
    """
    told = body.get("callback") or body.get("callBack")
    if told is None:
        return ""
    address = told.get("url") if type(told) is dict else None
    if type(address) is not str or not _is_address(address):
        raise ApiError(400, "INVALID_CALLBACK_URL", "callback url is invalid")
    if told.get("method") != "post":
        message = "callback method is invalid"
        raise ApiError(400, "INVALID_CALLBACK_METHOD", message, supported_callback_methods=["post"])
    return address


def _is_address(text: str) -> bool:
    try:
        return urlsplit(text).scheme in ("http", "https") and bool(urlsplit(text).hostname)
    except ValueError:  # half an IPv6 address
        return False


async def call_back(exchange: Request, job: Job, address: str, detail: Callable[[], Any]) -> None:
    """Post the state of a job to *address* once it has ended; only this machine is ever called."""
    if urlsplit(address).hostname not in _LOOPBACK:
        return
    while job.share_done(exchange.crm.clock.wall()) < 1:  # noqa: ASYNC110 - it ends by a clock that may be moved by hand
        await asyncio.sleep(CALLBACK_LOOK_S)
    timeout, headers = aiohttp.ClientTimeout(total=CALLBACK_TIMEOUT_S), {"Content-Type": "application/json"}
    async with aiohttp.ClientSession(timeout=timeout) as session:
        for _ in range(exchange.crm.settings.strict.callback_tries):
            with contextlib.suppress(aiohttp.ClientError, TimeoutError):  # nobody listens: the job is done all the same
                if (await session.post(address, data=orjson.dumps(detail()), headers=headers)).ok:
                    return
            await asyncio.sleep(CALLBACK_LOOK_S)


def step_price(exchange: Request) -> Price:
    """Price a call that goes on with a job: upload, status, download."""
    return Price(credits=exchange.crm.settings.strict.bulk_step_credits)


def job_price(credits_: int) -> Callable[[Request], Price]:
    """Make the price of a call that starts a job."""
    return lambda exchange: Price(credits=credits_, heavy=exchange.crm.settings.strict.bulk_jobs_are_heavy)


def module_name(exchange: Request, told: Any) -> str:
    """Give the name of the module that a job is about: v2 had a plain text, newer versions an object with its ``api_name``.

    Raises:
        Refusal: it is a plain text, and the switch refuses that.
    """
    if type(told) is str:
        if exchange.crm.settings.strict.bulk_module_as_text is HandlingBehavior.REFUSE:
            raise ApiError(400, "INVALID_DATA", "invalid data", api_name="module", expected_data_type="jsonobject")
        return told
    return str(told.get("api_name")) if type(told) is dict else ""
