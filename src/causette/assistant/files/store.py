"""The tables of files and of the messages that have them, and every query on them."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.assistant.files.types import File, FileStatus
from causette.db import Database, UtcDateTime, metadata

files = sa.Table(
    "files",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("width", sa.Integer),
    sa.Column("height", sa.Integer),
    sa.Column("thumbnail_sha256", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("error_code", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("parsed_sha256", sa.Text),
    sa.Column("characters", sa.BigInteger, nullable=False),
    sa.Column("project_id", sa.Text, sa.ForeignKey("projects.id", ondelete="SET NULL")),
    sa.Column("assistant_id", sa.Text, sa.ForeignKey("custom_assistants.id", ondelete="SET NULL")),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.CheckConstraint("status IN ('waiting', 'ready', 'failed')", name="status"),
    sa.Index(None, "owner_id", "id"),
    sa.Index(None, "owner_id", "sha256"),
    sa.Index(None, "project_id", "id"),
    sa.Index(None, "assistant_id", "id"),
)

message_files = sa.Table(
    "message_files",
    metadata,
    sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("file_id", sa.Text, sa.ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    sa.Index(None, "file_id"),
)


class FileStore:
    """Files in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def find(self, file_id: str) -> File | None:
        """One file."""
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(files).where(files.c.id == file_id))
            row = rows.mappings().one_or_none()
            return None if row is None else _to_file(row)

    async def of(self, owner_id: str, file_ids: Sequence[str]) -> dict[str, File]:
        """Those of these files that there are and that are the owner's, by id."""
        query = sa.select(files).where(files.c.owner_id == owner_id, files.c.id.in_(file_ids))
        async with self._database.read() as connection:
            return {row["id"]: _to_file(row) for row in (await connection.execute(query)).mappings()}

    async def page(
        self,
        owner_id: str,
        *,
        limit: int,
        before: str | None = None,
        project_id: str | None = None,
        assistant_id: str | None = None,
    ) -> list[File]:
        """An owner's files, the newest first, after the one called ``before``; those of a project or an assistant."""
        query = sa.select(files).where(files.c.owner_id == owner_id).order_by(files.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(files.c.id < before)
        if project_id is not None:
            query = query.where(files.c.project_id == project_id)
        if assistant_id is not None:
            query = query.where(files.c.assistant_id == assistant_id)
        async with self._database.read() as connection:
            return [_to_file(row) for row in (await connection.execute(query)).mappings()]

    async def of_project(self, project_id: str) -> list[File]:
        """A project's files, in the order in which they came."""
        query = sa.select(files).where(files.c.project_id == project_id).order_by(files.c.id)
        async with self._database.read() as connection:
            return [_to_file(row) for row in (await connection.execute(query)).mappings()]

    async def only_of_assistant(self, connection: AsyncConnection, assistant_id: str) -> list[str]:
        """The files that an assistant holds, and no project and no message."""
        query = sa.select(files.c.id).where(
            files.c.assistant_id == assistant_id,
            files.c.project_id.is_(None),
            files.c.id.not_in(sa.select(message_files.c.file_id)),
        )
        return list((await connection.execute(query)).scalars())

    async def alike(self, file: File) -> File | None:
        """The oldest file with this one's owner, bytes, name, project and assistant."""
        query = (
            sa.select(files)
            .where(
                files.c.owner_id == file.owner_id,
                files.c.sha256 == file.sha256,
                files.c.name == file.name,
                files.c.project_id.is_not_distinct_from(file.project_id),
                files.c.assistant_id.is_not_distinct_from(file.assistant_id),
            )
            .order_by(files.c.id)
            .limit(1)
        )
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else _to_file(row)

    async def taken(self, owner_id: str) -> tuple[int, int]:
        """How many files an owner has, and how many bytes they have together."""
        query = sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(files.c.size), 0)).where(
            files.c.owner_id == owner_id
        )
        async with self._database.read() as connection:
            count, size = (await connection.execute(query)).one()
            return count, int(size)

    async def uses(self, file_ids: Sequence[str]) -> dict[str, list[tuple[str, str]]]:
        """The conversations, id and title, whose messages have these files, by file."""
        # By name: the tables of conversations know this one.
        messages, conversations = metadata.tables["messages"], metadata.tables["conversations"]
        query = (
            sa.select(message_files.c.file_id, conversations.c.id, conversations.c.title)
            .join(messages, messages.c.id == message_files.c.message_id)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(message_files.c.file_id.in_(file_ids))
            .distinct()
            .order_by(conversations.c.id)
        )
        found: dict[str, list[tuple[str, str]]] = {}
        async with self._database.read() as connection:
            for row in await connection.execute(query):
                found.setdefault(row.file_id, []).append((row.id, row.title))
        return found

    async def add(self, connection: AsyncConnection, file: File) -> None:
        """Keep a new file."""
        await connection.execute(
            sa.insert(files).values({name: getattr(file, name) for name in File.__slots__})
        )

    async def change(self, file_id: str, **columns: object) -> File | None:
        """Set columns of a file; None if it is gone."""
        query = sa.update(files).where(files.c.id == file_id).values(**columns).returning(files)
        async with self._database.write() as connection:
            row = (await connection.execute(query)).mappings().one_or_none()
            return None if row is None else _to_file(row)

    async def wait_again(self, connection: AsyncConnection, file_id: str) -> File | None:
        """Have a file that could not be read wait for it once more; None if it has not failed."""
        query = sa.update(files).where(files.c.id == file_id, files.c.status == FileStatus.FAILED)
        waiting = {"status": FileStatus.WAITING, "error_code": None, "error_message": None}
        row = (await connection.execute(query.values(**waiting).returning(files))).mappings().one_or_none()
        return None if row is None else _to_file(row)

    async def delete(self, connection: AsyncConnection, file_id: str) -> None:
        """Forget a file."""
        await connection.execute(sa.delete(files).where(files.c.id == file_id))


async def attach(connection: AsyncConnection, message_id: str, file_ids: Iterable[str]) -> None:
    """Note that a message has these files."""
    rows = [{"message_id": message_id, "file_id": file_id} for file_id in file_ids]
    if rows:
        await connection.execute(sa.insert(message_files), rows)


def _to_file(row: sa.RowMapping) -> File:
    status = {"status": FileStatus(row["status"])}
    return File(**dict(row) | status)  # pyright: ignore[reportArgumentType] - the table names the fields
