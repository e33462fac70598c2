"""Export records to a Python program, one at a time."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from bulkzoho.app.start_export import export_module
from bulkzoho.domain.model.account import DEFAULT_ACCOUNT, AccountSelection
from bulkzoho.domain.model.export import Compression, ExportSettings, ExportSummary, OutputFormat
from bulkzoho.domain.transform.exact_json import decode_json_decimal
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.errors import BulkZohoError, ExitCode, RunFailedError
from bulkzoho.formats.part_joiner import NOWHERE
from bulkzoho.interfaces import Progress
from bulkzoho.storage.store.home import current_home

__all__ = ["export_records"]


async def export_records(
    settings: ExportSettings,
    *,
    ids: Iterable[str] | None = None,
    account: AccountSelection = DEFAULT_ACCOUNT,
    progress: Progress,
    stop: StopSignal,
) -> AsyncGenerator[dict[str, Any], None]:
    """Return each record once, or each of *ids*; output, format and compression of *settings* are ignored.

    Numbers with a point or an exponent are :class:`decimal.Decimal`, so that every value is exact.  All records are first read
    into a file in the home folder and returned from there: an export that fails returns none, and memory does not grow with
    their number.  Close the generator to remove the file when you stop early.

    Raises:
        BulkZohoError: The export was refused, or did not complete (its run can be resumed by name).
    """
    home = current_home()
    home.make()
    with tempfile.TemporaryDirectory(prefix="records-", dir=home.path) as folder:
        path = Path(folder) / "records.jsonl"
        own = replace(settings, output=str(path), format=OutputFormat.JSONL, compression=Compression.NONE)
        if ids is not None:
            own = replace(own, ids=_write_ids(ids, Path(folder) / "ids.txt"))
        summary = await export_module(own, account=account, out=NOWHERE, progress=progress, stop=stop)
        if summary.exit_code is not ExitCode.ACCEPTED:
            raise _incomplete(summary)
        with path.open("rb") as lines:
            for line in lines:
                yield decode_json_decimal(line)


def _write_ids(ids: Iterable[str], path: Path) -> str:
    """Write *ids* into a file, one a line, and return its path."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{record_id}\n" for record_id in ids)
    return str(path)


def _incomplete(summary: ExportSummary) -> BulkZohoError:
    error = summary.error or {}
    return RunFailedError(
        str(error.get("message") or f"the export ended before it was complete ({summary.status})."),
        hint=str(error.get("hint") or "Start it again."),
        code=str(error.get("code") or "INCOMPLETE"),
    )
