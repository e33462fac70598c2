"""How an export's records are written: the strands' format, and what the output is made of at the end."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulkzoho.domain.model.export import STANDARD_OUTPUT, ExportSettings, OutputFormat
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata
from bulkzoho.domain.transform.field_names import ID
from bulkzoho.engine.exporter.incremental import DELETED
from bulkzoho.errors import RunFailedError
from bulkzoho.formats.parquet_writer import write_parquet
from bulkzoho.formats.part_joiner import ByteSink, Part, stream_parts, write_parts
from bulkzoho.formats.record_writers import CsvRecordWriter, JsonRecordWriter
from bulkzoho.interfaces import RecordWriter

__all__ = ["ExportOutput", "output_columns"]

_NO_READER: Final = (errno.EPIPE, errno.EBADF)
_DELETED: Final = FieldMetadata(api_name=DELETED, label=DELETED, data_type="datetime", json_type="string")


def output_columns(module: CrmModule, names: Sequence[str], *, with_deleted: bool) -> list[FieldMetadata]:
    """Give what is written of each record: the id, the fields of these *names*, and perhaps when it was deleted."""
    known = module.by_api_name
    gone = {name: FieldMetadata(api_name=name, label=name, data_type="text", json_type="string") for name in names}
    fields = [known.get(name, gone[name]) for name in names]  # one may have been taken out since the export was planned
    return [ID, *fields, *([_DELETED] if with_deleted else [])]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOutput:
    """One export's way to its output."""

    told: ExportSettings
    columns: Sequence[FieldMetadata]
    run: str
    scratch: Path  #: a folder of the run's
    tell: Callable[[str], None]

    def writer(self) -> RecordWriter:
        """Give what writes the strands; for Parquet they are JSON Lines first."""
        if self.told.format is OutputFormat.CSV:
            return CsvRecordWriter(self.columns, null_text=self.told.null_text)
        return JsonRecordWriter(self.columns)

    async def deliver(self, parts: Sequence[Part], out: ByteSink) -> None:
        """Join the strands' *parts* into the output: under its name only when it is whole, or into *out*.

        Raises:
            RunFailedError: It cannot be written; the strands are as they were.
        """
        told, head = self.told, self.writer().head()
        try:
            if told.format is OutputFormat.PARQUET:
                parts = [await self._packed(parts)]
            if told.output == STANDARD_OUTPUT:
                stream_parts(out, head, parts, told.compression)
            else:
                await asyncio.to_thread(write_parts, Path(told.output), head, parts, told.compression, run=self.run)
        except OSError as error:
            if told.output == STANDARD_OUTPUT and error.errno in _NO_READER:
                raise RunFailedError(
                    "standard output: whoever reads it has closed it, so not every record was delivered.",
                    hint=f"`bulkzoho resume {self.run}` writes all of them, from the first on; nothing is read again.",
                    code="NO_READER",
                ) from error
            name = "standard output" if told.output == STANDARD_OUTPUT else told.output
            raise RunFailedError(
                f"{name}: cannot be written ({error.strerror}).",
                hint="Make room or give write permission, then resume: nothing is read again.",
                code="CANNOT_WRITE",
            ) from error

    async def _packed(self, parts: Sequence[Part]) -> Part:
        path = self.scratch / "whole.parquet"
        as_text = await asyncio.to_thread(write_parquet, path, self.columns, parts)
        if as_text:
            self.tell(f"Written as text, as a value does not fit the type of its field: {', '.join(as_text)}.")
        return path, path.stat().st_size
