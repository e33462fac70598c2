"""Show quotas: what is used and left of an organization's, or of all that this home knows."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bulkzoho.app.module_browser import select_account, visit_session_settings
from bulkzoho.app.organization_cache import (
    is_provisional_org,
    ledger_path,
    ledger_paths,
    load_all_organizations,
    load_organization,
)
from bulkzoho.app.session import open_organization_session
from bulkzoho.domain.model.metadata import Organization
from bulkzoho.domain.model.quota import QuotaUsage
from bulkzoho.domain.model.settings import QuotaSettings
from bulkzoho.domain.policy.rate_limits import resolve_limits
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.interfaces import Progress
from bulkzoho.ratelimit.clock import boot_id
from bulkzoho.ratelimit.ledger_queries import ClockReading
from bulkzoho.ratelimit.usage_view import LedgerView
from bulkzoho.zoho.auth.account_resolver import AccountSelection, ResolvedAccount

__all__ = ["all_quotas", "quota_of"]


async def quota_of(account: AccountSelection, asked: QuotaSettings, *, progress: Progress) -> QuotaUsage:
    """Give the quota of the organization that *account* leads to; one that was never met is asked who it is, in one call.

    Args:
        account: As for every command that connects.
        asked: Limits to show it against; with none, those of the run at work or of the largest, else the plan's.
        progress: Whoever watches.

    Raises:
        AccessError: There are no credentials, or the CRM does not let us in.
        UnreachableError: It does not answer.
        JournalError: The ledger cannot be read.
    """
    chosen = select_account(account)
    organization = load_organization(chosen) or await _met(chosen, progress)
    return _usage(organization, ledger_path(organization), asked)


def all_quotas(asked: QuotaSettings) -> list[QuotaUsage]:
    """Give the quota of every organization that this home knows, by its name; no credentials are needed.

    Raises:
        JournalError: A ledger cannot be read.
    """
    known = load_all_organizations()
    paths = {ledger_path(one): one for one in known.values()}
    usages = [_usage(paths.get(path), path, asked) for path in {*ledger_paths(), *paths}]
    # calls that were made before it was known whose they are were counted again in their organization's own ledger
    shown = (one for one in usages if one.org in known or (one.runs and not is_provisional_org(one.org)))
    return sorted(shown, key=lambda one: (one.name.casefold(), one.org))


async def _met(chosen: ResolvedAccount, progress: Progress) -> Organization:
    async with open_organization_session(
        visit_session_settings(), chosen=chosen, run=f"visit-{os.getpid()}", stop=StopSignal(), progress=progress, hasty=True
    ) as met:
        return met.organization


def _usage(organization: Organization | None, path: Path, asked: QuotaSettings) -> QuotaUsage:
    reading = ClockReading(wall=time.time(), monotonic=time.monotonic(), boot=boot_id())
    with LedgerView.open(path, org=organization.id if organization else path.stem, reading=reading) as view:
        who = organization or Organization(id=view.org, name="")
        told = view.limits_in_use() if asked == QuotaSettings() else None
        limits = told[1] if told else resolve_limits(asked, who)
        return QuotaUsage(
            org=who.id,
            name=who.name or "unknown organization",
            edition=who.edition,
            plan=limits.plan,
            limits_of_run=told[0] if told else None,
            at=reading.wall,
            windows=view.windows(limits),
            runs=view.runs(),
            paused_until=view.paused_until(),
            credits_from_service=view.credits_from_service(limits),
            notes=() if told else limits.notes,
        )
