"""Turn blocks of rows into records, column by column; set rows aside that are not to be sent.  Pure: no clock, no I/O.

What is done to a column is decided once a header; a block then costs a few calls a column and one dictionary a row.
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
from bulkzoho.domain.transform.converters import ConversionRules, converter_for, is_text
from bulkzoho.domain.transform.dates import check_format
from bulkzoho.domain.transform.field_names import ID, FieldResolver
from bulkzoho.domain.transform.import_key import ImportKey
from bulkzoho.domain.transform.json_passthrough import JsonPassthrough, build_passthrough
from bulkzoho.domain.transform.numbers import fits_int64
from bulkzoho.domain.transform.record_json import EncodedRecords, RecordEncoder
from bulkzoho.domain.transform.references import USER_TYPES, needs_user_lookup
from bulkzoho.domain.transform.row_validation import find_rejections
from bulkzoho.domain.transform.user_directory import UserDirectory
from bulkzoho.domain.transform.value_faults import fault_of_text
from bulkzoho.engine.importer.key_locks import ClaimColumn, key_normalizer
from bulkzoho.errors import RefusedError, UsageError

__all__ = ["RejectedRow", "RowTransformer", "TransformedBlock"]

HEADERS_KEPT: Final = 64  # headers whose program is remembered; JSON Lines may bring a new one with every block


@dataclass(frozen=True, slots=True, kw_only=True)
class RejectedRow:
    """A row that is not sent, and why."""

    number: int
    cells: Sequence[Cell]
    record: Record  #: as it would have been sent; the rejected value as it was read
    rejection: Rejection
    origin: RowOrigin | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TransformedBlock:
    """The records of a block; all but ``header`` and ``rejected`` run in parallel."""

    header: tuple[str, ...]
    numbers: Sequence[int]
    records: Sequence[Record]
    cells: Sequence[Sequence[Cell]]
    claims: Mapping[str, ClaimColumn] = field(default_factory=dict)  #: keys of each key field that is filled here
    origins: Sequence[RowOrigin] | None = None
    rejected: Sequence[RejectedRow] = ()

    def pick(self, indexes: Sequence[int]) -> TransformedBlock:
        """Give the records at *indexes*, with their keys; ``rejected`` stays."""
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
    """What is done to one column."""

    index: int
    name: str  #: the field's API name
    convert: Converter
    convert_texts: Converter  #: the same, of cells that are all texts
    claim: Callable[[Sequence[Any]], ClaimColumn] | None  #: for key fields


@dataclass(frozen=True, slots=True, kw_only=True)
class HeaderPlan:
    """What is done to every block of one header."""

    plan: ColumnPlan
    steps: Sequence[ColumnStep]
    user_columns: Sequence[int]  #: indexes of those that hold users
    constants: Sequence[tuple[str, Any]]
    import_key: ImportKey | None
    constant_keys: Sequence[tuple[str, str | None]]
    make_records: Callable[[Iterable[Sequence[Any]]], list[dict[str, Any]]]
    packer: RecordEncoder


class RowTransformer:
    """Makes records out of rows, the same ones whenever it is asked again.

    Args:
        crm_module: Where the records go.
        mapping: What the user said about columns.
        operation: What will be done with the records.
        match_on: API names by which an upsert finds records.
        time_zone: IANA name of the organization's zone; ``mapping.time_zone`` wins.
        import_key: What is written into the import key, if there is one.

    Raises:
        UsageError: A date format or a time zone that is none.
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
        self._users_known = False
        self._programs: dict[tuple[str, ...], HeaderPlan] = {}
        self._converters: dict[tuple[str, str | None, bool], Converter] = {}
        unique = (one.api_name for one in crm_module.fields if one.unique)
        self.key_fields: tuple[str, ...] = tuple(
            dict.fromkeys((ID.api_name, *match_on, *unique))
        )  #: two rows with one key never meet

    @property
    def sets_users(self) -> bool:
        """Whether ``--set`` names a user otherwise than by id, so that :meth:`set_users` must come before :meth:`plan_header`."""
        if self._operation is Operation.DELETE:
            return False
        names = FieldResolver(self._module)
        users = [text for name, text in self._mapping.set for one in names.find(name) if one.data_type in USER_TYPES]
        return needs_user_lookup(users, null_text=self._mapping.null_text)

    def needs_users(self, block: RowBlock) -> bool:
        """Whether *block* names a user otherwise than by id and the users are not known yet."""
        if self._users_known:
            return False
        indexes = self._program_for(block.header).user_columns
        return any(needs_user_lookup([row[index] for row in block.rows], null_text=self._mapping.null_text) for index in indexes)

    def set_users(self, users: UserDirectory) -> None:
        """Let cells and ``--set`` mean *users* from now on."""
        self._users_known = True
        self._rules = replace(self._rules, users=users)
        self._converters.clear()
        self._programs.clear()

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
            self._import_key.refuse_filled(plan, source=source)
        self._remember(header, plan)
        return plan

    def passthrough_for(self, header: tuple[str, ...]) -> JsonPassthrough | None:
        """Give what lets whole blocks of JSON lines under *header* go as they stand; None where values may need a hand."""
        program = self._program_for(header)
        changed = program.constants or program.import_key or program.user_columns or program.plan.unexpected
        if changed or self._rules.null_text is not None:
            return None
        claims = {step.name: step.claim for step in program.steps if step.claim is not None}
        fields = [column.field for column in program.plan.columns]
        return build_passthrough(header, fields, required=program.plan.required, claims=claims)

    def transform(self, block: RowBlock, *, source: int = 0, encoded: bool = False) -> TransformedBlock:
        """Give the records of *block* of the source with that index, and the rows that are not to be sent.

        With *encoded* a block of which every row is sent is encoded, if it comes from a CSV.

        A header that was not planned is one that grew while rows were sent: what does not fit is then refused row by row.
        """
        program = self._program_for(block.header)
        count = len(block.rows)
        if not count:
            return TransformedBlock(header=block.header, numbers=(), records=(), cells=(), origins=block.origins and ())
        if block.passthrough is not None:
            as_it_stands = EncodedRecords(block.passthrough.json, count)
            keys = block.passthrough.keys  # all there are: with constants there is no gate
            return TransformedBlock(
                header=block.header, numbers=block.numbers, records=as_it_stands, cells=block.rows, claims=keys
            )
        columns = list(zip(*block.rows, strict=True))
        if block.texts:
            converted = {step.name: step.convert_texts(columns[step.index]) for step in program.steps}
        else:
            converted = {step.name: step.convert(columns[step.index]) for step in program.steps}
        values: list[Sequence[Any]] = [column.values for column in converted.values()]
        values += [[value] * count for _, value in program.constants]
        if program.import_key is not None:
            values.append(program.import_key.column(source, block.numbers))
        rejections = find_rejections(program.plan, converted, columns, rows=count)
        records: Sequence[Record]
        if encoded and block.texts and values and not rejections:
            absent = {at: column.absent for at, column in enumerate(converted.values()) if column.absent}
            records = program.packer.pack(values, absent)
        else:
            records = _records_of(program, values, converted, count)
        shaped = TransformedBlock(
            header=block.header,
            numbers=block.numbers,
            records=records,
            cells=block.rows if block.lazy_rows is None else block.lazy_rows,
            claims=_claims(program, converted, count),
            origins=block.origins,
        )
        return _set_aside(shaped, rejections, program.plan) if rejections else shaped

    def _program_for(self, header: tuple[str, ...]) -> HeaderPlan:
        program = self._programs.get(header)
        if program is None:
            later = plan_later_columns(header, self._module, self._mapping, self._operation)
            program = self._remember(header, later)
        return program

    def _remember(self, header: tuple[str, ...], plan: ColumnPlan) -> HeaderPlan:
        if len(self._programs) >= HEADERS_KEPT:
            self._programs.clear()
        plan, import_key = (plan, None) if self._import_key is None else self._import_key.applied_to(plan)
        constants = [(one.api_name, self._constant(one, text)) for one, text in plan.constants]
        fields = [column.field for column in plan.columns]
        names = [*(field.api_name for field in fields), *(name for name, _ in constants)]
        names += [import_key.field] if import_key is not None else []
        plain = {field.api_name for field in fields if is_text(field) or fits_int64(field)}
        keys = frozenset(self.key_fields)
        program = self._programs[header] = HeaderPlan(
            plan=plan,
            steps=[self._step(column, keys) for column in plan.columns],
            user_columns=[one.index for one in plan.columns if one.field.data_type in USER_TYPES],
            constants=constants,
            import_key=import_key,
            constant_keys=[
                (one.api_name, key_normalizer(one)([value])[0])
                for (one, _), (_, value) in zip(plan.constants, constants, strict=True)
                if one.api_name in keys
            ],
            make_records=_record_maker(names),
            packer=RecordEncoder(names, exact=[at for at, name in enumerate(names) if name not in plain]),
        )
        return program

    def _step(self, column: MappedColumn, keys: frozenset[str]) -> ColumnStep:
        target = column.field
        return ColumnStep(
            index=column.index,
            name=target.api_name,
            convert=self._converter(column, texts=False),
            convert_texts=self._converter(column, texts=True),
            claim=key_normalizer(target) if target.api_name in keys else None,
        )

    def _converter(self, column: MappedColumn, *, texts: bool) -> Converter:
        key = (column.field.api_name, column.date_format, texts)
        made = self._converters.get(key)
        if made is None:
            made = converter_for(column.field, self._rules, column_format=column.date_format, texts=texts)
            self._converters[key] = made
        return made

    def _constant(self, target: FieldMetadata, text: str) -> Any:
        if fault := fault_of_text(text):
            raise RefusedError(f"--set {target.api_name}=...: {fault.message}.", hint="Remove it.", code=fault.code)
        made = converter_for(target, self._rules)([text])
        if made.rejected:
            raise RefusedError(
                f"--set {target.api_name}=...: {made.rejected[0][1].message}.",
                hint="" if target.data_type in USER_TYPES else "Give a value of the field's type.",
                code="INVALID_DATA",
            )
        return made.values[0]


