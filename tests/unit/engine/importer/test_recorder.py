"""The recorder with a real journal and real files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bulkzoho.domain.model.journal_events import InputInfo
from bulkzoho.domain.model.results import Rejection, WriteResults
from bulkzoho.domain.model.rows import Action, Batch, Operation, Stage
from bulkzoho.domain.transform.record_hash import record_digest
from bulkzoho.engine.importer.crash_recovery import restore_from_journal
from bulkzoho.engine.importer.recorder import OutcomeFiles, OutcomeRecorder, RecorderParts, RejectedRows
from bulkzoho.engine.importer.result_lines import LetterContext, OutcomeFormatter
from bulkzoho.errors import RunFailedError
from bulkzoho.formats.dead_letter.writer import JsonDeadLetterWriter
from bulkzoho.formats.results_writer import JsonResultWriter
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from tests.run_samples import import_info

SOURCE = InputInfo(index=0, path="/a.csv", name="a.csv")
REJECTION = Rejection(code="INVALID_DATA", message="invalid data", stage=Stage.CRM, field="Email")


class Bench:
    """A recorder with its journal and files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 1_800_000_000.0
        self.journal = SqliteJournal.create(folder / "journal.db", import_info(), [SOURCE])
        self.letters = AppendFile(folder / "dead-letter.jsonl")
        self.results = AppendFile(folder / "results.jsonl")
        formatter = OutcomeFormatter(
            LetterContext(run="r1", crm_module="Leads", operation=Operation.INSERT, match_on=(), trigger="none", org="1"),
            header=("Last_Name",),
            sources=["a.csv"],
            letters={"dead-letter.jsonl": JsonDeadLetterWriter()},
            results={"results.jsonl": JsonResultWriter()},
            digest=record_digest,
        )
        files = OutcomeFiles(letters={"dead-letter.jsonl": self.letters}, results={"results.jsonl": self.results})
        self.recorder = OutcomeRecorder(
            RecorderParts(
                journal=self.journal,
                files=files,
                formatter=formatter,
                sources=[SOURCE],
                wall=lambda: self.now,
                clock_skew=lambda: 5.0,
            )
        )

    def lines(self, name: str) -> list[dict[str, object]]:
        return [json.loads(line) for line in (self.folder / name).read_text().splitlines()]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


def batch(*numbers: int) -> Batch:
    names = [f"n{number}" for number in numbers]
    return Batch(
        source=0,
        header=("Last_Name",),
        numbers=list(numbers),
        records=[{"Last_Name": name} for name in names],
        cells=[[name] for name in names],
    )


async def test_a_sent_batch_is_durable_before_the_waiter_goes_on(bench: Bench) -> None:
    """Another connection to the journal sees the shipment as sent."""
    bench.recorder.rows_read(0, 3)
    bench.recorder.sent(batch(1, 2, 3))

    await bench.recorder.committed()

    beside = SqliteJournal.open(bench.folder / "journal.db", read_only=True)
    assert [(shipment.state, list(shipment.rows)) for shipment in beside.shipments()] == [("sent", [(1, 3)])]
    assert bench.recorder.tally().in_doubt == 3


async def test_a_request_leaves_within_the_bound_that_the_journal_holds(bench: Bench) -> None:
    """A commit that took longer than expected is repeated with a bound that fits; only then may the request leave."""
    bench.recorder.rows_read(0, 1)
    staged = bench.recorder.sent(batch(1))
    await bench.recorder.committed()
    bench.now += 30.0  # the disk was slow

    late = bench.recorder.may_leave(staged)
    later = bench.recorder.sent_later(staged)
    await bench.recorder.committed()
    bench.now += 30.0
    leaving = bench.recorder.may_leave(later)

    (stored,) = SqliteJournal.open(bench.folder / "journal.db", read_only=True).shipments()
    assert late is None
    assert leaving is not None
    assert leaving.latest_sent_at == bench.now
    assert stored.leaves_by is not None
    assert stored.leaves_by >= bench.now
    assert stored.attempt == 1


async def test_an_outcome_is_in_files_and_journal(bench: Bench) -> None:
    """Accepted rows with their ids, the rejected one in the dead-letter file, and the lengths of both files."""
    bench.recorder.rows_read(0, 3)
    shipment = bench.recorder.sent(batch(1, 2, 3))
    await bench.recorder.committed()

    bench.recorder.settle(
        shipment, batch(1, 2, 3), WriteResults(ids=["a", "", "c"], actions=Action.INSERT, rejected={1: REJECTION})
    )
    await bench.recorder.committed()

    assert [(line["row"], line["id"]) for line in bench.lines("results.jsonl")] == [(1, "a"), (3, "c")]
    letter = bench.lines("dead-letter.jsonl")[0]
    assert (letter["row"], letter["code"], letter["record"], letter["attempts"]) == (2, "INVALID_DATA", {"Last_Name": "n2"}, 1)
    sizes = {name: (bench.folder / name).stat().st_size for name in ("results.jsonl", "dead-letter.jsonl")}
    assert bench.journal.lengths() == sizes
    tally = bench.recorder.tally()
    assert (tally.read, tally.created, tally.dead_lettered, tally.in_doubt, tally.unsent) == (3, 2, 1, 0, 0)
    assert tally.adds_up


