"""Subscriptions from their first day to their last, and every invoice on the way."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causette.accounts import Accounts
from causette.accounts.passwords import Passwords
from causette.accounts.types import Caller
from causette.errors import Conflict, InvalidRequest, NotFound
from causette.ids import new_id
from causette.ledger.prices import Price
from causette.ledger.types import CREDIT, Hold, Limit, Meter, Offer, Quantities, Settlement
from causette.plans import Plans
from causette.plans.billing import Invoice, Recipient, Subscription
from causette.plans.subscriptions import Assignment
from tests.plans.conftest import SELLING, Shop, ada_lovelace

INVOICED = Assignment(plan_id="basic", collection="invoice")


async def plan_of(shop: Shop, caller: Caller) -> str:
    return (await shop.plans.entitlements(caller)).plan_id


async def totals(shop: Shop, payer_id: str) -> list[int]:
    """What was invoiced, the oldest first."""
    return [invoice.total for invoice in reversed(await shop.plans.invoices.of(payer_id))]


async def pay(shop: Shop, payer_id: str) -> None:
    """Pay every open invoice."""
    for invoice in await shop.plans.invoices.of(payer_id):
        if invoice.status == "open":
            await shop.plans.invoices.mark_paid(invoice.id)


async def spend(shop: Shop, payer_id: str, nano: int) -> None:
    """Use ``nano`` of a payer's credit, as a request does."""
    limit = Limit(f"payer:{payer_id}", Meter.MONEY, CREDIT, 10**12)
    request = new_id("req")
    await shop.ledger.reserve(
        Hold(
            id=request,
            payer_id=payer_id,
            user_id=payer_id,
            plan_id="api",
            surface="api",
            model="m",
            engine_request_id=request,
            offers=(Offer(name="metered", price=Price(image=nano, output=1), limits=(limit,)),),
            input_bound=1,
            output_wanted=10,
        )
    )
    await shop.ledger.settle(request, Settlement(outcome="completed", quantities=Quantities(images=1)))


# Beginning


async def test_a_plan_with_a_price_is_not_given_away(shop: Shop, ada: Caller) -> None:
    with pytest.raises(Conflict) as refused:
        await shop.plans.subscriptions.start(ada.payer_id, "plus")
    assert refused.value.code == "payment_required"
    assert await plan_of(shop, ada) == "free"


@pytest.mark.parametrize("plan", ["house", "enterprise", "nonsense"])
async def test_only_what_is_listed_can_be_chosen(shop: Shop, ada: Caller, plan: str) -> None:
    with pytest.raises(NotFound, match=r"to choose\. There is: free, plus, team, api, basic, tried"):
        await shop.plans.subscriptions.start(ada.payer_id, plan)


async def test_a_plan_without_a_price_is_chosen_freely_and_once(shop: Shop, ada: Caller) -> None:
    made = await shop.plans.subscriptions.start(ada.payer_id, "api")
    assert (made.status, made.period.rate) == ("active", 0)
    assert await plan_of(shop, ada) == "api"
    with pytest.raises(Conflict) as refused:
        await shop.plans.subscriptions.start(ada.payer_id, "api")
    assert refused.value.code == "subscribed"


async def test_of_many_starts_at_once_one_comes_to_be(shop: Shop, ada: Caller) -> None:
    tries = (shop.plans.subscriptions.start(ada.payer_id, "api") for _ in range(8))
    done = await asyncio.gather(*tries, return_exceptions=True)
    assert sum(not isinstance(item, Conflict) for item in done) == 1
    assert len(await shop.plans.subscriptions.all()) == 1


async def test_a_trial_ends_by_itself_and_comes_once(shop: Shop, ada: Caller) -> None:
    made = await shop.plans.subscriptions.start(ada.payer_id, "tried")
    assert (made.status, made.cancel_at_period_end) == ("trialing", True)
    assert await plan_of(shop, ada) == "tried"
    shop.clock.turn(days=7)
    # By the clock, and not by when somebody comes to write it down.
    assert await plan_of(shop, ada) == "free"
    assert await shop.plans.renewals.renew_due() == 1
    assert await shop.plans.subscriptions.find(ada.payer_id) is None
    with pytest.raises(Conflict) as refused:
        await shop.plans.subscriptions.start(ada.payer_id, "tried")
    assert refused.value.code == "trial_used"


