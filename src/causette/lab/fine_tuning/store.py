"""The tables of fine-tuning jobs and of what they tell, and every query on them."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import Database, UtcDateTime, metadata
from causette.lab.fine_tuning.types import UNFINISHED, Event, FineTuningJob, Status

_STATUSES: Final = ", ".join(f"'{status}'" for status in Status)

fine_tuning_jobs: Final = sa.Table(
    "fine_tuning_jobs",
    metadata,
    # Ids sort by time, and are what is paged by.
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("workspace_id", sa.Text, sa.ForeignKey("workspaces.id", ondelete="CASCADE")),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("training_file", sa.Text, nullable=False),
    sa.Column("validation_file", sa.Text),
    sa.Column("suffix", sa.Text),
    sa.Column("seed", sa.BigInteger, nullable=False),
    sa.Column("method", sa.Text, nullable=False),
    sa.Column("hyperparameters", sa.JSON, nullable=False),
    sa.Column("metadata", sa.JSON(none_as_null=True)),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("turn", sa.Integer, nullable=False),
    sa.Column("planned", sa.JSON(none_as_null=True)),
    sa.Column("error", sa.JSON(none_as_null=True)),
    sa.Column("trained_tokens", sa.BigInteger),
    sa.Column("fine_tuned_model", sa.Text),
    # Not a reference: whoever deletes a model forgets it here first.
    sa.Column("artifact_id", sa.Text),
    sa.Column("result_file", sa.Text),
    sa.Column("request_id", sa.Text, nullable=False),
    sa.Column("settled_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("estimated_finish", UtcDateTime),
    sa.Column("finished_at", UtcDateTime),
    sa.CheckConstraint(f"status IN ({_STATUSES})", name="status"),
    sa.CheckConstraint("method IN ('supervised', 'dpo')", name="method"),
    sa.Index(None, "user_id", "id"),
    sa.Index(None, "workspace_id", "id"),
)

fine_tuning_events: Final = sa.Table(
    "fine_tuning_events",
    metadata,
    sa.Column("job_id", sa.Text, sa.ForeignKey("fine_tuning_jobs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("level", sa.Text, nullable=False),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("data", sa.JSON(none_as_null=True)),
    sa.CheckConstraint("level IN ('info', 'warn', 'error')", name="level"),
    sa.Index(None, "job_id", "id"),
)

_IN_PROGRESS: Final = fine_tuning_jobs.c.status.in_([status.value for status in UNFINISHED])


class FineTuningStore:
    """Fine-tuning jobs in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, connection: AsyncConnection, job: FineTuningJob, *, most: int) -> bool:
        """Keep a job, unless whose it is has ``most`` unfinished ones already."""
        if self._database.dialect == "postgresql":
            # One after the other, so that two at once do not both find room.
            lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"fine-tuning {job.owner_id}", 0))
            await connection.execute(sa.select(lock))
        query = sa.select(sa.func.count()).where(_of(job.owner_id), _IN_PROGRESS)
        if (await connection.execute(query)).scalar_one() >= most:
            return False
        await connection.execute(
            sa.insert(fine_tuning_jobs).values(msgspec.to_builtins(job) | _instants(job))
        )
        return True

    async def find(self, job_id: str) -> FineTuningJob | None:
        """One job."""
        async with self._database.read() as connection:
            rows = await connection.execute(
                sa.select(fine_tuning_jobs).where(fine_tuning_jobs.c.id == job_id)
            )
            row = rows.mappings().one_or_none()
            return None if row is None else _job(row)

    async def change(
        self,
        job_id: str,
        before: Collection[Status],
        *,
        in_turn: int | None = None,
        connection: AsyncConnection | None = None,
        **columns: object,
    ) -> bool:
        """Set columns of a job whose status is one of ``before``, and which is in that turn; whether it was."""
        if connection is None:
            async with self._database.write() as own:
                return await self.change(job_id, before, in_turn=in_turn, connection=own, **columns)
        query = (
            sa.update(fine_tuning_jobs)
            .where(
                fine_tuning_jobs.c.id == job_id,
                fine_tuning_jobs.c.status.in_([status.value for status in before]),
                sa.true() if in_turn is None else fine_tuning_jobs.c.turn == in_turn,
            )
            .values(columns)
            .returning(fine_tuning_jobs.c.id)
        )
        return (await connection.execute(query)).first() is not None

    async def page(
        self,
        owner_id: str,
        *,
        after: str | None,
        limit: int,
        having: Mapping[str, str] | None = None,
        without_metadata: bool = False,
    ) -> Sequence[FineTuningJob]:
        """An owner's jobs, the newest first, from after an id; those whose metadata has these values."""
        query = (
            sa.select(fine_tuning_jobs)
            .where(_of(owner_id))
            .order_by(fine_tuning_jobs.c.id.desc())
            .limit(limit)
        )
        if after is not None:
            query = query.where(fine_tuning_jobs.c.id < after)
        for name, value in (having or {}).items():
            query = query.where(fine_tuning_jobs.c.metadata[name].as_string() == value)
        if without_metadata:
            query = query.where(fine_tuning_jobs.c.metadata.is_(None))
        async with self._database.read() as connection:
            return [_job(row) for row in (await connection.execute(query)).mappings()]

    async def models_of(self, owner_id: str) -> list[str]:
        """The artifacts that an owner's jobs have made."""
        made = fine_tuning_jobs.c.artifact_id
        query = sa.select(made).where(_of(owner_id), made.is_not(None))
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def known_models(self) -> set[str]:
        """The artifacts of all models that there are."""
        query = sa.select(fine_tuning_jobs.c.artifact_id).where(fine_tuning_jobs.c.artifact_id.is_not(None))
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def open_of(self, owner_id: str) -> int:
        """How many of an owner's jobs are unfinished, or not settled yet."""
        query = sa.select(sa.func.count()).where(
            _of(owner_id), sa.or_(_IN_PROGRESS, fine_tuning_jobs.c.settled_at.is_(None))
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def tell(self, events: Sequence[Event], connection: AsyncConnection | None = None) -> None:
        """Keep what a job tells, unless it was told before."""
        if not events:
            return
        if connection is None:
            async with self._database.write() as own:
                await self.tell(events, own)
            return
        dialect = sqlite if self._database.dialect == "sqlite" else postgresql
        await connection.execute(
            dialect.insert(fine_tuning_events).on_conflict_do_nothing(),
            [{name: getattr(event, name) for name in Event.__slots__} for event in events],
        )

    async def events(self, job_id: str, *, after: str | None, limit: int) -> Sequence[Event]:
        """What a job has told, the newest first, from after an id."""
        table = fine_tuning_events
        query = sa.select(table).where(table.c.job_id == job_id).order_by(table.c.id.desc()).limit(limit)
        if after is not None:
            query = query.where(table.c.id < after)
        async with self._database.read() as connection:
            return [Event(**row) for row in (await connection.execute(query)).mappings()]

    async def steps(self, job_id: str) -> Sequence[Event]:
        """What a job has told of its steps, in their order."""
        table = fine_tuning_events
        query = sa.select(table).where(table.c.job_id == job_id, table.c.data.is_not(None))
        async with self._database.read() as connection:
            found = [Event(**row) for row in (await connection.execute(query)).mappings()]
        return sorted(found, key=lambda event: (event.data or {})["step"])


def _of(owner_id: str) -> sa.ColumnElement[bool]:
    if owner_id.startswith("ws_"):
        return fine_tuning_jobs.c.workspace_id == owner_id
    return sa.and_(fine_tuning_jobs.c.user_id == owner_id, fine_tuning_jobs.c.workspace_id.is_(None))


_INSTANTS: Final = ("settled_at", "created_at", "estimated_finish", "finished_at")


def _instants(job: FineTuningJob) -> dict[str, object]:
    """Those columns that are no JSON."""
    return {name: getattr(job, name) for name in _INSTANTS}


def _job(row: sa.RowMapping) -> FineTuningJob:
    values: dict[str, Any] = {name: row[name] for name in FineTuningJob.__slots__}
    return msgspec.convert(values, FineTuningJob)
