"""Background jobs: bulk read, bulk write, mass update."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Job", "JobFailedError", "JobRegistry"]


KEPT_S = 7 * 86_400.0  # seconds; the longest lifetime of a job result


@dataclass(slots=True, kw_only=True)
class Job:
    """One job.  Only its own task changes it; times are service seconds since 1970."""

    id: int
    kind: str  #: read, write or mass_update
    crm_module: str
    created_s: float
    ends_s: float  #: earliest end
    made_by: dict[str, Any]
    request: dict[str, Any]  #: the request that started the job
    fails: bool = False  #: set by a fault: the job fails
    error: str = ""  #: error code of a failed job
    worked: bool = False  #: the work is done; visible once ``ends_s`` has passed
    archive: bytes = b""  #: zip with the result
    result: dict[str, Any] = field(default_factory=dict)  #: counts and other results of its kind

    def share_done(self, now_s: float) -> float:
        """Return the progress from 0 to 1; 1 only if the job is finished."""
        if not self.worked:
            return min(0.99, self._elapsed_share(now_s))
        return self._elapsed_share(now_s)

    def _elapsed_share(self, now_s: float) -> float:
        if now_s >= self.ends_s:
            return 1.0
        return (now_s - self.created_s) / (self.ends_s - self.created_s)


class JobRegistry:
    """All jobs and the tasks that run them."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        """Register a job and start its work; discard expired results."""
        for each in self._jobs.values():
            if each.archive and each.ends_s + KEPT_S <= job.created_s:
                each.archive = b""
        self._jobs[job.id] = job
        self.spawn(self._run(job, work))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run *work* as a background task."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def find(self, kind: str, job_id: int) -> Job | None:
        """Return the job with this kind and id."""
        job = self._jobs.get(job_id)
        return job if job is not None and job.kind == kind else None

    def of_kind(self, kind: str) -> list[Job]:
        """Return all jobs of a kind."""
        return [each for each in self._jobs.values() if each.kind == kind]

    def unfinished(self, kind: str, now_s: float) -> list[Job]:
        """Return the unfinished jobs of a kind."""
        return [each for each in self._jobs.values() if each.kind == kind and each.share_done(now_s) < 1]

    async def close(self) -> None:
        """Cancel all background tasks."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _run(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        try:
            if job.fails:
                work.close()
                job.error = "INTERNAL_SERVER_ERROR"
            else:
                await work
        except JobFailedError as failure:
            job.error = failure.code
        except Exception:
            job.error = "INTERNAL_SERVER_ERROR"
            raise
        finally:
            job.worked = True


class JobFailedError(Exception):
    """Failure of a whole job."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
