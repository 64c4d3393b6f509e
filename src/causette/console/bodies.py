"""The shapes of the console's requests and answers. Money of the books is whole nano-dollars, named so."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from causette.accounts import User
from causette.accounts.keys.routes import KeyOut
from causette.accounts.types import Role, WorkspaceRole
from causette.accounts.workspaces.types import Member
from causette.amounts import NANO_DECIMALS, whole_units
from causette.audit import AuditEntry, AuditOutcome
from causette.console.reports import Usage
from causette.console.types import (
    Account,
    Catalogue,
    HeldKey,
    LimitKind,
    LimitState,
)
from causette.errors import InvalidRequest
from causette.ledger.types import Book
from causette.ledger.usage import RequestAccount, RequestPage
from causette.plans import Budget
from causette.plans.bodies import InvoiceOut, PlanOut, SubscriptionOut, TokenPriceOut
from causette.plans.types import Plan

_Amount = Annotated[str, Field(max_length=32)]
_Memo = Annotated[str, Field(min_length=3, max_length=400, description="Why; kept with it for good")]
_Reference = Annotated[
    str,
    Field(
        min_length=1,
        max_length=100,
        pattern=r"^[\w.:-]+$",
        description="Chosen by whoever asks: the same one does it once",
    ),
]
WindowName = Literal["day", "month", "total"]
MeterName = Literal["requests", "tokens", "money"]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


# Usage


class UsageRowOut(_Out):
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


class RequestOut(_Out):
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


# People and workspaces


class PersonOut(_Out):
    """Somebody with an account here."""

    model_config = ConfigDict(from_attributes=True, title="Person")

    id: str
    email: str
    name: str
    role: Role
    created_at: datetime
    disabled_at: datetime | None


class PersonInList(PersonOut):
    """Somebody, and the plan in force for them."""

    model_config = ConfigDict(from_attributes=True)

    plan_id: str

    @classmethod
    def with_plan(cls, user: User, plan_id: str) -> "PersonInList":
        """The public form of ``user``."""
        return cls(**PersonOut.model_validate(user).model_dump(), plan_id=plan_id)


class PersonList(BaseModel):
    """People, the oldest account first."""

    items: list[PersonInList]
    next: Annotated[str | None, Field(description="`after` of the page after this one")]


class PersonPatch(_Body):
    """What to change of somebody's standing; what is left out stays."""

    role: Role | None = None
    disabled: bool | None = None


class SharedOut(BaseModel):
    """A workspace, how many are in it, and the plan in force for it."""

    model_config = ConfigDict(title="SharedWorkspace")

    id: str
    name: str
    created_at: datetime
    members: int
    plan_id: str


class SharedList(BaseModel):
    """Workspaces, the oldest first."""

    items: list[SharedOut]
    next: str | None


class AccountMemberOut(_Out):
    """Somebody in a workspace."""

    model_config = ConfigDict(from_attributes=True, title="AccountMember")

    user_id: str
    name: str
    email: str
    role: WorkspaceRole
    joined_at: datetime

    @classmethod
    def of(cls, member: Member) -> "AccountMemberOut":
        """The public form of ``member``."""
        return cls.model_validate(member)


class BudgetOut(BaseModel):
    """A cap: on requests, tokens or nano-dollars."""

    model_config = ConfigDict(title="Budget")

    meter: MeterName
    window: str
    amount: int
    workspace_id: str | None

    @classmethod
    def of(cls, budget: Budget) -> "BudgetOut":
        """The public form of ``budget``."""
        return cls(
            meter=budget.meter.value,
            window=budget.window.key,
            amount=budget.amount,
            workspace_id=budget.workspace_id,
        )


class AccountOut(BaseModel):
    """A person's or a workspace's account: what it has, owes and may. ``person`` is null for a workspace."""

    model_config = ConfigDict(title="Account")

    id: str
    name: str
    created_at: datetime
    person: PersonOut | None
    members: list[AccountMemberOut]
    plan_id: str
    subscription: SubscriptionOut | None
    budgets: list[BudgetOut]
    credit_nano: int
    limits: list[LimitOut]
    invoices: list[InvoiceOut]
    this_month: CostlyUsageRowOut | None

    @classmethod
    def of(cls, account: Account) -> "AccountOut":
        """The public form of ``account``."""
        made = account.user or account.workspace
        assert made is not None
        found = account.subscription
        return cls(
            id=account.id,
            name=account.name,
            created_at=made.created_at,
            person=None if account.user is None else PersonOut.model_validate(account.user),
            members=[AccountMemberOut.of(member) for member in account.members],
            plan_id=account.plan_id,
            subscription=None if found is None else SubscriptionOut.of(found),
            budgets=[BudgetOut.of(budget) for budget in account.budgets],
            credit_nano=account.credit_nano,
            limits=[LimitOut.of(state) for state in account.limits],
            invoices=[InvoiceOut.of(invoice) for invoice in account.invoices],
            this_month=None if account.usage is None else CostlyUsageRowOut.model_validate(account.usage),
        )


