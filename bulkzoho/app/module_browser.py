"""Read modules and fields of the CRM without a run."""

from __future__ import annotations

from dataclasses import dataclass

from bulkzoho.app.credentials import select_account
from bulkzoho.app.session import open_visit_session
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.metadata import CrmModule, ModuleInfo, Organization
from bulkzoho.interfaces import Progress

__all__ = ["ModuleDetails", "list_fields", "list_modules"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleDetails:
    """Module with its fields and its organization."""

    organization: Organization
    module: CrmModule


async def list_modules(account: AccountSelection, *, progress: Progress) -> tuple[ModuleInfo, ...]:
    """Return all modules of the CRM.

    Raises:
        BulkZohoError: The CRM does not authorize the account, or does not respond.
    """
    async with open_visit_session(select_account(account), progress=progress) as crm:
        return await crm.modules()


async def list_fields(account: AccountSelection, name: str, *, progress: Progress) -> ModuleDetails:
    """Return the module *name* (API name or label) with its fields.

    Raises:
        RefusedError: There is no such module; the hint names the nearest one.
        BulkZohoError: The CRM does not authorize the account, or does not respond.
    """
    async with open_visit_session(select_account(account), progress=progress) as crm:
        return ModuleDetails(organization=crm.organization, module=await crm.module(name))
