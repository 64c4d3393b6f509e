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

from causette.accounts.types import Session, User
from causette.db import Row, UtcDateTime, metadata

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
    Column("disabled_at", UtcDateTime),
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
    Column("user_agent", Text),
    Column("network", Text),
    Index(None, "owner_id", "created_at"),
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
PERSON: Final = tuple(column.label(f"person_{column.name}_") for column in _USER)
_SESSION: Final = tuple(sessions.c[name] for name in Session.__dataclass_fields__)
#: A session with its person; `signed_in_person` reads a row of it.
SESSION: Final = select(*_SESSION, *PERSON).join_from(sessions, users)


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


async def users_page(
    connection: AsyncConnection, *, containing: str, after: str, limit: int | None
) -> tuple[User, ...]:
    """Up to ``limit`` people whose names or addresses hold ``containing``, by their ids from after ``after``."""
    query = (
        select(*_USER)
        .where(
            users.c.id > after,
            or_(
                users.c.name.icontains(containing, autoescape=True),
                users.c.email_key.contains(containing.casefold(), autoescape=True),
            ),
        )
        .order_by(users.c.id)
        .limit(limit)
    )
    return tuple(_user(row) for row in (await connection.execute(query)).mappings())


async def is_led_without(connection: AsyncConnection, user_id: str) -> bool:
    """Whether somebody else has the role of owner and is not disabled."""
    query = select(
        exists().where(users.c.role == "owner", users.c.id != user_id, users.c.disabled_at.is_(None))
    )
    return bool((await connection.execute(query)).scalar_one())


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


async def set_password_hash(connection: AsyncConnection, user_id: str, password_hash: str) -> None:
    """Keep another password's hash."""
    await connection.execute(update(users).where(users.c.id == user_id).values(password_hash=password_hash))


async def set_email(connection: AsyncConnection, user_id: str, *, email: str, email_key: str) -> bool:
    """Give a person another address; False when somebody has it."""
    taken = select(users.c.id).where(users.c.email_key == email_key, users.c.id != user_id)
    if (await connection.execute(taken)).one_or_none() is not None:
        return False
    statement = update(users).where(users.c.id == user_id).values(email=email, email_key=email_key)
    await connection.execute(statement)
    return True


async def password_hash_of(connection: AsyncConnection, user_id: str) -> str | None:
    """The hash of a person's password; None when there is no such person."""
    query = select(users.c.password_hash).where(users.c.id == user_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def delete_user(connection: AsyncConnection, user_id: str) -> None:
    """Forget a person and everything that is theirs alone."""
    await connection.execute(delete(users).where(users.c.id == user_id))


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


async def network_is_known(
    connection: AsyncConnection, email_key: str, network: str, *, at: datetime
) -> bool:
    """Whether somebody with this e-mail address is signed in from ``network`` at the instant ``at``."""
    query = select(
        exists().where(
            users.c.email_key == email_key,
            sessions.c.owner_id == users.c.id,
            sessions.c.network == network,
            sessions.c.expires_at > at,
        )
    )
    return bool((await connection.execute(query)).scalar_one())


async def delete_sessions_of(connection: AsyncConnection, owner_id: str, *, but: str | None = None) -> None:
    """End all of a person's sessions but one."""
    statement = delete(sessions).where(sessions.c.owner_id == owner_id)
    await connection.execute(statement if but is None else statement.where(sessions.c.id != but))


async def delete_session(connection: AsyncConnection, session_id: str) -> None:
    """End a session."""
    await connection.execute(delete(sessions).where(sessions.c.id == session_id))


async def delete_session_by_token(connection: AsyncConnection, token_hash: bytes) -> None:
    """End the session of a token, if there is one."""
    await connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


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


def _user(row: RowMapping) -> User:
    return User(**{name: row[name] for name in User.__dataclass_fields__})


def _session(row: Row) -> Session:
    return Session(**{name: row[name] for name in Session.__dataclass_fields__})


def signed_in_person(row: Row) -> tuple[Session, User]:
    """The session in a row of `SESSION`, over or not, with its person."""
    return _session(row), person_in(row)


def person_in(row: Row) -> User:
    """The person in a row that was selected with the columns `PERSON`."""
    return User(**{name: row[f"person_{name}_"] for name in User.__dataclass_fields__})
