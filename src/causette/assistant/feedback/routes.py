"""What one thinks of replies, whether models may learn from it, and the lists for those who run the house."""

from datetime import datetime
from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Query, Request, status
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import HouseOwner, SignedInCaller
from causette.assistant.feedback.service import FeedbackRoom
from causette.assistant.feedback.types import CONSENT_VERSION, Consent, Kind, Rating, Reason

# Longer ones are refused with the reason; this bound only keeps what is read small.
_Comment = Annotated[str, Field(max_length=20_000)]
_Reasons = Annotated[list[Reason], Field(max_length=16)]


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def feedback(self) -> FeedbackRoom: ...


def _feedback(request: Request) -> FeedbackRoom:
    house: House = request.app.state.house
    return house.feedback


class RatingBody(BaseModel):
    """What one thinks of a reply."""

    model_config = ConfigDict(extra="forbid")

    rating: Rating
    reasons: _Reasons = []
    comment: _Comment = ""


class PreferenceBody(BaseModel):
    """Which other version of the reply this one is better than."""

    model_config = ConfigDict(extra="forbid")

    over: Annotated[str, Field(max_length=64)]
    reasons: _Reasons = []
    comment: _Comment = ""


class ConsentBody(BaseModel):
    """An answer to the question with this version of its words."""

    model_config = ConfigDict(extra="forbid")

    given: bool
    version: Annotated[str, Field(max_length=64)]


class ConsentOut(BaseModel):
    """Whether models may learn from one's feedback. Nobody who was not asked has agreed."""

    model_config = ConfigDict(title="TrainingConsent")

    given: bool
    asked: bool
    version: Annotated[str, Field(description="Of the words to ask with")]
    answered_at: datetime | None

    @classmethod
    def of(cls, consent: Consent | None) -> "ConsentOut":
        """The public form of an answer, if there is one."""
        return cls(
            given=consent is not None and consent.holds,
            asked=consent is not None,
            version=CONSENT_VERSION,
            answered_at=None if consent is None else consent.answered_at,
        )


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class FeedbackOut(_Out):
    """What one said of a reply."""

    model_config = ConfigDict(from_attributes=True, title="Feedback")

    id: str
    kind: Kind
    message_id: Annotated[str, Field(description="The reply that is rated, or the one that is preferred")]
    other_id: Annotated[str | None, Field(description="The one that it is preferred to")]
    rating: Rating | None
    reasons: list[Reason]
    comment: str
    created_at: datetime
    updated_at: datetime


class FeedbackList(BaseModel):
    """What one said of a conversation's replies."""

    items: list[FeedbackOut]


class PromptTurn(_Out):
    """One message of a prompt."""

    role: Literal["user", "assistant"]
    content: str


class ExampleOut(_Out):
    """Feedback as a model learns from it (docs/assistant.md)."""

    model_config = ConfigDict(from_attributes=True, title="FeedbackExample")

    id: str
    kind: Kind
    prompt: list[PromptTurn]
    chosen: str | None
    rejected: str | None
    chosen_model: Annotated[str | None, Field(description="Null for a person's own words")]
    rejected_model: str | None
    reasons: list[Reason]
    comment: str
    consent_version: str
    consented_at: datetime
    created_at: datetime


class ExampleList(BaseModel):
    """Some examples; ``next`` is what to send as ``after`` for those after them."""

    items: list[ExampleOut]
    next: str | None


class CountOut(_Out):
    """How much feedback of a kind there is on a model's replies."""

    model_config = ConfigDict(from_attributes=True, title="FeedbackCount")

    model: str | None
    kind: Kind
    rating: Rating | None
    count: int
    usable: Annotated[int, Field(description="As much of it as models may learn from")]


class CountList(BaseModel):
    """All counts."""

    items: list[CountOut]


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api", tags=["feedback"])

    @routes.put("/messages/{message_id}/rating")
    async def rate_reply(
        message_id: str, body: RatingBody, caller: SignedInCaller, request: Request
    ) -> FeedbackOut:
        """Say that a reply is good or bad, in the place of what one said of it before."""
        said = await _feedback(request).rate(
            caller, message_id, body.rating, reasons=body.reasons, comment=body.comment
        )
        return FeedbackOut.model_validate(said)

    @routes.put("/messages/{message_id}/preference")
    async def prefer_reply(
        message_id: str, body: PreferenceBody, caller: SignedInCaller, request: Request
    ) -> FeedbackOut:
        """Say that this version is better than another: of two replies, or one's correction than what it corrects."""
        said = await _feedback(request).prefer(
            caller, message_id, body.over, reasons=body.reasons, comment=body.comment
        )
        return FeedbackOut.model_validate(said)

    @routes.get("/conversations/{conversation_id}/feedback")
    async def list_feedback(conversation_id: str, caller: SignedInCaller, request: Request) -> FeedbackList:
        """What one said of a conversation's replies."""
        found = await _feedback(request).of_conversation(caller, conversation_id)
        return FeedbackList(items=[FeedbackOut.model_validate(each) for each in found])

    @routes.delete("/feedback/{feedback_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_feedback(feedback_id: str, caller: SignedInCaller, request: Request) -> None:
        """Take back what one said."""
        await _feedback(request).delete(caller, feedback_id)

    @routes.get("/user/training-consent")
    async def get_training_consent(caller: SignedInCaller, request: Request) -> ConsentOut:
        """Whether models may learn from one's feedback, and whether one was asked."""
        return ConsentOut.of(await _feedback(request).consent(caller))

    @routes.put("/user/training-consent")
    async def set_training_consent(body: ConsentBody, caller: SignedInCaller, request: Request) -> ConsentOut:
        """Let models learn from one's feedback, what was said before included, or from none of it any more."""
        answered = await _feedback(request).answer(caller, given=body.given, version=body.version)
        return ConsentOut.of(answered)

    @routes.get("/admin/feedback")
    async def list_feedback_examples(
        actor: HouseOwner,
        request: Request,
        kind: Kind | None = None,
        after: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> ExampleList:
        """What models may learn from, the oldest first. What has no consent, or none any more, is not shown."""
        found = await _feedback(request).examples(after=after, limit=limit + 1, kind=kind)
        items = [ExampleOut.model_validate(each) for each in found[:limit]]
        return ExampleList(items=items, next=items[-1].id if len(found) > limit else None)

    @routes.get("/admin/feedback/counts")
    async def count_feedback(actor: HouseOwner, request: Request) -> CountList:
        """How much feedback there is by model, kind and rating: figures only, of everybody's."""
        return CountList(items=[CountOut.model_validate(each) for each in await _feedback(request).counts()])

    return routes
