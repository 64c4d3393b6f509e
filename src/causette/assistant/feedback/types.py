"""Plain data of feedback."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

#: A ``rating`` is of one reply. A ``comparison`` prefers one of two versions, a ``correction`` a person's own words to
#: the reply that they corrected.
Kind = Literal["rating", "comparison", "correction"]
Rating = Literal["up", "down"]
Reason = Literal[
    "accurate", "clear", "complete", "tone", "inaccurate", "unclear", "incomplete", "instructions", "unsafe"
]

#: What can be said for a reply, and what against it.
REASONS: Final[dict[Rating, frozenset[Reason]]] = {
    "up": frozenset({"accurate", "clear", "complete", "instructions", "tone"}),
    "down": frozenset({"inaccurate", "unclear", "incomplete", "instructions", "tone", "unsafe"}),
}

#: Which words people are asked for their consent with. New words take a new version, and a new question.
CONSENT_VERSION: Final = "2026-11"


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """What a person answered when they were asked whether models may learn from their feedback."""

    id: str
    owner_id: str
    #: Of the words that they were asked with.
    version: str
    given: bool
    answered_at: datetime
    #: When it was taken back.
    withdrawn_at: datetime | None

    @property
    def holds(self) -> bool:
        """Whether it was given and not taken back."""
        return self.given and self.withdrawn_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """What a person said of a reply."""

    id: str
    owner_id: str
    conversation_id: str
    kind: Kind
    #: The reply that is rated, or the one that is preferred.
    message_id: str
    #: The one that it is preferred to; None for a rating.
    other_id: str | None
    #: None for a preference.
    rating: Rating | None
    reasons: list[Reason]
    comment: str
    #: The consent under which models may learn from it, should it still hold; None without one.
    consent_id: str | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of a prompt."""

    role: Literal["user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """Feedback as a model learns from it: a prompt, with what should and what should not follow it.

    A rating has one of ``chosen`` and ``rejected``, a preference both.
    """

    id: str
    kind: Kind
    prompt: tuple[Turn, ...]
    chosen: str | None
    rejected: str | None
    #: Who wrote them; None for a person's words.
    chosen_model: str | None
    rejected_model: str | None
    reasons: list[Reason]
    comment: str
    consent_version: str
    consented_at: datetime
    #: What its author is called, for whoever takes names out.
    author: str
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """How much feedback of a kind there is on a model's replies."""

    model: str | None
    kind: Kind
    rating: Rating | None
    count: int
    #: As much of it as models may learn from.
    usable: int
