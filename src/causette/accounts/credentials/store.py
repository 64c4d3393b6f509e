"""The tables of ways in and ways back in, and every query on them.

Each function runs inside the caller's transaction, so that the service decides what belongs together. What is
used once is deleted by the statement that reads it: of two that come at once, one finds it.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    Select,
    Table,
    Text,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.credentials.types import Invitation, MailedLink, Passkey, Purpose, Totp
from causette.accounts.store import users
from causette.db import UtcDateTime, metadata


def _owner(*, nullable: bool = False, primary_key: bool = False) -> Column[Any]:
    return Column(
        "owner_id",
        Text,
        ForeignKey("users.id", ondelete="CASCADE"),
        nullable=nullable,
        primary_key=primary_key,
    )


mailed_links: Final = Table(
    "mailed_links",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    Column("purpose", Text, nullable=False),
    _owner(nullable=True),
    Column("email", Text, nullable=False),
    Column("name", Text),
    Column("password_hash", Text),
    Column("locale", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    CheckConstraint("purpose IN ('sign_up', 'password_reset', 'email_change')", name="purpose"),
    Index(None, "owner_id", "purpose"),
    Index(None, "expires_at"),
)

invitations: Final = Table(
    "invitations",
    metadata,
    Column("id", Text, primary_key=True),
    _owner(),
    Column("token_hash", LargeBinary, nullable=False, unique=True),
    Column("email", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    CheckConstraint("role IN ('owner', 'member')", name="role"),
    Index(None, "owner_id"),
    Index(None, "created_at"),
)

totp_secrets: Final = Table(
    "totp_secrets",
    metadata,
    _owner(primary_key=True),
    Column("secret", LargeBinary, nullable=False),
    Column("key_id", Text),
    Column("created_at", UtcDateTime, nullable=False),
    Column("confirmed_at", UtcDateTime),
    Column("last_step", BigInteger, nullable=False),
)

recovery_codes: Final = Table(
    "recovery_codes",
    metadata,
    _owner(primary_key=True),
    Column("code_hash", LargeBinary, primary_key=True),
)

sign_in_challenges: Final = Table(
    "sign_in_challenges",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    _owner(),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "owner_id"),
    Index(None, "expires_at"),
)

passkeys: Final = Table(
    "passkeys",
    metadata,
    Column("id", Text, primary_key=True),
    _owner(),
    Column("credential_id", LargeBinary, nullable=False, unique=True),
    Column("public_key", LargeBinary, nullable=False),
    Column("sign_count", BigInteger, nullable=False),
    Column("name", Text, nullable=False),
    Column("synced", Boolean, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_used_at", UtcDateTime),
    Index(None, "owner_id", "created_at"),
)

passkey_challenges: Final = Table(
    "passkey_challenges",
    metadata,
    Column("challenge_hash", LargeBinary, primary_key=True),
    _owner(nullable=True),
    Column("expires_at", UtcDateTime, nullable=False),
    Index(None, "owner_id"),
    Index(None, "expires_at"),
)

_LINK: Final = tuple(mailed_links.c[name] for name in MailedLink.__dataclass_fields__)
_INVITATION: Final = tuple(invitations.c[name] for name in Invitation.__dataclass_fields__)
_TOTP: Final = tuple(totp_secrets.c[name] for name in Totp.__dataclass_fields__)
_PASSKEY: Final = tuple(passkeys.c[name] for name in Passkey.__dataclass_fields__)


# Links sent by mail


async def insert_link(connection: AsyncConnection, link: MailedLink, token_hash: bytes) -> None:
    """Add a link. Those that are over are forgotten, and so is an earlier one for the same of the same account."""
    over = mailed_links.c.expires_at <= link.created_at
    if link.owner_id is not None:
        same = (mailed_links.c.owner_id == link.owner_id) & (mailed_links.c.purpose == link.purpose)
        over = or_(over, same)
    await connection.execute(delete(mailed_links).where(over))
    values: dict[str, Any] = {name: getattr(link, name) for name in MailedLink.__dataclass_fields__}
    await connection.execute(insert(mailed_links).values(token_hash=token_hash, **values))


async def link_of(
    connection: AsyncConnection, token_hash: bytes, purpose: Purpose, *, at: datetime
) -> MailedLink | None:
    """The link of a token, if it is for ``purpose`` and not over at the instant ``at``."""
    query = select(*_LINK).where(
        mailed_links.c.token_hash == token_hash,
        mailed_links.c.purpose == purpose,
        mailed_links.c.expires_at > at,
    )
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else MailedLink(**row)


async def take_link(
    connection: AsyncConnection, token_hash: bytes, purpose: Purpose, *, at: datetime
) -> MailedLink | None:
    """As `link_of`, and use it up."""
    statement = (
        delete(mailed_links)
        .where(
            mailed_links.c.token_hash == token_hash,
            mailed_links.c.purpose == purpose,
            mailed_links.c.expires_at > at,
        )
        .returning(*_LINK)
    )
    row = (await connection.execute(statement)).mappings().one_or_none()
    return None if row is None else MailedLink(**row)


async def delete_links_of(connection: AsyncConnection, owner_id: str) -> None:
    """Forget every link about somebody's account."""
    await connection.execute(delete(mailed_links).where(mailed_links.c.owner_id == owner_id))


