"""Find the data center where a client is registered, without sending its secret anywhere.

An accounts server knows the clients of its own data center and answers ``invalid_client`` for others (zoho-api 2.6, UNVERIFIED).
Each one gets a token request with the client's id and an invalid secret; the one with another error knows the client.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Final

from bulkzoho.zoho.auth.datacenters import DATA_CENTERS, DataCenter, data_center_of
from bulkzoho.zoho.http.http_client import HttpClient, HttpResponse, host_of

__all__ = ["data_centers_of_client", "other_data_centers"]

PROBE_TIMEOUT_S: Final = 3.0  # seconds per server; the requests run in parallel
INVALID: Final = "1000.invalid"


def other_data_centers(accounts_url: str) -> list[DataCenter]:
    """Return the data centers other than that of *accounts_url*; none if that server belongs to no data center."""
    home = data_center_of(host_of(accounts_url))
    return [] if home is None else [center for center in DATA_CENTERS.values() if center.name != home.name]


async def data_centers_of_client(http: HttpClient, client_id: str, centers: Sequence[DataCenter]) -> list[DataCenter]:
    """Return those of *centers* that know the client; a server without a response in time does not count."""
    async with asyncio.TaskGroup() as group:
        probes = [(center, group.create_task(_knows(http, center, client_id))) for center in centers]
    return [center for center, probe in probes if probe.result()]


async def _knows(http: HttpClient, center: DataCenter, client_id: str) -> bool:
    reply = await http.exchange(
        "POST",
        f"https://{center.accounts}/oauth/v2/token",
        timeout_s=PROBE_TIMEOUT_S,
        headers={"Accept": "application/json"},
        data={
            "grant_type": "refresh_token",
            "client_id": client_id,
            "client_secret": INVALID,
            "refresh_token": INVALID,
        },
    )
    if not isinstance(reply, HttpResponse):
        return False
    try:
        word = json.loads(reply.body)["error"]
    except (ValueError, KeyError, TypeError):
        return False
    return word in ("invalid_client_secret", "invalid_code")
