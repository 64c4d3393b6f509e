"""What the routes of plans take and answer."""

from datetime import date, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from causette.amounts import NANO_DECIMALS, decimals_of, shown
from causette.clock import utc_now
from causette.ledger.prices import Price
from causette.plans.billing import Collection, Invoice, InvoiceStatus, Status, Subscription
from causette.plans.book import PlanBook
from causette.plans.features import Feature
from causette.plans.subscriptions import Preview
from causette.plans.types import Overage, Plan

_Seats = Annotated[int, Field(ge=1, le=1_000_000)]
_PlanId = Annotated[str, Field(min_length=1, max_length=64)]
_Amount = Annotated[str, Field(max_length=32, description="A decimal number", examples=["20.00"])]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SubscribeBody(_Body):
    """Which plan to have."""

    plan_id: _PlanId
    seats: _Seats | None = None


class SubscriptionPatch(_Body):
    """What to change; what is left out stays. ``cancel_at_period_end`` false takes back what is to come."""

    plan_id: _PlanId | None = None
    seats: _Seats | None = None
    cancel_at_period_end: bool | None = None


class CreditBody(_Body):
    """How much credit to buy, in US dollars."""

    usd: _Amount


class PaymentPage(BaseModel):
    """Where to send the browser."""

    url: str


class PlanLimitOut(BaseModel):
    """At most ``amount`` per window and seat; with ``models`` for each of these on its own."""

    model_config = ConfigDict(title="PlanLimit")

    meter: str
    amount: int
    per: Annotated[str, Field(description="Seconds (`10800s`), `day` or `month`")]
    models: list[str]


class IncludedOut(BaseModel):
    """What the monthly price contains."""

    model_config = ConfigDict(title="Included")

    everything: bool
    tokens: int | None
    usd: str | None


class PriceStepOut(BaseModel):
    """What a seat costs a month from a day on."""

    model_config = ConfigDict(title="PriceStep")

    since: date
    monthly: str


class PlanOut(BaseModel):
    """A plan that can be chosen. A bound that is null is no bound."""

    model_config = ConfigDict(title="Plan")

    id: str
    title: dict[str, str]
    description: dict[str, str]
    models: list[str]
    features: list[Feature]
    limits: list[PlanLimitOut]
    concurrency: int | None
    context: int | None
    max_output: int | None
    included: IncludedOut
    overage: Overage
    currency: str
    monthly: Annotated[str, Field(description="What a seat costs a month now")]
    next_price: PriceStepOut | None
    seats_least: int
    seats_most: int | None
    trial_days: int

    @classmethod
    def of(cls, plan: Plan, today: date) -> "PlanOut":
        """The public form of ``plan`` on a day."""
        decimals = decimals_of(plan.currency)
        step = plan.next_step(today)
        nano = plan.included.nano
        return cls(
            id=plan.id,
            title=dict(plan.title),
            description=dict(plan.description),
            models=list(plan.models),
            features=sorted(plan.features),
            limits=[
                PlanLimitOut(
                    meter=item.meter, amount=item.amount, per=item.window.key, models=list(item.models)
                )
                for item in plan.limits
            ],
            concurrency=plan.concurrency,
            context=plan.context,
            max_output=plan.max_output,
            included=IncludedOut(
                everything=plan.included.everything,
                tokens=plan.included.tokens,
                usd=None if nano is None else shown(nano, NANO_DECIMALS),
            ),
            overage=plan.overage,
            currency=plan.currency,
            monthly=shown(plan.monthly_on(today), decimals),
            next_price=None
            if step is None
            else PriceStepOut(since=step.since, monthly=shown(step.monthly, decimals)),
            seats_least=plan.seats.least,
            seats_most=plan.seats.most,
            trial_days=plan.trial_days,
        )


class TokenPriceOut(BaseModel):
    """US dollars per million tokens, per image and per second of audio, for models of these names."""

    model_config = ConfigDict(title="TokenPrice")

    models: str
    input: str
    cached_input: str
    output: str
    reasoning: str
    image: str
    audio_second: str

    @classmethod
    def of(cls, models: str, price: Price) -> "TokenPriceOut":
        """The public form of ``price``."""

        def usd(nano: int) -> str:
            return shown(nano, NANO_DECIMALS)

        return cls(
            models=models,
            input=usd(price.input),
            cached_input=usd(price.cached_input),
            output=usd(price.output),
            reasoning=usd(price.reasoning),
            image=usd(price.image),
            audio_second=usd(price.audio_second),
        )


