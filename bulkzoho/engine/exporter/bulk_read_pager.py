"""Read records by bulk read jobs: one job after another, each 200,000 records, each in the journal as soon as it has an id.

A finished job says how the next one continues: the CRM prepares the next one while the result of this one is downloaded.

Reading resumes only at the end of a job: the rows of a job have no guaranteed order, so a part of them is useless.  After a crash
the job is found by its id, and its zip is downloaded again.  A job whose id did not reach the journal before a crash is lost,
because the API lists no jobs (OpenAPI ``bulk_read`` v8): another one is created, for 50 credits.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from bulkzoho.domain.model.export import BulkJob, ExportPage, Partition
from bulkzoho.domain.model.limits_and_costs import BULK_READ_DOWNLOADS_PER_MINUTE, BULK_READ_JOB_COST, DEFAULT_COST
from bulkzoho.domain.model.responses import Rejected
from bulkzoho.domain.transform.bulk_read_cells import api_names
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller, require_payload
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.errors import RunFailedError
from bulkzoho.interfaces import BulkReadApi

__all__ = ["BulkReadPager", "BulkReadRequest", "ZipReader"]

FIRST_POLL_S: Final = 1.0  # seconds until the first status call of a job; each further wait is longer
MAX_POLL_S: Final = 60.0
DOWNLOAD_WINDOW_S: Final = 61.0  # a minute, and the difference of two clocks
HINT: Final = "Resume it, or export with --route coql."
_NOT_FOUND: Final = 404
_LOG = logging.getLogger(__name__)

ZipReader = Callable[[Path], Iterator[list[list[str]]]]  #: returns blocks of rows; the first block is the header


class ResultExpiredError(Exception):
    """The CRM no longer has the result."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkReadRequest:
    """What the jobs read."""

    query: Mapping[str, Any]  #: of the first job
    fields: Sequence[str]


class BulkReadPager:
    """A :class:`RecordPager`.

    The position holds ``job``, its id, ``token``, from which it was created, and ``next``, the id of the following job.
    """

    def __init__(
        self,
        api: BulkReadApi,
        caller: RetryingCaller,
        stop: StopSignal,
        *,
        request: BulkReadRequest,
        folder: Path,
        read_zip: ZipReader,
    ) -> None:
        """Read what *request* says; downloads go to *folder* and are read by *read_zip*."""
        self._api = api
        self._caller = caller
        self._stop = stop
        self._request = request
        self._folder = folder
        self._read_zip = read_zip
        self._downloads: deque[float] = deque(maxlen=BULK_READ_DOWNLOADS_PER_MINUTE)  # start times of the last downloads

    async def pages(self, partition: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        position, done = dict(partition.position), partition.done
        while not done:
            if "job" not in position:
                position = {**position, "job": await self._create(position.get("token"))}
                yield ExportPage(position=position)
            job = await self._wait_until_finished(position["job"])
            if job is None or job.error:
                yield ExportPage(position={"token": position.get("token")})
                raise _job_failed(job)
            if job.next_token is not None and "next" not in position:  # prepared while the result of this one is downloaded
                position = {**position, "next": await self._create(job.next_token)}
                yield ExportPage(position=position)
            try:
                async for names, rows in self._blocks(job):
                    yield ExportPage(position=position, names=names, rows=rows, as_text=True, resumable=False)
            except ResultExpiredError:
                yield ExportPage(position={"token": position.get("token")})
                raise _job_failed(None) from None
            done = job.next_token is None
            position = {} if done else {"token": job.next_token, "job": position["next"]}
            yield ExportPage(position=position, done=done)

    async def _create(self, token: str | None) -> str:
        """Create the first job, or the job that continues at *token*, and return its id."""
        create = partial(self._api.create, {"page_token": token} if token else self._request.query)
        reply = await self._caller.call(create, BULK_READ_JOB_COST)
        job_id: str = require_payload(reply, "creating a bulk read job", hint=HINT)
        _LOG.info("job created", extra={"job": job_id})
        return job_id

    async def _wait_until_finished(self, job_id: str) -> BulkJob | None:
        """Wait until the job is finished; None when the CRM does not know it."""
        wait_s = FIRST_POLL_S
        while True:
            reply = await self._caller.call(partial(self._api.status, job_id), DEFAULT_COST)
            if isinstance(reply, Rejected) and reply.status == _NOT_FOUND:
                return None
            job: BulkJob = require_payload(reply, "checking a bulk read job", hint=HINT)
            if job.finished:
                _LOG.info(
                    "job finished", extra={"job": job_id, "records": job.count, "outcome": "failed" if job.error else "completed"}
                )
                return job
            await self._stop.sleep(wait_s)
            if self._stop.requested:
                raise StopRequestedError
            wait_s = min(wait_s * 1.5, MAX_POLL_S)

    async def _blocks(self, job: BulkJob) -> AsyncIterator[tuple[list[str], list[list[str]]]]:
        """Download the job's zip and return its rows in blocks, with the names of their columns."""
        path = self._folder / "result.zip"
        await self._pace_downloads()
        try:
            await self._download(job, path)
            blocks = self._read_zip(path)
            names = api_names(next(blocks, [[]])[0], self._request.fields)
            count = 0
            for rows in blocks:
                count += len(rows)
                yield names, rows
                await asyncio.sleep(0)  # let signals and progress displays run
            if count != job.count:
                raise RunFailedError(
                    f"the result of a bulk read has {count:,} rows, and {job.count:,} were announced.",
                    hint="Resume: it is downloaded again.",
                    code="RESULT_DAMAGED",
                )
        finally:
            path.unlink(missing_ok=True)

    async def _download(self, job: BulkJob, path: Path) -> None:
        with path.open("wb") as file:
            reply = await self._caller.call(partial(self._api.download, job.download_url, file), DEFAULT_COST)
        if isinstance(reply, Rejected) and reply.status == _NOT_FOUND:
            raise ResultExpiredError  # a result is kept for a day (docs "Bulk Read"), the job perhaps longer
        require_payload(reply, "downloading the result of a bulk read", hint=HINT)

    async def _pace_downloads(self) -> None:
        clock = asyncio.get_running_loop().time
        is_full = len(self._downloads) == self._downloads.maxlen
        if is_full and (wait_s := self._downloads[0] + DOWNLOAD_WINDOW_S - clock()) > 0:
            await self._stop.sleep(wait_s)
        if self._stop.requested:
            raise StopRequestedError
        self._downloads.append(clock())


def _job_failed(job: BulkJob | None) -> RunFailedError:
    why = "the CRM does not know the job any more" if job is None else job.error
    return RunFailedError(f"a bulk read failed ({why}).", hint="Resume: a new job is created.", code="BULK_READ_FAILED")