@pytest.mark.parametrize(("plan", "seats"), [("team", 1), ("team", 151), ("api", 2), ("basic", 0)])
async def test_seats_are_within_the_plans(shop: Shop, ada: Caller, plan: str, seats: int) -> None:
    with pytest.raises(InvalidRequest, match=f"not {seats}"):
        await shop.plans.subscriptions.assign(ada.payer_id, Assignment(plan_id=plan, seats=seats))


@pytest.mark.parametrize(
    "assignment",
    [
        Assignment(plan_id="plus", collection="stripe"),
        Assignment(plan_id="plus", trial_days=-1),
        Assignment(plan_id="plus", postpaid_nano=-1, collection="invoice"),
        Assignment(plan_id="plus", postpaid_nano=1),
    ],
)
async def test_what_cannot_be_given_is_refused(shop: Shop, ada: Caller, assignment: Assignment) -> None:
    with pytest.raises(InvalidRequest):
        await shop.plans.subscriptions.assign(ada.payer_id, assignment)
    assert await shop.plans.subscriptions.find(ada.payer_id) is None


async def test_a_plan_can_be_given_away(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, Assignment(plan_id="enterprise"))
    assert await plan_of(shop, ada) == "enterprise"
    shop.clock.turn(days=40)
    await shop.plans.renewals.renew_due()
    assert await plan_of(shop, ada) == "enterprise"
    assert await totals(shop, ada.payer_id) == []


# Going on


async def test_each_month_is_invoiced_at_the_price_of_its_first_day(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, replace(INVOICED, seats=2))
    for _ in range(4):
        await pay(shop, ada.payer_id)
        shop.clock.turn(days=31)
        await shop.plans.renewals.renew_due()
    # 1 March, April, May at 10 a seat; from June at 15.
    assert await totals(shop, ada.payer_id) == [2000, 2000, 2000, 3000, 3000]
    invoices = await shop.plans.invoices.of(ada.payer_id)
    assert [(item.period_start.month, item.period_end.month) for item in invoices] == [
        (7, 8),
        (6, 7),
        (5, 6),
        (4, 5),
        (3, 4),
    ]