def _records_of(
    program: HeaderPlan, values: Sequence[Sequence[Any]], converted: Mapping[str, ConvertedColumn], count: int
) -> list[dict[str, Any]]:
    records = program.make_records(zip(*values, strict=True) if values else repeat((), count))
    for name, column in converted.items():
        for index in column.absent:
            del records[index][name]
    return records


def _claims(program: HeaderPlan, converted: Mapping[str, ConvertedColumn], count: int) -> dict[str, ClaimColumn]:
    claims = {step.name: step.claim(converted[step.name].values) for step in program.steps if step.claim is not None}
    for name, key in program.constant_keys:
        claims[name] = [key] * count
    return claims


def _set_aside(shaped: TransformedBlock, rejections: Mapping[int, Rejection], plan: ColumnPlan) -> TransformedBlock:
    """Take the refused rows out."""
    rejected = [
        RejectedRow(
            number=shaped.numbers[index],
            cells=shaped.cells[index],
            record=_with_strange(shaped.records[index], shaped.cells[index], plan),
            rejection=rejections[index],
            origin=None if shaped.origins is None else shaped.origins[index],
        )
        for index in sorted(rejections)
    ]
    kept = shaped.pick([index for index in range(len(shaped.records)) if index not in rejections])
    return replace(kept, rejected=rejected)


def _with_strange(record: Record, cells: Sequence[Cell], plan: ColumnPlan) -> Record:
    """Add what has no field under its own name: a letter shows the whole row."""
    strange = {
        one.name: cells[one.index] for one in plan.unexpected if isinstance(cells[one.index], str | int | float | list | dict)
    }
    return {**record, **strange}


def _record_maker(names: Sequence[str]) -> Callable[[Iterable[Sequence[Any]]], list[dict[str, Any]]]:
    """Make the function that gives a dictionary with the keys *names* for each row of values.

    It is written out and compiled, as ``namedtuple`` does: half the time of ``dict(zip(names, row))``, and the time of every row.
    Names enter as literals of text only.
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
    except (KeyError, ValueError, OSError):  # what ZoneInfo raises for names that are none, or are folders of names
        if mapping.time_zone is None:
            return None  # times without an offset are then rejected, and say why
        raise UsageError(
            f"--time-zone {name}: there is no such time zone.",
            hint="Give an IANA name, such as Europe/Berlin or America/New_York.",
        ) from None
