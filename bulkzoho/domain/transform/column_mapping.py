"""Map the columns of an input to fields before the first row is sent.  Pure: no clock, no I/O."""

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
    quoted_names,
    unmapped_hint,
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
    """Return the plan for the columns of an input, made before anything is sent.

    Args:
        header: Names of the columns.
        crm_module: The module, with its fields.
        mapping: ``--map``, ``--set`` and the settings for columns without a field.
        operation: Decides which fields can be written and which are required.
        match_on: API names of the fields by which an upsert finds records.
        source: Name of the input in messages.
        expanding: Columns may still appear (JSON Lines).  A missing column is no error then; rows without its value are
            rejected.

    Raises:
        RefusedError: A column has no field, two columns have the same field, an option names an unknown field, a field cannot
            be written, or a required field is not mapped.
        UsageError: An upsert without ``match_on``, or a ``--set`` without a value.
    """
    check_match_on(crm_module, operation, match_on)
    mapper = ColumnMapper(crm_module, mapping, operation, source)
    columns, unmapped = mapper.assign(header, expanding=expanding)
    warnings = mapper.refuse_or_warn(unmapped)
    constants = mapper.constants()
    constant_names = _constant_names(constants, mapping)
    required = _required_fields(crm_module, operation, constant_names)
    filled = constant_names | {column.field.api_name for column in columns}
    if not expanding:
        mapper.require_mapped(required, filled)
    if operation is Operation.UPSERT:
        if not expanding:
            mapper.require_mapped(match_on, filled, option="--match-on")
        warnings += mapper.upsert_warnings(columns, filled)
    return ColumnPlan(columns=tuple(columns), constants=constants, required=required, warnings=tuple(warnings))


def plan_later_columns(
    header: Sequence[str], crm_module: CrmModule, mapping: MappingSettings, operation: Operation
) -> ColumnPlan:
    """Return the plan for a header that appeared after rows were sent (JSON Lines may have new keys in any line).

    Where :func:`plan_columns` refuses the input, this plan rejects single rows: see :class:`UnexpectedColumn`.
    """
    mapper = ColumnMapper(crm_module, mapping, operation, "")
    columns, unmapped = mapper.assign(header, expanding=True)
    constants = mapper.constants()
    unexpected = tuple(
        UnexpectedColumn(index=column.index, name=column.name, message=mapper.describe([column]))
        for column in unmapped
        if not mapper.is_ignored(column)
    )
    required = _required_fields(crm_module, operation, _constant_names(constants, mapping))
    return ColumnPlan(columns=tuple(columns), constants=constants, required=required, unexpected=unexpected)


def _constant_names(constants: Iterable[tuple[FieldMetadata, str]], mapping: MappingSettings) -> set[str]:
    """Return the API names of the fields that ``--set`` fills in every row."""
    return {field.api_name for field, text in constants if text != mapping.null_text}


def _required_fields(crm_module: CrmModule, operation: Operation, filled: set[str]) -> tuple[str, ...]:
    """Return the fields that every row must fill; mandatory fields only where every row creates a record (insert)."""
    match operation:
        case Operation.UPDATE | Operation.DELETE:
            return (ID.api_name,)
        case Operation.UPSERT:
            return ()
        case Operation.INSERT:
            return tuple(name for name in _mandatory_fields(crm_module) if name not in filled)


def _mandatory_fields(crm_module: CrmModule) -> list[str]:
    return [field.api_name for field in crm_module.fields if field.mandatory and field.api_create and not field.read_only]


