"""Look at a CRM without a run: its modules, its fields."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Final

from bulkzoho.assembly.connecting import Connected, connect
from bulkzoho.assembly.homes import home_folder
from bulkzoho.engine.stopping import Stop
from bulkzoho.model.metadata import CrmModule, ModuleName, Organization
from bulkzoho.model.settings import ImportSettings, OnQuota, QuotaSettings
from bulkzoho.ports import Progress
from bulkzoho.profiles.choosing import Account, Chosen, choose
from bulkzoho.profiles.store import ProfileStore

__all__ = ["VisitedModule", "chosen_account", "list_fields", "list_modules", "profile_store", "visit_settings", "visiting"]

PATIENCE_S: Final = 10.0  # seconds without any answer; somebody waits at the screen


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitedModule:
    """A module with its fields, and the organization that it belongs to."""

    organization: Organization
    module: CrmModule


def profile_store() -> ProfileStore:
    """Give the profiles of this home."""
    return ProfileStore(home_folder())


def chosen_account(account: Account) -> Chosen:
    """Give the account that a command uses; the home is made, for its owner alone, if it is not there.

    Raises:
        BulkZohoError: It cannot be told, or something of it is missing.
    """
    with suppress(OSError):  # whoever writes there says what is wrong
        home_folder().mkdir(mode=0o700, parents=True, exist_ok=True)
    return choose(account, os.environ, profile_store())


@asynccontextmanager
async def visiting(chosen: Chosen, *, progress: Progress) -> AsyncIterator[Connected]:
    """Connect for a look, within the quota; a day that is used up ends it.

    Raises:
        AccessError: The CRM does not let us in.
        UnreachableError: It does not answer.
    """
    async with connect(
        visit_settings(), chosen=chosen, run=f"visit-{os.getpid()}", stop=Stop(), progress=progress, hasty=True
    ) as crm:
        yield crm


def visit_settings() -> ImportSettings:
    """Give how a visitor connects: within the quota, without much patience."""
    return ImportSettings(inputs=(), crm_module="", give_up_after_s=PATIENCE_S, quota=QuotaSettings(on_quota=OnQuota.STOP))


async def list_modules(account: Account, *, progress: Progress) -> tuple[ModuleName, ...]:
    """Give every module of the CRM.

    Raises:
        BulkZohoError: It does not let us in, or does not answer.
    """
    async with visiting(chosen_account(account), progress=progress) as crm:
        return await crm.modules()


async def list_fields(account: Account, name: str, *, progress: Progress) -> VisitedModule:
    """Give the module that the user calls *name*, with its fields.

    Raises:
        RefusedError: There is no such module; names the nearest.
        BulkZohoError: The CRM does not let us in, or does not answer.
    """
    async with visiting(chosen_account(account), progress=progress) as crm:
        return VisitedModule(organization=crm.organization, module=await crm.module(name))
