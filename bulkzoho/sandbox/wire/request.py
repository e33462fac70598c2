"""Request and route of one API call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import orjson

from bulkzoho.sandbox.state.call_log import Call
from bulkzoho.sandbox.state.crm import Crm
from bulkzoho.sandbox.state.faults import Fault
from bulkzoho.sandbox.state.module_store import ModuleStore
from bulkzoho.sandbox.wire.errors import ApiError, invalid_data, invalid_module
from bulkzoho.sandbox.wire.responses import Response

__all__ = ["Price", "Request", "Route"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """Price of a call (zoho-api, sections 4.2 and 4.3)."""

    credits: int = 1
    heavy: bool = False
    records: int = 0


@dataclass(slots=True, kw_only=True)
class Request:
    """State of one call; only the call's own task uses it."""

    crm: Crm
    route: Route
    call: Call
    query: Mapping[str, str]
    headers: Mapping[str, str]
    parts: Mapping[str, str]  #: named groups of the path
    body: bytes = b""
    records_limit: int | None = None  #: set by a fault: commit only this many records
    fault: Fault | None = None  #: fault of the job that this call starts
    keys: set[tuple[str, str, str]] = field(default_factory=set)  #: module, field and key of the records in the request
    _json: dict[str, Any] | None = None

    @property
    def crm_module(self) -> str:
        """API name of the module in the path, or an empty string."""
        return self.parts.get("crm_module", "")

    def store(self) -> ModuleStore:
        """Return the store of the module in the path.

        Raises:
            ApiError: the module does not exist.
        """
        store = self.crm.stores.get(self.crm_module)
        if store is None:
            raise invalid_module()
        return store

    def json(self) -> dict[str, Any]:
        """Return the parsed body.

        Raises:
            ApiError: the body is not a JSON object.
        """
        if self._json is None:
            try:
                parsed = orjson.loads(self.body)
            except orjson.JSONDecodeError:
                raise invalid_data() from None
            if type(parsed) is not dict:
                raise invalid_data(expected_data_type="jsonobject")
            self._json = parsed
        return self._json

    def json_or_empty(self) -> dict[str, Any]:
        """Return the body if it is a JSON object, otherwise an empty one; for use before the route validates it."""
        try:
            return self.json()
        except ApiError:
            return {}

    def records(self) -> list[Any]:
        """Return the elements of ``data``, or an empty list."""
        data = self.json_or_empty().get("data")
        return data if type(data) is list else []

    def with_price(self) -> Call:
        """Return the call with its price, trigger and duplicate check fields."""
        price = self.route.price(self)
        call = replace(self.call, records=price.records, credits=price.credits, heavy=price.heavy)
        if not self.route.writes or self._json is None:
            return call
        return replace(
            call,
            trigger=_string_tuple(self._json.get("trigger")),
            duplicate_check_fields=_string_tuple(self._json.get("duplicate_check_fields")),
        )


def _string_tuple(value: Any) -> tuple[str, ...] | None:
    return tuple(map(str, value)) if type(value) is list else None


Handler = Callable[[Request], Awaitable[Response]]


def one_credit(_request: Request) -> Price:
    """Return the price of a plain call."""
    return Price()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation of the API: method, handler, scope and price."""

    operation: str
    method: str
    handler: Handler
    scope: str  #: such as ``modules.{}.CREATE``; the braces are replaced by the module's name
    price: Callable[[Request], Price] = one_credit
    writes: bool = False  #: writes records; ``on_call`` of faults counts such calls
