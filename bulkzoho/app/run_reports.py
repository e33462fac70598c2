"""Write a run's report and its file of rows in doubt."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import orjson

from bulkzoho.domain.model.batch import InDoubtBatch, InFlightShipment
from bulkzoho.domain.model.journal_events import InputInfo, RunInfo
from bulkzoho.domain.model.summary import Summary
from bulkzoho.domain.summary.summary_json import summary_json
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.storage.files.atomic_write import write_atomic
from bulkzoho.storage.store.replay_history import RowKey
from bulkzoho.storage.store.run_folder import RunFolder

__all__ = ["write_in_doubt", "write_report"]


def write_report(folder: RunFolder, summary: Summary) -> None:
    """Write the summary to the run's folder; a full disk costs the report, never the run."""
    with suppress(OSError):  # the journal has all of it; the next resume writes it
        write_atomic(folder.report, orjson.dumps(summary_json(summary), option=orjson.OPT_INDENT_2) + b"\n")


def write_in_doubt(
    folder: RunFolder,
    info: RunInfo,
    inputs: Sequence[InputInfo],
    shipments: Sequence[InFlightShipment],
    batches: Sequence[InDoubtBatch],
) -> None:
    """Write the rows of *shipments*, with their records if they are in *batches*; remove the file if there are none."""
    if not shipments:
        with suppress(OSError):  # a read-only disk: the journal says that there are none
            folder.in_doubt.unlink(missing_ok=True)
        return
    lines = [_line_with_record(info, inputs, in_doubt, index) for in_doubt in batches for index in range(len(in_doubt.batch))]
    reread = {in_doubt.shipment.id for in_doubt in batches}
    for shipment in shipments:
        if shipment.id not in reread:
            rows = (row for first, last in shipment.rows for row in range(first, last + 1))
            source = inputs[shipment.source].name
            lines += [_line(info, shipment, (info.run, source, row), None) for row in rows]
    with suppress(OSError):  # the journal has the rows; `resume` settles them from there
        write_atomic(folder.in_doubt, b"".join(lines))


def _line_with_record(info: RunInfo, inputs: Sequence[InputInfo], in_doubt: InDoubtBatch, index: int) -> bytes:
    batch = in_doubt.batch
    key = (info.run, inputs[batch.source].name, batch.numbers[index])
    if batch.origins is not None:
        origin = batch.origins[index]
        key = (origin.run, origin.source, origin.row)
    return _line(info, in_doubt.shipment, key, batch.records[index])


def _line(info: RunInfo, shipment: InFlightShipment, key: RowKey, record: object) -> bytes:
    run, source, row = key
    value = {
        "v": 1,
        "in_doubt": True,
        "crm_module": info.crm_module,
        "operation": str(info.operation or ""),
        "attempts": shipment.attempt,
        "sent_at": shipment.sent_at,
        "run": run,
        "source": source,
        "row": row,
        "record": record,
    }
    return encode_json(value) + b"\n"
