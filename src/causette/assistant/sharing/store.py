"""The tables of shared conversations, and every query on them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.store import users
from causette.accounts.workspaces.store import workspace_members
from causette.assistant.assistants.store import custom_assistants, reached_by
from causette.assistant.knowledge.store import knowledge_documents, knowledge_passages
from causette.assistant.knowledge.types import Source
from causette.assistant.sharing.cited import cited
from causette.assistant.sharing.types import Share, SharedFile, SharedMessage, SharedSource
from causette.assistant.tables import conversations, messages
from causette.assistant.types import Status
from causette.db import Database, UtcDateTime, metadata

shares = sa.Table(
    "shares",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("digest", sa.LargeBinary, nullable=False, unique=True),
    sa.Column("sealed_token", sa.LargeBinary, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("workspace_id", sa.Text, sa.ForeignKey("workspaces.id", ondelete="CASCADE")),
    sa.Column("with_steps", sa.Boolean(name="with_steps"), nullable=False),
    sa.Column("author", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime),
    sa.Index(None, "owner_id", "id"),
    sa.Index(None, "conversation_id"),
    sa.Index(None, "workspace_id"),
)

share_messages = sa.Table(
    "share_messages",
    metadata,
    sa.Column("share_id", sa.Text, sa.ForeignKey("shares.id", ondelete="CASCADE"), primary_key=True),
    # How many messages come after it: one walk from the last message to the first makes the whole snapshot.
    sa.Column("height", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("parts", sa.JSON(none_as_null=True)),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # `SharedSource`s and `SharedFile`s.
    sa.Column("sources", sa.JSON(none_as_null=True)),
    sa.Column("attachments", sa.JSON(none_as_null=True)),
    sa.Column("assistant", sa.Text),
    sa.Column("assistant_id", sa.Text),
)

_share = sa.select(*(shares.c[name] for name in Share.__slots__))


class ShareStore:
    """Shared conversations in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def share(self, share_id: str) -> Share | None:
        """One share."""
        async with self._database.read() as connection:
            return await _found(connection, _share.where(shares.c.id == share_id))

    async def shares(self, owner_id: str) -> list[Share]:
        """All of an owner's, the newest first."""
        query = _share.where(shares.c.owner_id == owner_id).order_by(shares.c.id.desc())
        async with self._database.read() as connection:
            return [_to_share(row) for row in (await connection.execute(query)).mappings()]

    async def add(self, share: Share, digest: bytes, message_id: str, *, most: int) -> bool:
        """Keep a new share with a snapshot of the branch that leads to ``message_id``.

        False, and nothing is kept, when its owner has ``most`` already, or the conversation is gone.
        """
        row = {name: getattr(share, name) for name in Share.__slots__} | {"digest": digest}
        count = sa.select(sa.func.count()).select_from(shares).where(shares.c.owner_id == share.owner_id)
        held = sa.select(conversations.c.id).where(conversations.c.id == share.conversation_id)
        async with self._database.write() as connection:
            if (await connection.execute(count)).scalar_one() >= most:
                return False
            if (await connection.execute(held.with_for_update())).first() is None:
                return False
            await connection.execute(sa.insert(shares).values(**row))
            await _take_snapshot(connection, share, message_id)
            return True

    async def renew(self, share: Share, message_id: str, changes: Mapping[str, object]) -> Share | None:
        """Take the snapshot again, now of the branch that leads to ``message_id``; None if the share is gone."""
        query = sa.update(shares).where(shares.c.id == share.id).values(**changes)
        async with self._database.write() as connection:
            if (await connection.execute(query)).rowcount == 0:
                return None
            await connection.execute(sa.delete(share_messages).where(share_messages.c.share_id == share.id))
            await _take_snapshot(connection, share, message_id)
            return await _found(connection, _share.where(shares.c.id == share.id))

    async def revoke(self, owner_id: str, share_id: str | None = None) -> None:
        """End one of an owner's shares, or all of them."""
        query = sa.delete(shares).where(shares.c.owner_id == owner_id)
        if share_id is not None:
            query = query.where(shares.c.id == share_id)
        async with self._database.write() as connection:
            await connection.execute(query)

    async def opened(self, digest: bytes, reader_id: str | None, at: datetime) -> Share | None:
        """What a link leads a reader to; None where there is nothing, or nothing for them.

        ``reader_id`` is who is signed in, if anybody. A link whose owner's account is disabled leads nowhere.
        """
        member = sa.select(workspace_members.c.user_id).where(
            workspace_members.c.workspace_id == shares.c.workspace_id,
            workspace_members.c.user_id == reader_id,
        )
        query = _share.join(users, users.c.id == shares.c.owner_id).where(
            shares.c.digest == digest,
            users.c.disabled_at.is_(None),
            sa.or_(shares.c.expires_at.is_(None), shares.c.expires_at > sa.literal(at, UtcDateTime)),
            sa.or_(shares.c.workspace_id.is_(None), member.exists()),
        )
        async with self._database.read() as connection:
            return await _found(connection, query)

    async def snapshot(self, share_id: str) -> list[SharedMessage]:
        """The messages of a snapshot, in order. What a reply was given and does not cite is for its owner to know."""
        query = (
            sa.select(*(share_messages.c[name] for name in SharedMessage.__slots__))
            .where(share_messages.c.share_id == share_id)
            .order_by(share_messages.c.height.desc())
        )
        async with self._database.read() as connection:
            return [_to_message(row) for row in (await connection.execute(query)).mappings()]

    async def begin_conversation(self, row: Mapping[str, Any]) -> None:
        """Keep a conversation without messages."""
        async with self._database.write() as connection:
            await connection.execute(sa.insert(conversations).values(**row))