# Invitations


async def insert_invitation(connection: AsyncConnection, invitation: Invitation, token_hash: bytes) -> None:
    """Add an invitation, and forget those that are over by its creation."""
    await connection.execute(delete(invitations).where(invitations.c.expires_at <= invitation.created_at))
    values: dict[str, Any] = {name: getattr(invitation, name) for name in Invitation.__dataclass_fields__}
    await connection.execute(insert(invitations).values(token_hash=token_hash, **values))


async def all_invitations(connection: AsyncConnection, *, at: datetime) -> tuple[Invitation, ...]:
    """The invitations that are good at the instant ``at``, the newest first."""
    query = _good_invitations(at).order_by(invitations.c.created_at.desc())
    return tuple(Invitation(**row) for row in (await connection.execute(query)).mappings())


async def invitation_of(connection: AsyncConnection, token_hash: bytes, *, at: datetime) -> Invitation | None:
    """The invitation of a token, if it is good at the instant ``at``."""
    query = _good_invitations(at).where(invitations.c.token_hash == token_hash)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else Invitation(**row)


def _good_invitations(at: datetime) -> Select[Any]:
    """Those that are not over, made by who may still invite: else who was owner could come back as one."""
    return (
        select(*_INVITATION)
        .join_from(invitations, users)
        .where(invitations.c.expires_at > at, users.c.role == "owner", users.c.disabled_at.is_(None))
    )


async def delete_invitation(connection: AsyncConnection, invitation_id: str) -> bool:
    """Take an invitation back, or use it up; False when there is none."""
    statement = delete(invitations).where(invitations.c.id == invitation_id).returning(invitations.c.id)
    return (await connection.execute(statement)).one_or_none() is not None


# Codes


async def keep_totp(connection: AsyncConnection, totp: Totp) -> None:
    """Keep a secret that is still to be confirmed in place of an earlier one that is too."""
    await connection.execute(
        delete(totp_secrets).where(
            totp_secrets.c.owner_id == totp.owner_id, totp_secrets.c.confirmed_at.is_(None)
        )
    )
    values: dict[str, Any] = {name: getattr(totp, name) for name in Totp.__dataclass_fields__}
    await connection.execute(insert(totp_secrets).values(**values))


