"""What the books are about, as plain data. Money is integer nano-dollars, time is UTC."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from causette.ledger.prices import Price

#: A nano-dollar is the billionth part of a US dollar; 64 bits hold nine billion dollars.
NANO: int = 1_000_000_000

#: The surface of what trains for hours: a job holds it, which outlives the process that reserved.
LASTING: Final = "fine_tuning"

Book = Literal["charge", "cost"]
Outcome = Literal["completed", "stopped", "disconnected", "failed", "orphaned"]
#: Where the counts of a settled request come from: the engine's last message, its record of broken-off requests, the
#: prompt's length and the stream as far as it was seen (`causette.gateway.bill`), or nowhere (nothing was made).
UsageSource = Literal["engine", "record", "estimated", "none"]


class Meter(StrEnum):
    """What a limit counts."""

    REQUESTS = "requests"
    TOKENS = "tokens"
    MONEY = "money"


class State(StrEnum):
    """Where a request's row is on its one way: held, then settled or released."""

    HELD = "held"
    SETTLED = "settled"
    RELEASED = "released"


@dataclass(frozen=True, slots=True)
class Window:
    """The time over which a limit counts.

    ``rolling`` begins with the first request after the last one ended and lasts ``seconds``; ``day`` and ``month`` are
    the calendar's, in UTC; ``total`` never ends; ``credit`` is a balance that top-ups fill and requests empty.
    """

    kind: Literal["rolling", "day", "month", "total", "credit"]
    seconds: int = 0

    @property
    def key(self) -> str:
        """The window's name in the database: ``60s``, ``day``, ``credit``."""
        return f"{self.seconds}s" if self.kind == "rolling" else self.kind


MINUTE = Window("rolling", 60)
DAY = Window("day")
MONTH = Window("month")
TOTAL = Window("total")
CREDIT = Window("credit")


@dataclass(frozen=True, slots=True)
class Limit:
    """At most ``amount`` of ``meter`` per ``window`` for ``scope``: requests, tokens, or nano-dollars.

    ``scope`` says whose counter it is: ``key:key_…``, ``user:user_…``, ``workspace:ws_…``, ``payer:…``; a plan's limits
    count per payer, or per payer and model (``payer:user_…/model:default``).
    """

    scope: str
    meter: Meter
    window: Window
    amount: int

    @property
    def counter(self) -> str:
        """The key of the counter behind this limit: ``scope meter window``."""
        return f"{self.scope} {self.meter.value} {self.window.key}"


@dataclass(frozen=True, slots=True)
class Standing:
    """A limit and how far it is used, what is ``held`` for requests in progress included.

    ``resets_at`` is None where time changes nothing.
    """

    limit: Limit
    used: int
    held: int
    resets_at: datetime | None

    @property
    def remaining(self) -> int:
        """What is left; never negative."""
        return max(0, self.limit.amount - self.used)


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One way in which a request may be paid for: at ``price``, within ``limits``."""

    name: Literal["included", "overage", "metered"]
    price: Price
    limits: tuple[Limit, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Repetition:
    """How a request is known again. A repetition pays only for what the requests before it have not paid.

    ``fingerprint`` is a digest of who asks and what; ``claimed`` when the sender says that this is a repetition.
    """

    fingerprint: bytes
    claimed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """A request that asks to be let in, before any work is done for it.

    The offers are tried in order. ``input_bound`` is at least the prompt's length in tokens. The reply is granted
    ``output_wanted`` tokens, or as many of them as every limit of an offer can bear; fewer than ``output_least`` are
    a refusal.
    """

    id: str
    payer_id: str
    user_id: str
    workspace_id: str | None = None
    key_id: str | None = None
    plan_id: str
    surface: str
    purpose: str = "reply"
    model: str
    engine_request_id: str
    offers: tuple[Offer, ...]
    input_bound: int
    output_wanted: int
    output_least: int = 1
    #: Pictures in the prompt, each at the price of an image.
    images: int = 0
    #: The client's Idempotency-Key.
    idempotency_key: str | None = None
    repetition: Repetition | None = None
    #: It goes on where an earlier request of the same ``engine_request_id`` was broken off, should there be one.
    continues: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reservation:
    """A request that was let in. ``output_granted`` is the most tokens that may be made for it."""

    id: str
    offer: Offer
    output_granted: int
    held_nano: int
    standings: tuple[Standing, ...] = ()
    #: The first request of which this one is a repetition; its own id when it is none.
    root_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantities:
    """What was used: ``cached_tokens`` is part of ``input_tokens``, ``reasoning_tokens`` of ``output_tokens``."""

    input_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    reasoning_tokens: int = 0
    images: int = 0
    audio_seconds: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a request ended and what it took.

    ``compute_ns`` is its share of a machine's busy time, ``machine`` that machine's name in the books,
    ``cost_nano`` what that share cost, ``energy_uj`` its energy in microjoules by ``energy_method``.
    """

    outcome: Outcome
    quantities: Quantities = field(default_factory=Quantities)
    source: UsageSource = "engine"
    deployment: str | None = None
    machine: str | None = None
    compute_ns: int = 0
    queue_ns: int = 0
    ttft_us: int | None = None
    energy_uj: int = 0
    energy_method: str = "none"
    cost_nano: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """What a settled request was charged, and what the same work would have cost had it been no repetition."""

    request_id: str
    list_nano: int
    charge_nano: int
    cost_nano: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldRequest:
    """A request whose row is still open, as the sweep for orphans sees it."""

    id: str
    model: str
    deployment: str | None
    engine_request_id: str
    #: At least as many tokens as its prompt has.
    input_bound: int
    created_at: datetime
    holder: str
