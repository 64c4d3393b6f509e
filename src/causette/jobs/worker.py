"""A task of a process that works on what is due, a few jobs at once.

A job is held by a lease that its worker renews while it lives. Whoever is killed renews none, and when the lease is
over, any process begins the job again. What a worker writes it writes only while the job is its own.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import structlog

from causette.clock import utc_now
from causette.errors import CausetteError
from causette.ids import new_id
from causette.jobs.store import JobStore
from causette.jobs.types import Handler, Job, JobStatus

_log = structlog.get_logger(__name__)

#: How long a job is held without a sign of life.
LEASE: Final = timedelta(seconds=30)
# So many signs of life in a lease: one may be late, two may be lost.
_BEATS: Final = 10
_LOOK_SECONDS: Final = 0.5
_TROUBLE_SECONDS: Final = 5.0
# The first pause before another try; each is twice as long, up to the longest.
_FIRST_PAUSE: Final = timedelta(seconds=2)
_LONGEST_PAUSE: Final = timedelta(minutes=10)
# How long the end of a job can be looked up.
_KEPT_FOR: Final = timedelta(days=7)
_FORGET_SECONDS: Final = 3600.0
_SAID: Final = "Something went wrong on the server while it worked on this."


@dataclass(frozen=True, slots=True)
class Kind:
    """How jobs of a kind are done, how often they are begun at most, and how many seconds one may take.

    ``apart`` jobs of it are done at once by a process, beside those that share its places; None shares them.
    """

    handler: Handler
    attempts: int
    seconds: float
    apart: int | None = None


class Worker:
    """Works on up to ``at_once`` jobs of ``kinds``.

    Args:
        store: where they are.
        kinds: how each kind is done, by its name; may grow until the worker is opened.
        lease: after how long without a sign of life a job is begun by somebody else.
    """

    def __init__(self, store: JobStore, kinds: Mapping[str, Kind], *, lease: timedelta = LEASE) -> None:
        self._store = store
        self._kinds = kinds
        self._lease = lease
        self._id = new_id("proc")
        self._wake = asyncio.Event()
        self._running: dict[str, asyncio.Task[None]] = {}
        #: The kinds of those that run.
        self._doing: dict[str, str] = {}
        self._cancelled: set[str] = set()
        self._loops: tuple[asyncio.Task[None], ...] = ()

    def open(self, at_once: int) -> None:
        """Begin."""
        self._loops = (
            asyncio.create_task(self._work(at_once), name="jobs"),
            asyncio.create_task(self._forget(), name="old jobs"),
        )

    async def close(self) -> None:
        """End. What is being worked on is given back, and begun again by whoever comes first."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        for task in self._running.values():
            task.cancel()
        await asyncio.gather(*self._running.values(), return_exceptions=True)

    def wake(self) -> None:
        """Look now: something was added."""
        self._wake.set()

    def cancel_here(self, job_id: str) -> None:
        """End a job at once if this process works on it."""
        if (task := self._running.get(job_id)) is not None:
            self._cancelled.add(job_id)
            task.cancel()

    async def _work(self, at_once: int) -> None:
        while True:
            self._wake.clear()
            try:
                while (kinds := self._with_room(at_once)) and await self._store.is_due(kinds):
                    job = await self._store.claim(self._id, kinds, self._lease)
                    if job is None:
                        break
                    self._begin(job)
            except CausetteError as error:
                _log.warning("cannot look for jobs", code=error.code, reason=error.message)
                await asyncio.sleep(_TROUBLE_SECONDS)
            except Exception:
                _log.exception("cannot look for jobs")
                await asyncio.sleep(_TROUBLE_SECONDS)
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def _with_room(self, at_once: int) -> list[str]:
        """The kinds of which another job can be begun now."""
        doing = list(self._doing.values())
        shared = sum(self._kinds[kind].apart is None for kind in doing) < at_once
        return [
            name
            for name, kind in self._kinds.items()
            if (shared if kind.apart is None else doing.count(name) < kind.apart)
        ]

    def _begin(self, job: Job) -> None:
        task = asyncio.create_task(self._run(job), name=f"job {job.id}")
        self._running[job.id] = task
        self._doing[job.id] = job.kind

        def leave(_: asyncio.Task[None]) -> None:
            if self._running.get(job.id) is task:
                del self._running[job.id], self._doing[job.id]
            self._cancelled.discard(job.id)
            self._wake.set()

        task.add_done_callback(leave)

    async def _run(self, job: Job) -> None:
        try:
            await self._do(job)
        except CausetteError as error:
            # Nobody could be told; when the lease is over, the job is begun again.
            _log.warning("lost a job", job=job.id, kind=job.kind, code=error.code, reason=error.message)
        except Exception:
            _log.exception("lost a job", job=job.id, kind=job.kind)

    async def _do(self, job: Job) -> None:
        kind = self._kinds[job.kind]
        if job.cancel_requested:
            await self._end(job, JobStatus.CANCELLED)
            return
        if job.attempts > kind.attempts:
            # Whoever worked on it died each time.
            await self._end(job, JobStatus.FAILED, error_code="job_died", error_message=_SAID)
            return
        held = _Held(self._store, job)
        doing = asyncio.ensure_future(kind.handler(held))
        keeping = asyncio.create_task(self._keep(job, doing))
        try:
            async with asyncio.timeout(kind.seconds):
                result = await doing
        except asyncio.CancelledError:
            doing.cancel()
            await asyncio.gather(doing, return_exceptions=True)
            await self._broken_off(job)
        except TimeoutError:
            await self._again(job, kind, "job_timeout", f"This took longer than {kind.seconds:g} seconds.")
        except CausetteError as error:
            if error.status < 500 and error.retry_after is None:
                await self._end(job, JobStatus.FAILED, error_code=error.code, error_message=error.message)
            else:
                await self._again(job, kind, error.code, error.message, error.retry_after)
        except Exception:
            _log.exception("job failed", job=job.id, kind=job.kind, attempt=job.attempts)
            await self._again(job, kind, "internal_error", _SAID)
        else:
            await self._end(job, JobStatus.DONE, result=result or {})
        finally:
            keeping.cancel()

    async def _keep(self, job: Job, doing: "asyncio.Future[dict[str, object] | None]") -> None:
        """Show life until the job is over, and end it when it is wanted no more or in other hands."""
        seconds = self._lease.total_seconds() / _BEATS
        while True:
            await asyncio.sleep(seconds)
            try:
                wish = await self._store.renew(job, self._lease)
            except CausetteError as error:
                _log.warning("cannot show life", job=job.id, code=error.code, reason=error.message)
                continue
            if wish is False:
                continue
            if wish:
                self._cancelled.add(job.id)
            doing.cancel()
            return

    async def _broken_off(self, job: Job) -> None:
        if job.id in self._cancelled:
            await self._end(job, JobStatus.CANCELLED)
            return
        # The process ends, or somebody else has the job: then this changes nothing.
        await self._store.change(
            job, status=JobStatus.QUEUED, worker_id=None, due_at=utc_now(), attempts=job.attempts - 1
        )

    async def _again(self, job: Job, kind: Kind, code: str, message: str, after: float | None = None) -> None:
        if job.attempts >= kind.attempts:
            await self._end(job, JobStatus.FAILED, error_code=code, error_message=message)
            return
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2 ** (job.attempts - 1))
        if after is not None:
            pause = min(_LONGEST_PAUSE, max(pause, timedelta(seconds=after)))
        await self._note(
            job,
            status=JobStatus.QUEUED,
            worker_id=None,
            due_at=utc_now() + pause,
            error_code=code,
            error_message=message,
        )

    async def _end(
        self,
        job: Job,
        status: JobStatus,
        *,
        result: dict[str, object] | None = None,
        error_code: str | None = None,
        error_message: str | None = None,
    ) -> None:
        await self._note(
            job,
            status=status,
            result=result,
            error_code=error_code,
            error_message=error_message,
            finished_at=utc_now(),
        )

    async def _note(self, job: Job, **columns: object) -> None:
        """Write down how a job went, to the end also when this process is ending: it is not to be begun again."""
        noting = asyncio.ensure_future(self._store.change(job, **columns))
        try:
            await asyncio.shield(noting)
        except asyncio.CancelledError:
            await noting
            raise

    async def _forget(self) -> None:
        while True:
            try:
                await self._store.forget(utc_now() - _KEPT_FOR)
            except CausetteError as error:
                _log.warning("cannot forget old jobs", code=error.code, reason=error.message)
            await asyncio.sleep(_FORGET_SECONDS)


class _Held:
    """A job in its handler's hands: `causette.jobs.types.Work`."""

    def __init__(self, store: JobStore, job: Job) -> None:
        self._store = store
        self._job = job

    @property
    def job(self) -> Job:
        return self._job

    async def report(
        self, progress: int, total: int | None = None, *, state: dict[str, object] | None = None
    ) -> None:
        changes: dict[str, object] = {"progress": progress, "total": total}
        if state is not None:
            changes["state"] = state
        if not await self._store.change(self._job, **changes):
            raise asyncio.CancelledError
        self._job = replace(
            self._job,
            progress=progress,
            total=total,
            state=self._job.state if state is None else state,
        )
