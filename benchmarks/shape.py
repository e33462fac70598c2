"""Measure the transformation of 100 rows of 12 columns: row by row (the obvious way) and column by column.

Run: ``python benchmarks/shape.py``.  Prints microseconds per batch, the median of many runs.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

from bulkzoho.domain.model.metadata import CrmModule, FieldMetadata, ModuleInfo
from bulkzoho.domain.model.rows import Operation, RowBlock
from bulkzoho.domain.model.settings import MappingSettings
from bulkzoho.domain.transform.exact_json import encode_json
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.engine.importer.batcher import Batcher, BatchLimits

ROWS = 100
TEXTS = ["Last_Name", "First_Name", "Company", "Designation", "Street", "City", "State", "Zip_Code", "Country", "Website"]
LENGTHS = dict.fromkeys([*TEXTS, "Email", "Phone"], 100)


def crm_module(*, number: bool = False) -> CrmModule:
    """Return a module of text fields, e-mail and phone; with *number* the phone is a currency field."""
    fields = [FieldMetadata(api_name=name, label=name, data_type="text", json_type="string", length=100) for name in TEXTS]
    fields.append(FieldMetadata(api_name="Email", label="Email", data_type="email", json_type="string", length=100, unique=True))
    type_ = ("currency", "double", 16) if number else ("phone", "string", 30)
    fields.append(FieldMetadata(api_name="Phone", label="Phone", data_type=type_[0], json_type=type_[1], length=type_[2]))
    name = ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads")
    return CrmModule(name=name, fields=tuple(fields))


def rows(first: int, *, blanks: int = 0, number: bool = False) -> list[list[str]]:
    """Return rows like ``csv.reader``; every *blanks*-th row has no company."""
    rows_made = []
    for n in range(first, first + ROWS):
        company = "" if blanks and n % blanks == 0 else f"Company {n} Ltd"
        last = f"{n}.50" if number else f"+46 8 {n}"
        address = [f"{n} Main Street", "Stockholm", "Uppland", "11122", "Sweden", f"https://example.com/{n}"]
        rows_made.append([f"Last {n}", f"First {n}", company, "Engineer", *address, f"person.{n}@example.com", last])
    return rows_made


def naive(header: Sequence[str], block: Sequence[Sequence[str]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Transform in the obvious way: cell by cell of each row."""
    records, keys = [], []
    for row in block:
        record = {}
        for name, cell in zip(header, row, strict=True):
            if not cell.strip():
                continue
            if len(cell) > LENGTHS[name]:
                raise ValueError(name)
            record[name] = cell
        records.append(record)
        keys.append(record["Email"].strip().casefold())
    return records, keys


def median_us(work: Callable[[], object], *, times: int = 3000) -> float:
    """Return the median of *times* runs in microseconds."""
    times_ns = []
    for _ in range(times):
        start = time.perf_counter_ns()
        work()
        times_ns.append(time.perf_counter_ns() - start)
    return statistics.median(times_ns) / 1000


def new_transformer(module: CrmModule, header: tuple[str, ...]) -> RowTransformer:
    """Return a transformer planned for *header*."""
    transformer = RowTransformer(crm_module=module, mapping=MappingSettings(), operation=Operation.INSERT)
    transformer.plan_header(header, source="benchmark")
    return transformer


def main() -> None:
    """Measure and print."""
    header = (*TEXTS, "Email", "Phone")
    plain = rows(0)
    transformer = new_transformer(crm_module(), header)
    block = RowBlock(header=header, rows=plain, numbers=range(1, ROWS + 1))
    print(f"{'row by row':42} {median_us(lambda: naive(header, plain)):7.1f} us per batch")
    print(f"{'column by column, texts':42} {median_us(lambda: transformer.transform(block)):7.1f}")
    gaps = RowBlock(header=header, rows=rows(0, blanks=3), numbers=range(1, ROWS + 1))
    print(f"{'... one column with a third blank':42} {median_us(lambda: transformer.transform(gaps)):7.1f}")
    money_transformer = new_transformer(crm_module(number=True), header)
    money = RowBlock(header=header, rows=rows(0, number=True), numbers=range(1, ROWS + 1))
    print(f"{'... one column of money':42} {median_us(lambda: money_transformer.transform(money)):7.1f}")
    print(f"{'encoding, texts':42} {median_us(lambda: encode_json(transformer.transform(block).records)):7.1f} (and transform)")
    print(
        f"{'encoding, one column of money':42} {median_us(lambda: encode_json(money_transformer.transform(money).records)):7.1f}"
    )
    transformed = transformer.transform(block)
    for label, fields in (("no key", ()), ("one key", transformer.key_fields)):
        transformed_rows = transformed if fields else new_transformer(_without_unique(), header).transform(block)
        batcher = Batcher(0, BatchLimits(), transformer.key_fields)

        def feed(batcher: Batcher = batcher, transformed_rows: Any = transformed_rows) -> None:
            for batch in batcher.feed(transformed_rows):
                batcher.release(batch.claims)

        print(f"{'batching, ' + label:42} {median_us(feed):7.1f}")


def _without_unique() -> CrmModule:
    module = crm_module()
    plain = tuple(
        FieldMetadata(api_name=field.api_name, label=field.label, data_type="text", json_type="string", length=100)
        for field in module.fields
    )
    return CrmModule(name=module.name, fields=plain)


if __name__ == "__main__":
    main()
