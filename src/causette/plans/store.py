"""Every query on subscriptions, trials, budgets and invoices; those on Stripe are in `causette.plans.payments.store`.

Each function runs inside the caller's transaction, so that the service decides what belongs together.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import msgspec
from sqlalchemy import RowMapping, Select, delete, func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.ledger.types import DAY, MONTH, TOTAL, Meter, Window
from causette.plans.billing import Invoice, InvoiceLine, Recipient, Subscription
from causette.plans.proration import Period
from causette.plans.tables import budgets, invoice_numbers, invoices, subscriptions, trials
from causette.plans.types import Budget

_WINDOWS: Final = {window.key: window for window in (DAY, MONTH, TOTAL)}
_LINES: Final = msgspec.json.Decoder(tuple[InvoiceLine, ...])


# Subscriptions


async def insert_subscription(connection: AsyncConnection, made: Subscription) -> bool:
    """Add a subscription; False when its payer has a live one already."""
    statement = (
        dialect_of(connection)
        .insert(subscriptions)
        .values(**_subscription_values(made))
        .on_conflict_do_nothing()
        .returning(subscriptions.c.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def update_subscription(connection: AsyncConnection, changed: Subscription) -> None:
    """Keep ``changed`` in place of the subscription with its id."""
    values = _subscription_values(changed)
    statement = update(subscriptions).where(subscriptions.c.id == values.pop("id")).values(**values)
    await connection.execute(statement)


async def live_subscription(
    connection: AsyncConnection, payer_id: str, *, to_change: bool = False
) -> Subscription | None:
    """The payer's subscription that is not cancelled; ``to_change`` keeps others from changing it meanwhile."""
    query = select(subscriptions).where(
        subscriptions.c.payer_id == payer_id, subscriptions.c.status != "canceled"
    )
    return await _one_subscription(connection, query, to_change=to_change)


async def had_subscription(connection: AsyncConnection, payer_id: str, plan_id: str) -> bool:
    """Whether a payer subscribes to a plan or has done so."""
    query = select(func.count()).where(
        subscriptions.c.payer_id == payer_id, subscriptions.c.plan_id == plan_id
    )
    return bool((await connection.execute(query)).scalar_one())


async def subscription_of_stripe(
    connection: AsyncConnection, stripe_id: str, *, to_change: bool = False
) -> Subscription | None:
    """The subscription that Stripe knows as ``stripe_id``, cancelled or not."""
    query = select(subscriptions).where(subscriptions.c.stripe_id == stripe_id)
    return await _one_subscription(connection, query, to_change=to_change)


async def live_subscriptions(connection: AsyncConnection) -> tuple[Subscription, ...]:
    """Everybody's subscription that is not cancelled, the oldest first."""
    query = (
        select(subscriptions)
        .where(subscriptions.c.status != "canceled")
        .order_by(subscriptions.c.created_at, subscriptions.c.id)
    )
    return tuple(subscription_in(row) for row in (await connection.execute(query)).mappings())


async def subscriptions_of(
    connection: AsyncConnection, payer_ids: tuple[str, ...]
) -> tuple[Subscription, ...]:
    """The subscriptions of these payers that are not cancelled."""
    query = select(subscriptions).where(
        subscriptions.c.payer_id.in_(payer_ids), subscriptions.c.status != "canceled"
    )
    return tuple(subscription_in(row) for row in (await connection.execute(query)).mappings())


async def payers_due(connection: AsyncConnection, at: datetime, *, most: int) -> tuple[str, ...]:
    """Payers whose period is over at the instant ``at``, except where Stripe renews it."""
    query = (
        select(subscriptions.c.payer_id)
        .where(
            subscriptions.c.status.in_(["trialing", "active", "past_due"]),
            subscriptions.c.collection != "stripe",
            subscriptions.c.period_end <= at,
        )
        .order_by(subscriptions.c.period_end)
        .limit(most)
    )
    return tuple((await connection.execute(query)).scalars())