class ColumnMapper:
    """The names, settings and messages that the steps of one plan share."""

    def __init__(self, crm_module: CrmModule, mapping: MappingSettings, operation: Operation, source: str) -> None:
        self._resolver = FieldResolver(crm_module)
        self._module = crm_module
        self._mapping = mapping
        self._operation = operation
        self._source = source

    def assign(self, header: Sequence[str], *, expanding: bool) -> tuple[list[MappedColumn], list[UnmappedColumn]]:
        """Return the columns with a field, and those without one with the reason.

        Raises:
            RefusedError: ``--map`` names an unknown column or field, or two columns have the same field.
        """
        mapped, formats = self._mapped(header, expanding=expanding), self._formats(header, expanding=expanding)
        constants = {field.api_name for field, _ in self.constants()}
        columns: dict[str, MappedColumn] = {}
        unmapped: list[UnmappedColumn] = []
        for index in sorted(range(len(header)), key=lambda index: index not in mapped):  # columns of --map take their field first
            field = mapped[index] if index in mapped else self._found(header[index])
            if self._is_left_out(field, constants, is_mapped=index in mapped):
                continue
            reason = self._unmapped_reason(field, columns)
            if reason is UnmappedReason.TAKEN and field is not None:
                first = columns[field.api_name]
                if not expanding and (index in mapped or first.index not in mapped):
                    raise self._same_field(first.name, header[index], field)
            if reason is not None:
                unmapped.append(UnmappedColumn(index=index, name=header[index], reason=reason, field=field))
            elif field is not None:
                columns[field.api_name] = MappedColumn(
                    index=index, name=header[index], field=field, date_format=formats.get(index)
                )
        unmapped.sort(key=lambda column: column.index)
        return sorted(columns.values(), key=lambda column: column.index), unmapped

    def _is_left_out(self, field: FieldMetadata | None, constants: set[str], *, is_mapped: bool) -> bool:
        if field is None:
            return is_mapped or self._operation is Operation.DELETE
        if self._operation is Operation.DELETE:
            return field is not ID  # a delete may be given whole records; it reads only the id
        return field.api_name in constants  # --set takes precedence

    def _unmapped_reason(self, field: FieldMetadata | None, columns: dict[str, MappedColumn]) -> UnmappedReason | None:
        if field is None:
            return UnmappedReason.UNKNOWN
        if not self._is_writable(field):
            return UnmappedReason.READ_ONLY
        return UnmappedReason.TAKEN if field.api_name in columns else None

    def constants(self) -> tuple[tuple[FieldMetadata, str], ...]:
        """Return the fields of ``--set`` with their values.

        Raises:
            RefusedError: A field does not exist, or cannot be written through the API.
            UsageError: A value is blank.
        """
        if self._operation is Operation.DELETE:
            return ()
        constants = {}
        for name, text in self._mapping.set:
            field = self._named(name, option=f"--set {name}=...")
            if not text.strip():
                raise UsageError(
                    f"--set {name}= has no value.",
                    hint="To clear the field, define a null text with --null and use it as the value.",
                )
            if field is ID or not self._is_writable(field):
                raise RefusedError(
                    f"--set {name}=...: {field.api_name} cannot be written on {self._operation.value}.",
                    hint="Leave this --set out.",
                    code="READ_ONLY_FIELD",
                )
            constants[field.api_name] = (field, text)
        return tuple(constants.values())

    def refuse_or_warn(self, unmapped: Sequence[UnmappedColumn]) -> list[str]:
        """Return a warning for each group of columns that the settings leave out.

        Raises:
            RefusedError: A column has no field, and the settings do not leave it out.
        """
        warnings = []
        for reason in UnmappedReason:
            group = [column for column in unmapped if column.reason is reason]
            if not group:
                continue
            if not self.is_ignored(group[0]):
                raise RefusedError(f"{self._source}: {self.describe(group)}", hint=unmapped_hint(group[0]), code=CODES[reason])
            warnings.append(f"{self._source}: left out: {quoted_names(group)} ({reason.value}).")
        return warnings

    def is_ignored(self, column: UnmappedColumn) -> bool:
        """Return whether the settings leave out columns like *column*."""
        return self._mapping.ignore_readonly if column.reason is UnmappedReason.READ_ONLY else self._mapping.ignore_unknown

    def describe(self, group: Sequence[UnmappedColumn]) -> str:
        """Return the message for columns that have no field for the same reason."""
        names = quoted_names(group)
        if group[0].reason is UnmappedReason.READ_ONLY:
            return f"{names} of {self._module.api_name} cannot be written on {self._operation.value}."
        if group[0].reason is UnmappedReason.TAKEN:
            return f"the field of {names} is already filled by another column."
        nearest = [(column.name, self._resolver.nearest(column.name)) for column in group]
        if len(group) == 1:
            name, near = nearest[0]
            return f'unknown column for {self._module.api_name}: "{name}"' + (f"; did you mean {near}?" if near else ".")
        names = ", ".join(f'"{name}" (nearest: {near})' if near else f'"{name}"' for name, near in nearest)
        return f"unknown columns for {self._module.api_name}: {names}."

    def require_mapped(self, fields: Iterable[str], filled: set[str], *, option: str = "") -> None:
        """Refuse the input if one of *fields* is not in *filled*; *option* is the option that requires them."""
        missing = [name for name in fields if name not in filled]
        if not missing:
            return
        if missing == [ID.api_name]:
            problem = f"no column holds the id of the record to {self._operation.value}."
            hint = f'Name a column id, or map one with --map "COLUMN={ID.api_name}".'
        else:
            kind = f"field{'s' if len(missing) > 1 else ''} {', '.join(missing)}"
            verb = "are" if len(missing) > 1 else "is"
            problem = f"{kind} of {option} {verb} not mapped." if option else f"required {kind} {verb} not mapped."
            hint = f'Map a column with --map "COLUMN={missing[0]}", or set a value for all rows with --set {missing[0]}=VALUE.'
        raise RefusedError(f"{self._source}: {problem}", hint=hint, code="MISSING_COLUMN")

    def upsert_warnings(self, columns: Iterable[MappedColumn], filled: set[str]) -> list[str]:
        """Return the warnings for an upsert, whose rows may create records or update them."""
        warnings = []
        missing = [name for name in _mandatory_fields(self._module) if name not in filled]
        if missing:
            required = (
                f"required field{'s' if len(missing) > 1 else ''} {', '.join(missing)} {'are' if len(missing) > 1 else 'is'}"
            )
            warnings.append(f"{self._source}: {required} not mapped: the CRM rejects rows that create a record.")
        partly = [column.field.api_name for column in columns if column.field.api_create is not column.field.api_update]
        if partly:
            warnings.append(
                f"{self._source}: {', '.join(partly)} can be written either on insert or on update; an upsert does both."
            )
        return warnings

    def _mapped(self, header: Sequence[str], *, expanding: bool) -> dict[int, FieldMetadata | None]:
        """Return the fields of ``--map`` by the index of their column; None leaves the column out."""
        mapped = {}
        for column, name in self._mapping.map:
            option = f"--map {column}={name}"
            field = self._named(name, option=option) if name.strip() else None
            index = self._column_index(column, header, option=option, expanding=expanding)
            if index is not None:
                mapped[index] = field
        return mapped

    def _formats(self, header: Sequence[str], *, expanding: bool) -> dict[int, str]:
        """Return the date formats of single columns by the index of their column."""
        formats = {}
        for column, text in self._mapping.column_formats:
            index = self._column_index(column, header, option=f"its date format {text}", expanding=expanding)
            if index is not None:
                formats[index] = text
        return formats

    def _column_index(self, column: str, header: Sequence[str], *, option: str, expanding: bool) -> int | None:
        """Return the index of a column that an option names, None if it may still appear."""
        wanted = column.strip().casefold()
        similar = [index for index, name in enumerate(header) if name.strip().casefold() == wanted]
        exact = [index for index in similar if header[index] == column]
        if similar or expanding:
            return next(iter(exact or similar), None)
        near = difflib.get_close_matches(column, header, n=1, cutoff=0.6)
        raise RefusedError(
            f'{self._source}: there is no column "{column}" for {option}' + (f'; did you mean "{near[0]}"?' if near else "."),
            hint="Use the name of the column as in the header.",
            code="UNKNOWN_COLUMN",
        )

    def _named(self, name: str, *, option: str) -> FieldMetadata:
        """Return the field that an option names."""
        if "@" in name:
            raise self._not_built(option, name)
        found = self._resolver.find(name)
        if len(found) == 1:
            return found[0]
        if found:
            raise self._ambiguous(option, found)
        near = self._resolver.nearest(name)
        raise RefusedError(
            f"{option}: {self._module.api_name} has no field {name}" + (f"; did you mean {near}?" if near else "."),
            hint=f"Use the API name of the field; `bulkzoho fields {self._module.api_name}` lists them.",
            code="UNKNOWN_FIELD",
        )

    def _not_built(self, option: str, name: str) -> RefusedError:
        """Return the error for ``Field@UniqueField``, with what works today."""
        found = self._resolver.find(name.partition("@")[0])
        user = next((field.api_name for field in found if field.data_type in USER_TYPES), None)
        lookup = found[0].api_name if found else "the lookup field"
        return RefusedError(
            f"{option}: lookups by the value of another field are not built yet.",
            hint=f"Use {user} alone: it accepts ids, e-mail addresses and full names of users."
            if user
            else f"Fill the column with ids of records, and use {lookup} alone.",
            code="NOT_BUILT",
        )

    def _found(self, name: str) -> FieldMetadata | None:
        found = self._resolver.find(name)
        if len(found) > 1:
            raise self._ambiguous(f'{self._source}: column "{name}"', found)
        return found[0] if found else None

    def _is_writable(self, field: FieldMetadata) -> bool:
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

    def _same_field(self, first: str, second: str, field: FieldMetadata) -> RefusedError:
        return RefusedError(
            f'{self._source}: columns "{first}" and "{second}" are both mapped to {field.api_name}.',
            hint=f'Choose one with --map "{first}={field.api_name}", and leave the other out with --ignore-unknown.',
            code="TWO_COLUMNS_FOR_ONE_FIELD",
        )

    def _ambiguous(self, subject: str, found: Sequence[FieldMetadata]) -> RefusedError:
        return RefusedError(
            f"{subject} may be {' or '.join(field.api_name for field in found)}.",
            hint="Choose one with --map COLUMN=FIELD, by the API name of the field.",
            code="AMBIGUOUS_FIELD",
        )
