"""Find out what a user may do with a module, without changing anything.

A call that carries no record changes none; who may not do it is told so before the record is missed (zoho-api 13: permission
before body, inferred).  Deleting is not tried: what the list of modules says of it must do.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

import orjson

from bulkzoho.domain.model.responses import NotSent, Reply, ResponseLost, TokenRejected
from bulkzoho.zoho.api.api_client import ApiClient
from bulkzoho.zoho.api.response_decoder import decode_read

__all__ = ["RecordPermission", "probe_permission"]


class RecordPermission(StrEnum):
    """What can be tried."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"


_METHODS: Final = {RecordPermission.READ: "GET", RecordPermission.CREATE: "POST", RecordPermission.UPDATE: "PUT"}
_ONE: Final = {"fields": "id", "per_page": "1"}
_NOTHING: Final = orjson.dumps({"data": [], "trigger": []})


async def probe_permission(transport: ApiClient, crm_module: str, right: RecordPermission) -> Reply:
    """Make one call for *right*.

    Refused with 401 or 403 means "no"; any other answer of the API, complaints about what it holds included, "yes".
    """
    path = f"/crm/{transport.api_version}/{crm_module}"
    reads = right is RecordPermission.READ
    wire = await transport.call(_METHODS[right], path, params=_ONE if reads else None, body=None if reads else _NOTHING)
    return wire if isinstance(wire, NotSent | ResponseLost | TokenRejected) else decode_read(wire, lambda _: None)
