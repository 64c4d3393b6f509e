"""The table of custom instructions, and every query on it."""

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from causette.assistant.instructions.types import Instructions
from causette.db import Database, UtcDateTime, metadata

custom_instructions = sa.Table(
    "custom_instructions",
    metadata,
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("about", sa.Text, nullable=False),
    sa.Column("answers", sa.Text, nullable=False),
    sa.Column("enabled", sa.Boolean(name="enabled"), nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)

_COLUMNS = tuple(custom_instructions.c[name] for name in Instructions.__slots__)


class InstructionsStore:
    """Custom instructions in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, user_id: str) -> Instructions | None:
        """A person's; None where they have never written any."""
        query = sa.select(*_COLUMNS).where(custom_instructions.c.user_id == user_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else _to_instructions(row)

    async def change(self, user_id: str, changes: dict[str, object]) -> Instructions:
        """Set columns of a person's, whether or not they have written any."""
        unwritten = {name: getattr(Instructions(), name) for name in Instructions.__slots__}
        async with self._database.write() as connection:
            dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
            query = (
                dialect.insert(custom_instructions)
                .values(user_id=user_id, **unwritten | changes)
                .on_conflict_do_update(index_elements=[custom_instructions.c.user_id], set_=changes)
                .returning(*_COLUMNS)
            )
            return _to_instructions((await connection.execute(query)).mappings().one())


def _to_instructions(row: sa.RowMapping) -> Instructions:
    return Instructions(**row)  # pyright: ignore[reportArgumentType] - the table names the fields
