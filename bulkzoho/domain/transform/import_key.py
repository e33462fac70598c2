"""The import key: a text field that holds the run and row of each imported record.  Pure: no clock, no I/O.

An insert without a response is then looked up by a value that no other record has.
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

TEXT: Final = "text"  # the data type of a single line, which a query can filter by
ROW_DIGITS: Final = 10  # of the longest row number


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportKey:
    """The value of the import key: ``<run>:<row>``, or ``<run>:<source>:<row>`` if the run has several sources."""

    field: str  #: API name
    run: str
    several: bool  #: whether the run has several sources; they are counted from 1
    is_replay: bool = False  #: the rows come from a dead-letter file; those with an import key keep it

    def column(self, source: int, numbers: Sequence[int]) -> list[str]:
        """Return the keys of the rows *numbers* of the source with index *source*."""
        prefix = self._prefix(source)
        return [f"{prefix}{number}" for number in numbers]

    def length(self, sources: int) -> int:
        """Return the length of the longest key, in characters."""
        return len(self._prefix(sources - 1)) + ROW_DIGITS

    def require_free_field(self, plan: ColumnPlan, *, source: str) -> None:
        """Check that nothing else fills the field.

        Raises:
            RefusedError: A column or ``--set`` fills it.
        """
        if self.is_replay or not self._is_filled(plan):
            return
        columns = (column.name for column in plan.columns if column.field.api_name == self.field)
        filled_by = next((f'{source}: column "{name}"' for name in columns), "--set")
        raise RefusedError(
            f"{filled_by} fills {self.field}, the field of --import-key.",
            hint="Name another text field as the import key, or leave the column out.",
            code="IMPORT_KEY_TAKEN",
        )

    def apply_to(self, plan: ColumnPlan) -> tuple[ColumnPlan, ImportKey | None]:
        """Return the plan with this key, and the key unless the rows keep their own.

        A column that appeared late for the same field becomes unexpected.  A rejected row keeps the key that it has.
        """
        if not self._is_filled(plan):
            return plan, self
        if self.is_replay:
            return plan, None
        taken = [column for column in plan.columns if column.field.api_name == self.field]
        unexpected = [
            UnexpectedColumn(
                index=column.index, name=column.name, message=f'--import-key already fills the field of column "{column.name}".'
            )
            for column in taken
        ]
        columns = tuple(column for column in plan.columns if column not in taken)
        return replace(plan, columns=columns, unexpected=(*plan.unexpected, *unexpected)), self

    def _prefix(self, source: int) -> str:
        return f"{self.run}:{source + 1}:" if self.several else f"{self.run}:"

    def _is_filled(self, plan: ColumnPlan) -> bool:
        names = [*(column.field.api_name for column in plan.columns), *(field.api_name for field, _ in plan.constants)]
        return self.field in names


def resolve_import_key(
    name: str, crm_module: CrmModule, operation: Operation, *, run: str, sources: int, is_replay: bool = False
) -> ImportKey:
    """Return the import key of a run for the field *name* (API name).

    Raises:
        RefusedError: The field does not exist, is not a single-line text, is too short, or cannot be written.
    """
    resolver = FieldResolver(crm_module)
    field = resolver.exactly(name)
    if field is None:
        near = resolver.nearest(name)
        raise _refused(
            f"{crm_module.api_name} has no field of this API name" + (f"; did you mean {near}?" if near else "."),
            name=name,
            code="UNKNOWN_FIELD",
        )
    import_key = ImportKey(field=field.api_name, run=run, several=sources > 1, is_replay=is_replay)
    if field.data_type != TEXT:
        raise _refused(f"is a field of type {field.data_type}, not a text.", name=name)
    if field.length is not None and field.length < import_key.length(sources):
        raise _refused(f"holds {field.length} characters; run and row take up to {import_key.length(sources)}.", name=name)
    if not _is_writable(field, operation):
        raise _refused(f"cannot be written on {operation.value}.", name=name, code="READ_ONLY_FIELD")
    return import_key


def _is_writable(field: FieldMetadata, operation: Operation) -> bool:
    if field.read_only:
        return False
    return field.api_create and (field.api_update or operation is Operation.INSERT)


def _refused(problem: str, *, name: str, code: str = "UNFIT_IMPORT_KEY") -> RefusedError:
    return RefusedError(
        f"--import-key {name}: {problem}",
        hint="Name a writable single-line text field of the module that no column fills; create one in the CRM if needed.",
        code=code,
    )
