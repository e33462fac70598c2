"""Jobs that go on after their call is answered: bulk read, bulk write, mass update."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Job", "JobFailedError", "JobRegistry"]


KEPT_S = 7 * 86_400.0  # seconds: the longer of the lives of results


@dataclass(slots=True, kw_only=True)
class Job:
    """One job.  Its own task alone changes it; times are the service's seconds since 1970."""

    id: int
    kind: str  #: read, write or mass_update
    crm_module: str
    created_s: float
    ends_s: float  #: not before that
    made_by: dict[str, Any]
    request: dict[str, Any]  #: what the call asked for
    fails: bool = False  #: a fault lets it fail
    error: str = ""  #: the code with which it failed
    worked: bool = False  #: its work is done, and shows once ``ends_s`` is past
    archive: bytes = b""  #: the zip with its result
    figures: dict[str, Any] = field(default_factory=dict)  #: counts, and what else its kind tells

    def share_done(self, now_s: float) -> float:
        """Give how far it is, from 0 to 1; 1 only when it is finished."""
        if not self.worked:
            return min(0.99, self._time_share(now_s))
        return self._time_share(now_s)

    def _time_share(self, now_s: float) -> float:
        if now_s >= self.ends_s:
            return 1.0
        return (now_s - self.created_s) / (self.ends_s - self.created_s)


class JobRegistry:
    """All jobs, and the tasks that do their work."""

    def __init__(self) -> None:
        self._jobs: dict[int, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def start(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        """Take a job on, and begin its work; results that nobody can fetch any more go."""
        for each in self._jobs.values():
            if each.archive and each.ends_s + KEPT_S <= job.created_s:
                each.archive = b""
        self._jobs[job.id] = job
        self.spawn(self._watched(job, work))

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the calls."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def find(self, kind: str, job_id: int) -> Job | None:
        """Give the job of that id."""
        job = self._jobs.get(job_id)
        return job if job is not None and job.kind == kind else None

    def of(self, kind: str) -> list[Job]:
        """Give all jobs of a kind."""
        return [each for each in self._jobs.values() if each.kind == kind]

    def unfinished(self, kind: str, now_s: float) -> list[Job]:
        """Give the jobs of a kind that are not finished."""
        return [each for each in self._jobs.values() if each.kind == kind and each.share_done(now_s) < 1]

    async def close(self) -> None:
        """End all work."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _watched(self, job: Job, work: Coroutine[Any, Any, None]) -> None:
        try:
            if job.fails:
                work.close()
                job.error = "INTERNAL_SERVER_ERROR"
            else:
                await work
        except JobFailedError as failed:
            job.error = failed.code
        except Exception:
            job.error = "INTERNAL_SERVER_ERROR"
            raise
        finally:
            job.worked = True


class JobFailedError(Exception):
    """The job as a whole cannot be done."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code
