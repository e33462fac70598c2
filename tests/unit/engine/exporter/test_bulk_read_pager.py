"""Bulk read jobs one after the other, over a CRM in memory."""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, cast

import pytest

from bulkzoho.domain.model.export import BulkJob, ExportPage, Partition
from bulkzoho.domain.model.limits_and_costs import CallCost
from bulkzoho.domain.model.responses import Rejected, Reply, Succeeded
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller
from bulkzoho.engine.concurrency.stop import StopSignal
from bulkzoho.engine.exporter import bulk_read_pager as bulk_pages
from bulkzoho.engine.exporter.bulk_read_pager import BulkReadPager, BulkReadRequest
from bulkzoho.errors import RunFailedError
from bulkzoho.formats.bulk_zip import rows_in_zip

QUERY = {"module": {"api_name": "Leads"}}


class MemoryJobs:
    """Jobs of three records each, finished at the second status call; there are *pages* of them."""

    def __init__(self, pages: int) -> None:
        self._pages = pages
        self.asked: list[Mapping[str, Any]] = []
        self.looks: dict[str, int] = {}
        self.announced = 3
        self.asked_at_download: list[int] = []
        self.gone: set[str] = set()

    async def create(self, query: Mapping[str, Any]) -> Reply:
        self.asked.append(query)
        return Succeeded(payload=f"{query.get('page_token', 'page-1')}-job{len(self.asked)}")

    async def status(self, job: str) -> Reply:
        if job in self.gone:
            return Rejected(status=404, code="RESOURCE_NOT_FOUND", message="")
        self.looks[job] = self.looks.get(job, 0) + 1
        if self.looks[job] == 1:
            return Succeeded(payload=BulkJob(finished=False))
        number = int(job.split("-")[1])
        token = f"page-{number + 1}" if number < self._pages else None
        return Succeeded(payload=BulkJob(finished=True, count=self.announced, download_url=job, next_token=token))

    async def download(self, url: str, file: BinaryIO) -> Reply:
        number = int(url.split("-")[1])
        self.asked_at_download.append(len(self.asked))
        file.write(_zip("Id,Name\r\n" + "".join(f'{number}{row},"a\n{row}"\r\n' for row in range(3))))
        return Succeeded()


class DirectCaller:
    """Makes each call at once."""

    async def call(self, call: Callable[[], Any], price: CallCost) -> Reply:
        assert price.credits in (1, 50)
        return cast("Reply", await call())


def _zip(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("../../evil.csv", text)
    return packed.getvalue()


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_pages, "FIRST_POLL_S", 0.001)
    monkeypatch.setattr(bulk_pages, "DOWNLOAD_WINDOW_S", 0.1)
    monkeypatch.setattr(bulk_pages, "BULK_READ_DOWNLOADS_PER_MINUTE", 2)


async def _read(jobs: MemoryJobs, folder: Path, partition: Partition | None = None) -> list[ExportPage]:
    source = BulkReadPager(
        jobs,
        cast("RetryingCaller", DirectCaller()),
        StopSignal(),
        request=BulkReadRequest(query=QUERY, fields=()),
        folder=folder,
        read_zip=rows_in_zip,
    )
    return [page async for page in source.pages(partition or Partition(number=0))]


def _ids(pages: list[ExportPage]) -> list[str]:
    return [str(record_id) for page in pages for record_id in page.column("id")]


async def test_jobs_follow_one_another_by_their_tokens(tmp_path: Path) -> None:
    jobs = MemoryJobs(3)

    pages = await _read(jobs, tmp_path)

    assert _ids(pages) == [f"{number}{row}" for number in (1, 2, 3) for row in range(3)]
    assert jobs.asked == [QUERY, {"page_token": "page-2"}, {"page_token": "page-3"}]
    assert pages[-1].done
    assert not list(tmp_path.iterdir())


async def test_reading_resumes_only_at_the_end_of_a_job(tmp_path: Path) -> None:
    pages = await _read(MemoryJobs(2), tmp_path)

    assert all(page.resumable for page in pages if not page.rows)
    assert not any(page.resumable for page in pages if page.rows)


async def test_a_created_job_is_not_created_again(tmp_path: Path) -> None:
    jobs = MemoryJobs(2)

    pages = await _read(jobs, tmp_path, Partition(number=0, position={"job": "page-1-job1"}))

    assert len(_ids(pages)) == 6
    assert jobs.asked == [{"page_token": "page-2"}]


async def test_the_next_job_is_created_before_a_result_is_downloaded(tmp_path: Path) -> None:
    jobs = MemoryJobs(3)

    await _read(jobs, tmp_path)

    assert jobs.asked_at_download == [2, 3, 3]


async def test_a_job_created_ahead_is_not_created_again(tmp_path: Path) -> None:
    jobs = MemoryJobs(3)
    position = {"job": "page-1-job1", "next": "page-2-job2"}

    pages = await _read(jobs, tmp_path, Partition(number=0, position=position))

    assert len(_ids(pages)) == 9
    assert jobs.asked == [{"page_token": "page-3"}]


async def test_a_resume_replaces_a_job_that_the_crm_no_longer_knows(tmp_path: Path) -> None:
    jobs = MemoryJobs(2)
    jobs.gone = {"page-2-job9"}
    pages: list[ExportPage] = []
    source = BulkReadPager(
        jobs,
        cast("RetryingCaller", DirectCaller()),
        StopSignal(),
        request=BulkReadRequest(query=QUERY, fields=()),
        folder=tmp_path,
        read_zip=rows_in_zip,
    )

    with pytest.raises(RunFailedError, match="does not know the job"):  # noqa: PT012  the pages before it count
        async for page in source.pages(Partition(number=0, position={"job": "page-2-job9", "token": "page-2"})):
            pages.append(page)  # noqa: PERF401  those before the error count
    again = await _read(jobs, tmp_path, Partition(number=0, position=pages[-1].position))

    assert _ids(again) == ["20", "21", "22"]
    assert jobs.asked == [{"page_token": "page-2"}]


async def test_a_result_with_another_number_of_rows_than_announced_is_an_error(tmp_path: Path) -> None:
    jobs = MemoryJobs(1)
    jobs.announced = 4

    with pytest.raises(RunFailedError, match="4 were announced"):
        await _read(jobs, tmp_path)


async def test_downloads_do_not_exceed_the_limit_per_minute(tmp_path: Path) -> None:
    clock = asyncio.get_running_loop().time
    began = clock()

    await _read(MemoryJobs(4), tmp_path)

    assert clock() - began >= 0.1, "the third waits for the first to be a minute ago, the fourth for the second"


def test_a_truncated_zip_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "cut.zip"
    path.write_bytes(_zip("Id\n" + "1\n" * 1000)[:-30])

    with pytest.raises(RunFailedError, match="cannot be read"):
        list(rows_in_zip(path))


def test_a_zip_bomb_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    path.write_bytes(_zip("x" * 50_000_000))

    with pytest.raises(RunFailedError, match="cannot be read"):
        list(rows_in_zip(path))
