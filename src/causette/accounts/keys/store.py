"""The table of API keys, and every query on it. Each function runs inside the caller's transaction."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Table,
    Text,
    and_,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.store import PERSON, person_in, users
from causette.accounts.types import ApiKey, KeyLimits, User, WorkspaceRole
from causette.accounts.workspaces.store import workspace_members
from causette.db import Row, UtcDateTime, metadata

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False, key="maker_id"),
    Column("workspace_id", Text, ForeignKey("workspaces.id", ondelete="CASCADE")),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("scopes", Text, nullable=False, server_default="all"),
    Column("rpm", BigInteger),
    Column("tpm", BigInteger),
    Column("day_nano", BigInteger),
    Column("month_nano", BigInteger),
    Column("total_nano", BigInteger),
    Column("imposed", Text, nullable=False, server_default=text("''")),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index(None, "maker_id", "created_at"),
    Index(None, "workspace_id", "created_at"),
    Index(None, "created_at", "id"),
)

_SETS: Final = ("scopes", "imposed")
_PLAIN: Final = tuple(name for name in ApiKey.__dataclass_fields__ if name not in {*_SETS, "limits"})
_LIMITS: Final = tuple(KeyLimits.__dataclass_fields__)
_KEY: Final = tuple(api_keys.c[name].label(name) for name in (*_PLAIN, *_SETS, *_LIMITS))
_NEWEST_FIRST: Final = (api_keys.c.created_at.desc(), api_keys.c.id.desc())

#: A key by its ``secret_hash``, with who made it and what they are in its workspace; `holder_in` reads a row of it.
HOLDER: Final = (
    select(*_KEY, api_keys.c.secret_hash, workspace_members.c.role.label("workspace_role"), *PERSON)
    .join_from(api_keys, users)
    .outerjoin(
        workspace_members,
        and_(
            workspace_members.c.workspace_id == api_keys.c.workspace_id,
            workspace_members.c.user_id == api_keys.c.maker_id,
        ),
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """A key with who made it, what they are in its workspace, and the digest that was kept of its secret."""

    key: ApiKey
    user: User
    workspace_role: WorkspaceRole | None
    secret_hash: bytes

    def is_let_in(self, at: datetime) -> bool:
        """Whether the key opens anything at the instant ``at``: it, its maker and their membership are good."""
        key = self.key
        over = key.revoked_at is not None or (key.expires_at is not None and key.expires_at <= at)
        left = key.workspace_id is not None and self.workspace_role is None
        return not (over or left or self.user.disabled_at is not None)


def holder_in(row: Row) -> Holder:
    """The key in a row of `HOLDER`, good or not."""
    return Holder(
        key=_key(row),
        user=person_in(row),
        workspace_role=row["workspace_role"],
        secret_hash=row["secret_hash"],
    )


async def insert_key(connection: AsyncConnection, key: ApiKey, secret_hash: bytes) -> None:
    """Add a key."""
    plain: dict[str, Any] = {name: getattr(key, name) for name in _PLAIN}
    await connection.execute(
        insert(api_keys).values(
            secret_hash=secret_hash,
            scopes=_written(key.scopes),
            imposed=_written(key.imposed),
            **asdict(key.limits),
            **plain,
        )
    )


async def key_by_id(connection: AsyncConnection, key_id: str, *, to_change: bool = False) -> ApiKey | None:
    """One key, whoever owns it. ``to_change`` keeps others from changing it until the transaction ends."""
    query = select(*_KEY).where(api_keys.c.id == key_id)
    row = (await connection.execute(query.with_for_update() if to_change else query)).mappings().one_or_none()
    return None if row is None else _key(row)


async def keys_of_person(connection: AsyncConnection, user_id: str) -> tuple[ApiKey, ...]:
    """The keys that act for a person, revoked and expired ones included, the newest first."""
    query = (
        select(*_KEY)
        .where(api_keys.c.maker_id == user_id, api_keys.c.workspace_id.is_(None))
        .order_by(*_NEWEST_FIRST)
    )
    return tuple(_key(row) for row in (await connection.execute(query)).mappings())


async def keys_made_by(connection: AsyncConnection, user_id: str) -> tuple[ApiKey, ...]:
    """The keys that somebody has made, for themselves and for workspaces, ended ones included, the newest first."""
    query = select(*_KEY).where(api_keys.c.maker_id == user_id).order_by(*_NEWEST_FIRST)
    return tuple(_key(row) for row in (await connection.execute(query)).mappings())


async def keys_of_workspace(
    connection: AsyncConnection, workspace_id: str, *, made_by: str | None
) -> tuple[ApiKey, ...]:
    """The keys that act for a workspace, those of one member or everybody's, the newest first."""
    query = select(*_KEY).where(api_keys.c.workspace_id == workspace_id).order_by(*_NEWEST_FIRST)
    if made_by is not None:
        query = query.where(api_keys.c.maker_id == made_by)
    return tuple(_key(row) for row in (await connection.execute(query)).mappings())


