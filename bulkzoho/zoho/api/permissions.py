"""Probe the user's permissions on a module without changing anything.

A call without records changes none, and the API checks the permission before it misses the record (zoho-api 13: permission before
body, inferred).  Deleting is not probed; the list of modules has a flag for it.
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
    """Permission that can be probed."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"


_METHODS: Final = {RecordPermission.READ: "GET", RecordPermission.CREATE: "POST", RecordPermission.UPDATE: "PUT"}
_ONE_RECORD: Final = {"fields": "id", "per_page": "1"}
_NO_RECORDS: Final = orjson.dumps({"data": [], "trigger": []})


async def probe_permission(client: ApiClient, crm_module: str, permission: RecordPermission) -> Reply:
    """Make one call that needs *permission*.

    A rejection with 401 or 403 means "no"; any other response of the API, including complaints about the body, means "yes".
    """
    path = f"/crm/{client.api_version}/{crm_module}"
    reads = permission is RecordPermission.READ
    response = await client.call(
        _METHODS[permission], path, params=_ONE_RECORD if reads else None, body=None if reads else _NO_RECORDS
    )
    return response if isinstance(response, NotSent | ResponseLost | TokenRejected) else decode_read(response, lambda _: None)