class AssignBody(_Body):
    """A plan that is given by hand: its price is invoiced, or with ``collection`` ``none`` it is a gift."""

    plan_id: Annotated[str, Field(min_length=1, max_length=64)]
    seats: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    collection: Literal["none", "invoice"] = "none"
    trial_days: Annotated[int, Field(ge=0, le=3650)] = 0
    postpaid_usd: Annotated[
        _Amount, Field(description="How much of what is used beyond the plan may be owed")
    ] = "0"


class BudgetBody(_Body):
    """A cap, in place of the one on the same meter and window."""

    meter: MeterName
    window: WindowName
    amount: Annotated[_Amount, Field(description="US dollars for money, else a whole number")]
    workspace_id: Annotated[
        str | None, Field(max_length=64, description="Only what the person uses in this workspace")
    ] = None


class GrantBody(_Body):
    """Credit that nobody has paid for."""

    usd: _Amount
    memo: _Memo
    reference: _Reference


class CreditState(BaseModel):
    """Prepaid credit in billionths of a dollar; negative is what is owed."""

    credit_nano: int


class InvoicePatch(_Body):
    """How an open invoice ended."""

    status: Literal["paid", "void"]


# Plans and keys


class PlanProblem(_Out):
    """One slip in the owner's file."""

    model_config = ConfigDict(from_attributes=True)

    file: str
    line: int | None
    field: str
    message: str


class PriceStepFull(BaseModel):
    """What a seat costs a month from a day on, in the currency's smallest unit."""

    since: date
    monthly: int


class PlanInForceOut(PlanOut):
    """A plan with what only who runs the house sees of it."""

    model_config = ConfigDict(title="HousePlan")

    listed: bool
    weight: int
    prices: list[PriceStepFull]
    subscribers: int

    @classmethod
    def full(cls, plan: Plan, today: date, subscribers: int) -> "PlanInForceOut":
        """The full form of ``plan`` on a day."""
        return cls(
            **PlanOut.of(plan, today).model_dump(),
            listed=plan.listed,
            weight=plan.weight,
            prices=[PriceStepFull(since=step.since, monthly=step.monthly) for step in plan.prices],
            subscribers=subscribers,
        )


class CatalogueOut(BaseModel):
    """The plans in force. While ``problems`` has any, the file is not taken over and the last good plans hold."""

    items: list[PlanInForceOut]
    token_prices: list[TokenPriceOut]
    default_plan: str
    unpaid_plan: str
    grace_days: int
    payment_days: int
    file: str
    file_exists: bool
    problems: list[PlanProblem]

    @classmethod
    def of(cls, catalogue: Catalogue, today: date) -> "CatalogueOut":
        """The public form of ``catalogue`` on a day."""
        book = catalogue.book
        return cls(
            items=[
                PlanInForceOut.full(plan, today, catalogue.subscribers.get(plan.id, 0))
                for plan in book.plans.values()
            ],
            token_prices=[TokenPriceOut.of(pattern, price) for pattern, price in book.prices],
            default_plan=book.default_plan,
            unpaid_plan=book.unpaid_plan,
            grace_days=book.grace.days,
            payment_days=book.payment_time.days,
            file=catalogue.file,
            file_exists=catalogue.file_exists,
            problems=[PlanProblem.model_validate(problem) for problem in catalogue.problems],
        )


class HeldKeyOut(KeyOut):
    """A key with who made it."""

    model_config = ConfigDict(title="HeldKey")

    maker_email: str

    @classmethod
    def held(cls, held: HeldKey) -> "HeldKeyOut":
        """The public form of ``held``."""
        return cls(**KeyOut.of(held.key).model_dump(), maker_email=held.maker.email)


class HeldKeyList(BaseModel):
    """Everybody's keys, the newest first."""

    items: list[HeldKeyOut]
    next: Annotated[str | None, Field(description="`before` of the page after this one")]


# The books


class MachineOut(_Out):
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


class PostingOut(_Out):
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


class CorrectionBody(_Body):
    """A change to what a settled request was charged: a posting of its own, never an edit."""

    usd: Annotated[str, Field(max_length=32, description="More, or with a minus less", examples=["-0.25"])]
    memo: _Memo
    reference: _Reference


class AuditEntryOut(_Out):
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


def nano_of(usd: str, *, param: str) -> int:
    """US dollars as people write them, as nano-dollars; a minus is taken.

    Raises:
        InvalidRequest: it is no amount.
    """
    sign = -1 if usd.startswith("-") else 1
    try:
        return sign * whole_units(usd.removeprefix("-"), NANO_DECIMALS)
    except ValueError as error:
        raise InvalidRequest(f"{error}.", param=param) from None


def count_of(text: str, *, param: str) -> int:
    """A whole number as people write it.

    Raises:
        InvalidRequest: it is none.
    """
    try:
        return whole_units(text, 0)
    except ValueError as error:
        raise InvalidRequest(f"{error}.", param=param) from None


def payers_in(page: RequestPage) -> set[str]:
    """Whom a page of requests speaks of."""
    return {item for request in page.items for item in (request.user_id, request.workspace_id) if item}
