"""What is asked about usage, and what is answered, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from causette.ledger.types import Book

Bucket = Literal["hour", "day", "month"]
Group = Literal["model", "key", "user", "plan", "workspace"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """Whose usage, and of what: only requests that match everything that is said. Nothing said is all of them."""

    payer_id: str | None = None
    user_id: str | None = None
    workspace_id: str | None = None
    key_id: str | None = None
    model: str | None = None
    plan_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageRow:
    """The settled requests that began in one stretch of time, of one group.

    ``start`` is None where no stretches were asked for, ``group`` where no groups were, or where there is none
    (requests without a key). ``cached_tokens`` are part of ``input_tokens``, ``reasoning_tokens`` of
    ``output_tokens``. Money is nano-dollars, ``charge_nano`` what was charged and ``list_nano`` what it would be
    without repetitions.
    """

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
    cost_nano: int
    compute_ns: int
    energy_uj: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentRequest:
    """One request, held ones included, as a list of them shows it."""

    id: str
    state: str
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


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestPosting:
    """One side of an entry about a request."""

    entry_id: str
    book: Book
    account: str
    amount_nano: int
    kind: str
    memo: str
    posted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestAccount:
    """Everything that is kept of one request: no word of what was said in it."""

    request: RecentRequest
    deployment: str | None
    machine: str | None
    #: The first request of which this one is a repetition; its own id when it is none.
    root_id: str
    usage_source: str | None
    output_granted: int
    images: int
    audio_seconds: int
    held_nano: int
    list_nano: int
    cost_nano: int
    #: The price that it was let in at; see `causette.ledger.prices.Price`.
    price: Mapping[str, int]
    postings: tuple[RequestPosting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineRow:
    """What a machine was billed for the periods that ended in some time.

    ``bill_nano`` is allocated plus idle; ``allocated_nano`` went to requests and to training. Training took
    ``training_ns`` of the whole machine, and ``training_uj``.
    """

    machine: str
    bill_nano: int
    allocated_nano: int
    requests_nano: int
    training_nano: int
    idle_nano: int
    idle_uj: int
    training_ns: int
    training_uj: int


@dataclass(frozen=True, slots=True)
class RequestPage:
    """Some requests, the newest first, and the cursor that continues after them; None at the end."""

    items: tuple[RecentRequest, ...]
    next: str | None


@dataclass(frozen=True, slots=True)
class Balance:
    """The sum of an account's postings, in nano-dollars."""

    book: Book
    account: str
    amount_nano: int
