"""Measure what the fast paths of reading, transforming and writing save, in CPU microseconds per batch of 100 rows.

Run: ``python -m benchmarks fast_paths``.  Each line compares the work of a batch with and without one fast path, and shows the
saving as a share of :data:`WHOLE_BATCH_US`, the CPU time of a whole batch.  A fast path that saves less than 5 % is not
worth its code.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final
from unittest import mock

import orjson

from benchmarks.shape import ROWS, TEXTS, crm_module, rows
from bulkzoho.domain.model.rows import Operation, RowBlock
from bulkzoho.domain.model.settings import MappingSettings
from bulkzoho.domain.transform import row_transformer
from bulkzoho.domain.transform.record_json import json_of
from bulkzoho.domain.transform.row_transformer import RowTransformer
from bulkzoho.formats.csv_lines import LineBuffer
from bulkzoho.formats.csv_reader import CsvReader
from bulkzoho.formats.jsonl_reader import JsonLinesReader
from bulkzoho.formats.raw_input import CHUNK_BYTES

WHOLE_BATCH_US: Final = {"csv": 750, "jsonl": 590}  # docs/benchmarks.md, imports at 0 ms: CPU s per million rows / 10,000 batches
HEADER: Final = (*TEXTS, "Email", "Phone")
BATCHES: Final = 100
ROUNDS: Final = 20
IN_FLIGHT: Final = 40  # batches whose rows are kept at a time

Work = Callable[[], object]
Keep = Callable[[RowBlock], RowBlock]


def main() -> None:
    """Measure and print."""
    csv, jsonl = _csv(), _json_lines()
    print(f"{'us per batch':44}{'with':>9}{'without':>9}{'saved':>9}  of a batch")
    _compare("csv", "csv_lines: split lines without quotes", lambda: _import_csv(csv), _without_plain_lines(csv))
    _compare("csv", "csv_lines: rows split on access", lambda: _import_csv(csv), lambda: _import_csv(csv, _without_lazy_rows))
    _compare("csv", "row_transformer: compiled record maker", lambda: _import_csv(csv), _without_compiled_records(csv))
    _compare("jsonl", "json_passthrough", lambda: _import_jsonl(jsonl), lambda: _import_jsonl(jsonl, passes=False))


def _compare(kind: str, name: str, fast: Work, slow: Work) -> None:
    with_us, without_us = _least_us(fast, slow)
    saved = without_us - with_us
    print(f"{name:44}{with_us:9.1f}{without_us:9.1f}{saved:9.1f}  {saved / WHOLE_BATCH_US[kind]:6.1%}")


def _least_us(*works: Work) -> list[float]:
    """Return the minimum time of each of several alternating runs: other load can only add to it."""
    least = [float("inf")] * len(works)
    for _ in range(ROUNDS):
        for index, work in enumerate(works):
            start = time.process_time_ns()
            work()
            least[index] = min(least[index], (time.process_time_ns() - start) / 1000 / BATCHES)
    return least


def _csv() -> bytes:
    lines = [",".join(row) for batch in range(BATCHES) for row in rows(batch * ROWS)]
    return "\r\n".join([",".join(HEADER), *lines, ""]).encode()


def _json_lines() -> bytes:
    records = (dict(zip(HEADER, row, strict=True)) for batch in range(BATCHES) for row in rows(batch * ROWS))
    return b"".join(orjson.dumps(record) + b"\n" for record in records)


def _chunks(content: bytes) -> Iterator[bytes]:
    return (content[at : at + CHUNK_BYTES] for at in range(0, len(content), CHUNK_BYTES))


def _transformer() -> RowTransformer:
    transformer = RowTransformer(crm_module=crm_module(), mapping=MappingSettings(), operation=Operation.INSERT)
    transformer.plan_header(HEADER, source="benchmark")
    return transformer


def _import_csv(content: bytes, change: Keep = lambda block: block) -> None:
    reader, transformer = CsvReader(_chunks(content), name="rows.csv"), _transformer()
    in_flight: deque[Any] = deque(maxlen=IN_FLIGHT)
    while block := reader.read():
        transformed = transformer.transform(change(block))
        in_flight.append((json_of(transformed.records), transformed.cells))


def _without_lazy_rows(block: RowBlock) -> RowBlock:
    return replace(block, lazy_rows=None)


def _without_plain_lines(content: bytes) -> Work:
    def work() -> None:
        with mock.patch.object(LineBuffer, "plain", return_value=None):
            _import_csv(content)

    return work


def _without_compiled_records(content: bytes) -> Work:
    def record_maker(names: list[str]) -> Callable[..., object]:
        return lambda rows: [dict(zip(names, row, strict=True)) for row in rows]

    def work() -> None:
        with mock.patch.object(row_transformer, "_record_maker", record_maker):
            _import_csv(content)

    return work


def _import_jsonl(content: bytes, *, passes: bool = True) -> None:
    reader, transformer = JsonLinesReader(_chunks(content), name="rows.jsonl"), _transformer()
    passthrough = transformer.passthrough_for(HEADER) if passes else None
    in_flight: deque[Any] = deque(maxlen=IN_FLIGHT)
    while block := reader.read(passthrough):
        transformed = transformer.transform(block)
        in_flight.append((json_of(transformed.records), transformed.cells))


if __name__ == "__main__":
    main()
