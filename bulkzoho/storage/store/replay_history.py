"""The rows that replays have settled or are going to send, so that each rejected row is accepted at most once."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from bulkzoho.domain.model.journal_events import ShipmentState
from bulkzoho.domain.model.rows import Record, RowOrigin
from bulkzoho.domain.transform.record_hash import record_digest
from bulkzoho.errors import RefusedError
from bulkzoho.interfaces import RunStore
from bulkzoho.storage.store.run_catalog import iter_runs

__all__ = ["ReplayHistory", "RowKey"]

RowKey = tuple[str, str, int]  #: a rejected row: the run that first read it, the source, the row


class ReplayHistory:
    """See :class:`bulkzoho.engine.importer.reader.ReplayFilter`.

    Memory: about 100 bytes per row that was ever replayed.
    """

    def __init__(self, *, import_key: str | None = None) -> None:
        self._import_key = import_key
        self._accepted: set[RowKey] = set()
        self._failed: dict[RowKey, set[bytes]] = {}
        self._seen: set[RowKey] = set()
        self._claimed: dict[RowKey, str] = {}  # by the replay that has it

    @classmethod
    def load(cls, store: RunStore, *, run: str, import_key: str | None) -> ReplayHistory:
        """Load the settled rows of all replays, and the claimed rows of all replays but *run*.

        A row of which only the *import_key* has changed counts as unchanged.

        Raises:
            JournalError: A journal cannot be read.
        """
        history = cls(import_key=import_key)
        for replay in iter_runs(store, strict=True):
            if replay.info.command != "replay":
                continue
            for letter in replay.journal.settled_letters():
                key = (letter.run, letter.source, letter.row)
                if letter.accepted:
                    history._accepted.add(key)
                else:
                    history._failed.setdefault(key, set()).add(letter.content)
            if replay.info.run == run:
                continue
            in_doubt = any(shipment.state is ShipmentState.SENT for shipment in replay.journal.shipments())
            if in_doubt or store.owner(replay.info.run) is not None:
                history._claimed.update(dict.fromkeys(replay.journal.claimed_letters(), replay.info.run))
        return history

    def require_not_claimed(self, rows: Iterable[RowKey], *, file: str) -> None:
        """Refuse rows that another replay is sending or has in doubt: they would be sent twice.

        Raises:
            RefusedError: Names that replay.
        """
        for key in rows:
            replay = self._claimed.get(key)
            if replay is not None:
                raise RefusedError(
                    f"{Path(file).name}: replay {replay} has some of these rows and is not finished.",
                    hint=f"Wait until it ends, or finish it with `bulkzoho resume {replay}`.",
                    code="REPLAY_UNFINISHED",
                )

    def passes_over(self, origin: RowOrigin, record: Record) -> bool:
        """Return whether the row was accepted, was rejected with the same content, or is in this file before."""
        key = (origin.run, origin.source, origin.row)
        if key in self._accepted or key in self._seen:
            return True
        self._seen.add(key)
        failed = self._failed.get(key)
        return failed is not None and record_digest(record, without=self._import_key) in failed

    def came(self, origin: RowOrigin) -> None:
        """Note that an earlier process of this replay settled the row, or has it in doubt."""
        self._seen.add((origin.run, origin.source, origin.row))
