"""Write the output of an export: the format of the partition files, and the final file made of them."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bulkzoho.domain.model.export import DELETED, STANDARD_OUTPUT, ExportSettings, OutputFormat
from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata
from bulkzoho.domain.transform.field_names import ID
from bulkzoho.errors import RunFailedError
from bulkzoho.formats.parquet_writer import write_parquet
from bulkzoho.formats.part_joiner import ByteSink, Part, stream_parts, write_parts
from bulkzoho.formats.record_writers import CsvRecordWriter, JsonRecordWriter
from bulkzoho.interfaces import RecordWriter
from bulkzoho.storage.files.write_errors import write_error

__all__ = ["ExportOutput", "output_columns"]

_NO_READER: Final = (errno.EPIPE, errno.EBADF)
_DELETED: Final = FieldMetadata(api_name=DELETED, label=DELETED, data_type="datetime", json_type="string")


def output_columns(module: CrmModule, names: Sequence[str], *, with_deleted: bool) -> list[FieldMetadata]:
    """Return the columns of the output: the id, the fields *names*, and the time of deletion if deleted records are included."""
    known = module.by_api_name
    fields = [known.get(name) or _removed_field(name) for name in names]
    return [ID, *fields, *([_DELETED] if with_deleted else [])]


def _removed_field(name: str) -> FieldMetadata:
    """Return the metadata of a field that was removed from the CRM after the export was planned."""
    return FieldMetadata(api_name=name, label=name, data_type="text", json_type="string")


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportOutput:
    """The output of one export."""

    settings: ExportSettings
    columns: Sequence[FieldMetadata]
    run: str
    scratch: Path  #: a folder in the run's folder
    tell: Callable[[str], None]  #: takes one line for the user

    def writer(self) -> RecordWriter:
        """Return the writer of the partition files; for Parquet they are JSON Lines first."""
        if self.settings.format is OutputFormat.CSV:
            return CsvRecordWriter(self.columns, null_text=self.settings.null_text)
        return JsonRecordWriter(self.columns)

    async def deliver(self, parts: Sequence[Part], out: ByteSink) -> None:
        """Join the partition files *parts* into the output file, which appears only when it is complete, or into *out*.

        Raises:
            RunFailedError: It cannot be written; the partition files are unchanged.
        """
        settings, head = self.settings, self.writer().head()
        try:
            if settings.format is OutputFormat.PARQUET:
                parts = [await self._parquet(parts)]
            if settings.output == STANDARD_OUTPUT:
                stream_parts(out, head, parts, settings.compression)
            else:
                await asyncio.to_thread(write_parts, Path(settings.output), head, parts, settings.compression, run=self.run)
        except OSError as error:
            if settings.output == STANDARD_OUTPUT and error.errno in _NO_READER:
                raise RunFailedError(
                    "standard output: the reader closed the pipe, so not every record was delivered.",
                    hint=f"`bulkzoho resume {self.run}` writes all of them from the first on; nothing is read again.",
                    code="NO_READER",
                ) from error
            name = "standard output" if settings.output == STANDARD_OUTPUT else settings.output
            hint = "Make room or give write permission, then resume: nothing is read again."
            raise write_error(RunFailedError, name, error, hint=hint) from error

    async def _parquet(self, parts: Sequence[Part]) -> Part:
        path = self.scratch / "whole.parquet"
        as_text = await asyncio.to_thread(write_parquet, path, self.columns, parts)
        if as_text:
            self.tell(f"Written as text, because a value does not fit the type of its field: {', '.join(as_text)}.")
        return path, path.stat().st_size
