"""Plain data of jobs, and what does one."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from causette.errors import CausetteError


class JobStatus(StrEnum):
    """Where a job is in its life. The last three are its end."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self in {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A piece of work, as the database knows it."""

    id: str
    #: Whose it is; it goes with their account.
    owner_id: str
    kind: str
    #: Of unfinished jobs, no two have the same.
    key: str | None
    status: JobStatus
    #: What it was asked to do: JSON.
    arguments: dict[str, object]
    #: What its handler wants to find again when it is begun anew: JSON.
    state: dict[str, object]
    #: What came of it: JSON.
    result: dict[str, object] | None
    #: How far it is, and how far it goes; None where nobody can say.
    progress: int
    total: int | None
    #: How often it was begun.
    attempts: int
    error_code: str | None
    error_message: str | None
    cancel_requested: bool
    #: The process that works on it.
    worker_id: str | None
    #: When it may be begun; while it runs, when whoever works on it is taken for dead.
    due_at: datetime
    created_at: datetime
    finished_at: datetime | None


class JobFailed(CausetteError):
    """This job cannot be done, however often it is tried; the message is for whoever asked for it."""

    status = 422
    default_code = "job_failed"


class Work(Protocol):
    """A job in the hands of its handler."""

    @property
    def job(self) -> Job:
        """The job, as it was when it was begun, with the newest ``state``."""
        ...

    async def report(
        self, progress: int, total: int | None = None, *, state: dict[str, object] | None = None
    ) -> None:
        """Say how far it is; ``state`` is found again by whoever begins it anew.

        Raises:
            asyncio.CancelledError: somebody else has the job now, or nobody wants it any more.
        """
        ...


#: Does a job, and returns what came of it. It may be begun again after it was broken off at any point, so what it
#: writes it must be able to write twice. A `CausetteError` that repeating would not cure (below 500, without
#: ``retry_after``) ends the job; after any other exception it is tried again, later and later.
Handler = Callable[[Work], Awaitable[dict[str, object] | None]]
