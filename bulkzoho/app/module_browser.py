"""Look at a CRM without a run: its modules, its fields."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from bulkzoho.app.session import CrmSession, open_session
from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo, Organization
from bulkzoho.domain.model.settings import QuotaPolicy, QuotaSettings, SessionSettings
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.interfaces import Progress
from bulkzoho.storage.store.home import current_home
from bulkzoho.zoho.auth.account_resolver import AccountSelection, ResolvedAccount, resolve_account
from bulkzoho.zoho.auth.profile_store import ProfileStore

__all__ = [
    "ModuleDetails",
    "list_fields",
    "list_modules",
    "open_visit_session",
    "profile_store",
    "select_account",
    "visit_session_settings",
]

PATIENCE_S: Final = 10.0  # seconds without any answer; somebody waits at the screen


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleDetails:
    """A module with its fields, and the organization that it belongs to."""

    organization: Organization
    module: CrmModule


def profile_store() -> ProfileStore:
    """Give the profiles of this home."""
    return ProfileStore(current_home().path)


def select_account(account: AccountSelection) -> ResolvedAccount:
    """Give the account that a command uses; the home is made, for its owner alone, if it is not there.

    Raises:
        BulkZohoError: It cannot be told, or something of it is missing.
    """
    with suppress(OSError):  # whoever writes there says what is wrong
        current_home().make()
    return resolve_account(account, os.environ, profile_store())


@asynccontextmanager
async def open_visit_session(chosen: ResolvedAccount, *, progress: Progress) -> AsyncIterator[CrmSession]:
    """Connect for a look, within the quota; a day that is used up ends it.

    Raises:
        AccessError: The CRM does not let us in.
        UnreachableError: It does not answer.
    """
    async with open_session(
        visit_session_settings(), chosen=chosen, run=f"visit-{os.getpid()}", stop=StopSignal(), progress=progress, hasty=True
    ) as crm:
        yield crm


def visit_session_settings() -> SessionSettings:
    """Give how a visitor connects: within the quota, without much patience."""
    return SessionSettings(give_up_after_s=PATIENCE_S, quota=QuotaSettings(on_quota=QuotaPolicy.STOP))


async def list_modules(account: AccountSelection, *, progress: Progress) -> tuple[ModuleInfo, ...]:
    """Give every module of the CRM.

    Raises:
        BulkZohoError: It does not let us in, or does not answer.
    """
    async with open_visit_session(select_account(account), progress=progress) as crm:
        return await crm.modules()


async def list_fields(account: AccountSelection, name: str, *, progress: Progress) -> ModuleDetails:
    """Give the module that the user calls *name*, with its fields.

    Raises:
        RefusedError: There is no such module; names the nearest.
        BulkZohoError: The CRM does not let us in, or does not answer.
    """
    async with open_visit_session(select_account(account), progress=progress) as crm:
        return ModuleDetails(organization=crm.organization, module=await crm.module(name))
