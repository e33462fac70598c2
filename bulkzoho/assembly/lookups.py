"""Build what asks the CRM about rows whose calls had no answer."""

from __future__ import annotations

from functools import partial

from bulkzoho.assembly.accepted import HomeRows, known_ids_of
from bulkzoho.assembly.connecting import Connected
from bulkzoho.engine.conflicts import UpdateConflicts
from bulkzoho.engine.deletions import Deletions
from bulkzoho.engine.doubts import Conflicts, Lookup
from bulkzoho.engine.holdings import Holdings
from bulkzoho.engine.lookup import CoqlLookup
from bulkzoho.engine.sending import Resends
from bulkzoho.engine.stopping import Stop
from bulkzoho.engine.superseding import Superseded
from bulkzoho.engine.upserts import Upserts
from bulkzoho.model.metadata import CrmModule
from bulkzoho.model.rows import Operation
from bulkzoho.model.settings import REPLY_TIMEOUT_S, SETTLE_MARGIN_S, ImportSettings, OnDoubt
from bulkzoho.ports import Progress

__all__ = ["conflicts_for", "lookup_for", "resends_for", "superseded_for"]


def lookup_for(crm: Connected, module: CrmModule, settings: ImportSettings, *, stop: Stop, progress: Progress) -> Lookup | None:
    """Give the lookup of one run, or None when the user only wants a report."""
    if settings.on_doubt is OnDoubt.REPORT:
        return None
    wait_s = REPLY_TIMEOUT_S + SETTLE_MARGIN_S if settings.settle_wait_s is None else settings.settle_wait_s
    return CoqlLookup(
        courier=crm.courier,
        crm=crm.crm,
        crm_module=module,
        user=crm.user,
        unique_fields=[field.api_name for field in module.fields if field.unique],
        match_on=settings.match_on,
        import_key=settings.import_key,
        known_ids=partial(known_ids_of, crm.organization.id, module.api_name),
        clock_skew=lambda: crm.courier.skew_s,
        settle_wait_s=wait_s,
        pause=stop.sleep,
        tell=progress.tell,
    )


def resends_for(crm: Connected, module: CrmModule, settings: ImportSettings, *, progress: Progress) -> Resends | None:
    """Give what reads the results of calls that were sent again, where they do not speak for themselves."""
    if settings.operation is Operation.DELETE:
        return Deletions(courier=crm.courier, crm=crm.crm, crm_module=module.api_name, tell=progress.tell)
    if settings.operation is Operation.UPSERT:
        return Upserts(known_ids=partial(known_ids_of, crm.organization.id, module.api_name))
    return None


def conflicts_for(crm: Connected, module: CrmModule, settings: ImportSettings, *, progress: Progress) -> Conflicts | None:
    """Give what looks at the records of a lost update; other operations have none."""
    if settings.operation is not Operation.UPDATE:
        return None
    holdings = Holdings(courier=crm.courier, crm=crm.crm, crm_module=module.api_name)
    return UpdateConflicts(holdings=holdings, crm_module=module, user=crm.user, tell=progress.tell)


def superseded_for(
    crm: Connected, module: CrmModule, settings: ImportSettings, *, letters: bool, progress: Progress
) -> Superseded | None:
    """Give what holds letters back, for a replay that was not told to send them all the same."""
    if not letters or settings.force:
        return None
    return Superseded(
        courier=crm.courier,
        crm=crm.crm,
        crm_module=module,
        operation=settings.operation,
        key_fields=[field for field in module.fields if field.unique or field.api_name in settings.match_on],
        accepted=HomeRows(crm.organization.id, module.api_name),
        tell=progress.tell,
    )
