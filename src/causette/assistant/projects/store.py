"""The table of projects, and every query on it."""

import sqlalchemy as sa

from causette.assistant.projects.types import Project
from causette.assistant.tables import conversations
from causette.db import Database, UtcDateTime, metadata

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("emoji", sa.Text),
    sa.Column("colour", sa.Text, nullable=False),
    sa.Column("instructions", sa.Text, nullable=False),
    sa.Column("remembers", sa.Boolean(name="remembers"), nullable=False, server_default=sa.true()),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index(None, "owner_id", "id"),
)


class ProjectStore:
    """Projects in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def project(self, project_id: str) -> Project | None:
        """One project."""
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(projects).where(projects.c.id == project_id))
            found = rows.mappings().one_or_none()
            return None if found is None else _to_project(found)

    async def projects(self, owner_id: str) -> list[Project]:
        """All of an owner's projects, in the order in which they were made."""
        query = sa.select(projects).where(projects.c.owner_id == owner_id).order_by(projects.c.id)
        async with self._database.read() as connection:
            return [_to_project(row) for row in (await connection.execute(query)).mappings()]

    async def add(self, project: Project, *, most: int) -> bool:
        """Keep a new project, unless its owner has ``most`` already; whether it was kept."""
        row = {name: getattr(project, name) for name in Project.__slots__}
        count = (
            sa.select(sa.func.count()).select_from(projects).where(projects.c.owner_id == project.owner_id)
        )
        async with self._database.write() as connection:
            if (await connection.execute(count)).scalar_one() >= most:
                return False
            await connection.execute(sa.insert(projects).values(**row))
            return True

    async def change(self, project_id: str, changes: dict[str, object]) -> Project | None:
        """Set columns of a project; None if it is gone."""
        query = sa.update(projects).where(projects.c.id == project_id).values(**changes).returning(projects)
        async with self._database.write() as connection:
            found = (await connection.execute(query)).mappings().one_or_none()
            return None if found is None else _to_project(found)

    async def delete(self, project_id: str, *, with_conversations: bool) -> None:
        """Delete a project. Its conversations go with it, or stay and belong to none."""
        async with self._database.write() as connection:
            if with_conversations:
                inside = conversations.c.project_id == project_id
                await connection.execute(sa.delete(conversations).where(inside))
            await connection.execute(sa.delete(projects).where(projects.c.id == project_id))

    async def instructions_for(self, conversation_id: str) -> str:
        """The instructions of the project that a conversation is in; empty without one."""
        query = (
            sa.select(projects.c.instructions)
            .join(conversations, conversations.c.project_id == projects.c.id)
            .where(conversations.c.id == conversation_id)
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one_or_none() or ""


def _to_project(row: sa.RowMapping) -> Project:
    return Project(**row)  # pyright: ignore[reportArgumentType] - the table names the fields