async def test_a_row_cannot_be_settled_twice(bench: Bench) -> None:
    """It is a bug, and it raises."""
    shipment = bench.recorder.sent(batch(1))
    bench.recorder.settle(shipment, batch(1), WriteResults(ids=["a"], actions=Action.INSERT))

    with pytest.raises(ValueError, match="are in the set already"):
        bench.recorder.reject(RejectedRows(batch=batch(1), rejections=[REJECTION]))


async def test_a_full_disk_keeps_changes_staged_and_leaves_no_line(bench: Bench) -> None:
    """The changes are written when there is space again."""
    bench.recorder.rows_read(0, 1)
    shipment = bench.recorder.sent(batch(1))
    await bench.recorder.committed()
    bench.recorder.settle(shipment, batch(1), WriteResults(ids=["a"], actions=Action.INSERT))
    bench.results.close()  # the next write fails, as on a removed device

    with pytest.raises(RunFailedError, match=r"results\.jsonl"):
        bench.recorder.flush()
    assert bench.journal.lengths() == {}
    assert [shipment.state for shipment in bench.journal.shipments()] == ["sent"]

    bench.results.__init__(bench.folder / "results.jsonl")  # type: ignore[misc]  # the device is back
    bench.recorder.flush()

    assert [line["id"] for line in bench.lines("results.jsonl")] == ["a"]
    assert [shipment.state for shipment in bench.journal.shipments()] == ["settled"]


async def test_a_shipment_can_be_split_after_a_lookup(bench: Bench) -> None:
    """Found rows are settled, unknown ones stay in doubt, absent ones are unsent."""
    bench.recorder.rows_read(0, 4)
    whole = batch(1, 2, 3, 4)
    shipment = bench.recorder.sent(whole)
    await bench.recorder.committed()

    bench.recorder.split_shipment(shipment, [(4, 4)])
    bench.recorder.settle(shipment, whole.pick([0, 1]), WriteResults(ids=["a", "b"], actions=Action.INSERT))
    await bench.recorder.committed()

    tally = bench.recorder.tally()
    assert (tally.created, tally.in_doubt, tally.unsent) == (2, 1, 1)
    restored = restore_from_journal(bench.journal.shipments())
    assert restored.settled == [(0, [(1, 2)])]
    assert [(list(shipment.rows), shipment.attempt) for shipment in restored.in_doubt] == [([(4, 4)], 1)]


async def test_a_shipment_knows_when_its_first_request_without_a_response_was_sent(bench: Bench) -> None:
    """By the service's clock; a call without effect does not count."""
    recorder = bench.recorder
    throttled = recorder.sent(batch(1))
    recorder.released(throttled)

    lost = recorder.sent(batch(1), before=throttled)
    again = recorder.sent(batch(1), before=lost)
    once_more = recorder.sent(batch(1), before=again)
    await recorder.committed()

    assert (lost.since_s, lost.first_s) == (None, 1_800_000_005.0)
    assert (again.since_s, once_more.since_s, once_more.first_s) == (lost.first_s, lost.first_s, lost.first_s)
    (restored,) = restore_from_journal(bench.journal.shipments()).in_doubt
    assert (restored.attempt, restored.skew_s, restored.since_s) == (4, 5.0, lost.first_s)


async def test_a_later_process_continues_where_the_first_stopped(bench: Bench) -> None:
    """Settled rows are known, a call without a response is in doubt, a released one had no effect."""
    recorder = bench.recorder
    recorder.rows_read(0, 9)
    first, lost, refused = (recorder.sent(batch(*numbers)) for numbers in ((1, 2), (3, 4), (5,)))
    recorder.settle(first, batch(1, 2), WriteResults(ids=["a", "b"], actions=Action.INSERT))
    recorder.released(refused)
    recorder.reject(RejectedRows(batch=batch(7, 9), rejections=[REJECTION, REJECTION]))
    await recorder.committed()

    restored = restore_from_journal(bench.journal.shipments())

    assert list(restored.settled) == [(0, [(1, 2)]), (0, [(7, 7), (9, 9)])]
    assert [shipment.id for shipment in restored.in_doubt] == [lost.id]
    assert bench.journal.row_counts() == recorder.tally()
