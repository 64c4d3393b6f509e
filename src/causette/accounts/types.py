"""People and what they prove themselves with, as plain data."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Role = Literal["owner", "member"]
Locale = Literal["en", "fr"]
Theme = Literal["light", "dark", "system"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person. ``locale`` None follows the browser."""

    id: str
    email: str
    name: str
    role: Role
    locale: Locale | None
    theme: Theme
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser in which somebody is signed in."""

    id: str
    owner_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key for the API, without its secret. ``hint`` is the secret's last four characters."""

    id: str
    owner_id: str
    name: str
    hint: str
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and what they proved it with: a session, a key, or (on the command line) neither."""

    user: User
    session_id: str | None = None
    key_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A fresh session. ``token`` goes into the cookie and is kept nowhere else."""

    user: User
    session: Session
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A fresh key. ``secret`` is shown once and kept nowhere."""

    key: ApiKey
    secret: str


class Owned(Protocol):
    """Anything that belongs to a user."""

    @property
    def owner_id(self) -> str: ...