async def _take_snapshot(connection: AsyncConnection, share: Share, message_id: str) -> None:
    start = sa.select(messages.c.id, messages.c.parent_id, sa.literal(0).label("height")).where(
        messages.c.id == message_id
    )
    path = start.cte("path", recursive=True)
    path = path.union_all(
        sa.select(messages.c.id, messages.c.parent_id, path.c.height + 1).join(
            path, messages.c.id == path.c.parent_id
        )
    )
    copied = (
        sa.select(
            sa.literal(share.id),
            path.c.height,
            messages.c.role,
            messages.c.content,
            messages.c.model,
            messages.c.parts if share.with_steps else sa.cast(sa.null(), messages.c.parts.type),
            messages.c.created_at,
            custom_assistants.c.name,
            custom_assistants.c.id,
        )
        .join(path, path.c.id == messages.c.id)
        .outerjoin(
            custom_assistants,
            sa.and_(custom_assistants.c.id == messages.c.assistant_id, reached_by(share.owner_id)),
        )
        .where(messages.c.status != Status.STREAMING)
    )
    columns = ("share_id", "height", "role", "content", "model", "parts", "created_at")
    columns += ("assistant", "assistant_id")
    await connection.execute(sa.insert(share_messages).from_select(columns, copied))
    having = (
        sa.select(path.c.height, messages.c.content, messages.c.parts, messages.c.attachments)
        .join(path, path.c.id == messages.c.id)
        .where(
            messages.c.status != Status.STREAMING,
            sa.or_(messages.c.parts.is_not(sa.null()), messages.c.attachments.is_not(sa.null())),
        )
        .order_by(path.c.height.desc())
    )
    number = 0
    for row in (await connection.execute(having)).all():
        sources = [
            await _with_words(connection, source, share.owner_id) for source in _cited(row.content, row.parts)
        ]
        files = [
            SharedFile(
                number=number + place,
                file_id=each["id"],
                **{name: each[name] for name in ("name", "kind", "size", "width", "height")},
            )
            for place, each in enumerate(row.attachments or (), 1)
        ]
        number += len(files)
        if sources or files:
            await connection.execute(
                sa.update(share_messages)
                .where(share_messages.c.share_id == share.id, share_messages.c.height == row.height)
                .values(
                    sources=msgspec.to_builtins(sources) or None,
                    attachments=msgspec.to_builtins(files) or None,
                )
            )


def _cited(text: str, parts: Sequence[dict[str, object]] | None) -> list[Source]:
    try:
        return cited(text, parts or ())
    except msgspec.ValidationError:
        return []


async def _with_words(connection: AsyncConnection, source: Source, owner_id: str) -> SharedSource:
    """A source with its words, where its file is the owner's: nobody shows what is another's."""
    passages, documents = knowledge_passages, knowledge_documents
    words = (
        sa.select(passages.c.text)
        .join(documents, documents.c.file_id == passages.c.file_id)
        .where(
            documents.c.owner_id == owner_id,
            passages.c.file_id == source.file_id,
            passages.c.number == source.passage,
        )
    )
    return SharedSource(
        n=source.n,
        title=source.title,
        headings=source.headings,
        place=source.place,
        text=(await connection.execute(words)).scalar_one_or_none(),
    )


async def _found(connection: AsyncConnection, query: sa.Select[Any]) -> Share | None:
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _to_share(row)


def _to_message(row: sa.RowMapping) -> SharedMessage:
    # Sources among the parts have their files' ids.
    shown = [part for part in row["parts"] or () if part.get("type") != "sources"]
    told: dict[str, Any] = {
        "parts": shown or None,
        "sources": msgspec.convert(row["sources"] or (), tuple[SharedSource, ...]),
        "attachments": msgspec.convert(row["attachments"] or (), tuple[SharedFile, ...]),
    }
    return SharedMessage(**dict(row) | told)  # pyright: ignore[reportArgumentType] - the query names the fields


def _to_share(row: sa.RowMapping) -> Share:
    return Share(**row)  # pyright: ignore[reportArgumentType] - the query names the fields
