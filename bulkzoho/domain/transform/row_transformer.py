"""Transform blocks of rows into records, column by column, and separate the rows that must not be sent.  Pure: no clock, no I/O.

The steps for each column are chosen once per header.  A block then costs a few calls per column and one dictionary per row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from itertools import repeat
from typing import Any, Final
from zoneinfo import ZoneInfo

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata
from bulkzoho.domain.model.results import Rejection
from bulkzoho.domain.model.rows import Cell, Operation, Record, RowBlock, RowOrigin
from bulkzoho.domain.model.settings import MappingSettings
from bulkzoho.domain.transform.column_mapping import plan_columns, plan_later_columns
from bulkzoho.domain.transform.column_plan import ColumnPlan, MappedColumn
from bulkzoho.domain.transform.converted_column import ConvertedColumn, Converter
from bulkzoho.domain.transform.converters import ConversionRules, converter_for
from bulkzoho.domain.transform.dates import check_format
from bulkzoho.domain.transform.field_names import ID, FieldResolver
from bulkzoho.domain.transform.import_key import ImportKey
from bulkzoho.domain.transform.json_passthrough import JsonPassthrough, build_passthrough
from bulkzoho.domain.transform.key_values import ClaimColumn, key_normalizer
from bulkzoho.domain.transform.record_json import EncodedRecords
from bulkzoho.domain.transform.references import USER_TYPES, needs_user_lookup
from bulkzoho.domain.transform.row_validation import find_rejections
from bulkzoho.domain.transform.user_directory import UserDirectory
from bulkzoho.domain.transform.value_faults import fault_of_text
from bulkzoho.errors import RefusedError, UsageError

__all__ = ["RejectedRow", "RowTransformer", "TransformedBlock"]

MAX_HEADER_PLANS: Final = 64  # plans in the cache; every block of JSON Lines may have a new header


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row that is not sent, with the reason."""

    number: int
    cells: Sequence[Cell]
    record: Record  #: as it would be sent; the rejected value as it was read
    rejection: Rejection
    origin: RowOrigin | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformedBlock:
    """The records of a block; all but ``header`` and ``rejected`` run in parallel."""

    header: tuple[str, ...]
    numbers: Sequence[int]
    records: Sequence[Record]
    cells: Sequence[Sequence[Cell]]
    claims: Mapping[str, ClaimColumn] = field(default_factory=dict)  #: the keys of each key field that is filled
    origins: Sequence[RowOrigin] | None = None
    rejected: Sequence[RejectedRow] = ()

    def pick(self, indexes: Sequence[int]) -> TransformedBlock:
        """Return the block with the records at *indexes* only; ``rejected`` stays."""
        return replace(
            self,
            numbers=[self.numbers[index] for index in indexes],
            records=[self.records[index] for index in indexes],
            cells=[self.cells[index] for index in indexes],
            claims={name: [keys[index] for index in indexes] for name, keys in self.claims.items()},
            origins=None if self.origins is None else [self.origins[index] for index in indexes],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnStep:
    """The conversion of one column."""

    index: int
    name: str  #: the field's API name
    convert: Converter
    claim: Callable[[Sequence[Any]], ClaimColumn] | None  #: for key fields


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderPlan:
    """The steps for every block of one header."""

    column_plan: ColumnPlan
    steps: Sequence[ColumnStep]
    user_columns: Sequence[int]  #: indexes of columns that hold users
    constants: Sequence[tuple[str, Any]]
    import_key: ImportKey | None
    constant_keys: Sequence[tuple[str, str | None]]
    make_records: Callable[[Iterable[Sequence[Any]]], list[dict[str, Any]]]


class RowTransformer:
    """Transforms rows into records.  The same rows always become the same records.

    Args:
        crm_module: The module that the records go to.
        mapping: The user's settings for columns and values.
        operation: What the run does with the records.
        match_on: API names of the fields by which an upsert finds records.
        time_zone: IANA name of the organization's time zone; ``mapping.time_zone`` takes precedence.
        import_key: The import key to fill, if there is one.

    Raises:
        UsageError: A date format or a time zone is invalid.
    """

    def __init__(
        self,
        *,
        crm_module: CrmModule,
        mapping: MappingSettings,
        operation: Operation,
        match_on: Sequence[str] = (),
        time_zone: str | None = None,
        import_key: ImportKey | None = None,
    ) -> None:
        self._module = crm_module
        self._import_key = import_key
        self._mapping = mapping
        self._operation = operation
        self._match_on = tuple(match_on)
        for text in filter(None, (mapping.date_format, *(text for _, text in mapping.column_formats))):
            check_format(text, option="the date format")
        self._rules = ConversionRules(
            null_text=mapping.null_text, date_format=mapping.date_format, zone=_zone(mapping, time_zone)
        )
        self._has_users = False
        self._header_plans: dict[tuple[str, ...], HeaderPlan] = {}
        self._converters: dict[tuple[str, str | None], Converter] = {}
        unique = (field.api_name for field in crm_module.fields if field.unique)
        #: two rows with the same value in one of these fields are never in flight together
        self.key_fields: tuple[str, ...] = tuple(dict.fromkeys((ID.api_name, *match_on, *unique)))

    @property
    def sets_users(self) -> bool:
        """Whether ``--set`` names a user by e-mail or name, so that :meth:`set_users` must come before :meth:`plan_header`."""
        if self._operation is Operation.DELETE:
            return False
        resolver = FieldResolver(self._module)
        users = [text for name, text in self._mapping.set for field in resolver.find(name) if field.data_type in USER_TYPES]
        return needs_user_lookup(users, null_text=self._mapping.null_text)

    def needs_users(self, block: RowBlock) -> bool:
        """Return whether *block* names a user by e-mail or name and :meth:`set_users` was not called yet."""
        if self._has_users:
            return False
        indexes = self._header_plan(block.header).user_columns
        return any(needs_user_lookup([row[index] for row in block.rows], null_text=self._mapping.null_text) for index in indexes)

    def set_users(self, users: UserDirectory) -> None:
        """Resolve the users in cells and in ``--set`` with *users* from now on."""
        self._has_users = True
        self._rules = replace(self._rules, users=users)
        self._converters.clear()
        self._header_plans.clear()

    def plan_header(self, header: tuple[str, ...], *, source: str, expanding: bool = False) -> ColumnPlan:
        """Plan the columns of an input before anything is sent; see :func:`plan_columns`.

        Raises:
            RefusedError: The input does not fit the module, a value of ``--set`` does not fit its field, or a column fills the
                import key.
            UsageError: The options do not fit the operation.
        """
        plan = plan_columns(
            header, self._module, self._mapping, self._operation, self._match_on, source=source, expanding=expanding
        )
        if self._import_key is not None:
            self._import_key.require_free_field(plan, source=source)
        self._add_header_plan(header, plan)
        return plan

    def passthrough_for(self, header: tuple[str, ...]) -> JsonPassthrough | None:
        """Return the check that lets blocks of JSON lines under *header* pass unchanged; None if values may need conversion."""
        plan = self._header_plan(header)
        is_changed = plan.constants or plan.import_key or plan.user_columns or plan.column_plan.unexpected
        if is_changed or self._rules.null_text is not None:
            return None
        claims = {step.name: step.claim for step in plan.steps if step.claim is not None}
        fields = [column.field for column in plan.column_plan.columns]
        return build_passthrough(header, fields, required=plan.column_plan.required, claims=claims)

    def transform(self, block: RowBlock, *, source: int = 0) -> TransformedBlock:
        """Return the records of *block*, which is from the source with that index, and its rejected rows.

        A header without a plan has columns that appeared while rows were sent.  Values that do not fit reject their rows then.
        """
        plan = self._header_plan(block.header)
        count = len(block.rows)
        if not count:
            return TransformedBlock(header=block.header, numbers=(), records=(), cells=(), origins=block.origins and ())
        if block.passthrough is not None:
            return TransformedBlock(
                header=block.header,
                numbers=block.numbers,
                records=EncodedRecords(block.passthrough.json, count),
                cells=block.rows,
                claims=block.passthrough.keys,  # complete: a plan with constants has no passthrough
            )
        columns = list(zip(*block.rows, strict=True))
        converted = {step.name: step.convert(columns[step.index]) for step in plan.steps}
        values: list[Sequence[Any]] = [column.values for column in converted.values()]
        values += [[value] * count for _, value in plan.constants]
        if plan.import_key is not None:
            values.append(plan.import_key.column(source, block.numbers))
        transformed = TransformedBlock(
            header=block.header,
            numbers=block.numbers,
            records=_make_records(plan, values, converted, count),
            cells=block.rows if block.lazy_rows is None else block.lazy_rows,
            claims=_claims(plan, converted, count),
            origins=block.origins,
        )
        rejections = find_rejections(plan.column_plan, converted, columns, rows=count)
        return _separate_rejected(transformed, rejections, plan.column_plan) if rejections else transformed

    def _header_plan(self, header: tuple[str, ...]) -> HeaderPlan:
        plan = self._header_plans.get(header)
        if plan is None:
            later = plan_later_columns(header, self._module, self._mapping, self._operation)
            plan = self._add_header_plan(header, later)
        return plan

    def _add_header_plan(self, header: tuple[str, ...], column_plan: ColumnPlan) -> HeaderPlan:
        if len(self._header_plans) >= MAX_HEADER_PLANS:
            self._header_plans.clear()
        import_key = self._import_key
        if import_key is not None:
            column_plan, import_key = import_key.apply_to(column_plan)
        constants = [(field.api_name, self._constant(field, text)) for field, text in column_plan.constants]
        names = [*(column.field.api_name for column in column_plan.columns), *(name for name, _ in constants)]
        names += [import_key.field] if import_key is not None else []
        keys = frozenset(self.key_fields)
        plan = self._header_plans[header] = HeaderPlan(
            column_plan=column_plan,
            steps=[self._step(column, keys) for column in column_plan.columns],
            user_columns=[column.index for column in column_plan.columns if column.field.data_type in USER_TYPES],
            constants=constants,
            import_key=import_key,
            constant_keys=[
                (field.api_name, key_normalizer(field)([value])[0])
                for (field, _), (_, value) in zip(column_plan.constants, constants, strict=True)
                if field.api_name in keys
            ],
            make_records=_record_maker(names),
        )
        return plan

    def _step(self, column: MappedColumn, keys: frozenset[str]) -> ColumnStep:
        field = column.field
        return ColumnStep(
            index=column.index,
            name=field.api_name,
            convert=self._converter(column),
            claim=key_normalizer(field) if field.api_name in keys else None,
        )

    def _converter(self, column: MappedColumn) -> Converter:
        key = (column.field.api_name, column.date_format)
        converter = self._converters.get(key)
        if converter is None:
            converter = self._converters[key] = converter_for(column.field, self._rules, column_format=column.date_format)
        return converter

    def _constant(self, target: FieldMetadata, text: str) -> Any:
        if fault := fault_of_text(text):
            raise RefusedError(f"--set {target.api_name}=...: {fault.message}.", hint="Remove it.", code=fault.code)
        converted = converter_for(target, self._rules)([text])
        if converted.rejected:
            raise RefusedError(
                f"--set {target.api_name}=...: {converted.rejected[0][1].message}.",
                hint="" if target.data_type in USER_TYPES else "Use a value of the field's type.",
                code="INVALID_DATA",
            )
        return converted.values[0]


def _make_records(
    plan: HeaderPlan, values: Sequence[Sequence[Any]], converted: Mapping[str, ConvertedColumn], count: int
) -> list[dict[str, Any]]:
    records = plan.make_records(zip(*values, strict=True) if values else repeat((), count))
    for name, column in converted.items():
        for index in column.absent:
            del records[index][name]
    return records


def _claims(plan: HeaderPlan, converted: Mapping[str, ConvertedColumn], count: int) -> dict[str, ClaimColumn]:
    claims = {step.name: step.claim(converted[step.name].values) for step in plan.steps if step.claim is not None}
    for name, key in plan.constant_keys:
        claims[name] = [key] * count
    return claims


def _separate_rejected(block: TransformedBlock, rejections: Mapping[int, Rejection], plan: ColumnPlan) -> TransformedBlock:
    rejected = [
        RejectedRow(
            number=block.numbers[index],
            cells=block.cells[index],
            record=_with_unexpected(block.records[index], block.cells[index], plan),
            rejection=rejections[index],
            origin=None if block.origins is None else block.origins[index],
        )
        for index in sorted(rejections)
    ]
    accepted = block.pick([index for index in range(len(block.records)) if index not in rejections])
    return replace(accepted, rejected=rejected)


def _with_unexpected(record: Record, cells: Sequence[Cell], plan: ColumnPlan) -> Record:
    """Return *record* with the values that have no field under their column names: a rejected row is written as a whole."""
    unexpected = {
        column.name: cells[column.index]
        for column in plan.unexpected
        if isinstance(cells[column.index], str | int | float | list | dict)
    }
    return {**record, **unexpected}


def _record_maker(names: Sequence[str]) -> Callable[[Iterable[Sequence[Any]]], list[dict[str, Any]]]:
    """Return the function that makes a dictionary with the keys *names* from each row of values.

    The function is compiled from text, as ``namedtuple`` does, because every row passes through it: ``dict(zip(names, row))``
    takes twice as long (``benchmarks/fast_paths.py``).  Names enter the text as literals only.
    """
    if not names:
        return lambda rows: [{} for _ in rows]
    entries = ", ".join(f"{name!r}: v{index}" for index, name in enumerate(names))
    variables = ", ".join(f"v{index}" for index in range(len(names)))
    maker: Callable[[Iterable[Sequence[Any]]], list[dict[str, Any]]] = eval(  # noqa: S307  see above
        f"lambda rows: [{{{entries}}} for {variables}, in rows]", {"__builtins__": {}}
    )
    return maker


def _zone(mapping: MappingSettings, organization: str | None) -> tzinfo | None:
    name = mapping.time_zone or organization
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # what ZoneInfo raises for unknown names and for folders of names
        if mapping.time_zone is None:
            return None  # times without an offset are then rejected with the reason
        raise UsageError(
            f"--time-zone {name}: there is no such time zone.",
            hint="Use an IANA name, such as Europe/Berlin or America/New_York.",
        ) from None
