"""What is known of Stripe: its customers, the events it has sent, and what it is told of use."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.plans.billing import Subscription
from causette.plans.store import dialect_of, subscription_in
from causette.plans.tables import stripe_customers, stripe_events, stripe_reports, subscriptions


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What Stripe is being told that a payer owes: ``nano`` nano-dollars, under ``report_id``; nothing when zero.

    ``problem`` is why the last of ``attempts`` failed, the first ``failing_since``; the next is due at ``retry_at``.
    """

    payer_id: str
    report_id: str
    nano: int
    attempts: int = 0
    problem: str | None = None
    failing_since: datetime | None = None
    retry_at: datetime | None = None


async def stripe_customer(connection: AsyncConnection, payer_id: str) -> str | None:
    """Stripe's id of a payer."""
    query = select(stripe_customers.c.customer_id).where(stripe_customers.c.payer_id == payer_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def payer_of_stripe(connection: AsyncConnection, customer_id: str) -> str | None:
    """Whom Stripe knows as ``customer_id``."""
    query = select(stripe_customers.c.payer_id).where(stripe_customers.c.customer_id == customer_id)
    return (await connection.execute(query)).scalar_one_or_none()


async def keep_stripe_customer(connection: AsyncConnection, payer_id: str, customer_id: str) -> None:
    """Remember Stripe's id of a payer, unless there is one already."""
    await connection.execute(
        dialect_of(connection)
        .insert(stripe_customers)
        .values(payer_id=payer_id, customer_id=customer_id)
        .on_conflict_do_nothing()
    )


async def claim_stripe_event(connection: AsyncConnection, event_id: str, *, at: datetime) -> bool:
    """Note that an event has its effect in this transaction; False when another one had it."""
    statement = (
        dialect_of(connection)
        .insert(stripe_events)
        .values(id=event_id, seen_at=at)
        .on_conflict_do_nothing()
        .returning(stripe_events.c.id)
    )
    return (await connection.execute(statement)).one_or_none() is not None


async def stripe_event_is_seen(connection: AsyncConnection, event_id: str) -> bool:
    """Whether an event has had its effect."""
    query = select(func.count()).where(stripe_events.c.id == event_id)
    return bool((await connection.execute(query)).scalar_one())


async def forget_stripe_events(connection: AsyncConnection, *, before: datetime) -> None:
    """Forget events so old that Stripe does not send them again."""
    await connection.execute(delete(stripe_events).where(stripe_events.c.seen_at < before))


async def trusted_by_stripe(connection: AsyncConnection) -> dict[str, str]:
    """Who uses on trust what Stripe collects: payers, with Stripe's ids of them."""
    query = (
        select(subscriptions.c.payer_id, stripe_customers.c.customer_id)
        .join(stripe_customers, stripe_customers.c.payer_id == subscriptions.c.payer_id)
        .where(
            subscriptions.c.status != "canceled",
            subscriptions.c.collection == "stripe",
            subscriptions.c.postpaid_nano > 0,
        )
    )
    return dict((await connection.execute(query)).tuples().all())


async def reports(connection: AsyncConnection) -> tuple[Report, ...]:
    """What Stripe is being told, the longest failing first."""
    query = (
        select(stripe_reports)
        .where(stripe_reports.c.nano > 0)
        .order_by(stripe_reports.c.failing_since, stripe_reports.c.payer_id)
    )
    return tuple(Report(**row) for row in (await connection.execute(query)).mappings())


async def report_to_change(connection: AsyncConnection, payer_id: str) -> Report:
    """What Stripe is being told of a payer, which nobody else can change until this transaction ends."""
    nothing = Report(payer_id=payer_id, report_id="", nano=0)
    values = {name: getattr(nothing, name) for name in Report.__dataclass_fields__}
    await connection.execute(
        dialect_of(connection).insert(stripe_reports).values(**values).on_conflict_do_nothing()
    )
    query = select(stripe_reports).where(stripe_reports.c.payer_id == payer_id).with_for_update()
    return Report(**(await connection.execute(query)).mappings().one())


async def keep_report(connection: AsyncConnection, report: Report) -> None:
    """Keep a report in place of the one of the same payer."""
    values = {name: getattr(report, name) for name in Report.__dataclass_fields__}
    await connection.execute(
        update(stripe_reports).where(stripe_reports.c.payer_id == values.pop("payer_id")).values(**values)
    )


async def stripe_renewals(connection: AsyncConnection, before: datetime) -> tuple[Subscription, ...]:
    """The subscriptions that Stripe renews before an instant."""
    query = select(subscriptions).where(
        subscriptions.c.status.in_(["trialing", "active", "past_due"]),
        subscriptions.c.collection == "stripe",
        subscriptions.c.period_end < before,
    )
    return tuple(subscription_in(row) for row in (await connection.execute(query)).mappings())