async def totp_of(connection: AsyncConnection, owner_id: str) -> Totp | None:
    """Somebody's secret, confirmed or not."""
    query = select(*_TOTP).where(totp_secrets.c.owner_id == owner_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else Totp(**row)


async def any_totp(connection: AsyncConnection) -> bool:
    """Whether anybody has a secret."""
    return bool((await connection.execute(select(exists(select(totp_secrets.c.owner_id))))).scalar_one())


async def totps_without(connection: AsyncConnection, key_id: str) -> tuple[Totp, ...]:
    """The secrets that are not sealed with a key: not at all, or with another one."""
    query = select(*_TOTP).where(or_(totp_secrets.c.key_id.is_(None), totp_secrets.c.key_id != key_id))
    return tuple(Totp(**row) for row in (await connection.execute(query)).mappings())


async def replace_secret(connection: AsyncConnection, totp: Totp, *, sealed: bytes, key_id: str) -> None:
    """Keep a secret that was not sealed as it is ``sealed``, unless it has changed meanwhile."""
    await connection.execute(
        update(totp_secrets)
        .where(totp_secrets.c.owner_id == totp.owner_id, totp_secrets.c.secret == totp.secret)
        .values(secret=sealed, key_id=key_id)
    )


async def has_totp(connection: AsyncConnection, owner_id: str) -> bool:
    """Whether somebody has to show a code."""
    query = select(
        exists().where(totp_secrets.c.owner_id == owner_id, totp_secrets.c.confirmed_at.is_not(None))
    )
    return bool((await connection.execute(query)).scalar_one())


async def use_step(connection: AsyncConnection, owner_id: str, step: int) -> bool:
    """Note that the code of a time step was accepted; False when one of it or of a later step was already."""
    statement = (
        update(totp_secrets)
        .where(totp_secrets.c.owner_id == owner_id, totp_secrets.c.last_step < step)
        .values(last_step=step)
        .returning(totp_secrets.c.owner_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def confirm_totp(connection: AsyncConnection, owner_id: str, *, at: datetime) -> None:
    """Have the secret asked for from now on."""
    await connection.execute(
        update(totp_secrets).where(totp_secrets.c.owner_id == owner_id).values(confirmed_at=at)
    )


async def delete_totp(connection: AsyncConnection, owner_id: str) -> None:
    """Forget somebody's secret and their recovery codes."""
    await connection.execute(delete(totp_secrets).where(totp_secrets.c.owner_id == owner_id))
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.owner_id == owner_id))


async def replace_recovery_codes(connection: AsyncConnection, owner_id: str, hashes: Iterable[bytes]) -> None:
    """Keep other recovery codes in place of those there are."""
    await connection.execute(delete(recovery_codes).where(recovery_codes.c.owner_id == owner_id))
    rows = [{"owner_id": owner_id, "code_hash": kept} for kept in hashes]
    await connection.execute(insert(recovery_codes), rows)


async def take_recovery_code(connection: AsyncConnection, owner_id: str, code_hash: bytes) -> bool:
    """Use a recovery code up; False when there is none such."""
    statement = (
        delete(recovery_codes)
        .where(recovery_codes.c.owner_id == owner_id, recovery_codes.c.code_hash == code_hash)
        .returning(recovery_codes.c.owner_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def recovery_codes_left(connection: AsyncConnection, owner_id: str) -> int:
    """How many recovery codes have not been used."""
    query = select(func.count()).select_from(recovery_codes).where(recovery_codes.c.owner_id == owner_id)
    return (await connection.execute(query)).scalar_one()


# Sign-ins that wait for a code


async def insert_challenge(
    connection: AsyncConnection, token_hash: bytes, owner_id: str, *, at: datetime, expires_at: datetime
) -> None:
    """Note that somebody's password was right, and forget those that waited in vain."""
    await connection.execute(delete(sign_in_challenges).where(sign_in_challenges.c.expires_at <= at))
    await connection.execute(
        insert(sign_in_challenges).values(token_hash=token_hash, owner_id=owner_id, expires_at=expires_at)
    )


async def challenged(connection: AsyncConnection, token_hash: bytes, *, at: datetime) -> str | None:
    """Whose sign-in waits for a code under this token, unless it is over at the instant ``at``."""
    query = select(sign_in_challenges.c.owner_id).where(
        sign_in_challenges.c.token_hash == token_hash, sign_in_challenges.c.expires_at > at
    )
    return (await connection.execute(query)).scalar_one_or_none()


async def take_challenge(connection: AsyncConnection, token_hash: bytes) -> bool:
    """End a waiting sign-in; False when it has been ended."""
    statement = (
        delete(sign_in_challenges)
        .where(sign_in_challenges.c.token_hash == token_hash)
        .returning(sign_in_challenges.c.owner_id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def delete_challenges_of(connection: AsyncConnection, owner_id: str) -> None:
    """End every waiting sign-in of somebody."""
    await connection.execute(delete(sign_in_challenges).where(sign_in_challenges.c.owner_id == owner_id))


# Passkeys


async def insert_passkey_challenge(
    connection: AsyncConnection,
    challenge_hash: bytes,
    owner_id: str | None,
    *,
    at: datetime,
    expires_at: datetime,
) -> None:
    """Note what a browser was asked to sign: for somebody's new passkey, or (None) for a sign-in."""
    await connection.execute(delete(passkey_challenges).where(passkey_challenges.c.expires_at <= at))
    await connection.execute(
        insert(passkey_challenges).values(
            challenge_hash=challenge_hash, owner_id=owner_id, expires_at=expires_at
        )
    )


async def take_passkey_challenge(
    connection: AsyncConnection, challenge_hash: bytes, owner_id: str | None, *, at: datetime
) -> bool:
    """Use a challenge up; False when it was not asked for that, or is over."""
    theirs = passkey_challenges.c.owner_id
    statement = (
        delete(passkey_challenges)
        .where(
            passkey_challenges.c.challenge_hash == challenge_hash,
            passkey_challenges.c.expires_at > at,
            theirs.is_(None) if owner_id is None else theirs == owner_id,
        )
        .returning(passkey_challenges.c.challenge_hash)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def insert_passkey(connection: AsyncConnection, passkey: Passkey) -> bool:
    """Add a passkey; False when it is known already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    values: dict[str, Any] = {name: getattr(passkey, name) for name in Passkey.__dataclass_fields__}
    statement = (
        dialect.insert(passkeys)
        .values(**values)
        .on_conflict_do_nothing(index_elements=[passkeys.c.credential_id])
        .returning(passkeys.c.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def passkeys_of(connection: AsyncConnection, owner_id: str) -> tuple[Passkey, ...]:
    """Somebody's passkeys, the newest first."""
    query = (
        select(*_PASSKEY)
        .where(passkeys.c.owner_id == owner_id)
        .order_by(passkeys.c.created_at.desc(), passkeys.c.id.desc())
    )
    return tuple(Passkey(**row) for row in (await connection.execute(query)).mappings())


async def passkey_by_id(connection: AsyncConnection, passkey_id: str) -> Passkey | None:
    """One passkey, whoever owns it."""
    query = select(*_PASSKEY).where(passkeys.c.id == passkey_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else Passkey(**row)


async def passkey_by_credential(connection: AsyncConnection, credential_id: bytes) -> Passkey | None:
    """The passkey that its authenticator calls ``credential_id``."""
    query = select(*_PASSKEY).where(passkeys.c.credential_id == credential_id)
    row = (await connection.execute(query)).mappings().one_or_none()
    return None if row is None else Passkey(**row)


async def note_passkey_used(
    connection: AsyncConnection, passkey_id: str, *, seen: int, sign_count: int, at: datetime
) -> bool:
    """Keep a passkey's new count; False when it has been used since its count ``seen`` was read."""
    statement = (
        update(passkeys)
        .where(passkeys.c.id == passkey_id, passkeys.c.sign_count == seen)
        .values(sign_count=sign_count, last_used_at=at)
        .returning(passkeys.c.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def rename_passkey(connection: AsyncConnection, passkey_id: str, name: str) -> None:
    """Give a passkey another name."""
    await connection.execute(update(passkeys).where(passkeys.c.id == passkey_id).values(name=name))


async def delete_passkey(connection: AsyncConnection, passkey_id: str) -> None:
    """Forget a passkey."""
    await connection.execute(delete(passkeys).where(passkeys.c.id == passkey_id))
