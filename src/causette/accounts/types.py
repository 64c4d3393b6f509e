"""People and what they prove themselves with, as plain data."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

Role = Literal["owner", "member"]
Locale = Literal["en", "fr"]
Theme = Literal["light", "dark", "system"]
#: What somebody is in a workspace; each may do what the next one may.
WorkspaceRole = Literal["owner", "admin", "member"]


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A person. ``locale`` None follows the browser; who is disabled can neither sign in nor use a key."""

    id: str
    email: str
    name: str
    role: Role
    locale: Locale | None
    theme: Theme
    created_at: datetime
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One browser in which somebody is signed in, and the network it signed in from."""

    id: str
    owner_id: str
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    user_agent: str | None = None
    network: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """The most that a key may be used; None for no limit of its own.

    Requests and tokens per minute, and nano-dollars per day, per month and in its whole life.
    """

    rpm: int | None = None
    tpm: int | None = None
    day_nano: int | None = None
    month_nano: int | None = None
    total_nano: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiKey:
    """A key for the API, without its secret. ``hint`` is the secret's last four characters.

    It acts for ``workspace_id``, or for ``maker_id`` where there is none. ``scopes`` are those of
    `causette.accounts.keys.scopes`. ``imposed`` names the ``limits`` that another who leads the workspace has set: a
    member who made the key may lower those, and neither raise nor lift them.
    """

    id: str
    maker_id: str
    workspace_id: str | None
    name: str
    hint: str
    scopes: frozenset[str]
    limits: KeyLimits
    created_at: datetime
    last_used_at: datetime | None
    expires_at: datetime | None
    revoked_at: datetime | None
    imposed: frozenset[str] = frozenset()

    @property
    def owner_id(self) -> str:
        """Whose the key is: a workspace's or a person's."""
        return self.workspace_id or self.maker_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, and what they proved it with: a session, a key, or (on the command line) neither.

    ``workspace_id`` is the workspace they act for, ``workspace_role`` what they are in it.
    """

    user: User
    session_id: str | None = None
    key_id: str | None = None
    key: ApiKey | None = None
    workspace_id: str | None = None
    workspace_role: WorkspaceRole | None = None

    @property
    def payer_id(self) -> str:
        """Whose money it is: the workspace's that they act for, or their own."""
        return self.workspace_id or self.user.id


#: Asked with the id of an account or a workspace before it is deleted; raises ``Conflict`` when that must not be yet.
Tie = Callable[[str], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A fresh session. ``token`` goes into the cookie and is kept nowhere else."""

    user: User
    session: Session
    token: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """Where a request comes from, before anybody knows whose it is."""

    address: str
    user_agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondStep:
    """The password was right, and a code is still to come. ``token`` says for which sign-in, and is kept nowhere."""

    token: str
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiKey:
    """A fresh key. ``secret`` is shown once and kept nowhere."""

    key: ApiKey
    secret: str


class Owned(Protocol):
    """Anything that belongs to a user or to a workspace."""

    @property
    def owner_id(self) -> str: ...
