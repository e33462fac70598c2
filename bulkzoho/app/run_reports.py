"""End a run: rows in doubt by name, the summary, the report."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import orjson

from bulkzoho.domain.model.batch import InFlightShipment
from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.domain.model.results import RowCounts
from bulkzoho.domain.model.run import CallCounts, QuotaStatus, RunStatus, StopReason, Summary
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.domain.policy.exit_status import RunOutcome, ending_of, next_command
from bulkzoho.domain.summary.summary_json import error_json, summary_json
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.engine.importer.sender import InDoubtBatch
from bulkzoho.errors import BulkZohoError, JournalError
from bulkzoho.storage.files.atomic_write import write_atomic
from bulkzoho.storage.store.run_catalog import RunFolder

__all__ = ["decide_outcome", "write_in_doubt", "write_report"]


def decide_outcome(
    tally: RowCounts,
    sources: Sequence[InputInfo],
    *,
    reason: StopReason | None,
    error: BulkZohoError | None,
    damage: BulkZohoError | None,
) -> RunOutcome:
    """Decide how the run ended, and check that every row read ended in exactly one place."""
    complete = all(source.complete for source in sources)
    if damage is not None:
        damage = _with_rows_done(damage, sources)
    ending = ending_of(tally, reason=reason, error=error, damage=damage, input_complete=complete)
    if not tally.adds_up or (ending.status is RunStatus.COMPLETED and tally.unsent):
        return replace(
            ending_of(tally, reason=StopReason.FAILED, error=_does_not_add_up(tally), damage=None, input_complete=complete)
        )
    return ending


def _with_rows_done(damage: BulkZohoError, sources: Sequence[InputInfo]) -> BulkZohoError:
    """Say which rows of the damaged input, the first that is not complete, the mended one must not bring again."""
    cut = next((one for one in sources if not one.complete), None)
    if cut is None or not cut.rows_read:
        return damage
    done = f"Its first {cut.rows_read:,} rows are dealt with: leave them out when you import what follows."
    return type(damage)(damage.message, hint=f"{damage.hint} {done}".lstrip(), code=damage.code)


def _does_not_add_up(tally: RowCounts) -> JournalError:
    return JournalError(
        f"the rows do not add up: {tally.read} read, {tally.accepted} accepted, {tally.dead_lettered} dead-lettered,"
        f" {tally.in_doubt} in doubt, {tally.unsent} unsent.",
        hint="This is a defect of bulkzoho: keep the run's folder and report it.",
        code="DOES_NOT_ADD_UP",
    )


def build_import_summary(
    folder: RunFolder,
    facts: RunInfo,
    settings: ImportSettings,
    ending: RunOutcome,
    tally: RowCounts,
    *,
    sources: Sequence[InputInfo],
    calls: CallCounts,
    seconds: float,
    quota: QuotaStatus | None,
    crm_after: int | None,
) -> Summary:
    """Put the summary together."""
    letters = settings.dead_letter or str(folder.letters)
    limited = settings.limit is not None and not all(source.complete for source in sources)
    return Summary(
        run=facts.run,
        command=facts.command,
        crm_module=facts.crm_module,
        operation=facts.operation,
        route="records",
        status=ending.status,
        exit_code=ending.exit_code,
        tally=tally,
        calls=calls,
        seconds=seconds,
        plan=quota.plan if quota else "",
        calls_per_minute=quota.calls_per_minute if quota else 0,
        used_share=quota.used_share if quota else 0.0,
        bound=quota.bound if quota else "",
        org=facts.org,
        input_complete=all(source.complete for source in sources),
        dead_letter=letters,
        results=settings.results or str(folder.results),
        in_doubt_file=str(folder.in_doubt) if tally.in_doubt and folder.in_doubt.exists() else None,
        next=next_command(ending, tally, run=facts.run, letters=letters, limited=limited),
        crm_before=facts.crm_before,
        crm_after=crm_after,
        error=error_json(ending.error) if ending.error else None,
    )


def write_report(folder: RunFolder, summary: Summary) -> None:
    """Keep the summary in the run's folder; a full disk costs the report, never the run."""
    try:
        write_atomic(folder.report, orjson.dumps(summary_json(summary), option=orjson.OPT_INDENT_2) + b"\n")
    except OSError:
        return  # the journal holds all of it; the next resume writes it


def write_in_doubt(
    folder: RunFolder,
    facts: RunInfo,
    sources: Sequence[InputInfo],
    open_shipments: Sequence[InFlightShipment],
    batches: Sequence[InDoubtBatch],
) -> None:
    """Name the rows in doubt, with their records where they could be read again; no file when there are none."""
    if not open_shipments:
        with suppress(OSError):  # a disk that can be read alone: the journal says that there are none
            folder.in_doubt.unlink(missing_ok=True)
        return
    lines = [_line(facts, sources, one.shipment, index, one) for one in batches for index in range(len(one.batch))]
    read_again = {one.shipment.id for one in batches}
    for shipment in open_shipments:
        if shipment.id not in read_again:
            lines += [
                _bare_line(facts, sources, shipment, row) for first, last in shipment.rows for row in range(first, last + 1)
            ]
    try:
        write_atomic(folder.in_doubt, b"".join(lines))
    except OSError:
        return  # the journal holds the rows; `resume` settles them from there


def _line(facts: RunInfo, sources: Sequence[InputInfo], shipment: InFlightShipment, index: int, doubtful: InDoubtBatch) -> bytes:
    batch = doubtful.batch
    origin = batch.origins[index] if batch.origins is not None else None
    value = {
        **_facts_json(facts, shipment),
        "run": origin.run if origin else facts.run,
        "source": origin.source if origin else sources[batch.source].name,
        "row": origin.row if origin else batch.numbers[index],
        "record": batch.records[index],
    }
    return encode_json(value) + b"\n"


def _bare_line(facts: RunInfo, sources: Sequence[InputInfo], shipment: InFlightShipment, row: int) -> bytes:
    value = {
        **_facts_json(facts, shipment),
        "run": facts.run,
        "source": sources[shipment.source].name,
        "row": row,
        "record": None,
    }
    return encode_json(value) + b"\n"


def _facts_json(facts: RunInfo, shipment: InFlightShipment) -> dict[str, object]:
    assert facts.operation is not None
    return {
        "v": 1,
        "in_doubt": True,
        "crm_module": facts.crm_module,
        "operation": facts.operation.value,
        "attempts": shipment.attempt,
        "sent_at": shipment.sent_at,
    }
