"""The table of jobs, and every query on it."""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.clock import utc_now
from causette.db import Database, UtcDateTime, metadata
from causette.jobs.types import Job, JobStatus

jobs = sa.Table(
    "jobs",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("arguments", sa.JSON, nullable=False),
    sa.Column("state", sa.JSON, nullable=False),
    sa.Column("result", sa.JSON(none_as_null=True)),
    sa.Column("progress", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error_code", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("cancel_requested", sa.Boolean(name="cancel_requested"), nullable=False),
    sa.Column("worker_id", sa.Text),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Index(None, "owner_id", "id"),
    sa.Index(
        None,
        "due_at",
        "id",
        sqlite_where=sa.text("finished_at IS NULL"),
        postgresql_where=sa.text("finished_at IS NULL"),
    ),
    sa.Index(
        None,
        "key",
        unique=True,
        sqlite_where=sa.text("finished_at IS NULL AND key IS NOT NULL"),
        postgresql_where=sa.text("finished_at IS NULL AND key IS NOT NULL"),
    ),
    sa.Index("ix_jobs_key_id", "key", "id"),
    sa.Index(
        None,
        "finished_at",
        sqlite_where=sa.text("finished_at IS NOT NULL"),
        postgresql_where=sa.text("finished_at IS NOT NULL"),
    ),
)

_UNFINISHED: Final = jobs.c.finished_at.is_(None)


class JobStore:
    """Jobs in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, job: Job, connection: AsyncConnection | None = None) -> Job:
        """Keep a job, unless there is an unfinished one with its key; whichever there is now."""
        if connection is None:
            async with self._database.write() as own:
                return await self.add(job, own)
        if self._database.dialect == "postgresql" and job.key is not None:
            # Two that add the same at once: the second waits here and then finds the first one's.
            await connection.execute(
                sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"job {job.key}", 0)))
            )
        if job.key is not None:
            same = sa.select(jobs).where(_UNFINISHED, jobs.c.key == job.key)
            if (row := (await connection.execute(same)).mappings().one_or_none()) is not None:
                return _to_job(row)
        await connection.execute(sa.insert(jobs).values({name: getattr(job, name) for name in Job.__slots__}))
        return job

    async def find(self, job_id: str) -> Job | None:
        """One job."""
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(jobs).where(jobs.c.id == job_id))
            row = rows.mappings().one_or_none()
            return None if row is None else _to_job(row)

    async def of_owner(self, owner_id: str) -> list[Job]:
        """A person's jobs, in the order in which they were asked for."""
        query = sa.select(jobs).where(jobs.c.owner_id == owner_id).order_by(jobs.c.id)
        async with self._database.read() as connection:
            return [_to_job(row) for row in (await connection.execute(query)).mappings()]

    async def latest(self, owner_id: str, kind: str) -> Job | None:
        """A person's newest job of a kind."""
        query = (
            sa.select(jobs)
            .where(jobs.c.owner_id == owner_id, jobs.c.kind == kind)
            .order_by(jobs.c.id.desc())
            .limit(1)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else _to_job(row)

    async def unfinished(self, keys: Collection[str]) -> list[Job]:
        """The unfinished jobs that have one of these keys."""
        query = sa.select(jobs).where(_UNFINISHED, jobs.c.key.in_(sorted(keys)))
        async with self._database.read() as connection:
            return [_to_job(row) for row in (await connection.execute(query)).mappings()]

    async def newest(self, keys: Collection[str]) -> list[Job]:
        """The newest job of each of these keys, over or not."""
        newest = sa.select(sa.func.max(jobs.c.id)).where(jobs.c.key.in_(sorted(keys))).group_by(jobs.c.key)
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(jobs).where(jobs.c.id.in_(newest)))
            return [_to_job(row) for row in rows.mappings()]

    async def is_due(self, kinds: Collection[str]) -> bool:
        """Whether there is something to do now."""
        query = _due(kinds, utc_now()).with_only_columns(sa.literal(1)).limit(1)
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def claim(self, worker_id: str, kinds: Collection[str], lease: timedelta) -> Job | None:
        """Take the job that has been due for longest, for ``lease``; None when there is none."""
        now = utc_now()
        first = (
            _due(kinds, now)
            .with_only_columns(jobs.c.id)
            .order_by(jobs.c.due_at, jobs.c.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        async with self._database.write() as connection:
            job_id = (await connection.execute(first)).scalar_one_or_none()
            if job_id is None:
                return None
            query = (
                sa.update(jobs)
                .where(jobs.c.id == job_id)
                .values(
                    status=JobStatus.RUNNING,
                    worker_id=worker_id,
                    attempts=jobs.c.attempts + 1,
                    due_at=now + lease,
                )
                .returning(jobs)
            )
            return _to_job((await connection.execute(query)).mappings().one())

    async def renew(self, job: Job, lease: timedelta) -> bool | None:
        """Show life for a job; whether somebody wants it to end, and None when it is ours no more."""
        query = (
            sa.update(jobs)
            .where(*_held(job))
            .values(due_at=utc_now() + lease)
            .returning(jobs.c.cancel_requested)
        )
        async with self._database.write() as connection:
            return (await connection.execute(query)).scalar_one_or_none()

    async def change(self, job: Job, **columns: object) -> bool:
        """Set columns of a job that is ours; whether it still is."""
        query = sa.update(jobs).where(*_held(job)).values(**columns).returning(jobs.c.id)
        async with self._database.write() as connection:
            return (await connection.execute(query)).scalar_one_or_none() is not None

    async def cancel(self, job_id: str) -> Job | None:
        """Want a job to end: one that waits does at once. The job as it is then."""
        now = utc_now()
        waiting = jobs.c.status == JobStatus.QUEUED
        query = (
            sa.update(jobs)
            .where(jobs.c.id == job_id, _UNFINISHED)
            .values(
                cancel_requested=sa.true(),
                status=sa.case((waiting, JobStatus.CANCELLED.value), else_=jobs.c.status),
                finished_at=sa.case((waiting, sa.literal(now, UtcDateTime)), else_=None),
            )
        )
        async with self._database.write() as connection:
            await connection.execute(query)
            row = (await connection.execute(sa.select(jobs).where(jobs.c.id == job_id))).mappings().first()
            return None if row is None else _to_job(row)

    async def forget(self, before: datetime) -> None:
        """Delete jobs that ended before this instant."""
        async with self._database.write() as connection:
            await connection.execute(sa.delete(jobs).where(jobs.c.finished_at < before))


def _due(kinds: Collection[str], now: datetime) -> sa.Select[tuple[object]]:
    return sa.select(jobs).where(_UNFINISHED, jobs.c.due_at <= now, jobs.c.kind.in_(sorted(kinds)))


def _held(job: Job) -> tuple[sa.ColumnElement[bool], ...]:
    """That nobody has taken the job since: a process that slept must not write over its successor."""
    return (
        jobs.c.id == job.id,
        jobs.c.status == JobStatus.RUNNING,
        jobs.c.worker_id == job.worker_id,
        jobs.c.attempts == job.attempts,
    )


def _to_job(row: sa.RowMapping) -> Job:
    status = {"status": JobStatus(row["status"])}
    return Job(**dict(row) | status)  # pyright: ignore[reportArgumentType] - the table names the fields
