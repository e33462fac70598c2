"""Decide which column of an input goes to which field, before the first row is sent.  Pure: no clock, no I/O."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata
from bulkzoho.domain.model.rows import Operation
from bulkzoho.domain.model.settings import MappingSettings
from bulkzoho.domain.transform.column_plan import (
    CODES,
    ColumnPlan,
    MappedColumn,
    UnexpectedColumn,
    UnmappedColumn,
    UnmappedReason,
    listed,
    remedy,
)
from bulkzoho.domain.transform.field_names import ID, FieldResolver
from bulkzoho.domain.transform.references import USER_TYPES
from bulkzoho.domain.transform.upsert_keys import check_match_on
from bulkzoho.errors import RefusedError, UsageError

__all__ = ["ColumnPlan", "plan_columns", "plan_later_columns"]


def plan_columns(
    header: Sequence[str],
    crm_module: CrmModule,
    mapping: MappingSettings,
    operation: Operation,
    match_on: Sequence[str],
    *,
    source: str,
    expanding: bool = False,
) -> ColumnPlan:
    """Plan the columns of an input whose header is known before anything is sent.

    Args:
        header: Names of the columns.
        crm_module: With its fields.
        mapping: ``--map``, ``--set`` and what to do about columns that cannot go anywhere.
        operation: Decides what may be written and what must be there.
        match_on: API names by which an upsert finds records.
        source: What messages call the input.
        expanding: Columns may still turn up (JSON Lines): one that is missing is then no error, rows without it are.

    Raises:
        RefusedError: A column without a field, two for one field, a field that is not there, that may not be written, that must
            be filled and is not.
        UsageError: An upsert without ``match_on``; a ``--set`` without a value.
    """
    check_match_on(crm_module, operation, match_on)
    planner = ColumnMapper(crm_module, mapping, operation, source)
    columns, leftovers = planner.assign(header, expanding=expanding)
    warnings = planner.refuse_or_warn(leftovers)
    constants = planner.constants()
    given = _given(constants, mapping)
    required = _required(crm_module, operation, given)
    filled = given | {one.field.api_name for one in columns}
    if not expanding:
        planner.refuse_missing(required, filled, "must be filled")
    if operation is Operation.UPSERT:
        if not expanding:
            planner.refuse_missing(match_on, filled, "is what --match-on looks for")
        warnings += planner.warnings_of_upsert(columns, filled)
    return ColumnPlan(columns=tuple(columns), constants=constants, required=required, warnings=tuple(warnings))


def plan_later_columns(
    header: Sequence[str], crm_module: CrmModule, mapping: MappingSettings, operation: Operation
) -> ColumnPlan:
    """Plan the columns of a header that turned up when rows were already sent (JSON Lines may bring keys at any line).

    What :func:`plan_columns` refuses as a whole is here refused row by row: see :class:`UnexpectedColumn`.
    """
    planner = ColumnMapper(crm_module, mapping, operation, "")
    columns, leftovers = planner.assign(header, expanding=True)
    constants = planner.constants()
    unexpected = tuple(
        UnexpectedColumn(index=one.index, name=one.name, message=planner.message([one]))
        for one in leftovers
        if not planner.leaves_out(one)
    )
    required = _required(crm_module, operation, _given(constants, mapping))
    return ColumnPlan(columns=tuple(columns), constants=constants, required=required, unexpected=unexpected)


def _given(constants: Iterable[tuple[FieldMetadata, str]], mapping: MappingSettings) -> set[str]:
    """Give the API names that ``--set`` fills in every row."""
    return {field.api_name for field, text in constants if text != mapping.null_text}


def _required(crm_module: CrmModule, operation: Operation, given: set[str]) -> tuple[str, ...]:
    """Give what no row may leave blank; mandatory fields only where every row makes a record (insert)."""
    match operation:
        case Operation.UPDATE | Operation.DELETE:
            return (ID.api_name,)
        case Operation.UPSERT:
            return ()
        case Operation.INSERT:
            return tuple(name for name in _mandatory(crm_module) if name not in given)


def _mandatory(crm_module: CrmModule) -> list[str]:
    return [one.api_name for one in crm_module.fields if one.mandatory and one.api_create and not one.read_only]


class ColumnMapper:
    """Names, settings and words shared by the steps of one plan."""

    def __init__(self, crm_module: CrmModule, mapping: MappingSettings, operation: Operation, source: str) -> None:
        self._names = FieldResolver(crm_module)
        self._module = crm_module
        self._mapping = mapping
        self._operation = operation
        self._source = source

    def assign(self, header: Sequence[str], *, expanding: bool) -> tuple[list[MappedColumn], list[UnmappedColumn]]:
        """Give each column its field, or a reason why it has none.

        Raises:
            RefusedError: ``--map`` names what is not there; two columns want one field.
        """
        mapped, formats = self._mapped(header, expanding=expanding), self._formats(header, expanding=expanding)
        constants = {field.api_name for field, _ in self.constants()}
        columns: dict[str, MappedColumn] = {}
        leftovers: list[UnmappedColumn] = []
        in_turn = sorted(range(len(header)), key=lambda index: index not in mapped)  # what the user said comes first
        for index in in_turn:
            name = header[index]
            if index in mapped and mapped[index] is None:
                continue
            field = mapped.get(index) or self._found(name)
            if self._operation is Operation.DELETE and field is not ID:
                continue  # a whole record may stand beside the id; only the id is read
            if field is None:
                leftovers.append(UnmappedColumn(index=index, name=name, reason=UnmappedReason.UNKNOWN))
            elif field.api_name in constants:
                continue  # --set wins
            elif not self._writable(field):
                leftovers.append(UnmappedColumn(index=index, name=name, reason=UnmappedReason.READ_ONLY, field=field))
            elif field.api_name not in columns:
                columns[field.api_name] = MappedColumn(index=index, name=name, field=field, date_format=formats.get(index))
            elif expanding or (index not in mapped and columns[field.api_name].index in mapped):
                leftovers.append(UnmappedColumn(index=index, name=name, reason=UnmappedReason.TAKEN, field=field))
            else:
                raise self._two_to_one(columns[field.api_name].name, name, field)
        leftovers.sort(key=lambda one: one.index)
        return sorted(columns.values(), key=lambda one: one.index), leftovers

    def constants(self) -> tuple[tuple[FieldMetadata, str], ...]:
        """Give the fields of ``--set`` with their values.

        Raises:
            RefusedError: There is no such field, or the API may not write it.
            UsageError: There is no value.
        """
        if self._operation is Operation.DELETE:
            return ()
        made = {}
        for name, text in self._mapping.set:
            field = self._named(name, option=f"--set {name}=...")
            if not text.strip():
                raise UsageError(
                    f"--set {name}= has no value.",
                    hint="To clear a field give --null TEXT, and TEXT as the value; to leave it alone, nothing.",
                )
            if field is ID or not self._writable(field):
                raise RefusedError(
                    f"--set {name}=...: the API does not write {field.api_name} on {self._operation.value}.",
                    hint="Leave this --set out.",
                    code="READ_ONLY_FIELD",
                )
            made[field.api_name] = (field, text)
        return tuple(made.values())

    def refuse_or_warn(self, leftovers: Sequence[UnmappedColumn]) -> list[str]:
        """Give a warning for what is left out as the user said.

        Raises:
            RefusedError: Some column has nowhere to go, and the user did not say to leave such ones out.
        """
        warnings = []
        for reason in UnmappedReason:
            alike = [one for one in leftovers if one.reason is reason]
            if not alike:
                continue
            if not self.leaves_out(alike[0]):
                raise RefusedError(f"{self._source}: {self.message(alike)}", hint=remedy(alike[0]), code=CODES[reason])
            warnings.append(f"{self._source}: left out: {listed(alike)} ({reason.value}).")
        return warnings

    def leaves_out(self, one: UnmappedColumn) -> bool:
        """Whether the user said to leave such a column out."""
        return self._mapping.ignore_readonly if one.reason is UnmappedReason.READ_ONLY else self._mapping.ignore_unknown

    def message(self, alike: Sequence[UnmappedColumn]) -> str:
        """Say what is wrong with columns that are left over for the same reason."""
        named = listed(alike)
        if alike[0].reason is UnmappedReason.READ_ONLY:
            return f"the API does not write {named} of {self._module.api_name} on {self._operation.value}."
        if alike[0].reason is UnmappedReason.TAKEN:
            return f"another column fills the field of {named} already."
        nearest = {one.name: self._names.nearest(one.name) for one in alike}
        if len(alike) == 1:
            near = nearest[alike[0].name]
            question = f"; did you mean {near}?" if near else "."
            return f"{named} is no field of {self._module.api_name}{question}"
        named = ", ".join(f'"{name}" (nearest: {near})' if near else f'"{name}"' for name, near in nearest.items())
        return f"columns {named} are no fields of {self._module.api_name}."

    def refuse_missing(self, wanted: Iterable[str], filled: set[str], why: str) -> None:
        """Refuse the input when no column fills a field that is *wanted*."""
        missing = [name for name in wanted if name not in filled]
        if not missing:
            return
        module = "" if missing == [ID.api_name] else f" of {self._module.api_name}"
        why = f"names the record to {self._operation.value}" if missing == [ID.api_name] else why
        raise RefusedError(
            f"{self._source}: no column fills {', '.join(missing)}{module}, which {why}.",
            hint=f'Name a column so, map one with --map "COLUMN={missing[0]}"'
            + ("." if missing == [ID.api_name] else f", or give all rows a value with --set {missing[0]}=VALUE."),
            code="MISSING_COLUMN",
        )

    def warnings_of_upsert(self, columns: Iterable[MappedColumn], filled: set[str]) -> list[str]:
        """Say what an upsert may stumble over, without knowing which rows make records and which change them."""
        warnings = []
        missing = [name for name in _mandatory(self._module) if name not in filled]
        if missing:
            warnings.append(
                f"{self._source}: rows that make a new record will be refused, since no column fills {', '.join(missing)}."
            )
        halves = [one.field.api_name for one in columns if one.field.api_create is not one.field.api_update]
        if halves:
            warnings.append(
                f"{self._source}: {', '.join(halves)} may be written on insert or on update only; an upsert does either."
            )
        return warnings

    def _mapped(self, header: Sequence[str], *, expanding: bool) -> dict[int, FieldMetadata | None]:
        """Give the fields of ``--map`` by the index of their column; None leaves the column out."""
        mapped = {}
        for column, name in self._mapping.map:
            option = f"--map {column}={name}"
            field = self._named(name, option=option) if name.strip() else None
            index = self._place(column, header, option=option, expanding=expanding)
            if index is not None:
                mapped[index] = field
        return mapped

    def _formats(self, header: Sequence[str], *, expanding: bool) -> dict[int, str]:
        """Give the date formats of single columns by the index of their column."""
        formats = {}
        for column, text in self._mapping.column_formats:
            index = self._place(column, header, option=f"its date format {text}", expanding=expanding)
            if index is not None:
                formats[index] = text
        return formats

    def _place(self, column: str, header: Sequence[str], *, option: str, expanding: bool) -> int | None:
        """Give the index of a column that an option names, None when it may still turn up."""
        wanted = column.strip().casefold()
        alike = [index for index, name in enumerate(header) if name.strip().casefold() == wanted]
        exact = [index for index in alike if header[index] == column]
        if alike or expanding:
            return next(iter(exact or alike), None)
        near = difflib.get_close_matches(column, header, n=1, cutoff=0.6)
        raise RefusedError(
            f'{self._source}: there is no column "{column}" for {option}' + (f'; did you mean "{near[0]}"?' if near else "."),
            hint="Give the column's name as it stands in the header.",
            code="UNKNOWN_COLUMN",
        )

    def _named(self, name: str, *, option: str) -> FieldMetadata:
        """Give the field that an option names."""
        if "@" in name:
            raise self._not_built(option, name)
        found = self._names.find(name)
        if len(found) == 1:
            return found[0]
        if found:
            raise self._ambiguous(option, found)
        near = self._names.nearest(name)
        raise RefusedError(
            f"{option}: {self._module.api_name} has no field {name}" + (f"; did you mean {near}?" if near else "."),
            hint=f"Give the field's API name; `bulkzoho fields {self._module.api_name}` lists them.",
            code="UNKNOWN_FIELD",
        )

    def _not_built(self, option: str, name: str) -> RefusedError:
        """Refuse ``Field@UniqueField``, and say what does as well today."""
        plain = name.partition("@")[0]
        found = self._names.find(plain)
        user = next((one.api_name for one in found if one.data_type in USER_TYPES), None)
        return RefusedError(
            f"{option}: lookups by another field's value are not built yet.",
            hint=f"Give {user} alone: it takes ids, e-mail addresses and full names of users."
            if user
            else f"Fill the column with ids of records, and give {found[0].api_name if found else 'the lookup field'} alone.",
            code="NOT_BUILT",
        )

    def _found(self, name: str) -> FieldMetadata | None:
        found = self._names.find(name)
        if len(found) > 1:
            raise self._ambiguous(f'{self._source}: column "{name}"', found)
        return found[0] if found else None

    def _writable(self, field: FieldMetadata) -> bool:
        match self._operation:
            case _ if field is ID:
                return self._operation in (Operation.UPDATE, Operation.DELETE)
            case _ if field.read_only:
                return False
            case Operation.INSERT:
                return field.api_create
            case Operation.UPDATE | Operation.DELETE:
                return field.api_update
            case Operation.UPSERT:
                return field.api_create or field.api_update

    def _two_to_one(self, first: str, second: str, field: FieldMetadata) -> RefusedError:
        return RefusedError(
            f'{self._source}: columns "{first}" and "{second}" both go to {field.api_name}.',
            hint=f'Say which one is meant with --map "{first}={field.api_name}", and leave the other out with --ignore-unknown.',
            code="TWO_COLUMNS_FOR_ONE_FIELD",
        )

    def _ambiguous(self, what: str, found: Sequence[FieldMetadata]) -> RefusedError:
        return RefusedError(
            f"{what} may mean {' or '.join(one.api_name for one in found)}.",
            hint="Say which with --map COLUMN=FIELD, by the field's API name.",
            code="AMBIGUOUS_FIELD",
        )
