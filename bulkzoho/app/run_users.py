"""The users of a run: asked for once, when they are first needed, and kept in its folder so that a resume means the same ones."""

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

__all__ = ["RunUserCache"]


class RunUserCache:
    """Reads the users of one run.

    Args:
        crm: Whom to ask.
        path: Where the run keeps them.
        fallback: ``--owner-fallback``.
    """

    def __init__(self, crm: CrmSession, path: Path, *, fallback: str | None) -> None:
        self._crm = crm
        self._path = path
        self._fallback = fallback

    async def introduce(self, shaper: RowTransformer, *, tell: Callable[[str], None]) -> None:
        """Let *shaper* know the users before its columns are planned, if what the user said names one.

        Raises:
            RefusedError: Nobody is the fallback.
            AccessError: The users cannot be read.
        """
        if self._fallback is None and not shaper.sets_users:
            return
        users = await self.read()
        shaper.set_users(users)
        if self._fallback is not None:
            who = next(user for user in users.everyone if user.id == users.fallback)
            tell(f"Users that are unknown or inactive are replaced by {who.name or who.email or who.id}.")

    async def read(self) -> UserDirectory:
        """Give the users as this run knows them; the CRM is asked by the first process that wants to know.

        Raises:
            RefusedError: Nobody is the fallback.
            BulkZohoError: They cannot be read, or not be kept.
        """
        everyone = self._kept()
        if everyone is None:
            everyone = await self._crm.users()
            self._keep(everyone)
        users = UserDirectory(everyone=everyone)
        return users if self._fallback is None else users.with_fallback(self._fallback)

    def warnings(self, plans: Iterable[ColumnPlan]) -> list[str]:
        """Say it when nothing that is planned could need the fallback."""
        fields = (
            field for plan in plans for field in (*(one.field for one in plan.columns), *(one for one, _ in plan.constants))
        )
        if self._fallback is None or any(field.data_type in USER_TYPES for field in fields):
            return []
        return ["--owner-fallback: no column goes to a field that holds a user."]

    def _kept(self) -> tuple[CrmUser, ...] | None:
        try:
            return tuple(CrmUser(**user) for user in json.loads(self._path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return None  # not asked yet, or written by another version

    def _keep(self, everyone: tuple[CrmUser, ...]) -> None:
        try:
            write_atomic(self._path, json.dumps([asdict(user) for user in everyone]).encode())
        except OSError as error:
            raise RunFailedError(
                f"{self._path}: the users cannot be kept ({error.strerror}).", hint="Make room, then resume."
            ) from error
