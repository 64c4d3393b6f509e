"""What the console shows, as plain data."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from causette.accounts import ApiKey, User
from causette.accounts.workspaces.types import Member, Workspace
from causette.ledger.types import Meter, Window
from causette.ledger.usage import UsageRow
from causette.plans import Budget
from causette.plans.billing import Invoice, Subscription
from causette.plans.book import PlanBook
from causette.plans.reading import Problem

#: What a limit bounds: how fast or how much the plan lets one, what its price contains, or what somebody has capped.
LimitKind = Literal["plan", "included", "budget"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitState:
    """A limit that somebody meets, and how far it is used; ``used`` has in it what is ``held``.

    ``resets_at`` is None where time changes nothing, and where the window begins with the next request.
    """

    kind: LimitKind
    meter: Meter
    window: Window
    amount: int
    used: int
    held: int
    remaining: int
    resets_at: datetime | None
    #: The model that is counted alone.
    model: str | None = None
    #: Whose budget it is, where it is one: a person's, a workspace's, or a person's in a workspace.
    whose: Literal["person", "workspace", "member"] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody as who runs the house sees them in a list: with the plan in force."""

    user: User
    plan_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """A workspace as who runs the house sees it in a list."""

    workspace: Workspace
    members: int
    plan_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """All there is to know of a payer: a person or a workspace, and what they have, owe and may."""

    id: str
    name: str
    user: User | None
    workspace: Workspace | None
    members: tuple[Member, ...]
    plan_id: str
    subscription: Subscription | None
    budgets: tuple[Budget, ...]
    credit_nano: int
    limits: tuple[LimitState, ...]
    invoices: tuple[Invoice, ...]
    #: Since the first of this month.
    usage: UsageRow | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """A key with who made it."""

    key: ApiKey
    maker: User


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """The plans in force, and what is wrong with the owner's file: while something is, it is not taken over."""

    book: PlanBook
    file: str
    file_exists: bool
    problems: tuple[Problem, ...]
    subscribers: Mapping[str, int]
