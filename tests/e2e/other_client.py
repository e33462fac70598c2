"""Another program that works in the same CRM, by its API; as a process, it inserts, changes and deletes until it is terminated.

python -m tests.e2e.other_client        the environment names the CRM; each line on standard output is one change
"""

from __future__ import annotations

import json
import os
import random
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["OtherClient"]

SIZE = 20  # records of a call


class OtherClient:
    """Calls the API of the CRM that *environment* names."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        names = {"client_id": "CLIENT_ID", "client_secret": "CLIENT_SECRET", "refresh_token": "REFRESH_TOKEN"}
        told = {name: environment[f"BULKZOHO_{variable}"] for name, variable in names.items()}
        body = urllib.parse.urlencode({**told, "grant_type": "refresh_token"}).encode()
        self._root = f"{environment['BULKZOHO_API_URL']}/crm/v8"
        with urllib.request.urlopen(f"{environment['BULKZOHO_ACCOUNTS_URL']}/oauth/v2/token", body, timeout=30) as answer:
            self._token = json.load(answer)["access_token"]

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Return the response of the API."""
        headers = {"Authorization": f"Zoho-oauthtoken {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._root}/{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.loads(answer.read() or b"{}")

    def insert(self, records: Sequence[Mapping[str, Any]]) -> list[str]:
        """Create leads; return their ids."""
        return [one["details"]["id"] for one in self.call("POST", "Leads", {"data": records})["data"]]

    def update(self, records: Sequence[Mapping[str, Any]]) -> None:
        """Change leads by their ids."""
        self.call("PUT", "Leads", {"data": records})

    def delete(self, ids: Sequence[str]) -> None:
        """Delete leads."""
        self.call("DELETE", f"Leads?ids={','.join(ids)}")


def main() -> None:
    """Work; every change of a lead raises its Score, and is printed with the times before and after."""
    client, chance = OtherClient(os.environ), random.Random(7)
    known = {one["id"]: 0 for one in map(json.loads, iter(input, ""))}
    while True:
        some = chance.sample(sorted(known), SIZE)
        for what in ("update", "insert", "delete", "update"):
            before = time.time()
            if what == "update":
                done = {one: known[one] + 1 for one in some if one in known}
                client.update([{"id": one, "Score": score} for one, score in done.items()])
            elif what == "insert":
                done = dict.fromkeys(client.insert([{"Last_Name": "Late", "Score": 0}] * 5), 0)
            else:
                done = dict.fromkeys(some[:3], -1)
                client.delete(list(done))
                known = {one: score for one, score in known.items() if one not in done}
            if what != "delete":
                known |= done
            print(json.dumps({"what": what, "before": before, "after": time.time(), "scores": done}), flush=True)


if __name__ == "__main__":
    main()
