"""The export pipe killed between any two of its writes, and read on: the bytes are those of an undisturbed one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
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
from bulkzoho.engine.exporter.pipeline import ExportPipeline, ExportPipelineParts
from bulkzoho.formats.record_writers import CsvRecordWriter
from bulkzoho.interfaces import ExportJournal, RateLimiter
from bulkzoho.storage.files.append_file import AppendFile
from bulkzoho.storage.store.sqlite_journal import SqliteJournal
from tests.run_samples import export_info

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
# of each strand, page after page: its ids, and whether the strand can go on behind it
PAGES: Sequence[Sequence[tuple[Sequence[str], bool]]] = (
    ((("1", "2"), True), (("3",), True), (("4", "odd"), True)),
    (((), True), (("5", "odd"), False), (("6", "7"), False), ((), True), (("8",), False), ((), True)),  # as of bulk read jobs
)


class KilledError(BaseException):
    """The process is no more; everything it still tries fails too."""


@dataclass
class Life:
    """How many writes the process has left."""

    left: int

    def spend(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise KilledError


class MortalFile(AppendFile):
    """A file of a process that dies; a power cut takes with it what was not synced."""

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
    """A journal of a process that dies."""

    def __init__(self, journal: ExportJournal, life: Life) -> None:
        self._journal, self._life = journal, life

    def settle(self, partition: Partition) -> None:
        self._life.spend()
        self._journal.settle(partition, {})


class ListedPages:
    """Gives the pages above, from where a strand stands."""

    async def pages(self, strand: Partition) -> AsyncIterator[ExportPage]:
        pages = PAGES[strand.number]
        whole_at = int(strand.position.get("at", 0))
        for number in range(whole_at, len(pages)):
            ids, whole = pages[number]
            whole_at = number + 1 if whole else whole_at
            done = number + 1 == len(pages)
            position = {"at": whole_at}
            rows = [(one,) for one in ids]
            yield ExportPage(position=position, done=done, names=["id"], rows=rows, texts=True, whole=whole)


class Unseen:
    """A quota that is never asked for leave, and whoever watches."""

    def status(self) -> QuotaStatus:
        return QuotaStatus(plan="", bound="", **NUMBERS)

    def show(self, snapshot: ProgressSnapshot) -> None:
        """Look away."""

    def tell(self, line: str) -> None:
        """Keep silent."""


class CountingCourier:
    """Makes no call."""

    counts = CallCounts()

    def current_outage(self) -> None:
        """Return no outage."""


def _pipe(folder: Path, journal: ExportJournal, life: Life, *, power_cut: bool) -> ExportPipeline:
    return ExportPipeline(
        ExportPipelineParts(
            run="r1",
            settings=ExportSettings(crm_module="Leads"),
            strands=journal.partitions(),
            pages=ListedPages(),
            keep=lambda page: page.picked(one != "odd" for one in page.column("id")),
            writer=CsvRecordWriter(COLUMNS),
            open_file=lambda strand: MortalFile(folder / str(strand.number), life, power_cut=power_cut),
            journal=MortalJournal(journal, life),
            caller=cast(RetryingCaller, CountingCourier()),
            limiter=cast(RateLimiter, Unseen()),
            progress=Unseen(),
            stop=StopSignal(),
            wall=lambda: 0.0,
            workers=2,
            vitals=lambda _: None,
            worked_s=0.0,
            counted=CallCounts(),
        )
    )


async def _read_on(folder: Path, life: Life, *, power_cut: bool) -> list[tuple[bytes, int, bool]]:
    """Live one life; give what each strand holds, its records, and whether it is done."""
    with closing(SqliteJournal.open(folder / "journal.db")) as journal:
        if journal.export.plan() is None:
            plan = ExportPlan(route="test", reason="", fields=(), bound="")
            journal.export.begin(plan, [Partition(number=number) for number in range(len(PAGES))])
        await _pipe(folder, journal.export, life, power_cut=power_cut).run()
        strands = journal.export.partitions()
    return [((folder / str(one.number)).read_bytes()[: one.length], one.records, one.done) for one in strands]


@pytest.fixture(params=[0.0, 3_600.0], ids=["each page is settled", "as few as may be"])
def _settling(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exporting, "SETTLE_EVERY_S", request.param)


@pytest.mark.usefixtures("_settling")
@pytest.mark.parametrize("power_cut", [False, True], ids=["killed", "power cut"])
async def test_an_export_killed_between_any_two_writes_gives_the_same_bytes(
    tmp_path: Path, *, power_cut: bool, new_folder: Callable[[str], Path]
) -> None:
    whole = await _read_on(new_folder("whole"), Life(10_000), power_cut=False)

    for killed_after in range(1_000):
        folder = new_folder(f"after-{killed_after}")
        try:
            await _read_on(folder, Life(killed_after), power_cut=power_cut)
        except BaseExceptionGroup:
            assert await _read_on(folder, Life(10_000), power_cut=power_cut) == whole
        else:
            break

    assert whole == [(b"1\r\n2\r\n3\r\n4\r\n", 4, True), (b"5\r\n6\r\n7\r\n8\r\n", 4, True)]
    assert len([*tmp_path.iterdir()]) > 10, "it was killed at many moments"


@pytest.fixture
def new_folder(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        folder = tmp_path / name
        folder.mkdir()
        SqliteJournal.create(folder / "journal.db", export_info(), []).close()
        return folder

    return make
