"""Show quotas: what is used and left of an organization's, or of all that this home knows."""

from __future__ import annotations

import os
import time
from pathlib import Path

from bulkzoho.assembly.connecting import meet
from bulkzoho.assembly.organizations import all_remembered, ledger_of, ledgers, remembered, stands_for_unknown
from bulkzoho.assembly.visiting import chosen_account, visit_settings
from bulkzoho.core.pacing import limits_of
from bulkzoho.engine.stopping import Stop
from bulkzoho.model.metadata import Organization
from bulkzoho.model.settings import QuotaSettings
from bulkzoho.model.usage import QuotaUsage
from bulkzoho.ports import Progress
from bulkzoho.profiles.choosing import Account, Chosen
from bulkzoho.quota import LedgerView, Moment, boot_id

__all__ = ["all_quotas", "quota_of"]


async def quota_of(account: Account, asked: QuotaSettings, *, progress: Progress) -> QuotaUsage:
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
    chosen = chosen_account(account)
    organization = remembered(chosen) or await _met(chosen, progress)
    return _usage(organization, ledger_of(organization), asked)


def all_quotas(asked: QuotaSettings) -> list[QuotaUsage]:
    """Give the quota of every organization that this home knows, by its name; no credentials are needed.

    Raises:
        JournalError: A ledger cannot be read.
    """
    known = all_remembered()
    paths = {ledger_of(one): one for one in known.values()}
    usages = [_usage(paths.get(path), path, asked) for path in {*ledgers(), *paths}]
    # calls that were made before it was known whose they are were counted again in their organization's own ledger
    shown = (one for one in usages if one.org in known or (one.runs and not stands_for_unknown(one.org)))
    return sorted(shown, key=lambda one: (one.name.casefold(), one.org))


async def _met(chosen: Chosen, progress: Progress) -> Organization:
    async with meet(
        visit_settings(), chosen=chosen, run=f"visit-{os.getpid()}", stop=Stop(), progress=progress, hasty=True
    ) as met:
        return met.organization


def _usage(organization: Organization | None, path: Path, asked: QuotaSettings) -> QuotaUsage:
    moment = Moment(wall=time.time(), steady=time.monotonic(), boot=boot_id())
    with LedgerView.of(path, org=organization.id if organization else path.stem, moment=moment) as view:
        who = organization or Organization(id=view.org, name="")
        told = view.told() if asked == QuotaSettings() else None
        limits = told[1] if told else limits_of(asked, who)
        return QuotaUsage(
            org=who.id,
            name=who.name or "unknown organization",
            edition=who.edition,
            plan=limits.plan,
            limits_of_run=told[0] if told else None,
            at=moment.wall,
            windows=view.windows(limits),
            runs=view.runs(),
            paused_until=view.paused_until(),
            credits_told_by_service=view.credits_told_by_service(limits),
            notes=() if told else limits.notes,
        )
