"""The tables of conversations, their messages, the generations that write them, and their logs."""

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from causette.assistant.types import Scope
from causette.db import UtcDateTime, metadata

_STATUS = "status IN ('streaming', 'complete', 'stopped', 'failed')"

conversations = sa.Table(
    "conversations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    # Named by its owner: no automatic title replaces it.
    sa.Column("title_is_given", sa.Boolean(name="title_is_given"), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("current_message_id", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("project_id", sa.Text, sa.ForeignKey("projects.id", ondelete="SET NULL")),
    sa.Column("pinned_at", UtcDateTime),
    sa.Column("archived_at", UtcDateTime),
    sa.Column("expires_at", UtcDateTime),
    # How its last reply was made.
    sa.Column("options", sa.JSON(none_as_null=True)),
    # No reference: a conversation outlives the assistant that it was begun with, and says so.
    sa.Column("assistant_id", sa.Text),
    sa.Index(None, "owner_id", "updated_at", "id"),
    sa.Index(None, "project_id", "updated_at", "id"),
)


def _partial(name: str | None, *columns: sa.Column[Any], where: sa.ColumnElement[bool]) -> None:
    sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)


# As the queries say it: SQLite uses a partial index only for the terms that it was made with.
_LISTED = sa.and_(conversations.c.archived_at.is_(None), conversations.c.expires_at.is_(None))
_RECENT = sa.and_(_LISTED, conversations.c.pinned_at.is_(None), conversations.c.project_id.is_(None))
_PINNED = sa.and_(_LISTED, conversations.c.pinned_at.is_not(None))
_ARCHIVED = sa.and_(conversations.c.archived_at.is_not(None), conversations.c.expires_at.is_(None))
_partial(
    "ix_conversations_recent",
    conversations.c.owner_id,
    conversations.c.updated_at,
    conversations.c.id,
    where=_RECENT,
)
_partial(None, conversations.c.owner_id, conversations.c.pinned_at, conversations.c.id, where=_PINNED)
_partial(None, conversations.c.owner_id, conversations.c.archived_at, conversations.c.id, where=_ARCHIVED)
_partial(None, conversations.c.expires_at, where=conversations.c.expires_at.is_not(None))
_partial(
    None,
    conversations.c.owner_id,
    conversations.c.assistant_id,
    conversations.c.updated_at,
    where=conversations.c.assistant_id.is_not(None),
)

#: For each scope, which conversations are in it, and the instant that they are in the order of, newest first.
SCOPES: dict[Scope, tuple[sa.ColumnElement[bool], sa.Column[datetime]]] = {
    "all": (_LISTED, conversations.c.updated_at),
    "recent": (_RECENT, conversations.c.updated_at),
    "pinned": (_PINNED, conversations.c.pinned_at),
    "archived": (_ARCHIVED, conversations.c.archived_at),
    "everything": (sa.true(), conversations.c.updated_at),
}

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column(
        "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
    ),
    # Messages go with their conversation only. A cascade along a branch would have its depth, which SQLite bounds.
    sa.Column("parent_id", sa.Text, sa.ForeignKey("messages.id")),
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("error_code", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("finish_reason", sa.Text),
    sa.Column("generation_id", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    # No reference: a correction outlives what it corrects.
    sa.Column("corrects_id", sa.Text),
    sa.Column("parts", sa.JSON(none_as_null=True)),
    # The custom assistant that a reply is by, and what it told the model then; or that a message is said to.
    sa.Column("assistant_id", sa.Text),
    sa.Column("assistant_version", sa.Integer),
    sa.Column("attachments", sa.JSON(none_as_null=True)),
    # The release that wrote a reply; None where the model that the house began with did.
    sa.Column("release_id", sa.Text),
    sa.CheckConstraint("role IN ('user', 'assistant')", name="role"),
    sa.CheckConstraint(_STATUS, name="status"),
    sa.Index(None, "conversation_id", "id"),
    sa.Index(None, "parent_id"),
)
# The versions of a conversation's first message have no parent that would lead to them.
_partial(
    "ix_messages_roots",
    messages.c.conversation_id,
    messages.c.id,
    where=messages.c.parent_id.is_(None),
)
_partial(
    "ix_messages_release_id",
    messages.c.release_id,
    where=messages.c.release_id.is_not(None),
)

generations = sa.Table(
    "generations",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "conversation_id", sa.Text, sa.ForeignKey("conversations.id", ondelete="CASCADE"), nullable=False
    ),
    sa.Column("message_id", sa.Text, sa.ForeignKey("messages.id", ondelete="CASCADE"), nullable=False),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("writer_id", sa.Text, nullable=False),
    sa.Column("last_seq", sa.Integer, nullable=False),
    sa.Column("stop_requested", sa.Boolean(name="stop_requested"), nullable=False),
    sa.Column("heartbeat_at", UtcDateTime, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("finished_at", UtcDateTime),
    sa.Column("input_tokens", sa.Integer, nullable=False),
    sa.Column("cached_tokens", sa.Integer, nullable=False),
    sa.Column("output_tokens", sa.Integer, nullable=False),
    sa.Column("compute_ns", sa.BigInteger, nullable=False),
    sa.Column("reasoning_tokens", sa.Integer, nullable=False, server_default="0"),
    # How the reply is to be made; null for replies as usual.
    sa.Column("options", sa.JSON(none_as_null=True)),
    # No reference: a reply that a deleted workspace asked for must not become its reader's to pay.
    sa.Column("workspace_id", sa.Text),
    # The sender's own name for what was sent: under the same one nothing is begun again.
    sa.Column("sent_as", sa.Text),
    sa.CheckConstraint(_STATUS, name="status"),
    sa.Index(None, "conversation_id", "status"),
    sa.Index(None, "message_id"),
    sa.Index(None, "owner_id", "sent_as", unique=True),
    sa.Index(None, "status", "heartbeat_at"),
)

generation_events = sa.Table(
    "generation_events",
    metadata,
    sa.Column(
        "generation_id", sa.Text, sa.ForeignKey("generations.id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("type", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
)
