"""What was used, and the limits on it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from causette.console.bodies.common import MeterName, Out
from causette.console.reports import Usage
from causette.console.types import LimitKind, LimitState
from causette.ledger.usage import RequestPage


class UsageRowOut(Out):
    """What was settled of the requests that began in one stretch of time, of one group."""

    start: datetime | None
    group: str | None
    requests: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    images: int
    audio_seconds: int
    list_nano: int
    charge_nano: int


class CostlyUsageRowOut(UsageRowOut):
    """The same, with what it cost the house."""

    cost_nano: int
    compute_ns: int
    energy_uj: int


class UsageOut(BaseModel):
    """Usage from ``start`` on and before ``end``. ``names`` says what people call the groups that are ids."""

    start: datetime
    end: datetime
    items: list[UsageRowOut]
    names: dict[str, str]

    @classmethod
    def of(cls, usage: Usage) -> "UsageOut":
        """The public form of ``usage``."""
        items = [UsageRowOut.model_validate(row) for row in usage.rows]
        return cls(start=usage.start, end=usage.end, items=items, names=dict(usage.names))


class HouseUsageOut(BaseModel):
    """Everybody's usage, with what it cost."""

    start: datetime
    end: datetime
    items: list[CostlyUsageRowOut]
    names: dict[str, str]

    @classmethod
    def of(cls, usage: Usage) -> "HouseUsageOut":
        """The public form of ``usage``."""
        items = [CostlyUsageRowOut.model_validate(row) for row in usage.rows]
        return cls(start=usage.start, end=usage.end, items=items, names=dict(usage.names))


class LimitOut(BaseModel):
    """A limit that one meets; ``used`` has in it what is ``held`` for requests in progress."""

    model_config = ConfigDict(title="Limit")

    kind: LimitKind
    meter: Annotated[MeterName, Field(description="Money is in nano-dollars")]
    per: Annotated[str, Field(description="Seconds (`10800s`), `day`, `month` or `total`")]
    amount: int
    used: int
    held: int
    remaining: int
    resets_at: Annotated[
        datetime | None, Field(description="Null where time changes nothing, or before the first request")
    ]
    model: str | None
    whose: Literal["person", "workspace", "member"] | None

    @classmethod
    def of(cls, state: LimitState) -> "LimitOut":
        """The public form of ``state``."""
        return cls(
            kind=state.kind,
            meter=state.meter.value,
            per=state.window.key,
            amount=state.amount,
            used=state.used,
            held=state.held,
            remaining=state.remaining,
            resets_at=state.resets_at,
            model=state.model,
            whose=state.whose,
        )


class LimitList(BaseModel):
    """Every limit that one meets, whichever model one asks for."""

    items: list[LimitOut]


class RequestOut(Out):
    """A request: who asked which model how, and what it took. No word of what was said."""

    model_config = ConfigDict(from_attributes=True, title="MeteredRequest")

    id: str
    state: Literal["held", "settled", "released"]
    created_at: datetime
    finished_at: datetime | None
    payer_id: str
    user_id: str
    workspace_id: str | None
    key_id: str | None
    plan_id: str
    surface: str
    purpose: str
    model: str
    offer: str
    outcome: str | None
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    charge_nano: int
    compute_ns: int
    queue_ns: int
    ttft_us: int | None
    energy_uj: int
    energy_method: str


class RequestList(BaseModel):
    """Requests, the newest first."""

    items: list[RequestOut]
    next: Annotated[str | None, Field(description="`before` of the page after this one")]
    names: dict[str, str] = {}

    @classmethod
    def of(cls, page: RequestPage, names: Mapping[str, str] | None = None) -> "RequestList":
        """The public form of ``page``."""
        items = [RequestOut.model_validate(item) for item in page.items]
        return cls(items=items, next=page.next, names=dict(names or {}))


def payers_in(page: RequestPage) -> set[str]:
    """Whom a page of requests speaks of."""
    return {item for request in page.items for item in (request.user_id, request.workspace_id) if item}
