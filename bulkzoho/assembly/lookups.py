"""Build what asks the CRM about rows whose calls had no answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import orjson

from bulkzoho.assembly.connecting import Connected
from bulkzoho.assembly.homes import facts_of_runs
from bulkzoho.engine.conflicts import UpdateConflicts
from bulkzoho.engine.deletions import Deletions
from bulkzoho.engine.doubts import Conflicts, Lookup
from bulkzoho.engine.holdings import Holdings
from bulkzoho.engine.lookup import CoqlLookup
from bulkzoho.engine.sending import Resends
from bulkzoho.engine.stopping import Stop
from bulkzoho.engine.upserts import Upserts
from bulkzoho.model.metadata import CrmModule
from bulkzoho.model.rows import Operation
from bulkzoho.model.settings import REPLY_TIMEOUT_S, SETTLE_MARGIN_S, ImportSettings, OnDoubt
from bulkzoho.ports import Progress

__all__ = ["conflicts_for", "known_ids_of", "lookup_for", "resends_for"]


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


def known_ids_of(org: str, crm_module: str, ids: Sequence[str]) -> set[str]:
    """Give those of *ids* that rows of runs here have: all results of this organization and module are read."""
    wanted = set(ids)
    return {one for path in _results_files(org, crm_module) for one in _ids_in(path) if one in wanted}


def _results_files(org: str, crm_module: str) -> list[Path]:
    runs = ((folder, facts) for folder, facts, _ in facts_of_runs())
    return [folder.results for folder, facts in runs if (facts.org, facts.crm_module) == (org, crm_module)]


def _ids_in(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as lines:
            for line in lines:
                if line.endswith(b"\n"):  # another process may be writing the last one
                    yield orjson.loads(line)["id"]
    except OSError:
        return
