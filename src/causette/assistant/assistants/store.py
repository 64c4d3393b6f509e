"""The tables of custom assistants, and every query on them."""

from datetime import datetime
from typing import Final, cast

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.store import users
from causette.accounts.workspaces.store import workspace_members
from causette.assistant.assistants.types import AssistantScope, CustomAssistant, Picture
from causette.assistant.tables import conversations, generations, messages
from causette.db import Database, UtcDateTime, metadata

# A reply may wait a day for its reader's yes, and keeps to what it was begun under.
_VERSIONS_KEPT: Final = 20
_LISTS: Final = ("starters", "tools")

custom_assistants = sa.Table(
    "custom_assistants",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("emoji", sa.Text),
    sa.Column("colour", sa.Text, nullable=False),
    sa.Column("picture_id", sa.Text),
    sa.Column("instructions", sa.Text, nullable=False),
    sa.Column("starters", sa.JSON, nullable=False),
    sa.Column("tools", sa.JSON, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("effort", sa.Text),
    # With its workspace goes who it was shared with.
    sa.Column("workspace_id", sa.Text, sa.ForeignKey("workspaces.id", ondelete="SET NULL")),
    sa.Column("everybody", sa.Boolean(name="everybody"), nullable=False),
    sa.Column("featured_at", UtcDateTime),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Index(None, "owner_id", "id"),
    sa.Index(None, "workspace_id", "id"),
    sa.Index(None, "everybody", "id"),
)

# Beside the newest of each, those before it that a reply may still be written under.
custom_assistant_versions = sa.Table(
    "custom_assistant_versions",
    metadata,
    sa.Column(
        "assistant_id", sa.Text, sa.ForeignKey("custom_assistants.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("instructions", sa.Text, nullable=False),
)

# Apart from what lists read.
custom_assistant_pictures = sa.Table(
    "custom_assistant_pictures",
    metadata,
    sa.Column(
        "assistant_id", sa.Text, sa.ForeignKey("custom_assistants.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("media_type", sa.Text, nullable=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

_assistant = sa.select(custom_assistants, users.c.name.label("owner_name")).join(
    users, users.c.id == custom_assistants.c.owner_id
)


class CustomAssistantStore:
    """Custom assistants in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def assistant(self, assistant_id: str) -> CustomAssistant | None:
        """One assistant, whosever it is."""
        async with self._database.read() as connection:
            return await _find(connection, assistant_id)

    async def are_members(self, workspace_id: str, *user_ids: str) -> bool:
        """Whether all of these people are in a workspace."""
        query = sa.select(sa.func.count()).where(
            workspace_members.c.workspace_id == workspace_id, workspace_members.c.user_id.in_(user_ids)
        )
        async with self._database.read() as connection:
            return (await connection.execute(query)).scalar_one() == len(set(user_ids))

    async def assistants(
        self, user_id: str, *, scope: AssistantScope, containing: str, before: str | None, limit: int
    ) -> list[CustomAssistant]:
        """Those in ``scope`` for a person whose name or description hold ``containing``.

        The newest first, after the id ``before`` when given; of `recent`, those talked with last first.
        """
        table = custom_assistants
        query = _assistant.limit(limit)
        match scope:
            case "mine":
                query = query.where(table.c.owner_id == user_id)
            case "workspaces":
                query = query.where(_in_workspace_of(user_id), table.c.owner_id != user_id)
            case "everybody":
                query = query.where(table.c.everybody.is_(True))
            case "featured":
                query = query.where(table.c.everybody.is_(True), table.c.featured_at.is_not(None))
            case "recent":
                used = _used_by(user_id)
                query = query.join(used, used.c.assistant_id == table.c.id).where(reached_by(user_id))
                query = query.order_by(used.c.used_at.desc())
            case "usable":
                query = query.where(reached_by(user_id))
        if containing:
            query = query.where(
                table.c.name.icontains(containing, autoescape=True)
                | table.c.description.icontains(containing, autoescape=True)
            )
        if before is not None:
            query = query.where(table.c.id < before)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(table.c.id.desc()))
            return [_to_assistant(row) for row in rows.mappings()]

    async def of(self, owner_id: str) -> list[CustomAssistant]:
        """All of an owner's, the oldest first."""
        query = _assistant.where(custom_assistants.c.owner_id == owner_id).order_by(custom_assistants.c.id)
        async with self._database.read() as connection:
            return [_to_assistant(row) for row in (await connection.execute(query)).mappings()]

    async def add(self, assistant: CustomAssistant, *, most: int) -> bool:
        """Keep a new one, unless its owner has ``most`` already; whether it was kept."""
        table = custom_assistants
        count = sa.select(sa.func.count()).select_from(table).where(table.c.owner_id == assistant.owner_id)
        row = {name: getattr(assistant, name) for name in CustomAssistant.__slots__ if name in table.c}
        async with self._database.write() as connection:
            if (await connection.execute(count)).scalar_one() >= most:
                return False
            await connection.execute(sa.insert(table).values(**row | _listed(row)))
            await _keep_version(connection, assistant.id, 1, assistant.name, assistant.instructions)
            return True

    async def change(self, assistant_id: str, changes: dict[str, object]) -> CustomAssistant | None:
        """Set columns; what is told to models becomes a version of its own. None if it is gone."""
        table = custom_assistants
        here = table.c.id == assistant_id
        async with self._database.write() as connection:
            locked = sa.select(table.c.name, table.c.instructions, table.c.version).where(here)
            was = (await connection.execute(locked.with_for_update())).one_or_none()
            if was is None:
                return None
            name, told = (
                str(changes.get("name", was.name)),
                str(changes.get("instructions", was.instructions)),
            )
            version = was.version + ((name, told) != (was.name, was.instructions))
            values = changes | _listed(changes) | {"version": version}
            await connection.execute(sa.update(table).where(here).values(**values))
            if version != was.version:
                await _keep_version(connection, assistant_id, version, name, told)
            return await _find(connection, assistant_id)

    async def picture(self, assistant_id: str) -> Picture | None:
        """The picture of one, if it has one."""
        table = custom_assistant_pictures
        query = sa.select(table.c.id, table.c.media_type, table.c.data).where(
            table.c.assistant_id == assistant_id
        )
        async with self._database.read() as connection:
            found = (await connection.execute(query)).one_or_none()
        return None if found is None else Picture(id=found.id, media_type=found.media_type, data=found.data)

    async def set_picture(
        self, assistant_id: str, picture: Picture | None, at: datetime
    ) -> CustomAssistant | None:
        """Give one a picture in the place of any other, or take it away; None if the assistant is gone."""
        table, here = custom_assistants, custom_assistants.c.id == assistant_id
        pictures = custom_assistant_pictures
        values = {"picture_id": picture and picture.id, "updated_at": at}
        async with self._database.write() as connection:
            # First the assistant's row: of two pictures at once, one comes after the other.
            if (await connection.execute(sa.update(table).where(here).values(**values))).rowcount == 0:
                return None
            await connection.execute(sa.delete(pictures).where(pictures.c.assistant_id == assistant_id))
            if picture is not None:
                row = {"id": picture.id, "media_type": picture.media_type, "data": picture.data}
                await connection.execute(sa.insert(pictures).values(assistant_id=assistant_id, **row))
            return await _find(connection, assistant_id)

    async def delete(self, connection: AsyncConnection, assistant_id: str) -> None:
        """Delete one. Conversations begun with it stay."""
        await connection.execute(sa.delete(custom_assistants).where(custom_assistants.c.id == assistant_id))

    async def told_to(self, generation_id: str) -> tuple[str, str] | None:
        """Name and instructions that a reply was begun under; None where nobody but the model answers."""
        versions = custom_assistant_versions
        query = (
            sa.select(versions.c.name, versions.c.instructions)
            .select_from(generations)
            .join(messages, messages.c.id == generations.c.message_id)
            .join(
                versions,
                sa.and_(
                    versions.c.assistant_id == messages.c.assistant_id,
                    versions.c.version == messages.c.assistant_version,
                ),
            )
            .where(generations.c.id == generation_id)
        )
        async with self._database.read() as connection:
            found = (await connection.execute(query)).one_or_none()
            return None if found is None else (found.name, found.instructions)

    async def used_at(self, user_id: str) -> dict[str, datetime]:
        """When a person talked last with which assistant."""
        used = _used_by(user_id)
        async with self._database.read() as connection:
            rows = await connection.execute(sa.select(used.c.assistant_id, used.c.used_at))
            return {row.assistant_id: row.used_at for row in rows}


def _in_workspace_of(user_id: str) -> sa.ColumnElement[bool]:
    """What is shared with a workspace that the person and its owner are both in now."""
    theirs, owners = workspace_members.alias(), workspace_members.alias()
    together = (
        sa.select(sa.literal(1))
        .select_from(theirs.join(owners, owners.c.workspace_id == theirs.c.workspace_id))
        .where(
            theirs.c.user_id == user_id,
            theirs.c.workspace_id == custom_assistants.c.workspace_id,
            owners.c.user_id == custom_assistants.c.owner_id,
        )
    )
    return custom_assistants.c.everybody.is_(False) & together.correlate(custom_assistants).exists()


def reached_by(user_id: str) -> sa.ColumnElement[bool]:
    """Those that a person may use: their own, and what is shared with them."""
    table = custom_assistants
    return sa.or_(table.c.owner_id == user_id, table.c.everybody.is_(True), _in_workspace_of(user_id))


def _used_by(user_id: str) -> sa.Subquery:
    return (
        sa.select(conversations.c.assistant_id, sa.func.max(conversations.c.updated_at).label("used_at"))
        .where(
            conversations.c.owner_id == user_id,
            conversations.c.assistant_id.is_not(None),
            conversations.c.expires_at.is_(None),
        )
        .group_by(conversations.c.assistant_id)
        .subquery()
    )


async def _keep_version(
    connection: AsyncConnection, assistant_id: str, version: int, name: str, instructions: str
) -> None:
    table = custom_assistant_versions
    await connection.execute(
        sa.insert(table).values(
            assistant_id=assistant_id, version=version, name=name, instructions=instructions
        )
    )
    await connection.execute(
        sa.delete(table).where(
            table.c.assistant_id == assistant_id, table.c.version <= version - _VERSIONS_KEPT
        )
    )


async def _find(connection: AsyncConnection, assistant_id: str) -> CustomAssistant | None:
    rows = await connection.execute(_assistant.where(custom_assistants.c.id == assistant_id))
    found = rows.mappings().one_or_none()
    return None if found is None else _to_assistant(found)


def _listed(row: dict[str, object]) -> dict[str, object]:
    """Those of its columns that are lists, as JSON has them."""
    return {name: [*cast("tuple[str, ...]", row[name])] for name in _LISTS if name in row}


def _to_assistant(row: sa.RowMapping) -> CustomAssistant:
    fields = {name: row[name] for name in CustomAssistant.__slots__}
    lists = {name: tuple(row[name]) for name in _LISTS}
    return CustomAssistant(**fields | lists)  # pyright: ignore[reportArgumentType] - the table names the fields
