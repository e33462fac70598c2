"""Records by bulk read jobs: one job after the other, each 200,000 records, each in the journal as soon as it has an id.

What a job goes on with is told when it is finished: the CRM prepares the next one while the result of this one is fetched.

A strand goes on only from the end of a job: a job's rows come in no promised order, so that a part of them says nothing.  Its
zip is fetched again after a crash, and the job itself is found again by its id.  A job whose id did not reach the journal before
a kill cannot be found: the API lists no jobs (OpenAPI ``bulk_read`` v8).  Another one is asked for, at its 50 credits.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from bulkzoho.domain.model.edition_limits import BULK_READ_DOWNLOADS_PER_MINUTE, BULK_READ_JOB_COST, DEFAULT_COST, CallCost
from bulkzoho.domain.model.export import BulkJob, ExportPage, Partition
from bulkzoho.domain.model.responses import Rejected, Reply
from bulkzoho.domain.transform.bulk_read_cells import api_names
from bulkzoho.engine.concurrency.retrying_caller import RetryingCaller, require_payload
from bulkzoho.engine.concurrency.stop import StopRequestedError, StopSignal
from bulkzoho.errors import RunFailedError
from bulkzoho.interfaces import BulkReadApi

__all__ = ["BulkReadPager", "RowsInZip"]

FIRST_LOOK_S: Final = 1.0  # seconds until the first look at a job; each next one waits longer
LONGEST_LOOK_S: Final = 60.0
HINT: Final = "Resume it, or export with --route coql."
DOWNLOADS_S: Final = 61.0  # a minute, and what two clocks may differ
_GONE: Final = 404

RowsInZip = Callable[[Path], Iterator[list[list[str]]]]  #: gives blocks of rows, the header in one of its own


class ResultExpiredError(Exception):
    """The CRM has the result no more."""


class BulkReadPager:
    """Implements ``Pages``; the position holds ``job``, its id, ``token``, what asked for it, and ``next``, the job after."""

    def __init__(
        self,
        calls: BulkReadApi,
        courier: RetryingCaller,
        stop: StopSignal,
        *,
        query: Mapping[str, Any],
        fields: Sequence[str],
        folder: Path,
        rows_in_zip: RowsInZip,
    ) -> None:
        self._calls = calls
        self._courier = courier
        self._stop = stop
        self._query = query
        self._fields = fields
        self._folder = folder
        self._rows_in_zip = rows_in_zip
        self._downloads: deque[float] = deque(maxlen=BULK_READ_DOWNLOADS_PER_MINUTE)  # when the last ones began

    async def pages(self, strand: Partition) -> AsyncIterator[ExportPage]:
        """See :meth:`bulkzoho.engine.exporter.record_api.RecordPager.pages`."""
        position, done = dict(strand.position), strand.done
        while not done:
            if "job" not in position:
                position = {**position, "job": await self._created(position.get("token"))}
                yield ExportPage(position=position)
            job = await self._finished(position["job"])
            if job is None or job.error:
                yield ExportPage(position={"token": position.get("token")})
                raise _failed(job)
            if job.next_token is not None and "next" not in position:  # prepared while the result of this one is fetched
                position = {**position, "next": await self._created(job.next_token)}
                yield ExportPage(position=position)
            try:
                async for names, rows in self._blocks(job):
                    yield ExportPage(position=position, names=names, rows=rows, texts=True, whole=False)
            except ResultExpiredError:
                yield ExportPage(position={"token": position.get("token")})
                raise _failed(None) from None
            done = job.next_token is None
            position = {} if done else {"token": job.next_token, "job": position["next"]}
            yield ExportPage(position=position, done=done)

    async def _created(self, token: str | None) -> str:
        """Ask for the job that *token* goes on with, or for the first, and give its id."""
        create = partial(self._calls.create, {"page_token": token} if token else self._query)
        job_id: str = await self._ask(create, BULK_READ_JOB_COST, "asking for a bulk read")
        return job_id

    async def _finished(self, job_id: str) -> BulkJob | None:
        """Wait until the job is finished; None when the CRM does not know it (any more)."""
        wait_s = FIRST_LOOK_S
        while True:
            reply = await self._courier.call(lambda: self._calls.status(job_id), DEFAULT_COST)
            if isinstance(reply, Rejected) and reply.status == _GONE:
                return None
            job: BulkJob = require_payload(reply, "looking at a bulk read", hint=HINT)
            if job.finished:
                return job
            await self._stop.sleep(wait_s)
            if self._stop.requested:
                raise StopRequestedError
            wait_s = min(wait_s * 1.5, LONGEST_LOOK_S)

    async def _blocks(self, job: BulkJob) -> AsyncIterator[tuple[list[str], list[list[str]]]]:
        """Fetch the job's zip and give its rows in blocks, with the names of their columns."""
        path = self._folder / "result.zip"
        await self._pace_downloads()
        try:
            with path.open("wb") as file:
                fetch = partial(self._calls.download, job.download_url, file)
                reply = await self._courier.call(fetch, DEFAULT_COST)
                if isinstance(reply, Rejected) and reply.status == _GONE:
                    raise ResultExpiredError  # a result is kept for a day (docs "Bulk Read"), the job longer perhaps
                require_payload(reply, "fetching the result of a bulk read", hint=HINT)
            blocks = self._rows_in_zip(path)
            names = api_names(next(blocks, [[]])[0], self._fields)
            count = 0
            for rows in blocks:
                count += len(rows)
                yield names, rows
                await asyncio.sleep(0)  # signals and displays want their turn
            if count != job.count:
                raise RunFailedError(
                    f"the result of a bulk read has {count:,} rows, and {job.count:,} were announced.",
                    hint="Resume: it is fetched again.",
                    code="RESULT_DAMAGED",
                )
        finally:
            path.unlink(missing_ok=True)

    async def _pace_downloads(self) -> None:
        clock = asyncio.get_running_loop().time
        if len(self._downloads) == BULK_READ_DOWNLOADS_PER_MINUTE and (wait_s := self._downloads[0] + DOWNLOADS_S - clock()) > 0:
            await self._stop.sleep(wait_s)
        if self._stop.requested:
            raise StopRequestedError
        self._downloads.append(clock())

    async def _ask(self, call: Callable[[], Awaitable[Reply]], price: CallCost, doing: str) -> Any:
        return require_payload(await self._courier.call(call, price), doing, hint=HINT)


def _failed(job: BulkJob | None) -> RunFailedError:
    why = "the CRM does not know the job any more" if job is None else job.error
    return RunFailedError(f"a bulk read failed ({why}).", hint="Resume: a new job is asked for.", code="BULK_READ_FAILED")