async def all_keys(
    connection: AsyncConnection, *, containing: str = "", before: str | None = None, limit: int | None = None
) -> tuple[tuple[ApiKey, User], ...]:
    """Up to ``limit`` of everybody's keys with who made them, the newest first, from before the key ``before``."""
    query = select(*_KEY, *PERSON).join_from(api_keys, users).order_by(*_NEWEST_FIRST).limit(limit)
    if containing:
        query = query.where(
            or_(
                api_keys.c.name.icontains(containing, autoescape=True),
                api_keys.c.hint.contains(containing, autoescape=True),
                users.c.email_key.contains(containing.casefold(), autoescape=True),
            )
        )
    if before is not None:
        place = select(api_keys.c.created_at, api_keys.c.id).where(api_keys.c.id == before).subquery()
        query = query.where(
            or_(
                api_keys.c.created_at < select(place.c.created_at).scalar_subquery(),
                and_(
                    api_keys.c.created_at == select(place.c.created_at).scalar_subquery(),
                    api_keys.c.id < before,
                ),
            )
        )
    return tuple((_key(row), person_in(row)) for row in (await connection.execute(query)).mappings())


async def change_key(connection: AsyncConnection, key_id: str, changes: Mapping[str, object]) -> None:
    """Change what ``changes`` names of a key (its name, scopes, end, single limits, ``imposed``), and nothing else."""
    values = {
        name: _written(cast("frozenset[str]", value)) if name in _SETS else value
        for name, value in changes.items()
    }
    if values:
        await connection.execute(update(api_keys).where(api_keys.c.id == key_id).values(values))


async def note_key_used(
    connection: AsyncConnection, key_id: str, *, at: datetime, unless_since: datetime
) -> None:
    """Record a use at the instant ``at``, unless one later than ``unless_since`` is on record."""
    last = api_keys.c.last_used_at
    await connection.execute(
        update(api_keys)
        .where(api_keys.c.id == key_id, or_(last.is_(None), last <= unless_since))
        .values(last_used_at=at)
    )


async def revoke_key(connection: AsyncConnection, key_id: str, *, at: datetime) -> None:
    """End a key; one that is revoked keeps the instant at which it was."""
    await connection.execute(
        update(api_keys).where(api_keys.c.id == key_id, api_keys.c.revoked_at.is_(None)).values(revoked_at=at)
    )


async def revoke_keys_of_member(
    connection: AsyncConnection, workspace_id: str, user_id: str, *, at: datetime
) -> None:
    """End all keys that a member has made for a workspace."""
    await connection.execute(
        update(api_keys)
        .where(
            api_keys.c.workspace_id == workspace_id,
            api_keys.c.maker_id == user_id,
            api_keys.c.revoked_at.is_(None),
        )
        .values(revoked_at=at)
    )


def _key(row: Row) -> ApiKey:
    """The key in a row that was selected here."""
    return ApiKey(
        scopes=frozenset(row["scopes"].split()),
        imposed=frozenset(row["imposed"].split()),
        limits=KeyLimits(**{name: row[name] for name in _LIMITS}),
        **{name: row[name] for name in _PLAIN},
    )


def _written(names: frozenset[str]) -> str:
    return " ".join(sorted(names))
