"""How often the inputs of a run are read."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bulkzoho.app.inputs import (
    InputOpener,
    describe_inputs,
    input_parts,
    read_headers,
    require_unchanged_inputs,
    with_content_digests,
)
from bulkzoho.domain.model.journal_events import InputInfo
from bulkzoho.domain.model.row_ranges import RowRanges
from bulkzoho.domain.model.settings import ImportSettings
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.storage.store.run_folder import RunFolder

IO = Path("/proc/self/io")
ROWS = 60_000
HEADER_BYTES = 500_000  # to find the header and the first rows, a few chunks of the file are read once more

pytestmark = pytest.mark.skipif(not IO.exists(), reason="counts the bytes that this process reads as Linux does")


def bytes_read() -> int:
    return int(IO.read_text().split()[1])


@pytest.fixture
def opener(tmp_path: Path) -> InputOpener:
    file = tmp_path / "leads.csv"
    rows = "".join(f"Smith,{number}@example.com,{'x' * 80}\n" for number in range(ROWS))
    file.write_text(f"Last_Name,Email,Description\n{rows}")
    return InputOpener(settings=ImportSettings(inputs=(str(file),), crm_module="Leads"), folder=RunFolder(tmp_path))


async def send(opener: InputOpener, inputs: list[InputInfo]) -> int:
    """Read the inputs as the pipeline of an insert does; return the rows."""
    headers, open_sources = await read_headers(opener, inputs, live=True, stop=StopSignal())
    assert [header.header for header in headers] == [("Last_Name", "Email", "Description")]
    known = await with_content_digests(inputs)
    source = input_parts(opener, known, [RowRanges()], open_sources)[0].open()
    rows = 0
    while (block := source.read()) is not None:
        rows += len(block.numbers)
    source.close()
    return rows


def test_an_inserted_file_is_read_at_most_twice(opener: InputOpener) -> None:
    """Once for the digest that later runs compare with, once to send it."""
    size = Path(opener.settings.inputs[0]).stat().st_size
    before = bytes_read()

    rows = asyncio.run(send(opener, describe_inputs(opener)))

    assert rows == ROWS
    assert bytes_read() - before < 2 * size + HEADER_BYTES


def test_a_resumed_file_is_read_at_most_twice(opener: InputOpener) -> None:
    """Once to check that it has not changed, once to send it."""
    inputs = asyncio.run(with_content_digests(describe_inputs(opener)))
    before = bytes_read()

    require_unchanged_inputs(inputs)
    rows = asyncio.run(send(opener, inputs))

    assert rows == ROWS
    assert bytes_read() - before < 2 * inputs[0].size + HEADER_BYTES
