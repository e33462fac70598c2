"""An export pipeline killed between any two writes and resumed: the output equals that of an undisturbed export."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from bulkzoho.domain.model.export import ExportPage, ExportPlan, ExportSettings, Partition
from bulkzoho.domain.model.metadata import FieldMetadata
from bulkzoho.domain.model.progress import CallCounts, ProgressSnapshot, QuotaStatus
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.exporter import pipeline as exporting
from bulkzoho.engine.exporter.overlap import OverlapWindow
from bulkzoho.engine.exporter.pipeline import ExportPipeline, ExportPipelineParts, PartitionSink
from bulkzoho.formats.record_writers import CsvRecordWriter
from bulkzoho.interfaces import ExportJournal, RateLimiter
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from tests.run_samples import export_info

BOUND = "2026-03-01T12:00:00+00:00"
COLUMNS = [FieldMetadata(api_name="id", label="", data_type="id", json_type="string")]
NUMBERS: dict[str, Any] = {
    "calls_per_minute": 1,
    "calls_last_minute": 0,
    "calls_per_day": 1,
    "calls_last_day": 0,
    "calls_in_flight": 0,
    "calls_in_flight_limit": 1,
    "credits_per_day": None,
    "credits_last_day": 0,
    "used_share": 0.0,
}
# of each partition, page after page: its ids, and whether reading can resume after it
PAGES: Sequence[Sequence[tuple[Sequence[str], bool]]] = (
    ((("1", "2"), True), (("3",), True), (("4", "odd"), True)),
    (((), True), (("5", "odd"), False), (("6", "7"), False), ((), True), (("8",), False), ((), True)),  # as of bulk read jobs
)


class KilledError(BaseException):
    """The process was killed; all its further writes fail too."""


@dataclass
class Life:
    """How many writes the process has left."""

    left: int

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KilledError


class MortalFile(AppendFile):
    """A file of a process that is killed; a power cut loses data that was not synced."""

    def __init__(self, path: Path, life: Life, *, power_cut: bool) -> None:
        super().__init__(path)
        self._life, self._power_cut, self._safe = life, power_cut, self.length

    def append(self, data: bytes) -> None:
        self._life.spend()
        super().append(data)

    def sync(self) -> None:
        self._life.spend()
        super().sync()
        self._safe = self.length

    def close(self) -> None:
        if self._life.left < 0 and self._power_cut and self.length > self._safe:
            super().cut(self._safe)
        super().close()


class MortalJournal:
    """A journal of a process that is killed."""

    def __init__(self, journal: ExportJournal, life: Life) -> None:
        self._journal, self._life = journal, life
        self.begin, self.plan, self.partitions, self.overlap = journal.begin, journal.plan, journal.partitions, journal.overlap

    def settle(self, partition: Partition, overlap: Mapping[str, str]) -> None:
        self._life.spend()
        self._journal.settle(partition, overlap)


class ListedPages:
    """Returns the pages above, from the position of a partition on."""

    async def pages(self, partition: Partition) -> AsyncIterator[ExportPage]:
        pages = PAGES[partition.number]
        resumes_at = int(partition.position.get("at", 0))
        for number in range(resumes_at, len(pages)):
            ids, resumable = pages[number]
            resumes_at = number + 1 if resumable else resumes_at
            rows = [(record_id,) for record_id in ids]
            yield ExportPage(
                position={"at": resumes_at},
                done=number + 1 == len(pages),
                names=["id"],
                rows=rows,
                as_text=True,
                resumable=resumable,
            )


class Unseen:
    """A rate limiter that is never asked for a permit, and a progress display."""

    def status(self) -> QuotaStatus:
        return QuotaStatus(plan="", bound="", **NUMBERS)

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Ignore the snapshot."""

    def tell(self, line: str) -> None:
        """Ignore the message."""


class CountingCourier:
    """Makes no call."""

    counts = CallCounts()

    def current_outage(self) -> None:
        """Return no outage."""


def _pipe(
    folder: Path, journal: ExportJournal, life: Life, *, power_cut: bool, overlap: OverlapWindow | None = None
) -> ExportPipeline:
    return ExportPipeline(
        ExportPipelineParts(
            run="r1",
            settings=ExportSettings(crm_module="Leads"),
            partitions=journal.partitions(),
            pager=ListedPages(),
            filter=lambda page: page.filter(record_id != "odd" for record_id in page.column("id")),
            sink=PartitionSink(
                writer=CsvRecordWriter(COLUMNS),
                open_file=lambda partition: MortalFile(folder / str(partition.number), life, power_cut=power_cut),
                journal=MortalJournal(journal, life),
                overlap=overlap or OverlapWindow.at(BOUND, previous={}),
            ),
            caller=cast(RetryingCaller, CountingCourier()),
            limiter=cast(RateLimiter, Unseen()),
            progress=Unseen(),
            stop=StopSignal(),
            wall=lambda: 0.0,
            workers=2,
            save_progress=lambda _: None,
            worked_s=0.0,
            counted=CallCounts(),
        )
    )


async def _read_on(folder: Path, life: Life, *, power_cut: bool) -> list[tuple[bytes, int, bool]]:
    """Run one process; return for each partition its content, its records, and whether it is done."""
    with closing(SqliteJournal.open(folder / "journal.db")) as journal:
        if journal.export.plan() is None:
            plan = ExportPlan(route="test", reason="", fields=(), bound="")
            journal.export.begin(plan, [Partition(number=number) for number in range(len(PAGES))])
        await _pipe(folder, journal.export, life, power_cut=power_cut).run()
        partitions = journal.export.partitions()
    return [((folder / str(part.number)).read_bytes()[: part.length], part.records, part.done) for part in partitions]


@pytest.fixture(params=[0.0, 3_600.0], ids=["each page is settled", "few pages are settled"])
def _settling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "SETTLE_EVERY_S", request.param)


@pytest.mark.usefixtures("_settling")
@pytest.mark.parametrize("power_cut", [False, True], ids=["killed", "power cut"])
async def test_an_export_killed_between_any_two_writes_resumes_to_the_same_bytes(
    tmp_path: Path, *, power_cut: bool, new_folder: Callable[[str], Path]
) -> None:
    whole = await _read_on(new_folder("whole"), Life(10_000), power_cut=False)

    for killed_after in range(1_000):
        folder = new_folder(f"after-{killed_after}")
        try:
            await _read_on(folder, Life(killed_after), power_cut=power_cut)
        except KilledError:
            assert await _read_on(folder, Life(10_000), power_cut=power_cut) == whole
        else:
            break

    assert whole == [(b"1\r\n2\r\n3\r\n4\r\n", 4, True), (b"5\r\n6\r\n7\r\n8\r\n", 4, True)]
    assert len([*tmp_path.iterdir()]) > 10, "it was killed at many moments"


async def test_remembered_records_are_settled_together_with_a_partition(new_folder: Callable[[str], Path]) -> None:
    folder, overlap = new_folder("run"), OverlapWindow.at(BOUND, previous={})
    overlap.unsettled["1"] = BOUND

    with closing(SqliteJournal.open(folder / "journal.db")) as journal:
        journal.export.begin(ExportPlan(route="test", reason="", fields=(), bound=""), [Partition(number=0)])
        await _pipe(folder, journal.export, Life(10_000), power_cut=False, overlap=overlap).run()
        settled = journal.export.overlap()

    assert (settled, overlap.unsettled) == ({"1": BOUND}, {})


@pytest.fixture
def new_folder(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        SqliteJournal.create(folder / "journal.db", export_info(), []).close()
        return folder

    return make
