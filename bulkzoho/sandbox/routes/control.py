"""Control API for tests in other processes: state, calls, records, faults, settings.  No token, no quota."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from bulkzoho.sandbox.records.direct_edits import delete_records, edit_records, insert_records, restore_records
from bulkzoho.sandbox.records.serializer import full_record
from bulkzoho.sandbox.state.crm import Crm, User
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.persistence import save
from bulkzoho.sandbox.state.statistics import collect_statistics

__all__ = ["PREFIX", "handle"]

PREFIX = "/__sandbox/"
LINES_A_CHUNK = 500
MAX_SEARCHED = 100_000  # records scanned by a search of the page
_OF_MODULES = {"records", "restore"}  # calls whose path ends with a module name

ControlHandler = Callable[[Crm, web.BaseRequest], Awaitable[web.StreamResponse]]


class ControlError(Exception):
    """A control call is invalid; the message says why."""


async def handle(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    """Handle one control call; an invalid one gets a 400 with one line of text."""
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (
        crm.url,
        crm.url.replace("127.0.0.1", "localhost"),
    ):  # a page of another site in the user's browser
        return web.Response(status=403, text="only the sandbox's own page may call the control API\n")
    name, _, rest = request.path.removeprefix(PREFIX).partition("/")
    handler = _CALLS.get((request.method, name))
    if handler is None or (rest != "") != (name in _OF_MODULES):
        return web.Response(status=404, text="unknown control call\n")
    try:
        return await handler(crm, request)
    except orjson.JSONDecodeError as error:
        return web.Response(status=400, text=f"the body is not valid JSON: {error}\n")
    except web.HTTPRequestEntityTooLarge:
        return web.Response(status=413, text="the body is larger than max_body_bytes\n")
    except (ControlError, ValueError) as error:
        return web.Response(status=400, text=f"{error}\n")


async def _state(crm: Crm, _request: web.BaseRequest) -> web.StreamResponse:
    return _json(collect_statistics(crm))


async def _calls(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    since = _query_integer(request, "since", 0)
    if "last" in request.query:
        since = max(since, crm.calls.total - _query_integer(request, "last", 0))
    return await _lines(request, (asdict(each) for each in list(crm.calls.since(since))))


async def _records(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    store = _store(crm, request)
    if "newest" in request.query:
        found = islice(_newest(store, request.query.get("search", "")), _query_integer(request, "newest", 0))
        return await _lines(request, [full_record(crm, store, each) for each in found])
    return await _lines(request, (full_record(crm, store, each) for each in store.ascending_ids()))


def _newest(store: ModuleStore, word: str) -> Iterator[int]:
    """Iterate over the ids of records that contain *word*, newest first, within a limited scan."""
    needle = orjson.dumps(word.casefold())[1:-1].decode()
    for record_id in islice(store.descending_ids(), MAX_SEARCHED):
        if not word or needle in store.raw(record_id).decode().casefold() or word == str(record_id):
            yield record_id


async def _write_records(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    """Insert records, or update them by id, as the user ``as``; respond with one line per record."""
    name = _store(crm, request).crm_module.api_name
    records = [_record(line) for line in (await request.read()).split(b"\n") if line.strip()]
    write = insert_records if request.method == "POST" else edit_records
    results = write(crm, name, records, _acting_user(crm, request))
    return web.Response(body=b"".join(each.encoded + b"\n" for each in results), content_type="application/x-ndjson")


def _record(line: bytes) -> dict[str, Any]:
    record = orjson.loads(line)
    if type(record) is not dict:
        raise ControlError(f"each line must be a JSON object, not {line[:40].decode(errors='replace')}")
    return record


async def _delete_records(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    name = _store(crm, request).crm_module.api_name
    delete_records(crm, name, request.query.get("ids", "").split(","), _acting_user(crm, request))
    return _json({"status": "success"})


async def _restore(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    restore_records(crm, _store(crm, request).crm_module.api_name, request.query.get("ids", "").split(","))
    return _json({"status": "success"})


def _acting_user(crm: Crm, request: web.BaseRequest) -> User:
    name = request.query.get("as")
    return crm.find_user(name) if name else crm.current_user


async def _faults(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    body = await _body(request)
    if unknown := body.keys() - {"script", "random"}:
        raise ControlError(f"faults accept script and random, not {', '.join(sorted(unknown))}")
    if not body:
        crm.faults.clear()
    if "script" in body:
        crm.faults.script(body["script"])
    if "random" in body:
        random_faults = body["random"]
        if (
            type(random_faults) is not dict
            or random_faults.keys() - {"seed", "rates"}
            or type(random_faults.get("seed", 0)) is not int
        ):
            raise ControlError('random accepts an integer seed and rates such as {"429": 0.1}')
        crm.faults.random(random_faults.get("seed", 0), random_faults.get("rates", {}))
    return _json({"status": "success"})


async def _settings(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    crm.change(**await _body(request))
    return _json({"status": "success"})


async def _save(crm: Crm, _request: web.BaseRequest) -> web.StreamResponse:
    if not crm.settings.state_file:
        raise ControlError("the sandbox has no state file")
    save(crm, Path(crm.settings.state_file))
    return _json({"status": "success"})


async def _clock(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    """Advance the clock and return the service's time."""
    advance_s = (await _body(request)).get("advance_s", 0)
    if type(advance_s) not in (int, float):
        raise ControlError(f"advance_s must be a number of seconds, not {advance_s!r}")
    crm.advance(advance_s)
    return _json({"now_s": crm.clock.wall(), "now": crm.zone.format(crm.now_s()), "scale": crm.settings.time_scale})


