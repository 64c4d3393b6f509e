"""What is kept of tools' runs beside the log: the reader's answers, browsers' claims, and results in full."""

from datetime import datetime, timedelta
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from causette.assistant.tools.types import ToolResult
from causette.clock import utc_now
from causette.db import Database, UtcDateTime, metadata

_encode: Final = msgspec.json.Encoder().encode
_read_result: Final = msgspec.json.Decoder(ToolResult).decode


def _of_a_step(name: str, *columns: sa.Column[object]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("step_id", sa.Text, primary_key=True),
        sa.Column(
            "generation_id", sa.Text, sa.ForeignKey("generations.id", ondelete="CASCADE"), nullable=False
        ),
        *columns,
        sa.Column("created_at", UtcDateTime, nullable=False),
        sa.Index(None, "generation_id"),
    )


step_answers = _of_a_step("step_answers", sa.Column("approved", sa.Boolean(name="approved"), nullable=False))
#: Of steps that a reader's browser runs: which one does, since when.
step_claims = _of_a_step("step_claims", sa.Column("browser", sa.Text, nullable=False))
step_results = _of_a_step("step_results", sa.Column("result", sa.Text, nullable=False))


class StepStore:
    """Answers and results, by their steps. The first of either stays."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def answer(self, step_id: str, generation_id: str, *, approved: bool) -> bool:
        """Keep the reader's yes or no; False when there was an answer before."""
        return await self._keep(step_answers, step_id, generation_id, approved=approved)

    async def answers(self, generation_id: str) -> dict[str, bool]:
        """The reader's yes or no, by the step's id."""
        query = sa.select(step_answers.c.step_id, step_answers.c.approved).where(
            step_answers.c.generation_id == generation_id
        )
        async with self._database.read() as connection:
            return {row.step_id: bool(row.approved) for row in await connection.execute(query)}

    async def claim(self, step_id: str, generation_id: str, browser: str, lasting: timedelta) -> bool:
        """Note that ``browser`` runs a step from now on; False while it is another's, whose claim is not over."""
        now = utc_now()
        row = {"step_id": step_id, "generation_id": generation_id, "browser": browser, "created_at": now}
        async with self._database.write() as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            taken = (
                insert(step_claims)
                .values(**row)
                .on_conflict_do_update(
                    index_elements=["step_id"],
                    set_={"browser": browser, "created_at": now},
                    where=sa.or_(step_claims.c.browser == browser, step_claims.c.created_at < now - lasting),
                )
            )
            return (await connection.execute(taken)).rowcount == 1

    async def claimed_at(self, step_id: str, generation_id: str) -> datetime | None:
        """Since when a browser runs a step."""
        claim = await self._claim(step_id, generation_id)
        return None if claim is None else claim[1]

    async def is_claimed_by(self, step_id: str, generation_id: str, browser: str) -> bool:
        """Whether it is this browser that runs a step."""
        claim = await self._claim(step_id, generation_id)
        return claim is not None and claim[0] == browser

    async def _claim(self, step_id: str, generation_id: str) -> tuple[str, datetime] | None:
        query = sa.select(step_claims.c.browser, step_claims.c.created_at).where(
            step_claims.c.step_id == step_id, step_claims.c.generation_id == generation_id
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).one_or_none()
            return None if row is None else (row.browser, row.created_at)

    async def keep_result(self, step_id: str, generation_id: str, result: ToolResult) -> bool:
        """Keep what a step found; False when there was something before."""
        return await self._keep(step_results, step_id, generation_id, result=_encode(result).decode())

    async def results(self, generation_id: str) -> dict[str, ToolResult]:
        """What a reply's steps found, by their ids."""
        query = sa.select(step_results.c.step_id, step_results.c.result).where(
            step_results.c.generation_id == generation_id
        )
        async with self._database.read() as connection:
            return {row.step_id: _read_result(row.result) for row in await connection.execute(query)}

    async def result(self, step_id: str, generation_id: str) -> ToolResult | None:
        """What one step of a reply found."""
        query = sa.select(step_results.c.result).where(
            step_results.c.step_id == step_id, step_results.c.generation_id == generation_id
        )
        async with self._database.read() as connection:
            found = (await connection.execute(query)).scalar_one_or_none()
            return None if found is None else _read_result(found)

    async def _keep(self, table: sa.Table, step_id: str, generation_id: str, **values: object) -> bool:
        row = {"step_id": step_id, "generation_id": generation_id, "created_at": utc_now(), **values}
        async with self._database.write() as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            result = await connection.execute(insert(table).values(**row).on_conflict_do_nothing())
            return result.rowcount == 1
