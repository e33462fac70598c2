"""Serve one sandbox on the loopback interface inside the caller's event loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiohttp import web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http_parser import RawRequestMessage
from aiohttp.streams import StreamReader
from aiohttp.web_protocol import RequestHandler

from bulkzoho.sandbox.contract import recorder_from_environment
from bulkzoho.sandbox.records.direct_edits import delete_records, edit_records, insert_records, restore_records
from bulkzoho.sandbox.records.serializer import full_record
from bulkzoho.sandbox.records.writer import Result
from bulkzoho.sandbox.settings import SandboxSettings
from bulkzoho.sandbox.state.call_log import CallLog, ViolationLog
from bulkzoho.sandbox.state.clock import Clock, SystemClock
from bulkzoho.sandbox.state.crm import Crm, User
from bulkzoho.sandbox.state.faults import FaultPlan
from bulkzoho.sandbox.state.persistence import StateFileError, load, save
from bulkzoho.sandbox.state.statistics import collect_statistics
from bulkzoho.sandbox.wire.request_pipeline import RequestPipeline

__all__ = ["Sandbox"]

HOST = "127.0.0.1"


class Sandbox:
    """A simulated Zoho CRM on localhost.

    Entering the context starts the server; leaving it ends all calls and saves the state if the settings name a state file.

    Raises:
        StateFileError: the state file is invalid or belongs to another organization.

    Attributes:
        calls: The log of calls, oldest first.
        violations: Client behaviour that breaks Zoho's rules.
        faults: The faults to inject.
    """

    def __init__(self, settings: SandboxSettings | None = None, *, clock: Clock | None = None) -> None:
        settings = settings or SandboxSettings()
        self._crm = Crm(settings, clock or SystemClock(settings.time_scale))
        if settings.state_file:
            load(self._crm, Path(settings.state_file))
        self._pipeline = RequestPipeline(self._crm, recorder_from_environment())
        self._runner: web.ServerRunner | None = None

    def __repr__(self) -> str:
        return f"<Sandbox {self.url or 'not started'}, {self._crm.calls.total} calls>"

    async def __aenter__(self) -> Self:
        """Start the server.

        Raises:
            OSError: the port is taken.
        """
        server = web.Server(self._pipeline, request_factory=self._build_request, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, HOST, self._crm.settings.port, reuse_address=True).start()
        except OSError:
            await self._runner.cleanup()
            raise
        self._crm.url = f"http://{HOST}:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._pipeline.close()
        await self._crm.jobs.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._crm.settings.state_file:
            self.save()

    @property
    def url(self) -> str:
        """The base URL; it serves accounts, API and upload host."""
        return self._crm.url

    @property
    def settings(self) -> SandboxSettings:
        """The current settings."""
        return self._crm.settings

    @property
    def environment(self) -> dict[str, str]:
        """Environment variables that point a client at this sandbox."""
        tokens = self._crm.tokens
        return {
            "BULKZOHO_CLIENT_ID": tokens.client_id,
            "BULKZOHO_CLIENT_SECRET": tokens.client_secret,
            "BULKZOHO_REFRESH_TOKEN": tokens.refresh_token,
            "BULKZOHO_ACCOUNTS_URL": self.url,
            "BULKZOHO_API_URL": self.url,
            "BULKZOHO_UPLOAD_URL": self.url,
        }

    @property
    def calls(self) -> CallLog:
        """The log of calls, oldest first."""
        return self._crm.calls

    @property
    def violations(self) -> ViolationLog:
        """Client behaviour that breaks Zoho's rules."""
        return self._crm.violations

    @property
    def faults(self) -> FaultPlan:
        """The faults to inject: ``script([...])``, ``random(seed, rates)``, ``clear()``."""
        return self._crm.faults

    def save(self, path: str | None = None) -> None:
        """Save the organization's state to a file, by default the one of the settings.

        Raises:
            StateFileError: the file cannot be written, or the settings name none.
        """
        path = path or self._crm.settings.state_file
        if not path:
            raise StateFileError("no state file: start the sandbox with a state file")
        save(self._crm, Path(path))

    def state(self) -> dict[str, Any]:
        """Return all counts and peaks, as ``GET /__sandbox/state`` does."""
        return collect_statistics(self._crm)

    def count(self, crm_module: str) -> int:
        """Return the number of records in a module.

        Raises:
            KeyError: the module does not exist.
        """
        return len(self._crm.stores[crm_module])

    def records(self, crm_module: str) -> Iterator[dict[str, Any]]:
        """Iterate over the records of a module, oldest first: id, both times, and all non-empty fields.

        Raises:
            KeyError: the module does not exist.
        """
        store = self._crm.stores[crm_module]
        return (full_record(self._crm, store, each) for each in store.ascending_ids())

    def add(self, crm_module: str, records: Iterable[Mapping[str, Any]], *, by: str = "") -> list[str]:
        """Insert records with the checks of an insert call, but without call, quota or fault; return their ids.

        *by* is the e-mail address of the creating user; the default is the token's owner.

        Raises:
            KeyError: the module does not exist.
            ValueError: a record is rejected; the message is the result that an insert would return.
        """
        ids = []
        for result in insert_records(self._crm, crm_module, records, self._acting_user(by)):
            _raise_if_rejected(result)
            ids.append(str(result.record_id))
        return ids

    def edit(self, crm_module: str, records: Iterable[Mapping[str, Any]], *, by: str = "") -> None:
        """Update records by ``id``, like a concurrent edit by a user.

        Raises:
            KeyError: the module does not exist.
            ValueError: a change is rejected; the message is the result that an update would return.
        """
        for result in edit_records(self._crm, crm_module, records, self._acting_user(by)):
            _raise_if_rejected(result)

    def remove(self, crm_module: str, ids: Sequence[str], *, by: str = "") -> None:
        """Move records to the recycle bin, like a concurrent delete by a user.

        Raises:
            KeyError: the module does not exist.
            ValueError: a record does not exist.
        """
        delete_records(self._crm, crm_module, ids, self._acting_user(by))

    def restore(self, crm_module: str, ids: Sequence[str]) -> None:
        """Restore records from the recycle bin.

        Raises:
            KeyError: the module does not exist.
            ValueError: a record is not in the bin, or another record now has its unique value.
        """
        restore_records(self._crm, crm_module, ids)

    def _acting_user(self, name: str) -> User:
        return self._crm.find_user(name) if name else self._crm.current_user

    def change(self, **settings: Any) -> None:
        """Change settings at run time, such as ``latency_s`` or ``calls_per_minute``.

        Raises:
            ValueError: a setting is unknown, not changeable, or out of range.
        """
        self._crm.change(**settings)

    def advance(self, seconds: float) -> None:
        """Advance the service's clock.

        Raises:
            ValueError: *seconds* is negative or leads beyond the year 9998.
        """
        self._crm.advance(seconds)

    def revoke(self, *, refresh: bool = False) -> None:
        """Revoke all access tokens and, if *refresh* is set, the refresh token."""
        if refresh:
            self._crm.tokens.revoke_refresh()
        else:
            self._crm.tokens.revoke_access()

    def new_code(self) -> str:
        """Return a new grant code, like the API console does for a self client."""
        return self._crm.tokens.issue_code()

    def _build_request(
        self,
        message: RawRequestMessage,
        payload: StreamReader,
        protocol: RequestHandler,
        writer: AbstractStreamWriter,
        task: asyncio.Task[None],
    ) -> web.BaseRequest:
        return web.BaseRequest(
            message,
            payload,
            protocol,
            writer,
            task,
            asyncio.get_running_loop(),
            client_max_size=self._crm.settings.max_body_bytes,
        )


def _raise_if_rejected(result: Result) -> None:
    if not result.accepted:
        raise ValueError(result.encoded.decode())


def environment_lines(url: str, environment: Mapping[str, str]) -> str:
    """Return shell export lines for *environment*, preceded by a comment with the sandbox's address."""
    exports = "".join(f"export {name}={value}\n" for name, value in environment.items())
    return f"# Zoho CRM sandbox at {url} (Ctrl-C stops it)\n{exports}"