async def payers_in_arrears(connection: AsyncConnection, at: datetime, *, most: int) -> tuple[str, ...]:
    """Payers of active subscriptions with an invoice that should have been paid by the instant ``at``."""
    query = (
        select(subscriptions.c.payer_id)
        .join(invoices, invoices.c.subscription_id == subscriptions.c.id)
        .where(
            subscriptions.c.status == "active",
            subscriptions.c.collection == "invoice",
            invoices.c.status == "open",
            invoices.c.due_at <= at,
        )
        .distinct()
        .limit(most)
    )
    return tuple((await connection.execute(query)).scalars())


# Trials


async def had_trial(connection: AsyncConnection, person_ids: Collection[str], plan_id: str) -> bool:
    """Whether one of these people, workspaces or customers of Stripe's has had the trial of a plan."""
    query = select(func.count()).where(trials.c.person_id.in_(person_ids), trials.c.plan_id == plan_id)
    return bool((await connection.execute(query)).scalar_one())


async def had_other_trial(
    connection: AsyncConnection, person_ids: Collection[str], plan_id: str, subscription_id: str
) -> bool:
    """Whether one of them has had it in another subscription than this one."""
    query = select(func.count()).where(
        trials.c.person_id.in_(person_ids),
        trials.c.plan_id == plan_id,
        trials.c.subscription_id != subscription_id,
    )
    return bool((await connection.execute(query)).scalar_one())


async def note_trial(
    connection: AsyncConnection,
    person_ids: Collection[str],
    plan_id: str,
    subscription_id: str,
    *,
    at: datetime,
) -> bool:
    """Note whose trial of a plan a subscription is; False when one of them had theirs before."""
    statement = (
        dialect_of(connection)
        .insert(trials)
        .values(
            [
                {"person_id": person, "plan_id": plan_id, "subscription_id": subscription_id, "began_at": at}
                # In one order, so that two who do this at once wait for each other and never in a circle.
                for person in sorted(person_ids)
            ]
        )
        .on_conflict_do_nothing()
        .returning(trials.c.person_id)
    )
    return len((await connection.execute(statement)).all()) == len(set(person_ids))


# Budgets


async def budgets_for(connection: AsyncConnection, subject_ids: tuple[str, ...]) -> tuple[Budget, ...]:
    """The budgets of these people and workspaces."""
    query = select(budgets).where(budgets.c.subject_id.in_(subject_ids))
    return tuple(_budget(row) for row in (await connection.execute(query)).mappings())


async def set_budget(connection: AsyncConnection, budget: Budget) -> None:
    """Keep a budget in place of the one for the same subject, meter and window."""
    statement = dialect_of(connection).insert(budgets).values(amount=budget.amount, **_budget_key(budget))
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=list(budgets.primary_key.columns), set_={"amount": statement.excluded.amount}
        )
    )


async def delete_budget(connection: AsyncConnection, budget: Budget) -> None:
    """Lift the budget for the same subject, meter and window."""
    key = _budget_key(budget)
    await connection.execute(
        delete(budgets).where(*(budgets.c[name] == value for name, value in key.items()))
    )


# Invoices


async def next_invoice_number(connection: AsyncConnection, year: int) -> str:
    """The year's next number. A transaction that rolls back gives its number back, so none is missing."""
    statement = (
        dialect_of(connection)
        .insert(invoice_numbers)
        .values(year=year, last=1)
        .on_conflict_do_update(
            index_elements=[invoice_numbers.c.year], set_={"last": invoice_numbers.c.last + 1}
        )
        .returning(invoice_numbers.c.last)
    )
    return f"{year}-{(await connection.execute(statement)).scalar_one():06}"


async def insert_invoice(connection: AsyncConnection, invoice: Invoice) -> None:
    """Add an invoice."""
    values: dict[str, Any] = {name: getattr(invoice, name) for name in Invoice.__dataclass_fields__}
    recipient: Recipient = values.pop("recipient")
    values["lines"] = msgspec.json.encode(invoice.lines).decode()
    await connection.execute(
        insert(invoices).values(recipient_name=recipient.name, recipient_email=recipient.email, **values)
    )


