"""Let one process at a time meet an organization for the first time.

Before the first answer nobody knows whose quota a call is; were many processes to begin at once, each would make such a call.
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

LOOK_EVERY_S: Final = 0.2  # seconds between two looks whether the other process is done


@asynccontextmanager
async def first_connection_lock(chosen: ResolvedAccount, *, stop: StopSignal, patience_s: float) -> AsyncIterator[None]:
    """Wait while another process meets the organization of these credentials; go on at once when it is known.

    After *patience_s* seconds it goes on all the same: what the other waits for may not concern us.

    Raises:
        StopRequestedError: The run was stopped meanwhile.
    """
    now = asyncio.get_running_loop().time
    until, lock = now() + patience_s, None
    try:
        while lock is None and load_organization(chosen) is None and now() < until:
            lock = _taken(chosen)
            if lock is None:
                await stop.sleep(LOOK_EVERY_S)
            if stop.requested:
                raise StopRequestedError
        if lock is not None and load_organization(chosen) is not None:  # it came between the look and the lock
            lock.release()
            lock = None
        yield
    finally:
        if lock is not None:
            lock.release()


def _taken(chosen: ResolvedAccount) -> FileLock | None:
    path = first_connection_lock_path(chosen)
    try:
        return FileLock.acquire(path, what="the meeting place")
    except RefusedError:
        return None
