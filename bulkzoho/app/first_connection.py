"""Lock for the first connection of an account: one process at a time identifies the organization.

Before that the organization of a call is unknown; without the lock, each of several new processes would make such a call.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from bulkzoho.app.organization_cache import first_connection_lock_path, load_organization
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.errors import RefusedError
from bulkzoho.storage.files.file_lock import FileLock
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount

__all__ = ["first_connection_lock"]

POLL_S: Final = 0.2  # seconds between two checks whether the other process has finished


@asynccontextmanager
async def first_connection_lock(chosen: ResolvedAccount, *, stop: StopSignal, patience_s: float) -> AsyncIterator[None]:
    """Wait while another process identifies the organization of these credentials; continue at once if it is known.

    After *patience_s* seconds this process continues anyway, because the other one may wait for something unrelated.

    Raises:
        StopRequestedError: The run was stopped meanwhile.
    """
    now = asyncio.get_running_loop().time
    until, lock = now() + patience_s, None
    try:
        while lock is None and load_organization(chosen) is None and now() < until:
            lock = _try_lock(chosen)
            if lock is None:
                await stop.sleep(POLL_S)
            if stop.requested:
                raise StopRequestedError
        if lock is not None and load_organization(chosen) is not None:  # it was saved between the check and the lock
            lock.release()
            lock = None
        yield
    finally:
        if lock is not None:
            lock.release()


def _try_lock(chosen: ResolvedAccount) -> FileLock | None:
    path = first_connection_lock_path(chosen)
    try:
        return FileLock.acquire(path, what="the first connection")
    except RefusedError:
        return None