async def invoice_by_id(connection: AsyncConnection, invoice_id: str) -> Invoice | None:
    """One invoice, whoever it asks."""
    row = (await connection.execute(select(invoices).where(invoices.c.id == invoice_id))).mappings()
    found = row.one_or_none()
    return None if found is None else _invoice(found)


async def invoices_of(connection: AsyncConnection, payer_id: str) -> tuple[Invoice, ...]:
    """A payer's invoices, the newest first."""
    query = (
        select(invoices)
        .where(invoices.c.payer_id == payer_id)
        .order_by(invoices.c.issued_at.desc(), invoices.c.number.desc())
    )
    return tuple(_invoice(row) for row in (await connection.execute(query)).mappings())


async def end_invoice(
    connection: AsyncConnection, invoice_id: str, status: str, *, paid_at: datetime | None
) -> bool:
    """Have an open invoice be paid or void; False when it is not open."""
    statement = (
        update(invoices)
        .where(invoices.c.id == invoice_id, invoices.c.status == "open")
        .values(status=status, paid_at=paid_at)
        .returning(invoices.c.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def is_in_arrears(connection: AsyncConnection, subscription_id: str, at: datetime) -> bool:
    """Whether an invoice of a subscription should have been paid by the instant ``at``."""
    query = select(func.count()).where(
        invoices.c.subscription_id == subscription_id,
        invoices.c.status == "open",
        invoices.c.due_at <= at,
    )
    return bool((await connection.execute(query)).scalar_one())


async def open_credit(connection: AsyncConnection, payer_id: str) -> int:
    """The credit in nano-dollars that a payer's open invoices ask for."""
    query = select(func.coalesce(func.sum(invoices.c.credit_nano), 0)).where(
        invoices.c.payer_id == payer_id, invoices.c.status == "open"
    )
    return int((await connection.execute(query)).scalar_one())


def dialect_of(connection: AsyncConnection) -> Any:
    """SQL as the database of ``connection`` speaks it, for inserts that may be there already."""
    return postgresql if connection.dialect.name == "postgresql" else sqlite


async def _one_subscription(
    connection: AsyncConnection, query: Select[Any], *, to_change: bool
) -> Subscription | None:
    # An SQLite transaction for writing is alone already.
    row = (await connection.execute(query.with_for_update() if to_change else query)).mappings().one_or_none()
    return None if row is None else subscription_in(row)


def _subscription_values(subscription: Subscription) -> dict[str, Any]:
    names = Subscription.__dataclass_fields__
    values: dict[str, Any] = {name: getattr(subscription, name) for name in names}
    period: Period = values.pop("period")
    return values | {
        "period_start": period.start,
        "period_end": period.end,
        "rate": period.rate,
        "rate_since": period.since,
        "weighted": str(period.weighted),
        "charged": period.charged,
    }


def subscription_in(row: RowMapping) -> Subscription:
    """The subscription in a row of its table."""
    period = Period(
        start=row["period_start"],
        end=row["period_end"],
        rate=row["rate"],
        since=row["rate_since"],
        weighted=int(row["weighted"]),
        charged=row["charged"],
    )
    names = Subscription.__dataclass_fields__.keys() - {"period"}
    return Subscription(period=period, **{name: row[name] for name in names})


def _budget_key(budget: Budget) -> dict[str, str]:
    return {
        "subject_id": budget.subject_id,
        "workspace_id": budget.workspace_id or "",
        "meter": budget.meter.value,
        "period": budget.window.key,
    }


def _budget(row: RowMapping) -> Budget:
    period: str = row["period"]
    return Budget(
        subject_id=row["subject_id"],
        workspace_id=row["workspace_id"] or None,
        meter=Meter(row["meter"]),
        window=_WINDOWS.get(period) or Window("rolling", int(period.removesuffix("s"))),
        amount=row["amount"],
    )


def _invoice(row: RowMapping) -> Invoice:
    names = Invoice.__dataclass_fields__.keys() - {"recipient", "lines"}
    return Invoice(
        recipient=Recipient(name=row["recipient_name"], email=row["recipient_email"]),
        lines=_LINES.decode(row["lines"]),
        **{name: row[name] for name in names},
    )
