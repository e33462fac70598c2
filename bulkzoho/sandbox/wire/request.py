"""One call on its way through the sandbox: what it asks, and what is known of it."""

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
    """What a call costs (zoho-api, sections 4.2 and 4.3)."""

    credits: int = 1
    heavy: bool = False
    records: int = 0


@dataclass(slots=True, kw_only=True)
class Request:
    """The state of one call; only the call's own task touches it."""

    crm: Crm
    route: Route
    call: Call
    query: Mapping[str, str]
    headers: Mapping[str, str]
    parts: Mapping[str, str]  #: named pieces of the path
    body: bytes = b""
    records_limit: int | None = None  #: a fault lets only so many records be committed
    fault: Fault | None = None  #: of a job that this call starts
    keys: set[tuple[str, str, str]] = field(default_factory=set)  #: module, field and key of what it carries
    _json: dict[str, Any] | None = None

    @property
    def crm_module(self) -> str:
        """The API name of the module in the path, or an empty text."""
        return self.parts.get("crm_module", "")

    def store(self) -> ModuleStore:
        """Give the records of the module in the path.

        Raises:
            Refusal: there is no such module.
        """
        store = self.crm.stores.get(self.crm_module)
        if store is None:
            raise invalid_module()
        return store

    def json(self) -> dict[str, Any]:
        """Give the body, parsed once.

        Raises:
            Refusal: it is no JSON object.
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

    def fields_of_body(self) -> dict[str, Any]:
        """Give the body where it is a JSON object, else an empty one: for looking at it before the route judges it."""
        try:
            return self.json()
        except ApiError:
            return {}

    def records(self) -> list[Any]:
        """Give the elements of ``data``; an empty list where there is no such list."""
        data = self.fields_of_body().get("data")
        return data if type(data) is list else []

    def priced(self) -> Call:
        """Give the call with its price, and with what its body asks for beside the records."""
        price = self.route.price(self)
        call = replace(self.call, records=price.records, credits=price.credits, heavy=price.heavy)
        if not self.route.writes or self._json is None:
            return call
        return replace(
            call,
            trigger=_texts(self._json.get("trigger")),
            duplicate_check_fields=_texts(self._json.get("duplicate_check_fields")),
        )


def _texts(value: Any) -> tuple[str, ...] | None:
    return tuple(map(str, value)) if type(value) is list else None


Handler = Callable[[Request], Awaitable[Response]]


def one_credit(_exchange: Request) -> Price:
    """Price a plain call."""
    return Price()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One operation: where it is answered, what it needs, and who answers."""

    operation: str
    method: str
    handler: Handler
    scope: str  #: as ``modules.{}.CREATE``; the module's name goes into the braces
    price: Callable[[Request], Price] = one_credit
    writes: bool = False  #: it writes records: faults by call number count it
