"""Choose the store of this process."""

from __future__ import annotations

from bulkzoho.interfaces import RunStore
from bulkzoho.storage.store.home import current_home
from bulkzoho.storage.store.sqlite_store import SqliteRunStore

__all__ = ["open_store"]


def open_store() -> RunStore:
    """Return the store in the state directory."""
    return SqliteRunStore(current_home())
