"""What people come in with besides a password, as plain data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from causette.accounts.types import Locale, Role

Purpose = Literal["sign_up", "password_reset", "email_change"]


@dataclass(frozen=True, slots=True, kw_only=True)
class MailedLink:
    """A link that was sent to ``email``. ``owner_id`` is whose account it is about, None before there is one.

    ``name``, ``password_hash`` and ``locale`` are a sign-up's: what the account is made of once it is confirmed.
    """

    purpose: Purpose
    owner_id: str | None
    email: str
    name: str | None = None
    password_hash: str | None = None
    locale: Locale | None = None
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """An account that is waiting for ``email``, made by the owner ``owner_id``."""

    id: str
    owner_id: str
    email: str
    role: Role
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Totp:
    """Somebody's secret for codes. ``last_step`` is the last time step a code was accepted for.

    ``secret`` is sealed with the key called ``key_id``; None for one from before secrets were sealed.
    """

    owner_id: str
    secret: bytes
    key_id: str | None
    created_at: datetime
    confirmed_at: datetime | None
    last_step: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """A passkey's public half. ``synced`` says that its maker keeps copies on several devices."""

    id: str
    owner_id: str
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    synced: bool
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Factors:
    """What somebody can sign in with."""

    password: bool
    totp: bool
    recovery_codes_left: int
    passkeys: tuple[Passkey, ...]
