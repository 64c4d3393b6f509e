"""What plans, seats, trials and trust may be: the rules of a subscription, without a database."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from causette.errors import Conflict, InvalidRequest, NotFound
from causette.ids import new_id
from causette.plans import proration
from causette.plans.billing import Collection, Subscription
from causette.plans.book import PlanBook
from causette.plans.types import Plan


@dataclass(frozen=True, slots=True, kw_only=True)
class Assignment:
    """A plan that is given by hand.

    ``collection`` ``"invoice"`` has its price invoiced, ``"none"`` gives it away. ``postpaid_nano`` is how much of
    the plan's overage may be owed at a time, in nano-dollars; it is invoiced at the end of each month.
    """

    plan_id: str
    seats: int | None = None
    collection: Collection = "none"
    trial_days: int = 0
    postpaid_nano: int = 0


def listed(book: PlanBook, plan_id: str | None) -> Plan:
    """A plan that people may choose themselves.

    Raises:
        NotFound: there is none of this name; one that is given by hand only is no exception.
    """
    offered = {name: plan for name, plan in book.plans.items() if plan.listed}
    found = offered.get(plan_id or "")
    if found is None:
        raise NotFound(
            f"There is no plan called {plan_id!r} to choose. There is: {', '.join(offered)}.",
            code="plan_not_found",
            param="plan_id",
        )
    return found


def checked_seats(plan: Plan, seats: int | None) -> int:
    """The number of seats, or the least the plan has.

    Raises:
        InvalidRequest: the plan has fewer or more.
    """
    wanted = plan.seats.least if seats is None else seats
    if wanted < plan.seats.least or (plan.seats.most is not None and wanted > plan.seats.most):
        most = "any number" if plan.seats.most is None else plan.seats.most
        raise InvalidRequest(
            f"The plan {plan.id!r} has {plan.seats.least} to {most} seats, not {wanted}.", param="seats"
        )
    return wanted


def check_assignment(plan: Plan, assignment: Assignment) -> None:
    """Refuse what cannot be given.

    Raises:
        InvalidRequest: who collects, the trial or the postpaid amount cannot be.
    """
    if assignment.collection == "stripe":
        raise InvalidRequest("Stripe collects only what was bought through its checkout.", param="collection")
    if not 0 <= assignment.trial_days <= 3650:
        raise InvalidRequest(
            f"A trial lasts 0 to 3650 days, not {assignment.trial_days}.", param="trial_days"
        )
    if assignment.postpaid_nano:
        check_trust(assignment.postpaid_nano, plan.currency, assignment.collection)


def check_trust(postpaid_nano: int, currency: str, collection: Collection) -> None:
    """Refuse to trust where nobody could collect what is owed.

    Raises:
        InvalidRequest: nobody collects, the plan is not in US dollars, or the amount is negative.
    """
    if postpaid_nano < 0:
        raise InvalidRequest(f"What may be owed is zero or more, not {postpaid_nano}.", param="postpaid_nano")
    if currency != "USD" or collection == "none":
        raise InvalidRequest(
            "Only a plan in USD that somebody collects for can be used on trust: token prices are in US dollars.",
            param="postpaid_nano",
        )


def begun(
    payer_id: str, plan: Plan, seats: int, now: datetime, *, collection: Collection, trial: timedelta | None
) -> Subscription:
    """A subscription that begins now, with its ``trial`` where there is one."""
    start = now.replace(microsecond=0)
    end = proration.months_after(start, 1) if trial is None else start + trial
    rate = plan.monthly_on(start.date()) * seats if collection == "invoice" and trial is None else 0
    return Subscription(
        id=new_id("sub"),
        payer_id=payer_id,
        plan_id=plan.id,
        status="active" if trial is None else "trialing",
        collection=collection,
        seats=seats,
        currency=plan.currency,
        # After a trial, months count from its end.
        anchor_at=start if trial is None else end,
        months=1 if trial is None else 0,
        period=proration.begin(start, end, rate),
        # Nobody has said how it would be paid for afterwards.
        cancel_at_period_end=trial is not None and collection == "none",
        created_at=now,
    )


def next_period(current: Subscription, plan: Plan) -> Subscription:
    """The month after the present period, at the price of its first day."""
    start, months = current.period.end, current.months + 1
    seats = current.pending_seats or current.seats
    rate = plan.monthly_on(start.date()) * seats if current.collection == "invoice" else 0
    return replace(
        current,
        plan_id=plan.id,
        currency=plan.currency,
        seats=seats,
        status="active" if current.status == "trialing" else current.status,
        months=months,
        period=proration.begin(start, proration.months_after(current.anchor_at, months), rate),
        pending_plan_id=None,
        pending_seats=None,
    )


def not_stripes(current: Subscription) -> None:
    """Refuse to change here what Stripe collects for.

    Raises:
        Conflict: it does (``stripe_collects``).
    """
    if current.collection == "stripe":
        raise Conflict(
            "This subscription is paid through Stripe. Change it there, through the customer portal.",
            code="stripe_collects",
        )


def not_subscribed() -> NotFound:
    """There is nothing to change."""
    return NotFound("There is no subscription to change. Start one first.", code="not_subscribed")


def subscribed() -> Conflict:
    """There cannot be two at once."""
    return Conflict("There is a subscription already. Change or cancel that one.", code="subscribed")


def trial_used(plan: Plan) -> Conflict:
    """A trial is for the first time."""
    return Conflict(
        f"You have had the plan {plan.id!r} before, here or in another workspace; its trial is for the first time.",
        code="trial_used",
    )
