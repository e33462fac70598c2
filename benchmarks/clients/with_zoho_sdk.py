"""Zoho's unmodified Python SDK: its records and calls, error log only, a thread per concurrent call."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from zohocrmsdk.src.com.zoho.api.authenticator.oauth_token import OAuthToken  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.api.logger import Logger  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api import record  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.header_map import HeaderMap  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.initializer import Initializer  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig  # type: ignore[import-not-found]
from zohocrmsdk.src.com.zoho.crm.api.util import Choice  # type: ignore[import-not-found]

from benchmarks.clients.batches import ClientArguments

TYPES = {"No_of_Employees": int, "Lead_Source": Choice}  # types that the SDK's converters require


def send(options: ClientArguments) -> None:
    """Send the file."""
    with tempfile.TemporaryDirectory() as folder:
        _initialize(options.url.removesuffix("/crm/v8/Leads"), Path(folder))
        batches, lock = options.batches(), threading.Lock()
        with ThreadPoolExecutor(options.in_flight) as threads:
            for client_future in [threads.submit(_sender, batches, lock) for _ in range(options.in_flight)]:
                client_future.result()


def _initialize(host: str, folder: Path) -> None:
    Initializer.initialize(
        environment=DataCenter.Environment(host, f"{host}/oauth/v2/token", host),
        token=OAuthToken(client_id="1000.BENCH", client_secret="bench", refresh_token="1000.bench.r"),
        store=FileStore(str(folder / "tokens")),
        sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False),
        resource_path=str(folder),
        logger=Logger.get_instance(level=Logger.Levels.ERROR, file_path=str(folder / "log")),
    )


def _sender(batches: Iterator[list[dict[str, Any]]], lock: threading.Lock) -> None:
    leads = record.RecordOperations("Leads")
    while True:
        with lock:
            rows = next(batches, None)
        if rows is None:
            return
        wrapped = record.BodyWrapper()
        wrapped.set_data([_record(row) for row in rows])
        wrapped.set_trigger([])
        results = leads.create_records(wrapped, HeaderMap()).get_object().get_data()
        assert [client_future.get_code().get_value() for client_future in results] == ["SUCCESS"] * len(rows)


def _record(row: dict[str, str]) -> Any:
    client_future = record.Record()
    for name, cell in row.items():
        client_future.add_key_value(name, TYPES.get(name, str)(cell))
    return client_future


if __name__ == "__main__":
    send(ClientArguments.from_command_line())
