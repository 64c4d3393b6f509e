"""Machines, postings and the audit log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from causette.audit import AuditEntry, AuditOutcome
from causette.console.bodies.common import Body, Memo, Out, Reference
from causette.console.bodies.usage import RequestOut
from causette.ledger.types import Book
from causette.ledger.usage import RequestAccount


class MachineOut(Out):
    """What a machine was billed: ``bill_nano`` is what went to requests and to training (both allocated), and idle."""

    model_config = ConfigDict(from_attributes=True, title="MachineBill")

    machine: str
    bill_nano: int
    allocated_nano: int
    requests_nano: int
    training_nano: int
    idle_nano: int
    idle_uj: int
    training_ns: Annotated[int, Field(description="Of the whole machine")]
    training_uj: int


class MachineList(BaseModel):
    """Machines, by name."""

    items: list[MachineOut]


class PostingOut(Out):
    """One side of an entry in the books."""

    model_config = ConfigDict(from_attributes=True, title="Posting")

    entry_id: str
    book: Book
    account: str
    amount_nano: int
    kind: str
    memo: str
    posted_at: datetime


class RequestAccountOut(BaseModel):
    """Everything that is kept of one request: no word of what was said in it."""

    model_config = ConfigDict(title="RequestAccount")

    request: RequestOut
    deployment: str | None
    machine: str | None
    root_id: str
    usage_source: str | None
    output_granted: int
    images: int
    audio_seconds: int
    held_nano: int
    list_nano: int
    cost_nano: int
    price: Annotated[dict[str, int], Field(description="Nano-dollars per million tokens")]
    postings: list[PostingOut]
    names: dict[str, str]

    @classmethod
    def of(cls, found: RequestAccount, names: Mapping[str, str]) -> "RequestAccountOut":
        """The public form of ``found``."""
        special = {"request", "price", "postings"}
        plain: dict[str, Any] = {
            name: getattr(found, name) for name in RequestAccount.__dataclass_fields__ if name not in special
        }
        return cls(
            request=RequestOut.model_validate(found.request),
            price=dict(found.price),
            postings=[PostingOut.model_validate(posting) for posting in found.postings],
            names=dict(names),
            **plain,
        )


class ChargeCorrectionBody(Body):
    """A change to what a settled request was charged: a posting of its own, never an edit."""

    usd: Annotated[str, Field(max_length=32, description="More, or with a minus less", examples=["-0.25"])]
    memo: Memo
    reference: Reference


class AuditEntryOut(Out):
    """One act of who runs the house."""

    model_config = ConfigDict(from_attributes=True, title="AuditEntry")

    id: str
    at: datetime
    actor_id: str
    actor: str
    act: str
    target_id: str
    target: str
    details: dict[str, Any]
    outcome: AuditOutcome
    refusal: str | None

    @classmethod
    def of(cls, entry: AuditEntry) -> "AuditEntryOut":
        """The public form of ``entry``."""
        return cls.model_validate(entry)


class AuditPage(BaseModel):
    """Acts, the newest first."""

    items: list[AuditEntryOut]
    next: Annotated[str | None, Field(description="`before` of the page after this one")]