class PlanCatalogue(BaseModel):
    """Every plan that can be chosen, and what tokens cost; of the names that match a model, the first counts."""

    items: list[PlanOut]
    token_prices: list[TokenPriceOut]
    takes_cards: Annotated[bool, Field(description="Whether people can pay here themselves")]

    @classmethod
    def of(cls, book: PlanBook, *, takes_cards: bool) -> "PlanCatalogue":
        """The public form of ``book`` today."""
        today = utc_now().date()
        return cls(
            items=[PlanOut.of(plan, today) for plan in book.plans.values() if plan.listed],
            token_prices=[TokenPriceOut.of(pattern, price) for pattern, price in book.prices],
            takes_cards=takes_cards,
        )


class SubscriptionOut(BaseModel):
    """Who has which plan. What is pending takes effect when the period ends."""

    model_config = ConfigDict(title="Subscription")

    id: str
    plan_id: str
    status: Status
    collection: Collection
    seats: int
    period_start: datetime
    period_end: datetime
    pending_plan_id: str | None
    pending_seats: int | None
    cancel_at_period_end: bool
    past_due_since: datetime | None

    @classmethod
    def of(cls, found: Subscription) -> "SubscriptionOut":
        """The public form of ``found``."""
        return cls(
            id=found.id,
            plan_id=found.plan_id,
            status=found.status,
            collection=found.collection,
            seats=found.seats,
            period_start=found.period.start,
            period_end=found.period.end,
            pending_plan_id=found.pending_plan_id,
            pending_seats=found.pending_seats,
            cancel_at_period_end=found.cancel_at_period_end,
            past_due_since=found.past_due_since,
        )


class PlanInForce(BaseModel):
    """The plan that applies now, and the subscription that it comes from, if any."""

    plan_id: str
    plan: PlanOut
    features: list[Feature]
    subscription: SubscriptionOut | None


class PreviewOut(BaseModel):
    """What a change of plan or seats would come to at this moment."""

    model_config = ConfigDict(title="ChangePreview")

    plan_id: str
    seats: int
    when: Annotated[
        Literal["now", "period_end", "checkout"],
        Field(description="For the rest of this period, when it ends, or by paying for it at the checkout"),
    ]
    at: datetime
    currency: str
    monthly: Annotated[str, Field(description="For all seats, from then on")]
    credit: Annotated[str, Field(description="For what is not used of the present plan; zero or less")]
    charge: Annotated[str, Field(description="For the rest of this period")]
    due: Annotated[str, Field(description="Charge and credit together; negative is given back")]

    @classmethod
    def of(cls, preview: Preview) -> "PreviewOut":
        """The public form of ``preview``."""
        decimals = decimals_of(preview.currency)
        return cls(
            plan_id=preview.plan_id,
            seats=preview.seats,
            when=preview.when,
            at=preview.at,
            currency=preview.currency,
            monthly=shown(preview.monthly, decimals),
            credit=shown(preview.credit, decimals),
            charge=shown(preview.charge, decimals),
            due=shown(preview.credit + preview.charge, decimals),
        )


class InvoiceLineOut(BaseModel):
    """One line of an invoice."""

    model_config = ConfigDict(title="InvoiceLine")

    text: dict[str, str]
    quantity: int
    amount: str


class InvoiceOut(BaseModel):
    """An invoice; one with a negative total is a credit note."""

    model_config = ConfigDict(title="Invoice")

    id: str
    number: str
    status: InvoiceStatus
    currency: str
    total: str
    lines: list[InvoiceLineOut]
    period_start: datetime
    period_end: datetime
    issued_at: datetime
    due_at: datetime
    paid_at: datetime | None

    @classmethod
    def of(cls, invoice: Invoice) -> "InvoiceOut":
        """The public form of ``invoice``."""
        return cls(
            id=invoice.id,
            number=invoice.number,
            status=invoice.status,
            currency=invoice.currency,
            total=invoice.amount(invoice.total),
            lines=[
                InvoiceLineOut(text=line.text, quantity=line.quantity, amount=invoice.amount(line.amount))
                for line in invoice.lines
            ],
            period_start=invoice.period_start,
            period_end=invoice.period_end,
            issued_at=invoice.issued_at,
            due_at=invoice.due_at,
            paid_at=invoice.paid_at,
        )


class InvoiceList(BaseModel):
    """Invoices, the newest first."""

    items: list[InvoiceOut]


class CreditOut(BaseModel):
    """Prepaid credit in US dollars; negative is what is owed."""

    model_config = ConfigDict(title="Credit")

    usd: str
    nano: Annotated[int, Field(description="The same in billionths of a dollar")]
