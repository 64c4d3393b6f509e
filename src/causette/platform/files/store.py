"""The table of the API's files, and every query on it."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.db import Database, UtcDateTime, metadata
from causette.platform.files.types import ApiFile, Order

api_files: Final = sa.Table(
    "api_files",
    metadata,
    # Ids sort by time, and are what is paged by.
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("workspace_id", sa.Text, sa.ForeignKey("workspaces.id", ondelete="CASCADE")),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("purpose", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("purpose IN ('fine-tune', 'fine-tune-results')", name="purpose"),
    sa.Index(None, "user_id", "id"),
    sa.Index(None, "workspace_id", "id"),
)


class ApiFileStore:
    """The API's files in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def add(self, connection: AsyncConnection, file: ApiFile) -> None:
        """Keep a file, unless there is one with its id."""
        known = sa.select(api_files.c.id).where(api_files.c.id == file.id)
        if (await connection.execute(known)).first() is None:
            values = {name: getattr(file, name) for name in ApiFile.__slots__}
            await connection.execute(sa.insert(api_files).values(values))

    async def find(self, file_id: str) -> ApiFile | None:
        """One file."""
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(api_files).where(api_files.c.id == file_id))
            row = rows.mappings().one_or_none()
            return None if row is None else ApiFile(**row)

    async def delete(self, connection: AsyncConnection, file_id: str) -> None:
        """Forget a file."""
        await connection.execute(sa.delete(api_files).where(api_files.c.id == file_id))

    async def page(
        self, owner_id: str, *, purpose: str | None, order: Order, after: str | None, limit: int
    ) -> Sequence[ApiFile]:
        """An owner's files in the order in which they came, or the other way round, after an id."""
        query = sa.select(api_files).where(_of(owner_id)).limit(limit)
        if purpose is not None:
            query = query.where(api_files.c.purpose == purpose)
        if order == "asc":
            query = query.order_by(api_files.c.id)
            query = query if after is None else query.where(api_files.c.id > after)
        else:
            query = query.order_by(api_files.c.id.desc())
            query = query if after is None else query.where(api_files.c.id < after)
        async with self._database.read() as connection:
            return [ApiFile(**row) for row in (await connection.execute(query)).mappings()]

    async def taken(self, owner_id: str) -> tuple[int, int]:
        """How many files an owner has, and their bytes together."""
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(api_files.c.size), 0))
        async with self._database.read() as connection:
            count, size = (await connection.execute(query.where(_of(owner_id)))).one()
            return int(count), int(size)


def _of(owner_id: str) -> sa.ColumnElement[bool]:
    if owner_id.startswith("ws_"):
        return api_files.c.workspace_id == owner_id
    return sa.and_(api_files.c.user_id == owner_id, api_files.c.workspace_id.is_(None))
