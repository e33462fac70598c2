"""Serve a sandbox until a signal stops it."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Iterator

from bulkzoho.sandbox.server import Sandbox
from bulkzoho.sandbox.settings import SandboxSettings

__all__ = ["serve"]


async def serve(settings: SandboxSettings, *, ready: Callable[[Sandbox], None]) -> None:
    """Serve until cancelled or until SIGINT, SIGTERM or SIGHUP (terminal closed); call *ready* once the server listens.

    Raises:
        OSError: the port is taken.
    """
    stop = asyncio.Event()
    async with Sandbox(settings) as sandbox:
        with _stop_on_signals(stop):
            ready(sandbox)
            await stop.wait()


@contextlib.contextmanager
def _stop_on_signals(stop: asyncio.Event) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    installed: list[signal.Signals] = []
    for number in filter(None, (signal.SIGINT, signal.SIGTERM, getattr(signal, "SIGHUP", None))):  # Windows has no SIGHUP
        with contextlib.suppress(NotImplementedError, RuntimeError):  # Windows; not the main thread
            loop.add_signal_handler(number, stop.set)
            installed.append(number)
    try:
        yield
    finally:
        for number in installed:
            loop.remove_signal_handler(number)
