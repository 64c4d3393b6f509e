"""The tables of sign-on, and every query on them, each inside the caller's transaction."""

from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    UniqueConstraint,
    delete,
    insert,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.sign_on.types import Identity, PendingSignOn
from causette.db import UtcDateTime, metadata

sign_on_identities: Final = Table(
    "sign_on_identities",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("provider", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("email", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    UniqueConstraint("provider", "subject"),
    Index(None, "owner_id"),
)

sign_on_states: Final = Table(
    "sign_on_states",
    metadata,
    Column("state_hash", LargeBinary, primary_key=True),
    Column("provider", Text, nullable=False),
    Column("nonce", Text, nullable=False),
    Column("code_verifier", Text, nullable=False),
    Column("redirect_uri", Text, nullable=False),
    Column("owner_id", Text, ForeignKey("users.id", ondelete="CASCADE")),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "owner_id"),
    Index(None, "expires_at"),
)

_IDENTITY: Final = tuple(sign_on_identities.c[name] for name in Identity.__dataclass_fields__)
_PENDING: Final = tuple(sign_on_states.c[name] for name in PendingSignOn.__dataclass_fields__)


async def insert_state(
    connection: AsyncConnection, pending: PendingSignOn, state_hash: bytes, *, at: datetime
) -> None:
    """Note that a browser was sent away, and forget those that have not come back by the instant ``at``."""
    await connection.execute(delete(sign_on_states).where(sign_on_states.c.expires_at <= at))
    values: dict[str, Any] = {name: getattr(pending, name) for name in PendingSignOn.__dataclass_fields__}
    await connection.execute(insert(sign_on_states).values(state_hash=state_hash, **values))


async def take_state(
    connection: AsyncConnection, state_hash: bytes, provider: str, *, at: datetime
) -> PendingSignOn | None:
    """The browser that comes back from ``provider``, once; None when none was sent there, or too long ago."""
    statement = (
        delete(sign_on_states)
        .where(
            sign_on_states.c.state_hash == state_hash,
            sign_on_states.c.provider == provider,
            sign_on_states.c.expires_at > at,
        )
        .returning(*_PENDING)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else PendingSignOn(**row)


async def insert_identity(connection: AsyncConnection, identity: Identity) -> bool:
    """Add an identity; False when it is somebody's already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values: dict[str, Any] = {name: getattr(identity, name) for name in Identity.__dataclass_fields__}
    statement = (
        dialect.insert(sign_on_identities)
        .values(**values)
        .on_conflict_do_nothing(index_elements=[sign_on_identities.c.provider, sign_on_identities.c.subject])
        .returning(sign_on_identities.c.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def identity_of(connection: AsyncConnection, provider: str, subject: str) -> Identity | None:
    """The identity that a provider calls ``subject``."""
    query = select(*_IDENTITY).where(
        sign_on_identities.c.provider == provider, sign_on_identities.c.subject == subject
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else Identity(**row)


async def identity_by_id(connection: AsyncConnection, identity_id: str) -> Identity | None:
    """One identity, whoever owns it."""
    query = select(*_IDENTITY).where(sign_on_identities.c.id == identity_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else Identity(**row)


async def identities_of(connection: AsyncConnection, owner_id: str) -> tuple[Identity, ...]:
    """Somebody's identities, the oldest first."""
    query = (
        select(*_IDENTITY)
        .where(sign_on_identities.c.owner_id == owner_id)
        .order_by(sign_on_identities.c.created_at, sign_on_identities.c.id)
    )
    return tuple(Identity(**row) for row in (await connection.execute(query)).mappings())


async def note_identity_used(connection: AsyncConnection, identity_id: str, *, at: datetime) -> None:
    """Record a sign-in."""
    await connection.execute(
        update(sign_on_identities).where(sign_on_identities.c.id == identity_id).values(last_used_at=at)
    )


async def delete_identity(connection: AsyncConnection, identity_id: str) -> None:
    """Forget an identity."""
    await connection.execute(delete(sign_on_identities).where(sign_on_identities.c.id == identity_id))
