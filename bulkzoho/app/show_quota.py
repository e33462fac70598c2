"""Quota usage of one organization, or of all known ones."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bulkzoho.app.credentials import select_account
from bulkzoho.app.organization_cache import (
    is_provisional_org,
    ledger_path,
    ledger_paths,
    load_all_organizations,
    load_organization,
)
from bulkzoho.app.session import open_organization_session, visit_session_settings
from bulkzoho.domain.model.account import AccountSelection
from bulkzoho.domain.model.metadata import Organization
from bulkzoho.domain.model.quota import QuotaUsage
from bulkzoho.domain.model.settings import QuotaSettings
from bulkzoho.domain.policy.rate_limits import resolve_limits
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.interfaces import Progress
from bulkzoho.ratelimit.clock import boot_id
from bulkzoho.ratelimit.ledger_queries import ClockReading
from bulkzoho.ratelimit.usage_view import LedgerView
from bulkzoho.zoho.auth.account_resolver import ResolvedAccount

__all__ = ["all_quotas", "quota_of"]


async def quota_of(account: AccountSelection, limits: QuotaSettings, *, progress: Progress) -> QuotaUsage:
    """Return the quota of the account's organization; if that is unknown, one call identifies it.

    Args:
        account: The account options.
        limits: Limits to show the usage against; by default those of an active run, of the largest run, or of the plan.
        progress: Receives messages.

    Raises:
        AccessError: There are no credentials, or the CRM does not authorize the account.
        UnreachableError: The CRM does not respond.
        JournalError: The ledger cannot be read.
    """
    chosen = select_account(account)
    organization = load_organization(chosen) or await _identify(chosen, progress)
    return _usage(organization, ledger_path(organization), limits)


def all_quotas(limits: QuotaSettings) -> list[QuotaUsage]:
    """Return the quotas of all organizations in this state directory, sorted by name; needs no credentials.

    Raises:
        JournalError: A ledger cannot be read.
    """
    known = load_all_organizations()
    paths = {ledger_path(organization): organization for organization in known.values()}
    usages = [_usage(paths.get(path), path, limits) for path in {*ledger_paths(), *paths}]
    # calls in a provisional ledger were counted again in the ledger of their organization
    shown = (usage for usage in usages if usage.org in known or (usage.runs and not is_provisional_org(usage.org)))
    return sorted(shown, key=lambda usage: (usage.name.casefold(), usage.org))


async def _identify(chosen: ResolvedAccount, progress: Progress) -> Organization:
    async with open_organization_session(
        visit_session_settings(), chosen=chosen, run=f"visit-{os.getpid()}", stop=StopSignal(), progress=progress, hasty=True
    ) as session:
        return session.organization


def _usage(organization: Organization | None, path: Path, settings: QuotaSettings) -> QuotaUsage:
    reading = ClockReading(wall=time.time(), monotonic=time.monotonic(), boot=boot_id())
    with LedgerView.open(path, org=organization.id if organization else path.stem, reading=reading) as view:
        known = organization or Organization(id=view.org, name="")
        in_use = view.limits_in_use() if settings == QuotaSettings() else None
        limits = in_use[1] if in_use else resolve_limits(settings, known)
        return QuotaUsage(
            org=known.id,
            name=known.name or "unknown organization",
            edition=known.edition,
            plan=limits.plan,
            limits_of_run=in_use[0] if in_use else None,
            at=reading.wall,
            windows=view.windows(limits),
            runs=view.runs(),
            paused_until=view.paused_until(),
            credits_from_service=view.credits_from_service(limits),
            notes=() if in_use else limits.notes,
        )
