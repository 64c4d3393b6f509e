"""Accounts elsewhere, as plain data."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """An account at a provider that signs ``owner_id`` in. ``subject`` is the provider's own name for it."""

    id: str
    owner_id: str
    provider: str
    subject: str
    email: str | None
    created_at: datetime
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignOn:
    """A browser that has been sent to a provider. ``owner_id`` is who wants the identity linked, if anybody."""

    provider: str
    nonce: str
    code_verifier: str
    redirect_uri: str
    owner_id: str | None
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Whom a provider says somebody is. ``email`` is None unless the provider has verified it."""

    subject: str
    email: str | None
    name: str | None
