"""Users of a run: read once on demand and saved in the run folder, so that a resume uses the same ones."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path

from bulkzoho.app.session import CrmSession
from bulkzoho.domain.transform.column_plan import ColumnPlan
from bulkzoho.domain.transform.references import USER_TYPES
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.domain.transform.user_directory import CrmUser, UserDirectory
from bulkzoho.errors import RunFailedError
from bulkzoho.storage.files.atomic_write import write_atomic
from bulkzoho.storage.files.write_errors import write_error

__all__ = ["RunUserCache"]


class RunUserCache:
    """Loads and saves the users of one run.

    Args:
        crm: The session to read them with.
        path: The file in the run folder.
        fallback: ``--owner-fallback``.
    """

    def __init__(self, crm: CrmSession, path: Path, *, fallback: str | None) -> None:
        self._crm = crm
        self._path = path
        self._fallback = fallback

    async def preload(self, transformer: RowTransformer, *, tell: Callable[[str], None]) -> None:
        """Load the users into *transformer* before it plans its columns, if a setting names a user.

        Raises:
            RefusedError: There is no such fallback user.
            AccessError: The users cannot be read.
        """
        if self._fallback is None and not transformer.sets_users:
            return
        users = await self.read()
        transformer.set_users(users)
        if self._fallback is not None:
            fallback = next(user for user in users.everyone if user.id == users.fallback)
            tell(f"Users that are unknown or inactive are replaced by {fallback.name or fallback.email or fallback.id}.")

    async def read(self) -> UserDirectory:
        """Return the users of this run; the first process reads them from the CRM.

        Raises:
            RefusedError: There is no such fallback user.
            BulkZohoError: They cannot be read or saved.
        """
        everyone = self._load()
        if everyone is None:
            everyone = await self._crm.users()
            self._save(everyone)
        users = UserDirectory(everyone=everyone)
        return users if self._fallback is None else users.with_fallback(self._fallback)

    def warnings(self, plans: Iterable[ColumnPlan]) -> list[str]:
        """Return a warning if no mapped field can use the fallback."""
        mapped = [column.field for plan in plans for column in plan.columns]
        constant = [field for plan in plans for field, _ in plan.constants]
        if self._fallback is None or any(field.data_type in USER_TYPES for field in (*mapped, *constant)):
            return []
        return ["--owner-fallback: no column is mapped to a user field."]

    def _load(self) -> tuple[CrmUser, ...] | None:
        try:
            return tuple(CrmUser(**user) for user in json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None  # missing, or written by another version

    def _save(self, everyone: tuple[CrmUser, ...]) -> None:
        try:
            write_atomic(self._path, json.dumps([asdict(user) for user in everyone]).encode())
        except OSError as error:
            raise write_error(RunFailedError, self._path, error) from error
