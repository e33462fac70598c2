"""The import key: a text field in which each record says which run and row it came from.  Pure: no clock, no I/O.

A lost insert is then looked up by a value that no other record can have, whatever else the records hold.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.transform.column_plan import ColumnPlan, UnexpectedColumn
from bulkzoho.domain.transform.field_names import FieldResolver
from bulkzoho.errors import RefusedError

__all__ = ["ImportKey", "resolve_import_key"]

TEXT: Final = "text"  # the data type of a single line, which a query may ask for
ROW_DIGITS: Final = 10  # of the longest row number


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportKey:
    """What is written into the import key: ``<run>:<row>``, or ``<run>:<source>:<row>`` when there are several sources."""

    field: str  #: API name
    run: str
    several: bool  #: whether the run has several sources; they are counted from 1
    letters: bool = False  #: the input is dead letters: those that carry a stamp keep it

    def column(self, source: int, numbers: Sequence[int]) -> list[str]:
        """Give the stamps of rows of the source with index *source*, by their *numbers*."""
        prefix = self._prefix(source)
        return [f"{prefix}{number}" for number in numbers]

    def length(self, sources: int) -> int:
        """Give the most characters that a stamp takes."""
        return len(self._prefix(sources - 1)) + ROW_DIGITS

    def refuse_filled(self, plan: ColumnPlan, *, source: str) -> None:
        """See that nothing else fills the field.

        Raises:
            RefusedError: A column does, or ``--set``.
        """
        if self.letters or not self._is_filled(plan):
            return
        by = next((f'{source}: column "{one.name}"' for one in plan.columns if one.field.api_name == self.field), "--set")
        raise RefusedError(
            f"{by} fills {self.field}, which --import-key is to fill.",
            hint="Name another text field as the import key, or leave the column out.",
            code="IMPORT_KEY_TAKEN",
        )

    def applied_to(self, plan: ColumnPlan) -> tuple[ColumnPlan, ImportKey | None]:
        """Give what becomes of the columns, and the stamp if these rows are stamped.

        A column that turned up late and wants the field has nowhere to go.  A letter keeps the stamp that it carries.
        """
        if not self._is_filled(plan):
            return plan, self
        if self.letters:
            return plan, None
        taken = [one for one in plan.columns if one.field.api_name == self.field]
        strange = [
            UnexpectedColumn(
                index=one.index, name=one.name, message=f'--import-key fills the field of column "{one.name}" already.'
            )
            for one in taken
        ]
        kept = tuple(one for one in plan.columns if one not in taken)
        return replace(plan, columns=kept, unexpected=(*plan.unexpected, *strange)), self

    def _prefix(self, source: int) -> str:
        return f"{self.run}:{source + 1}:" if self.several else f"{self.run}:"

    def _is_filled(self, plan: ColumnPlan) -> bool:
        names = [*(one.field.api_name for one in plan.columns), *(field.api_name for field, _ in plan.constants)]
        return self.field in names


def resolve_import_key(
    name: str, crm_module: CrmModule, operation: Operation, *, run: str, sources: int, letters: bool = False
) -> ImportKey:
    """Give the stamp of a run whose import key is the field *name* (API name).

    Raises:
        RefusedError: The field is not there, is no single-line text, is too short, or cannot be written.
    """
    names = FieldResolver(crm_module)
    field = names.exactly(name)
    if field is None:
        near = names.nearest(name)
        raise _refused(
            f"{crm_module.api_name} has no field of this API name" + (f"; did you mean {near}?" if near else "."),
            name=name,
            code="UNKNOWN_FIELD",
        )
    stamp = ImportKey(field=field.api_name, run=run, several=sources > 1, letters=letters)
    if field.data_type != TEXT:
        raise _refused(f"is a field of type {field.data_type}, not a text.", name=name)
    if field.length is not None and field.length < stamp.length(sources):
        raise _refused(f"holds {field.length} characters; run and row take up to {stamp.length(sources)}.", name=name)
    if not _is_written(field, operation):
        raise _refused(f"the API does not write it on {operation.value}.", name=name, code="READ_ONLY_FIELD")
    return stamp


def _is_written(field: FieldMetadata, operation: Operation) -> bool:
    if field.read_only:
        return False
    return field.api_create and (field.api_update or operation is Operation.INSERT)


def _refused(what: str, *, name: str, code: str = "UNFIT_IMPORT_KEY") -> RefusedError:
    return RefusedError(
        f"--import-key {name}: {what}",
        hint="Name a writable single-line text field of the module that no column fills; make one in the CRM if there is none.",
        code=code,
    )
