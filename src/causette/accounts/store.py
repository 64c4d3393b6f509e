"""The tables of accounts, and every query on them.

Each function runs inside the caller's transaction, so that the service decides what belongs together.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    RowMapping,
    Select,
    Table,
    Text,
    delete,
    exists,
    insert,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.types import ApiKey, Session, User
from causette.db import UtcDateTime, metadata

users: Final = Table(
    "users",
    metadata,
    Column("id", Text, primary_key=True),
    Column("email", Text, nullable=False),
    Column("email_key", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("password_hash", Text, nullable=False),
    Column("locale", Text),
    Column("theme", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    CheckConstraint("role IN ('owner', 'member')", name="role"),
    CheckConstraint("locale IN ('en', 'fr')", name="locale"),
    CheckConstraint("theme IN ('light', 'dark', 'system')", name="theme"),
    Index(None, "role"),
    Index(None, "created_at", "id"),
)

sessions: Final = Table(
    "sessions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "owner_id", "created_at"),
)

api_keys: Final = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("owner_id", Text, ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    Column("name", Text, nullable=False),
    Column("hint", Text, nullable=False),
    Column("secret_hash", LargeBinary, nullable=False, unique=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Column("expires_at", UtcDateTime),
    Column("revoked_at", UtcDateTime),
    Index(None, "owner_id", "created_at"),
    Index(None, "created_at", "id"),
)

setup_links: Final = Table(
    "setup_links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
)

sign_in_attempts: Final = Table(
    "sign_in_attempts",
    metadata,
    Column("subject", LargeBinary, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("last_at", UtcDateTime, nullable=False),
    Column("blocked_until", UtcDateTime, nullable=False),
    Index(None, "last_at"),
)

_USER: Final = tuple(users.c[name] for name in User.__dataclass_fields__)
_SESSION: Final = tuple(sessions.c[name] for name in Session.__dataclass_fields__)
_KEY: Final = tuple(api_keys.c[name] for name in ApiKey.__dataclass_fields__)


# People


async def insert_user(connection: AsyncConnection, user: User, *, email_key: str, password_hash: str) -> bool:
    """Add a person; False when somebody has the address ``email_key`` already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values: dict[str, Any] = {name: getattr(user, name) for name in User.__dataclass_fields__}
    statement = (
        dialect.insert(users)
        .values(email_key=email_key, password_hash=password_hash, **values)
        .on_conflict_do_nothing(index_elements=[users.c.email_key])
        .returning(users.c.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def user_with_password(connection: AsyncConnection, email_key: str) -> tuple[User, str] | None:
    """The person with an e-mail address, and the hash of their password."""
    query = select(*_USER, users.c.password_hash).where(users.c.email_key == email_key)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else (_user(row), row["password_hash"])


async def user_by_id(connection: AsyncConnection, user_id: str) -> User | None:
    """One person."""
    row = (await connection.execute(select(*_USER).where(users.c.id == user_id))).mappings().one_or_none()
    return None if row is None else _user(row)


async def all_users(connection: AsyncConnection) -> tuple[User, ...]:
    """Everybody, the oldest account first."""
    query = select(*_USER).order_by(users.c.created_at, users.c.id)
    return tuple(_user(row) for row in (await connection.execute(query)).mappings())


async def an_owner_exists(connection: AsyncConnection) -> bool:
    """Whether there is an account with the role of owner."""
    query = select(exists().where(users.c.role == "owner"))
    return bool((await connection.execute(query)).scalar_one())


async def update_user(
    connection: AsyncConnection, user_id: str, changes: Mapping[str, object]
) -> User | None:
    """Change columns of one person and return them as they are then; None when there is no such person."""
    statement = update(users).where(users.c.id == user_id).values(**changes).returning(*_USER)
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else _user(row)


async def replace_password_hash(connection: AsyncConnection, user_id: str, *, old: str, new: str) -> None:
    """Keep ``new`` in place of ``old``, unless the password has been changed meanwhile."""
    await connection.execute(
        update(users).where(users.c.id == user_id, users.c.password_hash == old).values(password_hash=new)
    )


# The link that makes the owner's account


async def lock_setup(connection: AsyncConnection) -> None:
    """Let one transaction at a time make owners. An SQLite transaction for writing is alone already."""
    if connection.dialect.name == "postgresql":
        await connection.execute(text("LOCK TABLE setup_links IN SHARE ROW EXCLUSIVE MODE"))


async def insert_setup_link(
    connection: AsyncConnection, token_hash: bytes, *, created_at: datetime, expires_at: datetime
) -> None:
    """Add a link, and forget those that were over by its creation."""
    await connection.execute(delete(setup_links).where(setup_links.c.expires_at <= created_at))
    await connection.execute(
        insert(setup_links).values(token_hash=token_hash, created_at=created_at, expires_at=expires_at)
    )


async def setup_link_is_valid(connection: AsyncConnection, token_hash: bytes, *, at: datetime) -> bool:
    """Whether the link was issued, is not over at the instant ``at``, and nobody is owner yet."""
    query = select(
        exists().where(setup_links.c.token_hash == token_hash, setup_links.c.expires_at > at)
        & ~exists().where(users.c.role == "owner")
    )
    return bool((await connection.execute(query)).scalar_one())


async def delete_setup_links(connection: AsyncConnection) -> None:
    """Forget every link."""
    await connection.execute(delete(setup_links))


# Sessions


async def insert_session(connection: AsyncConnection, session: Session, token_hash: bytes) -> None:
    """Add a session, and forget those of the same person that have expired."""
    await connection.execute(
        delete(sessions).where(
            sessions.c.owner_id == session.owner_id, sessions.c.expires_at <= session.created_at
        )
    )
    values: dict[str, Any] = {name: getattr(session, name) for name in Session.__dataclass_fields__}
    await connection.execute(insert(sessions).values(token_hash=token_hash, **values))


async def session_by_token(
    connection: AsyncConnection, token_hash: bytes, *, at: datetime
) -> tuple[Session, User] | None:
    """The session of a token with its person, unless it is over at the instant ``at``."""
    query = _with_owner(sessions, _SESSION).where(
        sessions.c.token_hash == token_hash, sessions.c.expires_at > at
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else (_session(row), _owner(row))


async def session_by_id(connection: AsyncConnection, session_id: str) -> Session | None:
    """One session, whoever owns it and whether or not it is over."""
    query = select(*_SESSION).where(sessions.c.id == session_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else _session(row)


async def sessions_of(connection: AsyncConnection, owner_id: str, *, at: datetime) -> tuple[Session, ...]:
    """A person's sessions that are not over at the instant ``at``, the newest first."""
    query = (
        select(*_SESSION)
        .where(sessions.c.owner_id == owner_id, sessions.c.expires_at > at)
        .order_by(sessions.c.created_at.desc())
    )
    return tuple(_session(row) for row in (await connection.execute(query)).mappings())


async def extend_session(
    connection: AsyncConnection, session_id: str, *, seen_at: datetime, expires_at: datetime
) -> None:
    """Note that a session is in use. One that has been revoked meanwhile stays so."""
    await connection.execute(
        update(sessions)
        .where(sessions.c.id == session_id, sessions.c.last_seen_at < seen_at)
        .values(last_seen_at=seen_at, expires_at=expires_at)
    )


async def delete_session(connection: AsyncConnection, session_id: str) -> None:
    """End a session."""
    await connection.execute(delete(sessions).where(sessions.c.id == session_id))


async def delete_session_by_token(connection: AsyncConnection, token_hash: bytes) -> None:
    """End the session of a token, if there is one."""
    await connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


# API keys


async def insert_key(connection: AsyncConnection, key: ApiKey, secret_hash: bytes) -> None:
    """Add a key."""
    values: dict[str, Any] = {name: getattr(key, name) for name in ApiKey.__dataclass_fields__}
    await connection.execute(insert(api_keys).values(secret_hash=secret_hash, **values))


async def key_by_secret(
    connection: AsyncConnection, secret_hash: bytes, *, at: datetime
) -> tuple[ApiKey, User, bytes] | None:
    """The key of a secret with its owner and the hash that was kept, if it is good at the instant ``at``."""
    query = (
        _with_owner(api_keys, _KEY)
        .add_columns(api_keys.c.secret_hash)
        .where(
            api_keys.c.secret_hash == secret_hash,
            api_keys.c.revoked_at.is_(None),
            or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > at),
        )
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else (_key(row), _owner(row), row["secret_hash"])


async def key_by_id(connection: AsyncConnection, key_id: str) -> ApiKey | None:
    """One key, whoever owns it."""
    row = (await connection.execute(select(*_KEY).where(api_keys.c.id == key_id))).mappings().one_or_none()
    return None if row is None else _key(row)


async def keys_of(connection: AsyncConnection, owner_id: str) -> tuple[ApiKey, ...]:
    """A person's keys, revoked and expired ones included, the newest first."""
    query = (
        select(*_KEY)
        .where(api_keys.c.owner_id == owner_id)
        .order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc())
    )
    return tuple(_key(row) for row in (await connection.execute(query)).mappings())


async def all_keys(connection: AsyncConnection) -> tuple[tuple[ApiKey, User], ...]:
    """Everybody's keys with their owners, the newest first."""
    query = _with_owner(api_keys, _KEY).order_by(api_keys.c.created_at.desc(), api_keys.c.id.desc())
    return tuple((_key(row), _owner(row)) for row in (await connection.execute(query)).mappings())


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


# Failed sign-ins


async def lock_attempts(
    connection: AsyncConnection, subject: bytes, *, at: datetime
) -> tuple[int, datetime, datetime]:
    """The failures of a subject, the instant of the last one, and until when it is blocked.

    The row is made when there is none, and nobody else sees it until the transaction ends.
    """
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    statement = (
        dialect.insert(sign_in_attempts)
        .values(subject=subject, failures=0, last_at=at, blocked_until=at)
        .on_conflict_do_update(
            index_elements=[sign_in_attempts.c.subject], set_={"failures": sign_in_attempts.c.failures}
        )
        .returning(sign_in_attempts.c.failures, sign_in_attempts.c.last_at, sign_in_attempts.c.blocked_until)
    )
    failures, last_at, blocked_until = (await connection.execute(statement)).one()
    return failures, last_at, blocked_until


async def record_attempt(
    connection: AsyncConnection, subject: bytes, *, failures: int, at: datetime, blocked_until: datetime
) -> None:
    """Keep the count of a subject whose row is locked."""
    await connection.execute(
        update(sign_in_attempts)
        .where(sign_in_attempts.c.subject == subject)
        .values(failures=failures, last_at=at, blocked_until=blocked_until)
    )


async def forget_attempts(connection: AsyncConnection, subject: bytes) -> None:
    """Start the count of a subject again."""
    await connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.subject == subject))


async def forget_attempts_before(connection: AsyncConnection, instant: datetime, *, most: int) -> None:
    """Drop up to ``most`` counts that nothing has been added to since ``instant``."""
    # Those that another transaction holds are skipped: two that wait for each other's would never end.
    stale = (
        select(sign_in_attempts.c.subject)
        .where(sign_in_attempts.c.last_at < instant)
        .limit(most)
        .with_for_update(skip_locked=True)
    )
    await connection.execute(delete(sign_in_attempts).where(sign_in_attempts.c.subject.in_(stale)))


def _with_owner(table: Table, columns: tuple[Column[Any], ...]) -> Select[Any]:
    owner = (column.label(f"owner_{column.name}_") for column in _USER)
    return select(*columns, *owner).join_from(table, users, users.c.id == table.c.owner_id)


def _owner(row: RowMapping) -> User:
    return User(**{name: row[f"owner_{name}_"] for name in User.__dataclass_fields__})


def _user(row: RowMapping) -> User:
    return User(**{name: row[name] for name in User.__dataclass_fields__})


def _session(row: RowMapping) -> Session:
    return Session(**{name: row[name] for name in Session.__dataclass_fields__})


def _key(row: RowMapping) -> ApiKey:
    return ApiKey(**{name: row[name] for name in ApiKey.__dataclass_fields__})
