"""People and workspaces, with their plans and keys."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from causette.accounts import User
from causette.accounts.keys.routes import KeyOut
from causette.accounts.types import Role, WorkspaceRole
from causette.accounts.workspaces.types import Member
from causette.console.bodies.common import Amount, Body, Memo, MeterName, Out, Reference, WindowName
from causette.console.bodies.usage import CostlyUsageRowOut, LimitOut
from causette.console.types import Account, Catalogue, HeldKey
from causette.plans import Budget
from causette.plans.bodies import InvoiceOut, PlanOut, SubscriptionOut, TokenPriceOut
from causette.plans.types import Plan


class PersonOut(Out):
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


class PersonPatch(Body):
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


class AccountMemberOut(Out):
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


class AssignBody(Body):
    """A plan that is given by hand: its price is invoiced, or with ``collection`` ``none`` it is a gift."""

    plan_id: Annotated[str, Field(min_length=1, max_length=64)]
    seats: Annotated[int | None, Field(ge=1, le=1_000_000)] = None
    collection: Literal["none", "invoice"] = "none"
    trial_days: Annotated[int, Field(ge=0, le=3650)] = 0
    postpaid_usd: Annotated[
        Amount, Field(description="How much of what is used beyond the plan may be owed")
    ] = "0"


class BudgetBody(Body):
    """A cap, in place of the one on the same meter and window."""

    meter: MeterName
    window: WindowName
    amount: Annotated[Amount, Field(description="US dollars for money, else a whole number")]
    workspace_id: Annotated[
        str | None, Field(max_length=64, description="Only what the person uses in this workspace")
    ] = None


class GrantBody(Body):
    """Credit that nobody has paid for."""

    usd: Amount
    memo: Memo
    reference: Reference


class CreditState(BaseModel):
    """Prepaid credit in billionths of a dollar; negative is what is owed."""

    credit_nano: int


class InvoicePatch(Body):
    """How an open invoice ended."""

    status: Literal["paid", "void"]


class PlanProblem(Out):
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
