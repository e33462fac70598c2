"""One sandbox, served on the loopback interface inside the caller's event loop."""

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

from bulkzoho.sandbox.contract import keeper_from_environment
from bulkzoho.sandbox.records.direct_edits import deleted_by, edited_by, inserted_by, restored
from bulkzoho.sandbox.records.serializer import full_record
from bulkzoho.sandbox.records.writer import Result
from bulkzoho.sandbox.settings import SandboxSettings
from bulkzoho.sandbox.state.call_log import CallLog, ViolationLog
from bulkzoho.sandbox.state.clock import Clock, SystemClock
from bulkzoho.sandbox.state.crm import Crm, User
from bulkzoho.sandbox.state.faults import FaultPlan
from bulkzoho.sandbox.state.persistence import StateFileError, load, save
from bulkzoho.sandbox.state.statistics import figures
from bulkzoho.sandbox.wire.request_pipeline import RequestPipeline

__all__ = ["Sandbox"]

HOST = "127.0.0.1"


class Sandbox:
    """A Zoho CRM on localhost; entering it serves, leaving it ends all its calls and saves its state if there is a file for it.

    Raises:
        StateFileError: the state file is none, or not of this organization.

    Attributes:
        calls: The log of calls, oldest first.
        violations: What a well-behaved client must not do, as far as it was seen.
        faults: What goes wrong on purpose.
    """

    def __init__(self, settings: SandboxSettings | None = None, *, clock: Clock | None = None) -> None:
        settings = settings or SandboxSettings()
        self._crm = Crm(settings, clock or SystemClock(settings.time_scale))
        if settings.state_file:
            load(self._crm, Path(settings.state_file))
        self._gate = RequestPipeline(self._crm, keeper_from_environment())
        self._runner: web.ServerRunner | None = None

    def __repr__(self) -> str:
        return f"<Sandbox {self.url or 'not started'}, {self._crm.calls.total} calls>"

    async def __aenter__(self) -> Self:
        """Start to serve.

        Raises:
            OSError: the port is taken.
        """
        server = web.Server(self._gate, request_factory=self._request, access_log=None)
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
        await self._gate.close()
        await self._crm.jobs.close()
        if self._runner is not None:
            await self._runner.cleanup()
        if self._crm.settings.state_file:
            self.save()

    @property
    def url(self) -> str:
        """Where it listens; accounts, API and upload host in one."""
        return self._crm.url

    @property
    def settings(self) -> SandboxSettings:
        """The settings as they are now."""
        return self._crm.settings

    @property
    def environment(self) -> dict[str, str]:
        """What a client's environment must hold to use this sandbox."""
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
        """What a well-behaved client must not do."""
        return self._crm.violations

    @property
    def faults(self) -> FaultPlan:
        """What goes wrong on purpose: ``script([...])``, ``random(seed, rates)``, ``clear()``."""
        return self._crm.faults

    def save(self, path: str | None = None) -> None:
        """Write what the organization holds into a file, that of the settings by default.

        Raises:
            StateFileError: it cannot be written, or the settings name none.
        """
        path = path or self._crm.settings.state_file
        if not path:
            raise StateFileError("there is no file to save to: start the sandbox with a state file")
        save(self._crm, Path(path))

    def state(self) -> dict[str, Any]:
        """Give all counts and peaks, as the control address ``/__sandbox/state`` does."""
        return figures(self._crm)

    def count(self, crm_module: str) -> int:
        """Give how many records a module holds.

        Raises:
            KeyError: there is no such module.
        """
        return len(self._crm.stores[crm_module])

    def records(self, crm_module: str) -> Iterator[dict[str, Any]]:
        """Give the records of a module, oldest first: id, both times, and the fields that have a value.

        Raises:
            KeyError: there is no such module.
        """
        store = self._crm.stores[crm_module]
        return (full_record(self._crm, store, each) for each in store.rising())

    def add(self, crm_module: str, records: Iterable[Mapping[str, Any]], *, by: str = "") -> list[str]:
        """Put records into a module, checked like an insert; give their ids.  No call, no quota, no fault.

        *by* is the e-mail address of the user who makes them; without it the token's own user does.

        Raises:
            KeyError: there is no such module.
            ValueError: a record is refused; the message is the answer that an insert would give.
        """
        ids = []
        for result in inserted_by(self._crm, crm_module, records, self._hand(by)):
            _refuse_refusal(result)
            ids.append(str(result.record_id))
        return ids

    def edit(self, crm_module: str, records: Iterable[Mapping[str, Any]], *, by: str = "") -> None:
        """Change records by their ``id``, as another user may do meanwhile.

        Raises:
            KeyError: there is no such module.
            ValueError: a change is refused; the message is the answer that an update would give.
        """
        for result in edited_by(self._crm, crm_module, records, self._hand(by)):
            _refuse_refusal(result)

    def remove(self, crm_module: str, ids: Sequence[str], *, by: str = "") -> None:
        """Move records to the recycle bin, as another user may do meanwhile.

        Raises:
            KeyError: there is no such module.
            ValueError: a record is not there.
        """
        deleted_by(self._crm, crm_module, ids, self._hand(by))

    def restore(self, crm_module: str, ids: Sequence[str]) -> None:
        """Take records out of the recycle bin.

        Raises:
            KeyError: there is no such module.
            ValueError: a record is not there, or a unique value of its is taken by now.
        """
        restored(self._crm, crm_module, ids)

    def _hand(self, name: str) -> User:
        return self._crm.user_called(name) if name else self._crm.me

    def change(self, **settings: Any) -> None:
        """Change settings while it runs, such as ``latency_s`` or ``calls_per_minute``.

        Raises:
            ValueError: a setting is unknown, not changeable, or out of range.
        """
        self._crm.change(**settings)

    def advance(self, seconds: float) -> None:
        """Let the service's time jump forward.

        Raises:
            ValueError: *seconds* is negative, for no service's time goes back, or leads beyond the dates that there are.
        """
        self._crm.advance(seconds)

    def revoke(self, *, refresh: bool = False) -> None:
        """Kill all access tokens, and the refresh token too if asked."""
        if refresh:
            self._crm.tokens.revoke_refresh()
        else:
            self._crm.tokens.revoke_access()

    def new_code(self) -> str:
        """Give a grant code, as a person gets one for a self client in the API console."""
        return self._crm.tokens.issue_code()

    def _request(
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


def _refuse_refusal(result: Result) -> None:
    if not result.accepted:
        raise ValueError(result.encoded.decode())


def environment_lines(url: str, environment: Mapping[str, str]) -> str:
    """Give what a person pastes into a shell, one export a line, after a line that says where the sandbox is."""
    exports = "".join(f"export {name}={value}\n" for name, value in environment.items())
    return f"# Zoho CRM sandbox at {url} (Ctrl-C stops it)\n{exports}"
