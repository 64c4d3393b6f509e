"""Asking for background work, looking how far it is, and calling it off."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.clock import utc_now
from causette.db import Database
from causette.errors import NotFound
from causette.ids import new_id
from causette.jobs.store import JobStore
from causette.jobs.types import Handler, Job, JobStatus
from causette.jobs.worker import LEASE, Kind, Worker

_ATTEMPTS: Final = 5
_SECONDS: Final = 3600.0


class Jobs:
    """Durable background work, kept in ``database``.

    A room says once how its kind of job is done (`handle`), and asks for one where there is something to do
    (`ask`). Any process that is open works on it, in this one and in others; ``lease`` is how long one that shows no
    sign of life is waited for.
    """

    def __init__(self, database: Database, *, lease: timedelta = LEASE) -> None:
        self._store = JobStore(database)
        self._kinds: dict[str, Kind] = {}
        self._worker = Worker(self._store, self._kinds, lease=lease)

    def handle(
        self,
        kind: str,
        handler: Handler,
        *,
        attempts: int = _ATTEMPTS,
        seconds: float = _SECONDS,
        apart: int | None = None,
    ) -> None:
        """Have jobs of ``kind`` done by ``handler``, begun ``attempts`` times at most, for ``seconds`` each time.

        With ``apart``, a process does so many of them at once beside all others: what takes hours leaves their places
        to those that take seconds.
        """
        self._kinds[kind] = Kind(handler, attempts, seconds, apart)

    async def ask(
        self,
        owner_id: str,
        kind: str,
        arguments: dict[str, object],
        *,
        key: str | None = None,
        after: timedelta = timedelta(0),
        connection: AsyncConnection | None = None,
    ) -> Job:
        """Have something done, not before ``after`` has passed.

        Args:
            owner_id: whose work it is; it is deleted with their account.
            kind: a kind that some room handles.
            arguments: what to do: small, and JSON.
            key: while a job with this key is unfinished, asking again gives that one.
            connection: a transaction for writing to do this in; then both are there or neither is. `wake` afterwards
                has it begun at once, and not half a second later.
        """
        now = utc_now()
        job = Job(
            id=new_id("job"),
            owner_id=owner_id,
            kind=kind,
            key=key,
            status=JobStatus.QUEUED,
            arguments=arguments,
            state={},
            result=None,
            progress=0,
            total=None,
            attempts=0,
            error_code=None,
            error_message=None,
            cancel_requested=False,
            worker_id=None,
            due_at=now + after,
            created_at=now,
            finished_at=None,
        )
        asked = await self._store.add(job, connection)
        if connection is None:
            self._worker.wake()
        return asked

    def wake(self) -> None:
        """Look for jobs now."""
        self._worker.wake()

    async def find(self, caller: Caller, job_id: str) -> Job:
        """One of the caller's jobs.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        return await owned(caller, job_id, self._store.find, what="job")

    async def unfinished(self, keys: Collection[str]) -> dict[str, Job]:
        """The unfinished jobs that have one of these keys, by their keys, whosever they are."""
        return {str(job.key): job for job in await self._store.unfinished(keys)} if keys else {}

    async def newest(self, keys: Collection[str]) -> dict[str, Job]:
        """The newest jobs that have one of these keys, by their keys, over or not, as far as they are not forgotten."""
        return {str(job.key): job for job in await self._store.newest(keys)} if keys else {}

    async def call_off(self, key: str) -> Job | None:
        """Call off the unfinished job with this key, whosever it is; None where there is none. See `cancel`."""
        job = (await self.unfinished([key])).get(key)
        return None if job is None else await self._cancel(job.id)

    async def latest(self, caller: Caller, kind: str) -> Job | None:
        """The caller's newest job of a kind, if it is not forgotten."""
        return await self._store.latest(caller.user.id, kind)

    async def cancel(self, caller: Caller, job_id: str) -> Job:
        """Call a job off. One that runs ends within seconds, wherever it does; one that is over stays as it is.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        job = await self.find(caller, job_id)
        cancelled = await self._cancel(job.id)
        if cancelled is None:
            raise NotFound("This job is no longer there.")
        return cancelled

    async def _cancel(self, job_id: str) -> Job | None:
        cancelled = await self._store.cancel(job_id)
        self._worker.cancel_here(job_id)
        return cancelled

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """What was done for the caller lately, under the key ``jobs``: for an export."""
        return {"jobs": [asdict(job) for job in await self._store.of_owner(caller.user.id)]}

    def open(self, at_once: int) -> None:
        """Begin to work, on ``at_once`` jobs at most; on none, it is left to other processes."""
        if at_once > 0:
            self._worker.open(at_once)

    async def close(self) -> None:
        """End; what is being worked on is given back."""
        await self._worker.close()
