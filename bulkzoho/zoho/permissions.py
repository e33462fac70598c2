"""Find out what a user may do with a module, without changing anything.

A call that carries no record changes none; who may not do it is told so before the record is missed (zoho-api 13: permission
before body, inferred).  Deleting is not tried: what the list of modules says of it must do.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import orjson

from bulkzoho.model.replies import Lost, NothingLeft, Reply, TokenRefused
from bulkzoho.zoho.transport import Transport
from bulkzoho.zoho.wire import decode_read

__all__ = ["Right", "try_right"]


class Right(StrEnum):
    """What can be tried."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"


_METHODS: Final = {Right.READ: "GET", Right.CREATE: "POST", Right.UPDATE: "PUT"}
_ONE: Final = {"fields": "id", "per_page": "1"}
_NOTHING: Final = orjson.dumps({"data": [], "trigger": []})


async def try_right(transport: Transport, crm_module: str, right: Right) -> Reply:
    """Make one call for *right*.

    Refused with 401 or 403 means "no"; any other answer of the API, complaints about what it holds included, "yes".
    """
    path = f"/crm/{transport.api_version}/{crm_module}"
    reads = right is Right.READ
    wire = await transport.call(_METHODS[right], path, params=_ONE if reads else None, body=None if reads else _NOTHING)
    return wire if isinstance(wire, NothingLeft | Lost | TokenRefused) else decode_read(wire, lambda _: None)
