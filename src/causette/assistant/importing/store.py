"""The table of imports, and the queries that write what they bring. Writing anything twice changes nothing."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.assistant.feedback.store import feedback
from causette.assistant.files.store import attach
from causette.assistant.importing.records import Import, ImportStatus, Report
from causette.assistant.importing.rows import Rows
from causette.assistant.importing.types import Contents
from causette.assistant.projects.store import projects
from causette.assistant.tables import conversations, messages
from causette.clock import utc_now
from causette.db import Database, UtcDateTime, metadata

imports = sa.Table(
    "imports",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("source", sa.Text),
    sa.Column("contents", sa.JSON(none_as_null=True)),
    sa.Column("report", sa.JSON(none_as_null=True)),
    # The job that works on it; jobs are forgotten earlier.
    sa.Column("job_id", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Index(None, "owner_id", "id"),
    sa.Index(None, "created_at"),
)

_COLUMNS = tuple(imports.c[name] for name in Import.__slots__)
_import = sa.select(*_COLUMNS)


class ImportStore:
    """Imports in the database, and what they write."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, import_id: str) -> Import | None:
        """One import."""
        async with self._database.read() as connection:
            rows = await connection.execute(_import.where(imports.c.id == import_id))
            row = rows.mappings().one_or_none()
            return None if row is None else _to_import(row)

    async def of_owner(self, owner_id: str) -> list[Import]:
        """A person's imports, the newest first."""
        query = _import.where(imports.c.owner_id == owner_id).order_by(imports.c.id.desc())
        async with self._database.read() as connection:
            return [_to_import(row) for row in (await connection.execute(query)).mappings()]

    async def add(self, record: Import, connection: AsyncConnection) -> None:
        """Keep a new import."""
        row = {name: getattr(record, name) for name in Import.__slots__}
        await connection.execute(sa.insert(imports).values(row))

    async def change(
        self, import_id: str, changes: Mapping[str, object], *, only: ImportStatus
    ) -> Import | None:
        """Set columns of an import that is in the status ``only``; None if there is no such."""
        async with self._database.write() as connection:
            return await self.change_in(connection, import_id, changes, only=only)

    @staticmethod
    async def change_in(
        connection: AsyncConnection, import_id: str, changes: Mapping[str, object], *, only: ImportStatus
    ) -> Import | None:
        """The same, in a transaction of the caller's."""
        query = (
            sa.update(imports)
            .where(imports.c.id == import_id, imports.c.status == only)
            .values(**changes)
            .returning(*_COLUMNS)
        )
        row = (await connection.execute(query)).mappings().one_or_none()
        return None if row is None else _to_import(row)

    async def delete(self, import_id: str) -> None:
        """Forget an import; what it brought stays."""
        async with self._database.write() as connection:
            await connection.execute(sa.delete(imports).where(imports.c.id == import_id))

    async def kept(self, age: timedelta) -> set[str]:
        """Forget imports older than ``age``; the ids of those that remain."""
        old = imports.c.created_at < sa.literal(utc_now() - age, UtcDateTime)
        async with self._database.write() as connection:
            await connection.execute(sa.delete(imports).where(old))
            return set((await connection.execute(sa.select(imports.c.id))).scalars())

    async def known(self, message_ids: Sequence[str]) -> set[str]:
        """Which of these messages are there."""
        async with self._database.read() as connection:
            return await _known(connection, message_ids)

    async def write_conversation(
        self, rows: Rows, before: Callable[[AsyncConnection], Awaitable[None]]
    ) -> tuple[bool, list[str]]:
        """Write a conversation; whether it is new, and which messages are.

        What is there already stays as it is. The branch that is shown changes only where messages are new, and nobody
        was in the conversation since. ``before`` lists, in the same transaction, the files that messages have.
        """
        row = rows.conversation
        async with self._database.write() as connection:
            insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
            made = await connection.execute(insert(conversations).values(**row).on_conflict_do_nothing())
            mine = sa.select(conversations.c.owner_id, conversations.c.updated_at).where(
                conversations.c.id == row["id"]
            )
            there = (await connection.execute(mine.with_for_update())).one()
            if there.owner_id != row["owner_id"]:
                return False, []
            known = await _known(connection, [node["id"] for node in rows.messages])
            new = {node["id"]: node for node in rows.messages if node["id"] not in known}
            if new:
                await before(connection)
                await connection.execute(sa.insert(messages), list(new.values()))
                for node in new.values():
                    await attach(connection, node["id"], [each["id"] for each in node["attachments"] or ()])
                if said := [rating for rating in rows.ratings if rating["message_id"] in new]:
                    await connection.execute(sa.insert(feedback), said)
                updated_at: datetime = row["updated_at"]
                changes: dict[str, object] = {"updated_at": max(there.updated_at, updated_at)}
                if there.updated_at <= updated_at:
                    changes["current_message_id"] = rows.current_id
                await connection.execute(
                    sa.update(conversations).where(conversations.c.id == row["id"]).values(**changes)
                )
            return made.rowcount == 1, list(new)

    async def has_conversation(self, owner_id: str, conversation_id: str) -> bool:
        """Whether an owner has a conversation with this id."""
        query = sa.select(conversations.c.id).where(
            conversations.c.id == conversation_id, conversations.c.owner_id == owner_id
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def project_called(self, owner_id: str, name: str) -> str | None:
        """The id of an owner's project with this name, the oldest one."""
        query = (
            sa.select(projects.c.id)
            .where(projects.c.owner_id == owner_id, projects.c.name == name)
            .order_by(projects.c.id)
            .limit(1)
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none()


_AT_ONCE = 500


async def _known(connection: AsyncConnection, message_ids: Sequence[str]) -> set[str]:
    known: set[str] = set()
    # SQLite bounds how many values a statement may have.
    for start in range(0, len(message_ids), _AT_ONCE):
        some = message_ids[start : start + _AT_ONCE]
        found = sa.select(messages.c.id).where(messages.c.id.in_(some))
        known |= set((await connection.execute(found)).scalars())
    return known


def _to_import(row: sa.RowMapping) -> Import:
    contents, report = row["contents"], row["report"]
    told = {
        "status": ImportStatus(row["status"]),
        "contents": None if contents is None else Contents(**contents),
        "report": None if report is None else Report(**report),
    }
    return Import(**dict(row) | told)  # pyright: ignore[reportArgumentType] - the query names the fields
