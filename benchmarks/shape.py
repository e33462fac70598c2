"""What it costs to shape 100 rows of 12 columns: row by row, as one would write it first, and column by column.

Run: ``python benchmarks/shape.py``.  Prints microseconds a batch, the median of many.
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
    """Give a module of text fields, e-mail and phone; with *number* the phone is an amount of money."""
    fields = [FieldMetadata(api_name=name, label=name, data_type="text", json_type="string", length=100) for name in TEXTS]
    fields.append(FieldMetadata(api_name="Email", label="Email", data_type="email", json_type="string", length=100, unique=True))
    kind = ("currency", "double", 16) if number else ("phone", "string", 30)
    fields.append(FieldMetadata(api_name="Phone", label="Phone", data_type=kind[0], json_type=kind[1], length=kind[2]))
    name = ModuleInfo(api_name="Leads", singular_label="Lead", plural_label="Leads")
    return CrmModule(name=name, fields=tuple(fields))


def rows(first: int, *, blanks: int = 0, number: bool = False) -> list[list[str]]:
    """Give rows as ``csv.reader`` does; every *blanks*-th row has no company."""
    made = []
    for n in range(first, first + ROWS):
        company = "" if blanks and n % blanks == 0 else f"Company {n} Ltd"
        last = f"{n}.50" if number else f"+46 8 {n}"
        where = [f"{n} Main Street", "Stockholm", "Uppland", "11122", "Sweden", f"https://example.com/{n}"]
        made.append([f"Last {n}", f"First {n}", company, "Engineer", *where, f"person.{n}@example.com", last])
    return made


def naive(header: Sequence[str], block: Sequence[Sequence[str]]) -> tuple[list[dict[str, Any]], list[str]]:
    """Shape as one would at first: a look at each cell of each row."""
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
    """Give the median of *times* runs, in microseconds."""
    taken = []
    for _ in range(times):
        start = time.perf_counter_ns()
        work()
        taken.append(time.perf_counter_ns() - start)
    return statistics.median(taken) / 1000


def shaper_of(module: CrmModule, header: tuple[str, ...]) -> RowTransformer:
    """Give a shaper that knows *header*."""
    shaper = RowTransformer(crm_module=module, mapping=MappingSettings(), operation=Operation.INSERT)
    shaper.plan_header(header, source="benchmark")
    return shaper


def main() -> None:
    """Measure and print."""
    header = (*TEXTS, "Email", "Phone")
    plain = rows(0)
    shaper = shaper_of(crm_module(), header)
    block = RowBlock(header=header, rows=plain, numbers=range(1, ROWS + 1))
    print(f"{'row by row':42} {median_us(lambda: naive(header, plain)):7.1f} us a batch")
    print(f"{'column by column, texts':42} {median_us(lambda: shaper.transform(block)):7.1f}")
    gaps = RowBlock(header=header, rows=rows(0, blanks=3), numbers=range(1, ROWS + 1))
    print(f"{'... one column with a third blank':42} {median_us(lambda: shaper.transform(gaps)):7.1f}")
    money_shaper = shaper_of(crm_module(number=True), header)
    money = RowBlock(header=header, rows=rows(0, number=True), numbers=range(1, ROWS + 1))
    print(f"{'... one column of money':42} {median_us(lambda: money_shaper.transform(money)):7.1f}")
    print(f"{'encoding, texts':42} {median_us(lambda: encode_json(shaper.transform(block).records)):7.1f} (with shaping)")
    print(f"{'encoding, one column of money':42} {median_us(lambda: encode_json(money_shaper.transform(money).records)):7.1f}")
    shaped = shaper.transform(block)
    for what, fields in (("no key", ()), ("one key", shaper.key_fields)):
        fed = shaped if fields else shaper_of(_without_unique(), header).transform(block)
        batcher = Batcher(0, BatchLimits(), shaper.key_fields)

        def feed(batcher: Batcher = batcher, fed: Any = fed) -> None:
            for batch in batcher.feed(fed):
                batcher.release(batch.claims)

        print(f"{'batching, ' + what:42} {median_us(feed):7.1f}")


def _without_unique() -> CrmModule:
    module = crm_module()
    plain = tuple(
        FieldMetadata(api_name=one.api_name, label=one.label, data_type="text", json_type="string", length=100)
        for one in module.fields
    )
    return CrmModule(name=module.name, fields=plain)


if __name__ == "__main__":
    main()
