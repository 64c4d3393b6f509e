"""Saying what one thinks of replies, and whether models may learn from it."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Final

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.assistant.feedback.store import FeedbackStore
from causette.assistant.feedback.types import (
    CONSENT_VERSION,
    REASONS,
    Consent,
    Count,
    Example,
    Feedback,
    Kind,
    Rating,
    Reason,
)
from causette.assistant.service import Assistant
from causette.assistant.types import Message, Status
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest
from causette.ids import new_id
from causette.releases.types import Arm, Release, Thumbs

#: Characters of a comment.
LONGEST_COMMENT: Final = 2_000
_ARMS: Final[tuple[tuple[Arm, bool], ...]] = (("stable", False), ("canary", True))


class FeedbackRoom:
    """What people think of the replies in ``assistant``, kept in ``database``."""

    def __init__(self, database: Database, assistant: Assistant) -> None:
        self._store = FeedbackStore(database)
        self._assistant = assistant

    # Consent

    async def consent(self, caller: Caller) -> Consent | None:
        """What the caller answered last; None when they were not asked with the words of today."""
        answered = await self._store.consent(caller.user.id)
        return answered if answered is not None and answered.version == CONSENT_VERSION else None

    async def answer(self, caller: Caller, *, given: bool, version: str) -> Consent:
        """Let models learn from the caller's feedback, what was said before included; or from none of it any more.

        Raises:
            Conflict: ``version`` is of other words than those that people are asked with now (``consent_changed``).
        """
        if version != CONSENT_VERSION:
            raise Conflict(
                f"The words of the question have changed: they are version {CONSENT_VERSION!r} now, and "
                f"{version[:32]!r} was answered. Read them again.",
                code="consent_changed",
                param="version",
            )
        answered = Consent(
            id=new_id("cons"),
            owner_id=caller.user.id,
            version=version,
            given=given,
            answered_at=utc_now(),
            withdrawn_at=None,
        )
        await self._store.answer(answered)
        return answered

    # Feedback

    async def rate(
        self,
        caller: Caller,
        message_id: str,
        rating: Rating,
        *,
        reasons: Collection[Reason] = (),
        comment: str = "",
    ) -> Feedback:
        """Say that a reply is good or bad, in the place of what the caller said of it before.

        Raises:
            NotFound: there is no such message, or it is somebody else's.
            InvalidRequest: it is no reply, a reason is for the other rating, or the comment is too long.
            Conflict: it is still being written, or its conversation is temporary.
        """
        reply = await self._reply(caller, message_id)
        wrong = sorted(set(reasons) - REASONS[rating])
        if wrong:
            raise InvalidRequest(
                f"{wrong[0]!r} is no reason for {rating!r}; {', '.join(sorted(REASONS[rating]))} are.",
                param="reasons",
            )
        return await self._keep(reply, None, "rating", rating, reasons, comment)

    async def prefer(
        self,
        caller: Caller,
        message_id: str,
        other_id: str,
        *,
        reasons: Collection[Reason] = (),
        comment: str = "",
    ) -> Feedback:
        """Say that one version of a reply is better than another, in the place of an earlier verdict on the two.

        Where the better one is the caller's own correction of the other, this marks it as the answer to learn from.

        Raises:
            NotFound: there is no such message, or it is somebody else's.
            InvalidRequest: one is no reply, they are not versions of each other, a reason is none for a better
                reply, or the comment is too long.
            Conflict: one is still being written, or their conversation is temporary.
        """
        better, worse = await self._reply(caller, message_id), await self._reply(caller, other_id)
        if better.id == worse.id or (better.conversation_id, better.parent_id) != (
            worse.conversation_id,
            worse.parent_id,
        ):
            raise InvalidRequest(
                "Two versions of one reply are compared. Send the id of another version.", param="over"
            )
        wrong = sorted(set(reasons) - REASONS["up"])
        if wrong:
            raise InvalidRequest(
                f"{wrong[0]!r} is no reason to prefer a reply; {', '.join(sorted(REASONS['up']))} are.",
                param="reasons",
            )
        kind: Kind = "correction" if better.corrects_id == worse.id else "comparison"
        return await self._keep(better, worse, kind, None, reasons, comment)

    async def of_conversation(self, caller: Caller, conversation_id: str) -> list[Feedback]:
        """What the caller said of a conversation's replies.

        Raises:
            NotFound: there is no such conversation, or it is somebody else's.
        """
        conversation = await self._assistant.find(caller, conversation_id)
        return await self._store.of_conversation(conversation.id)

    async def delete(self, caller: Caller, feedback_id: str) -> None:
        """Take back what was said.

        Raises:
            NotFound: there is no such feedback, or it is somebody else's.
        """
        said = await owned(caller, feedback_id, self._store.find, what="feedback")
        await self._store.delete(said.id)

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """What the caller said and consented to, under ``feedback`` and ``training_consents``: for an export."""
        said = await self._store.of_owner(caller.user.id)
        answered = await self._store.consents(caller.user.id)
        return {
            "feedback": [asdict(each) for each in said],
            "training_consents": [asdict(each) for each in answered],
        }

    # For those who run the house

    async def counts(self) -> list[Count]:
        """How much feedback there is, and how much of it models may learn from."""
        return await self._store.counts()

    async def examples(self, *, after: str = "", limit: int = 100, kind: Kind | None = None) -> list[Example]:
        """What models may learn from: only what its author's consent holds for now, the oldest first."""
        return await self._store.examples(after=after, limit=limit, kind=kind)

    async def rated_since(self, release: Release) -> Mapping[Arm, Thumbs]:
        """How people rate what a canary has written, and what was written as before meanwhile."""
        counts = await self._store.ratings(release.model, release.id, release.begun_at)
        return {
            arm: Thumbs(up=counts.get((by_release, "up"), 0), down=counts.get((by_release, "down"), 0))
            for arm, by_release in _ARMS
        }

    async def _reply(self, caller: Caller, message_id: str) -> Message:
        reply = await self._assistant.message(caller, message_id)
        if reply.role != "assistant":
            raise InvalidRequest(
                "Only replies are rated, and this is a message of yours.", code="not_a_reply"
            )
        if reply.status is Status.STREAMING:
            raise Conflict("The reply is still being written. Wait for it, or stop it.", code="still_writing")
        if (await self._assistant.find(caller, reply.conversation_id)).temporary:
            raise Conflict(
                "A temporary conversation leaves nothing behind, so nothing is kept of what you think of it.",
                code="temporary",
            )
        return reply

    async def _keep(
        self,
        reply: Message,
        other: Message | None,
        kind: Kind,
        rating: Rating | None,
        reasons: Collection[Reason],
        comment: str,
    ) -> Feedback:
        comment = comment.replace("\0", "").strip()
        if len(comment) > LONGEST_COMMENT:
            raise InvalidRequest(
                f"The comment has {len(comment):,} characters; at most {LONGEST_COMMENT:,} are taken. Shorten it.",
                param="comment",
            )
        now = utc_now()
        said = Feedback(
            id=new_id("fb"),
            owner_id=reply.owner_id,
            conversation_id=reply.conversation_id,
            kind=kind,
            message_id=reply.id,
            other_id=None if other is None else other.id,
            rating=rating,
            reasons=sorted(set(reasons)),
            comment=comment,
            consent_id=None,
            created_at=now,
            updated_at=now,
        )
        subject = reply.id if other is None else " ".join(sorted((reply.id, other.id)))
        return await self._store.put(said, subject)
