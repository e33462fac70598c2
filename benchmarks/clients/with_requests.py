"""requests: a thread and a session per concurrent call, orjson, a check of every result; no journal."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import orjson
import requests

from benchmarks.clients.batches import TOKEN, TRIGGER, ClientArguments, check_results


def send(options: ClientArguments) -> None:
    """Send the file."""
    batches, lock = options.batches(), threading.Lock()
    with ThreadPoolExecutor(options.in_flight) as threads:
        for client_future in [threads.submit(_sender, options.url, batches, lock) for _ in range(options.in_flight)]:
            client_future.result()


def _sender(url: str, batches: Iterator[list[dict[str, Any]]], lock: threading.Lock) -> None:
    with requests.Session() as session:
        session.headers.update(TOKEN)
        while True:
            with lock:
                records = next(batches, None)
            if records is None:
                return
            answer = session.post(url, data=orjson.dumps({"data": records, "trigger": TRIGGER}), timeout=60)
            check_results(orjson.loads(answer.content)["data"], len(records))


if __name__ == "__main__":
    send(ClientArguments.from_command_line())
