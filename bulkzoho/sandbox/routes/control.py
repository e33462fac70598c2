"""Tests in other processes steer the sandbox here: state, calls, records, faults, settings.  No token, no quota."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import asdict
from itertools import islice
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web

from bulkzoho.sandbox.records.direct_edits import deleted_by, edited_by, inserted_by, restored
from bulkzoho.sandbox.records.serializer import full_record
from bulkzoho.sandbox.state.crm import Crm, User
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.state.persistence import save
from bulkzoho.sandbox.state.statistics import figures

__all__ = ["PREFIX", "answer"]

PREFIX = "/__sandbox/"
LINES_A_CHUNK = 500
MAX_SEARCHED = 100_000  # records that a person's search looks at
_OF_MODULES = {"records", "restore"}  # calls that end with a module's name

Steering = Callable[[Crm, web.BaseRequest], Awaitable[web.StreamResponse]]


class ControlError(Exception):
    """A control call cannot be done; the message says why."""


async def answer(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    """Answer one control call; 400 with a line of text when it cannot be done."""
    origin = request.headers.get("Origin")
    if origin is not None and origin not in (
        crm.url,
        crm.url.replace("127.0.0.1", "localhost"),
    ):  # some page of the web that a person has open
        return web.Response(status=403, text="only the sandbox's own page may call this\n")
    name, _, rest = request.path.removeprefix(PREFIX).partition("/")
    steering = _CALLS.get((request.method, name))
    if steering is None or (rest != "") != (name in _OF_MODULES):
        return web.Response(status=404, text="no such control call\n")
    try:
        return await steering(crm, request)
    except orjson.JSONDecodeError as error:
        return web.Response(status=400, text=f"the body is no JSON: {error}\n")
    except web.HTTPRequestEntityTooLarge:
        return web.Response(status=413, text="the body is larger than max_body_bytes\n")
    except (ControlError, ValueError) as error:
        return web.Response(status=400, text=f"{error}\n")


async def _state(crm: Crm, _request: web.BaseRequest) -> web.StreamResponse:
    return _json(figures(crm))


async def _calls(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    since = _whole(request, "since", 0)
    if "last" in request.query:
        since = max(since, crm.calls.total - _whole(request, "last", 0))
    return await _lines(request, (asdict(each) for each in list(crm.calls.since(since))))


async def _records(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    store = _store(crm, request)
    if "newest" in request.query:
        found = islice(_newest(store, request.query.get("search", "")), _whole(request, "newest", 0))
        return await _lines(request, [full_record(crm, store, each) for each in found])
    return await _lines(request, (full_record(crm, store, each) for each in store.rising()))


def _newest(store: ModuleStore, word: str) -> Iterator[int]:
    """Give the ids of records with *word* in a value, newest first; only so many are looked at."""
    needle = orjson.dumps(word.casefold())[1:-1].decode()
    for record_id in islice(store.falling(), MAX_SEARCHED):
        if not word or needle in store.raw(record_id).decode().casefold() or word == str(record_id):
            yield record_id


async def _write_records(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    """Put records in, or change them by their ids, by the hand of the user ``as``; the answer has one line a record."""
    name = _store(crm, request).crm_module.api_name
    records = [_record(line) for line in (await request.read()).split(b"\n") if line.strip()]
    write = inserted_by if request.method == "POST" else edited_by
    results = write(crm, name, records, _hand(crm, request))
    return web.Response(body=b"".join(each.encoded + b"\n" for each in results), content_type="application/x-ndjson")


def _record(line: bytes) -> dict[str, Any]:
    record = orjson.loads(line)
    if type(record) is not dict:
        raise ControlError(f"each line must be a JSON object, not {line[:40].decode(errors='replace')}")
    return record


async def _delete_records(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    name = _store(crm, request).crm_module.api_name
    deleted_by(crm, name, request.query.get("ids", "").split(","), _hand(crm, request))
    return _json({"status": "success"})


async def _restore(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    restored(crm, _store(crm, request).crm_module.api_name, request.query.get("ids", "").split(","))
    return _json({"status": "success"})


def _hand(crm: Crm, request: web.BaseRequest) -> User:
    name = request.query.get("as")
    return crm.user_called(name) if name else crm.me


async def _faults(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    asked = await _body(request)
    if unknown := asked.keys() - {"script", "random"}:
        raise ControlError(f"faults take script and random, not {', '.join(sorted(unknown))}")
    if not asked:
        crm.faults.clear()
    if "script" in asked:
        crm.faults.script(asked["script"])
    if "random" in asked:
        drawn = asked["random"]
        if type(drawn) is not dict or drawn.keys() - {"seed", "rates"} or type(drawn.get("seed", 0)) is not int:
            raise ControlError('random takes a seed, which is a whole number, and rates, such as {"429": 0.1}')
        crm.faults.random(drawn.get("seed", 0), drawn.get("rates", {}))
    return _json({"status": "success"})


async def _settings(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    crm.change(**await _body(request))
    return _json({"status": "success"})


async def _save(crm: Crm, _request: web.BaseRequest) -> web.StreamResponse:
    if not crm.settings.state_file:
        raise ControlError("the sandbox was started without a state file")
    save(crm, Path(crm.settings.state_file))
    return _json({"status": "success"})


async def _clock(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    """Jump forward, and tell the service's time."""
    advance_s = (await _body(request)).get("advance_s", 0)
    if type(advance_s) not in (int, float):
        raise ControlError(f"advance_s is a number of seconds, not {advance_s!r}")
    crm.advance(advance_s)
    return _json({"now_s": crm.clock.wall(), "now": crm.zone.text(crm.now_s()), "scale": crm.settings.time_scale})


async def _revoke(crm: Crm, request: web.BaseRequest) -> web.StreamResponse:
    if (await _body(request)).get("refresh"):
        crm.tokens.revoke_refresh()
    else:
        crm.tokens.revoke_access()
    return _json({"status": "success"})


async def _code(crm: Crm, _request: web.BaseRequest) -> web.StreamResponse:
    """Give a grant code, as a person gets one for a self client in the API console."""
    return _json({"code": crm.tokens.issue_code()})


def _whole(request: web.BaseRequest, name: str, default: int) -> int:
    """Give a number of the query."""
    text = request.query.get(name, str(default))
    if not text.isdecimal():
        raise ControlError(f"{name} is a whole number, not {text!r}")
    return int(text)


def _store(crm: Crm, request: web.BaseRequest) -> ModuleStore:
    name = request.path.rpartition("/")[2]
    store = crm.stores.get(name)
    if store is None:
        raise ControlError(f"there is no module {name}")
    return store


async def _body(request: web.BaseRequest) -> dict[str, Any]:
    raw = await request.read()
    asked = orjson.loads(raw) if raw.strip() else {}
    if type(asked) is not dict:
        raise ControlError("the body must be a JSON object")
    return asked


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
    """Stream values as JSON lines; any number of them, little memory."""
    response = web.StreamResponse(headers={"Content-Type": "application/x-ndjson"})
    await response.prepare(request)
    async for chunk in _chunks(values):
        if chunk:
            await response.write(chunk)
    await response.write_eof()
    return response


_CALLS: dict[tuple[str, str], Steering] = {
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
