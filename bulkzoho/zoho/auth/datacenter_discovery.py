"""Find out in which data center a client is registered, without letting its secret go anywhere.

The accounts servers know the clients of their own data center and say ``invalid_client`` to others (zoho-api 2.6, unverified).
So they are asked for a token with the client's id and made-up secrets: the one that complains of something else knows it.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from bulkzoho.zoho.auth.datacenters import DATA_CENTERS, DataCenter, data_center_of, host_of
from bulkzoho.zoho.http.http_client import HttpClient, HttpResponse

__all__ = ["data_centers_of_client", "other_data_centers"]

PROBE_TIMEOUT_S: Final = 3.0  # seconds for one server; all are asked at once
NOBODY: Final = "1000.nobody"


def other_data_centers(accounts_url: str) -> list[DataCenter]:
    """Give the data centers beside that of *accounts_url*; none for a server that is of no data center."""
    home = data_center_of(host_of(accounts_url))
    return [] if home is None else [one for one in DATA_CENTERS.values() if one.name != home.name]


async def data_centers_of_client(line: HttpClient, client_id: str, centers: Sequence[DataCenter]) -> list[DataCenter]:
    """Give those of *centers* that know the client; a server that does not answer in time knows nothing."""
    async with asyncio.TaskGroup() as group:
        asked = [(one, group.create_task(_knows(line, one, client_id))) for one in centers]
    return [one for one, task in asked if task.result()]


async def _knows(line: HttpClient, center: DataCenter, client_id: str) -> bool:
    reply = await line.exchange(
        "POST",
        f"https://{center.accounts}/oauth/v2/token",
        timeout_s=PROBE_TIMEOUT_S,
        headers={"Accept": "application/json"},
        form={"grant_type": "refresh_token", "client_id": client_id, "client_secret": NOBODY, "refresh_token": NOBODY},
    )
    if not isinstance(reply, HttpResponse):
        return False
    try:
        word = json.loads(reply.body)["error"]
    except (ValueError, KeyError, TypeError):
        return False
    return word in ("invalid_client_secret", "invalid_code")
