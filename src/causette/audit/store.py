"""The audit log's table, and every query on it. Each function runs inside the caller's transaction."""

from typing import Any, Final

import msgspec
from sqlalchemy import CheckConstraint, Column, Index, RowMapping, Table, Text, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.audit.types import AuditEntry, AuditOutcome
from causette.db import UtcDateTime, metadata

audit_log: Final = Table(
    "audit_log",
    metadata,
    # Ids sort by time, and are what the log is read by.
    Column("id", Text, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("actor_id", Text, nullable=False),
    Column("actor", Text, nullable=False),
    Column("act", Text, nullable=False),
    Column("target_id", Text, nullable=False),
    Column("target", Text, nullable=False),
    Column("details", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("refusal", Text),
    CheckConstraint("outcome IN ('begun', 'done', 'refused')", name="outcome"),
    Index(None, "target_id", "id"),
)

_DETAILS: Final = msgspec.json.Decoder(dict[str, object])


async def insert_entry(connection: AsyncConnection, entry: AuditEntry) -> None:
    """Add an entry."""
    values: dict[str, Any] = {name: getattr(entry, name) for name in AuditEntry.__dataclass_fields__}
    values["details"] = msgspec.json.encode(entry.details).decode()
    await connection.execute(insert(audit_log).values(**values))


async def end_entry(
    connection: AsyncConnection, entry_id: str, outcome: AuditOutcome, refusal: str | None
) -> None:
    """Note how an act that was begun ended. Nothing else of an entry ever changes."""
    await connection.execute(
        update(audit_log)
        .where(audit_log.c.id == entry_id, audit_log.c.outcome == "begun")
        .values(outcome=outcome, refusal=refusal)
    )


async def entries(
    connection: AsyncConnection, *, target_id: str | None, before: str | None, limit: int
) -> tuple[AuditEntry, ...]:
    """Up to ``limit`` entries, the newest first: all of them or those about one target, from before an entry's id."""
    query = select(audit_log).order_by(audit_log.c.id.desc()).limit(limit)
    if target_id is not None:
        query = query.where(audit_log.c.target_id == target_id)
    if before is not None:
        query = query.where(audit_log.c.id < before)
    return tuple(_entry(row) for row in (await connection.execute(query)).mappings())


def _entry(row: RowMapping) -> AuditEntry:
    values: dict[str, Any] = {name: row[name] for name in AuditEntry.__dataclass_fields__}
    values["details"] = _DETAILS.decode(row["details"])
    return AuditEntry(**values)
