"""Export cursors of ``--since last``: where the next export begins, replaced only after a complete export."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from contextlib import contextmanager

from bulkzoho.domain.model.export import ConvertedLeads, ExportCursor, ExportSettings
from bulkzoho.domain.model.metadata import CrmModule
from bulkzoho.domain.model.settings_json import from_json, to_json
from bulkzoho.errors import RefusedError
from bulkzoho.interfaces import CursorFile, RunStore

__all__ = ["ExportCursorStore"]


class ExportCursorStore:
    """The cursor with one name."""

    def __init__(self, file: CursorFile, *, name: str, export: str) -> None:
        """Use *file* for the cursor *name*; *export* identifies module, fields and condition."""
        self._file = file
        self._name = name
        self._export = export

    @classmethod
    @contextmanager
    def locked(cls, store: RunStore, org: str, settings: ExportSettings) -> Iterator[ExportCursorStore]:
        """Open the cursor of an export while no other process has it.

        Raises:
            RefusedError: Another process has it.
        """
        crm_module = settings.crm_module
        leads = [] if settings.converted is ConvertedLeads.LEFT_OUT else [settings.converted.value]
        export = json.dumps([crm_module, list(settings.fields), settings.where, *leads])
        name = settings.state or f"{crm_module}-{hashlib.sha256(export.encode()).hexdigest()[:12]}"
        with store.cursor(org, name) as file:
            yield cls(file, name=name, export=export)

    def load(self) -> ExportCursor | None:
        """Load the cursor; None before the first complete export.

        Raises:
            RefusedError: It belongs to an export with another module, other fields or another condition.
        """
        saved = self._file.read()
        if saved is None:
            return None
        try:
            export = saved["of"]
            module = from_json(CrmModule, saved["module"])
            cursor = ExportCursor(bound=saved["bound"], overlap=saved["edge"], module=module, fields=tuple(saved["fields"]))
        except (ValueError, KeyError, TypeError):
            return None  # written by another version: everything is exported again, and nothing is lost
        if export != self._export:  # continuing from there would leave out records that the other export never read
            raise RefusedError(
                f"the state {self._name} belongs to another export of {module.api_name}, with its own fields and condition.",
                hint="Use another --state, or the same module, fields and condition.",
                code="OTHER_STATE",
            )
        return cursor

    def save(self, cursor: ExportCursor) -> None:
        """Replace the cursor.

        Raises:
            OSError: It cannot be written; the next export begins where this one began.
        """
        self._file.write(
            {
                "of": self._export,
                "bound": cursor.bound,
                "edge": dict(cursor.overlap),
                "module": to_json(cursor.module),
                "fields": list(cursor.fields),
            }
        )
