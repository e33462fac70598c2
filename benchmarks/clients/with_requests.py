"""requests: a thread and a session for each call in flight, orjson both ways, every result looked at; nothing is written down."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import requests

from benchmarks.clients.batches import TOKEN, TRIGGER, Given, look_at


def send(given: Given) -> None:
    """Send the file."""
    batches, reading = given.batches(), threading.Lock()
    with ThreadPoolExecutor(given.in_flight) as threads:
        for one in [threads.submit(_sender, given.url, batches, reading) for _ in range(given.in_flight)]:
            one.result()


def _sender(url: str, batches: Iterator[list[dict[str, Any]]], reading: threading.Lock) -> None:
    with requests.Session() as session:
        session.headers.update(TOKEN)
        while True:
            with reading:
                records = next(batches, None)
            if records is None:
                return
            answer = session.post(url, data=orjson.dumps({"data": records, "trigger": TRIGGER}), timeout=60)
            look_at(orjson.loads(answer.content)["data"], len(records))


if __name__ == "__main__":
    send(Given.read())