async def _revoke(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    if (await _body(request)).get("refresh"):
        crm.tokens.revoke_refresh()
    else:
        crm.tokens.revoke_access()
    return _json({"status": "success"})


async def _code(crm: Crm, _request: web.BaseRequest) -> web.StreamResponse:
    """Return a new grant code, like the API console does for a self client."""
    return _json({"code": crm.tokens.issue_code()})


def _query_integer(request: web.BaseRequest, name: str, default: int) -> int:
    """Return an integer of the query string."""
    text = request.query.get(name, str(default))
    if not text.isdecimal():
        raise ControlError(f"{name} must be an integer, not {text!r}")
    return int(text)


def _store(crm: Crm, request: web.BaseRequest) -> ModuleStore:
    name = request.path.rpartition("/")[2]
    store = crm.stores.get(name)
    if store is None:
        raise ControlError(f"unknown module {name}")
    return store


async def _body(request: web.BaseRequest) -> dict[str, Any]:
    raw = await request.read()
    body = orjson.loads(raw) if raw.strip() else {}
    if type(body) is not dict:
        raise ControlError("the body must be a JSON object")
    return body


def _json(value: Any) -> web.Response:
    return web.Response(body=orjson.dumps(value), content_type="application/json")


async def _chunks(values: Iterable[Any]) -> AsyncIterator[bytes]:
    chunk: list[bytes] = []
    for value in values:
        chunk.append(orjson.dumps(value) + b"\n")
        if len(chunk) == LINES_A_CHUNK:
            yield b"".join(chunk)
            chunk.clear()
    yield b"".join(chunk)


async def _lines(request: web.BaseRequest, values: Iterable[Any]) -> web.StreamResponse:
    """Stream values as JSON lines with constant memory."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    async for chunk in _chunks(values):
        if chunk:
            await response.write(chunk)
    await response.write_eof()
    return response


_CALLS: dict[tuple[str, str], ControlHandler] = {
    ("GET", "state"): _state,
    ("GET", "calls"): _calls,
    ("GET", "records"): _records,
    ("POST", "records"): _write_records,
    ("PUT", "records"): _write_records,
    ("DELETE", "records"): _delete_records,
    ("POST", "restore"): _restore,
    ("POST", "faults"): _faults,
    ("POST", "settings"): _settings,
    ("POST", "clock"): _clock,
    ("POST", "save"): _save,
    ("POST", "revoke"): _revoke,
    ("POST", "code"): _code,
}