async def test_who_was_away_for_months_catches_up_with_each_of_them(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.now = datetime(2026, 7, 15, tzinfo=UTC)
    while await shop.plans.renewals.renew_due():
        pass
    assert await totals(shop, ada.payer_id) == [1000, 1000, 1000, 1500, 1500]


async def test_many_processes_renew_a_month_once(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.turn(days=31)
    others = [
        Plans(shop.database, shop.ledger, ada_lovelace, owner_file=shop.file, now=shop.clock)
        for _ in range(4)
    ]
    await asyncio.gather(*(other.renewals.renew_due() for other in others))
    assert await totals(shop, ada.payer_id) == [1000, 1000]


async def test_one_that_cannot_be_renewed_keeps_no_other_from_it(shop: Shop, ada: Caller) -> None:
    broken = new_id("user")

    async def recipient_of(payer_id: str) -> object:
        if payer_id == broken:
            raise RuntimeError("no address")
        return await ada_lovelace(payer_id)

    for payer in (broken, ada.payer_id):
        await shop.plans.subscriptions.assign(payer, INVOICED)
    shop.clock.turn(days=31)
    plans = Plans(shop.database, shop.ledger, recipient_of, owner_file=shop.file, now=shop.clock)  # type: ignore[arg-type]
    await plans.renewals.renew_due()
    assert await totals(shop, ada.payer_id) == [1000, 1000]
    assert await totals(shop, broken) == [1000]


async def test_the_subscription_of_an_account_that_is_gone_ends_when_its_month_does(
    shop: Shop, ada: Caller
) -> None:
    async def recipient_of(payer_id: str) -> Recipient:
        raise NotFound("There is no such account any more.")

    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.turn(days=31)
    plans = Plans(shop.database, shop.ledger, recipient_of, owner_file=shop.file, now=shop.clock)
    assert await plans.renewals.renew_due() == 2
    assert await plans.renewals.renew_due() == 0
    assert await shop.plans.subscriptions.all() == ()


async def test_a_trial_that_is_invoiced_becomes_a_subscription(shop: Shop, ada: Caller) -> None:
    made = await shop.plans.subscriptions.assign(ada.payer_id, replace(INVOICED, trial_days=10))
    assert (made.status, await totals(shop, ada.payer_id)) == ("trialing", [])
    shop.clock.turn(days=10)
    await shop.plans.renewals.renew_due()
    now = await shop.plans.subscriptions.find(ada.payer_id)
    assert now is not None
    assert (now.status, now.period.end) == ("active", datetime(2026, 4, 11, 12, tzinfo=UTC))
    assert await totals(shop, ada.payer_id) == [1000]


# Changing


async def test_more_seats_are_charged_for_the_rest_of_the_month(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.turn(days=15.5)
    changed = await shop.plans.subscriptions.change(ada.payer_id, seats=3)
    assert changed.seats == 3
    assert await totals(shop, ada.payer_id) == [1000, 1000]
    (invoice, _) = await shop.plans.invoices.of(ada.payer_id)
    assert [line.amount for line in invoice.lines] == [-500, 1500]


async def test_a_dearer_plan_begins_at_once_and_a_cheaper_one_at_the_months_end(
    shop: Shop, ada: Caller
) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.turn(days=15.5)
    await shop.plans.subscriptions.change(ada.payer_id, plan_id="plus")
    assert await plan_of(shop, ada) == "plus"
    pending = await shop.plans.subscriptions.change(ada.payer_id, plan_id="basic")
    assert (pending.plan_id, pending.pending_plan_id) == ("plus", "basic")
    assert await plan_of(shop, ada) == "plus"
    shop.clock.turn(days=16)
    await shop.plans.renewals.renew_due()
    assert await plan_of(shop, ada) == "basic"
    assert await totals(shop, ada.payer_id) == [1000, 600, 1000]


async def test_a_change_that_is_to_come_can_be_taken_back(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, replace(INVOICED, seats=2))
    await shop.plans.subscriptions.change(ada.payer_id, seats=1)
    resumed = await shop.plans.subscriptions.resume(ada.payer_id)
    assert (resumed.pending_seats, resumed.pending_plan_id) == (None, None)


async def test_nobody_gets_a_dearer_plan_without_somebody_who_collects(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.start(ada.payer_id, "api")
    with pytest.raises(Conflict) as refused:
        await shop.plans.subscriptions.change(ada.payer_id, plan_id="basic")
    assert refused.value.code == "payment_required"
    assert (await shop.plans.subscriptions.change(ada.payer_id, plan_id="free")).plan_id == "free"


async def test_a_trial_is_a_persons_once_in_whichever_workspace_they_own(shop: Shop) -> None:
    accounts = Accounts(shop.database, passwords=Passwords(memory_kib=64, passes=1))
    ada, bob = [
        Caller(
            user=await accounts.create_user(
                name=name, email=f"{name}@example.org", password="seven quiet otters"
            )
        )
        for name in ("ada", "bob")
    ]
    first, second, third = [
        (await accounts.workspaces.create(ada, name=name)).workspace.id for name in ("One", "Two", "Three")
    ]
    await shop.plans.subscriptions.start(first, "tried", by=ada.user.id)
    # It stays used when the workspace is gone.
    await shop.plans.subscriptions.cancel(first, at_once=True)
    await accounts.workspaces.delete(ada, first)
    for payer_id, by in ((second, ada), (third, bob), (ada.user.id, ada)):
        with pytest.raises(Conflict) as refused:
            await shop.plans.subscriptions.start(payer_id, "tried", by=by.user.id)
        assert refused.value.code == "trial_used"
        assert await shop.plans.subscriptions.find(payer_id) is None
    # Who was refused for somebody else's sake has not had it.
    own = (await accounts.workspaces.create(bob, name="Bob's")).workspace.id
    assert (await shop.plans.subscriptions.start(own, "tried", by=bob.user.id)).status == "trialing"


async def test_of_two_trials_that_are_started_at_once_one_begins(shop: Shop) -> None:
    payers, person = (new_id("ws"), new_id("ws"), new_id("ws")), new_id("user")
    begun = await asyncio.gather(
        *(shop.plans.subscriptions.start(payer, "tried", by=person) for payer in payers),
        return_exceptions=True,
    )
    assert sum(isinstance(item, Subscription) for item in begun) == 1
    assert len(await shop.plans.subscriptions.all()) == 1


async def test_a_trial_is_not_prolonged_by_asking(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.start(ada.payer_id, "tried")
    with pytest.raises(Conflict) as refused:
        await shop.plans.subscriptions.resume(ada.payer_id)
    assert refused.value.code == "payment_required"


async def test_an_assignment_over_another_is_prorated_when_both_are_invoiced(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.turn(days=15.5)
    await shop.plans.subscriptions.assign(ada.payer_id, replace(INVOICED, seats=3))
    assert await totals(shop, ada.payer_id) == [1000, 1000]
    await shop.plans.subscriptions.assign(ada.payer_id, Assignment(plan_id="basic"))
    assert await totals(shop, ada.payer_id) == [1000, 1000, -1500]
    assert len(await shop.plans.subscriptions.all()) == 1


# Ending


async def test_what_is_cancelled_lasts_until_its_month_is_over(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    await shop.plans.subscriptions.cancel(ada.payer_id)
    shop.clock.turn(days=30)
    assert await plan_of(shop, ada) == "basic"
    shop.clock.turn(days=1)
    assert await plan_of(shop, ada) == "free"
    await shop.plans.renewals.renew_due()
    assert await shop.plans.subscriptions.find(ada.payer_id) is None
    assert await totals(shop, ada.payer_id) == [1000]


async def test_what_is_cancelled_at_once_is_credited_for_the_rest(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.turn(days=15.5)
    ended = await shop.plans.subscriptions.cancel(ada.payer_id, at_once=True)
    assert ended.status == "canceled"
    assert await plan_of(shop, ada) == "free"
    assert await totals(shop, ada.payer_id) == [1000, -500]
    with pytest.raises(NotFound):
        await shop.plans.subscriptions.cancel(ada.payer_id)


async def test_an_invoice_that_stays_unpaid_leads_to_the_unpaid_plan_and_then_to_the_end(
    shop: Shop, ada: Caller
) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.turn(days=9)
    assert await shop.plans.renewals.renew_due() == 0
    shop.clock.turn(days=1)
    await shop.plans.renewals.renew_due()
    late = await shop.plans.subscriptions.find(ada.payer_id)
    assert late is not None
    assert late.status == "past_due"
    assert await plan_of(shop, ada) == "basic"
    shop.clock.turn(days=5)
    shop.plans.forget()
    assert await plan_of(shop, ada) == "free"
    shop.clock.turn(days=20)
    await shop.plans.renewals.renew_due()
    assert await shop.plans.subscriptions.find(ada.payer_id) is None
    assert await totals(shop, ada.payer_id) == [1000]


@pytest.mark.parametrize("end", ["mark_paid", "void"])
async def test_a_payment_or_a_pardon_ends_arrears(shop: Shop, ada: Caller, end: str) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.turn(days=16)
    await shop.plans.renewals.renew_due()
    (invoice,) = await shop.plans.invoices.of(ada.payer_id)
    ended = await getattr(shop.plans.invoices, end)(invoice.id)
    assert ended.status == ("paid" if end == "mark_paid" else "void")
    shop.clock.turn(days=6)
    assert await plan_of(shop, ada) == "basic"
    now = await shop.plans.subscriptions.find(ada.payer_id)
    assert now is not None
    assert (now.status, now.past_due_since) == ("active", None)
    other = "void" if end == "mark_paid" else "mark_paid"
    with pytest.raises(Conflict):
        await getattr(shop.plans.invoices, other)(invoice.id)


async def test_a_plan_that_the_file_no_longer_has_gives_the_default(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.file.write_text('default_plan = "free"')
    plans = Plans(shop.database, shop.ledger, ada_lovelace, owner_file=shop.file, now=shop.clock)
    assert (await plans.entitlements(ada)).plan_id == "free"
    shop.clock.turn(days=31)
    await plans.renewals.renew_due()
    assert await plans.subscriptions.find(ada.payer_id) is None


# Use on trust


async def test_what_was_used_on_trust_is_invoiced_at_the_months_end_and_its_payment_is_credit(
    shop: Shop, ada: Caller
) -> None:
    trusted = Assignment(plan_id="api", collection="invoice", postpaid_nano=10**12)
    await shop.plans.subscriptions.assign(ada.payer_id, trusted)
    await spend(shop, ada.payer_id, 3_141_592_653)
    shop.clock.turn(days=31)
    await shop.plans.renewals.renew_due()
    # The rest of a cent waits.
    (invoice,) = await shop.plans.invoices.of(ada.payer_id)
    assert (invoice.total, invoice.credit_nano) == (314, 3_140_000_000)
    # What is invoiced and not yet paid is not invoiced again.
    await spend(shop, ada.payer_id, 20_000_000)
    shop.clock.turn(days=31)
    await shop.plans.renewals.renew_due()
    assert await totals(shop, ada.payer_id) == [314, 2]
    for _ in range(2):
        await shop.plans.invoices.mark_paid(invoice.id)
    assert await shop.plans.credit(ada.payer_id) == -(3_141_592_653 + 20_000_000 - 3_140_000_000)


async def test_prepaid_credit_is_not_invoiced(shop: Shop, ada: Caller) -> None:
    trusted = Assignment(plan_id="api", collection="invoice", postpaid_nano=10**12)
    await shop.plans.subscriptions.assign(ada.payer_id, trusted)
    await shop.plans.grant_credit(ada.payer_id, 10**9, "welcome", "welcome")
    await spend(shop, ada.payer_id, 10**9)
    shop.clock.turn(days=31)
    await shop.plans.renewals.renew_due()
    assert await totals(shop, ada.payer_id) == []


# Invoices


async def test_numbers_have_no_gaps_and_begin_anew_each_year(shop: Shop, ada: Caller) -> None:
    payers = [new_id("user") for _ in range(12)]
    await asyncio.gather(*(shop.plans.subscriptions.assign(payer, INVOICED) for payer in payers))
    with pytest.raises(InvalidRequest):
        await shop.plans.subscriptions.assign(ada.payer_id, replace(INVOICED, seats=101))
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    shop.clock.now = datetime(2027, 1, 1, tzinfo=UTC)
    await shop.plans.subscriptions.cancel(ada.payer_id, at_once=True)
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    numbers = {invoice.number for payer in (*payers, ada.payer_id) for invoice in await invoices(shop, payer)}
    assert numbers == {*(f"2026-{number:06}" for number in range(1, 14)), "2027-000001"}


async def invoices(shop: Shop, payer_id: str) -> tuple[Invoice, ...]:
    return await shop.plans.invoices.of(payer_id)


async def test_an_invoice_never_changes_but_for_its_payment(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, INVOICED)
    (before,) = await invoices(shop, ada.payer_id)
    shop.file.write_text(
        SELLING.replace("10.00", "99.00").replace("[plan.basic]", '[plan.basic]\ntitle = { en = "X" }')
    )
    paid = await shop.plans.invoices.mark_paid(before.id)
    assert paid == replace(before, status="paid", paid_at=shop.clock.now)


# Whatever happens


steps = st.lists(
    st.tuples(
        st.floats(0, 20),
        st.sampled_from(["seats", "plus", "basic", "cancel", "resume", "renew"]),
        st.integers(1, 100),
    ),
    max_size=12,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
async def test_whatever_is_done_what_is_invoiced_is_the_time_weighted_price(
    shop: Shop, done: list[tuple[float, str, int]]
) -> None:
    shop.clock.now = datetime(2026, 3, 1, 12, tzinfo=UTC)
    payer, subscriptions = new_id("user"), shop.plans.subscriptions
    await subscriptions.assign(payer, INVOICED)
    for days, what, seats in done:
        shop.clock.turn(days=days)
        while await shop.plans.renewals.renew_due():
            pass
        await pay(shop, payer)
        if await subscriptions.find(payer) is None:
            break
        match what:
            case "seats":
                current = await subscriptions.find(payer)
                if current is not None and current.plan_id == "basic":
                    await subscriptions.change(payer, seats=seats)
            case "plus" | "basic":
                await subscriptions.change(payer, plan_id=what)
            case "cancel":
                await subscriptions.cancel(payer)
            case "resume":
                await subscriptions.resume(payer)
            case _:
                pass
        current = await subscriptions.find(payer)
        assert current is not None
        of_period = [
            invoice.total
            for invoice in await shop.plans.invoices.of(payer)
            if current.period.start <= invoice.period_start < current.period.end
        ]
        # Every unit that a period is charged is on an invoice, and no other.
        assert sum(of_period) == current.period.charged
