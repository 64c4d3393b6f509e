"""The tables of examples and of the flywheel's turns, and every query on them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import Database, UtcDateTime, metadata
from causette.lab.flywheel.types import OVER, Example, ExampleKind, Night, Settings, Turn, TurnState, Verdict
from causette.lab.types import Message

flywheel_examples = sa.Table(
    "flywheel_examples",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "feedback_id", sa.Text, sa.ForeignKey("feedback.id", ondelete="CASCADE"), nullable=False, unique=True
    ),
    # When it was said last: said anew, it is looked at anew.
    sa.Column("said_at", UtcDateTime, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("prompt", sa.JSON, nullable=False),
    sa.Column("chosen", sa.Text),
    sa.Column("rejected", sa.Text),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("comment", sa.Text, nullable=False),
    sa.Column("scrubbed", sa.JSON, nullable=False),
    sa.Column("verdict", sa.Text, nullable=False),
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", UtcDateTime),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("kind IN ('thumb', 'pair')", name="kind"),
    sa.CheckConstraint("verdict IN ('pending', 'kept', 'left_out')", name="verdict"),
    sa.Index(None, "verdict", "id"),
)

flywheel_turns = sa.Table(
    "flywheel_turns",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("settings", sa.JSON, nullable=False),
    sa.Column("begun_by_id", sa.Text, nullable=False),
    sa.Column("begun_by", sa.Text, nullable=False),
    sa.Column("thumbs", sa.Integer, nullable=False),
    sa.Column("pairs", sa.Integer, nullable=False),
    sa.Column("artifact_id", sa.Text),
    sa.Column("release_id", sa.Text),
    sa.Column("learned_until", UtcDateTime),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("failed_in", sa.Text),
    # True or null: one turn at a time, as the next one starts from what this one makes.
    sa.Column("under_way", sa.Boolean(name="under_way"), unique=True),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

flywheel_nights = sa.Table(
    "flywheel_nights",
    metadata,
    sa.Column("due_at", UtcDateTime, primary_key=True),
    sa.Column("looked_at", UtcDateTime, nullable=False),
    sa.Column("outcome", sa.Text, nullable=False),
    sa.Column("fresh", sa.Integer, nullable=False),
    sa.Column("turn_id", sa.Text, sa.ForeignKey("flywheel_turns.id")),
    sa.CheckConstraint("outcome IN ('begun', 'under_way', 'too_few', 'nobody')", name="outcome"),
)

_EXAMPLE: Final = [flywheel_examples.c[name] for name in Example.__slots__]
_TURN: Final = [flywheel_turns.c[name] for name in Turn.__slots__]
_LONG_AGO: Final = sa.literal(datetime(1970, 1, 1, tzinfo=UTC), UtcDateTime)
# A statement takes so many parameters.
_AT_ONCE: Final = 500


class FlywheelStore:
    """Examples and turns in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Examples

    async def known(self) -> dict[str, datetime]:
        """The feedback that examples are made from, and when it had been said."""
        query = sa.select(flywheel_examples.c.feedback_id, flywheel_examples.c.said_at)
        async with self._database.read() as connection:
            return {row.feedback_id: row.said_at for row in await connection.execute(query)}

    async def put(self, examples: Iterable[tuple[Example, datetime]]) -> None:
        """Keep examples with when they were said; of feedback that was said anew, in the place of the old one."""
        async with self._database.write() as connection:
            for example, said_at in examples:
                statement = self._insert(flywheel_examples).values(asdict(example) | {"said_at": said_at})
                replaced = {
                    name: statement.excluded[name] for name in Example.__slots__ if name != "feedback_id"
                }
                await connection.execute(
                    statement.on_conflict_do_update(
                        index_elements=["feedback_id"],
                        set_=replaced | {"said_at": statement.excluded.said_at},
                    )
                )

    async def forget(self, feedback_ids: Collection[str]) -> None:
        """Delete the examples that were made from this feedback."""
        ids = sorted(feedback_ids)
        async with self._database.write() as connection:
            for start in range(0, len(ids), _AT_ONCE):
                some = flywheel_examples.c.feedback_id.in_(ids[start : start + _AT_ONCE])
                await connection.execute(sa.delete(flywheel_examples).where(some))

    async def examples(
        self, *, verdict: Verdict | None = None, after: str = "", limit: int | None = None
    ) -> list[Example]:
        """Examples in the order in which they were made, after an id: all, or those of a verdict."""
        query = sa.select(*_EXAMPLE).where(flywheel_examples.c.id > after).order_by(flywheel_examples.c.id)
        if verdict is not None:
            query = query.where(flywheel_examples.c.verdict == verdict)
        async with self._database.read() as connection:
            rows = await connection.execute(query.limit(limit))
            return [_to_example(row) for row in rows.mappings()]

    async def example(self, example_id: str) -> Example | None:
        """One example."""
        query = sa.select(*_EXAMPLE).where(flywheel_examples.c.id == example_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else _to_example(row)

    async def counts(self) -> dict[tuple[Verdict, ExampleKind], int]:
        """How many examples there are of each verdict and kind."""
        table = flywheel_examples.c
        query = sa.select(table.verdict, table.kind, sa.func.count().label("count"))
        async with self._database.read() as connection:
            rows = await connection.execute(query.group_by(table.verdict, table.kind))
            return {(row["verdict"], row["kind"]): row["count"] for row in rows.mappings()}

    async def decide(self, ids: Sequence[str], verdict: Verdict, by: str, now: datetime) -> int:
        """Keep or leave out examples; how many of them there are."""
        return await self._change(
            flywheel_examples.c.id.in_(ids), verdict=verdict, decided_by=by, decided_at=now
        )

    async def leave_out_the_rest(self, by: str, now: datetime) -> int:
        """Leave out what nobody has looked at; how many that were."""
        return await self._change(
            flywheel_examples.c.verdict == "pending", verdict="left_out", decided_by=by, decided_at=now
        )

    async def rewrite(
        self,
        example_id: str,
        *,
        prompt: Sequence[Message],
        chosen: str | None,
        rejected: str | None,
        by: str,
        now: datetime,
    ) -> None:
        """Change an example's words, and keep it."""
        await self._change(
            flywheel_examples.c.id == example_id,
            prompt=[asdict(message) for message in prompt],
            chosen=chosen,
            rejected=rejected,
            verdict="kept",
            decided_by=by,
            decided_at=now,
        )

    async def _change(self, which: sa.ColumnElement[bool], **columns: object) -> int:
        query = sa.update(flywheel_examples).where(which).values(**columns).returning(flywheel_examples.c.id)
        async with self._database.write() as connection:
            return len((await connection.execute(query)).all())

    # Turns

    async def add_turn(self, turn: Turn) -> bool:
        """Begin a turn, unless one is under way; whether it was begun."""
        async with self._database.write() as connection:
            return await self._added(connection, turn)

    async def turn(self, turn_id: str) -> Turn | None:
        """One turn."""
        return await self._turn(flywheel_turns.c.id == turn_id)

    async def under_way(self) -> Turn | None:
        """The turn that is under way, if one is."""
        return await self._turn(flywheel_turns.c.under_way)

    async def turns(self, *, limit: int = 50) -> list[Turn]:
        """Turns, the newest first."""
        query = sa.select(*_TURN).order_by(flywheel_turns.c.id.desc()).limit(limit)
        async with self._database.read() as connection:
            return [_to_turn(row) for row in (await connection.execute(query)).mappings()]

    async def advance(self, turn: Turn, to: TurnState, now: datetime, **columns: object) -> bool:
        """Have a turn go on from the state that it is in to another one; whether it still was in it."""
        query = (
            sa.update(flywheel_turns)
            .where(flywheel_turns.c.id == turn.id, flywheel_turns.c.state == turn.state)
            .values(state=to, under_way=None if to in OVER else True, updated_at=now, **columns)
            .returning(flywheel_turns.c.id)
        )
        try:
            async with self._database.write() as connection:
                return (await connection.execute(query)).scalar_one_or_none() is not None
        except IntegrityError:
            # It was over, and another one is under way.
            return False

    # Nights

    async def add_night(self, night: Night, turn: Turn | None) -> None:
        """Keep what becomes of a night and begin its turn, unless the night has an outcome already.

        Where a turn is under way, that is the night's outcome.
        """
        values = asdict(night) | {"turn_id": None}
        statement = (
            self._insert(flywheel_nights).values(values).on_conflict_do_nothing(index_elements=["due_at"])
        )
        table = flywheel_nights.c
        async with self._database.write() as connection:
            kept = await connection.execute(statement.returning(table.due_at))
            if kept.scalar_one_or_none() is None or turn is None:
                return
            begun = await self._added(connection, turn)
            changed = {"turn_id": turn.id} if begun else {"outcome": "under_way"}
            await connection.execute(
                sa.update(flywheel_nights).where(table.due_at == night.due_at).values(**changed)
            )

    async def night(self, due_at: datetime) -> Night | None:
        """The night at this time."""
        return await self._night(sa.select(flywheel_nights).where(flywheel_nights.c.due_at == due_at))

    async def last_night(self) -> Night | None:
        """The newest night."""
        return await self._night(
            sa.select(flywheel_nights).order_by(flywheel_nights.c.due_at.desc()).limit(1)
        )

    async def fresh(self) -> int:
        """How many examples, not left out, were made after those that the last turn has made a model of, or is to."""
        learned = sa.select(sa.func.max(flywheel_turns.c.learned_until)).where(
            sa.or_(
                flywheel_turns.c.artifact_id.is_not(None),
                flywheel_turns.c.state.not_in(("failed", "stopped")),
            )
        )
        table = flywheel_examples.c
        query = sa.select(sa.func.count()).where(
            table.verdict != "left_out",
            table.created_at > sa.func.coalesce(learned.scalar_subquery(), _LONG_AGO),
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one()

    async def _night(self, query: sa.Select[Any]) -> Night | None:
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else Night(**row)

    async def _added(self, connection: AsyncConnection, turn: Turn) -> bool:
        values = {name: getattr(turn, name) for name in Turn.__slots__}
        values |= {"settings": asdict(turn.settings), "under_way": True}
        statement = (
            self._insert(flywheel_turns).values(values).on_conflict_do_nothing(index_elements=["under_way"])
        )
        kept = await connection.execute(statement.returning(flywheel_turns.c.id))
        return kept.scalar_one_or_none() is not None

    def _insert(self, table: sa.Table) -> Any:
        return (sqlite if self._database.dialect == "sqlite" else postgresql).insert(table)

    async def _turn(self, which: sa.ColumnElement[bool]) -> Turn | None:
        async with self._database.read() as connection:
            row = (await connection.execute(sa.select(*_TURN).where(which))).mappings().one_or_none()
            return None if row is None else _to_turn(row)


def _to_example(row: sa.RowMapping) -> Example:
    values = dict[str, Any](row)
    values["prompt"] = msgspec.convert(row["prompt"], tuple[Message, ...])
    values["reasons"] = tuple(row["reasons"])
    return Example(**values)


def _to_turn(row: sa.RowMapping) -> Turn:
    values = dict[str, Any](row)
    values["settings"] = msgspec.convert(row["settings"], Settings)
    return Turn(**values)
