"""Payments against localstripe, over real HTTP: what is bought, what webhooks change, and what goes wrong with them."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from aiohttp import web
from fastapi import FastAPI, Request
from starlette.responses import Response

from causette.accounts.types import Caller
from causette.clock import utc_now
from causette.db import Database
from causette.errors import CausetteError, Conflict, InvalidRequest, NotFound, Unavailable
from causette.http.problems import problem_of
from causette.ids import new_id
from causette.ledger.prices import Price
from causette.ledger.service import Ledger
from causette.ledger.types import CREDIT, Hold, Limit, Meter, Offer, Quantities, Settlement
from causette.plans import Plans, store
from causette.plans.billing import Subscription
from causette.plans.payments import store as stripe_store
from causette.plans.payments.config import CardPayments
from causette.plans.payments.service import TOLERANCE_SECONDS
from causette.plans.payments.stripe_api import StripeApi
from causette.plans.payments.usage import UsageSender
from causette.plans.routes import router
from causette.plans.subscriptions import Assignment
from tests.plans.conftest import SELLING, a_caller, ada_lovelace
from tests.plans.stripe_server import KEY, StripeServer, in_front_of, localstripe

SECRET = "whsec_test"


@dataclass(frozen=True)
class SmallHouse:
    plans: Plans


@dataclass
class Till:
    """Plans that are sold through Stripe, and a way to send webhooks to their route."""

    plans: Plans
    ledger: Ledger
    database: Database
    stripe: StripeServer
    client: httpx2.AsyncClient
    file: Path

    async def webhook(
        self,
        kind: str,
        found: dict[str, Any] | str,
        *,
        event_id: str | None = None,
        secret: str = SECRET,
        signed_at: float | None = None,
        tamper: bytes = b"",
    ) -> int:
        """Send an event, signed as Stripe signs; the status of the answer."""
        object_id = found if isinstance(found, str) else found["id"]
        event = {"id": event_id or new_id("evt"), "type": kind, "data": {"object": {"id": object_id}}}
        body = json.dumps(event).encode()
        at = int(time.time() if signed_at is None else signed_at)
        digest = hmac.new(secret.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
        answer = await self.client.post(
            "/api/stripe/webhook",
            content=body + tamper,
            headers={"stripe-signature": f"t={at},v1={digest}", "content-type": "application/json"},
        )
        return answer.status_code

    async def buy(self, caller: Caller, plan_id: str = "basic", seats: int = 1) -> Subscription:
        """Subscribe, pay, and let the webhook come."""
        url = await self.plans.payments.check_out(caller.payer_id, plan_id, seats)
        session = await self.stripe.complete(url)
        assert await self.webhook("checkout.session.completed", session) == 204
        return await self.found(caller)

    async def found(self, caller: Caller) -> Subscription:
        found = await self.plans.subscriptions.find(caller.payer_id)
        assert found is not None
        return found

    async def plan_of(self, caller: Caller) -> str:
        return (await self.plans.entitlements(caller)).plan_id


@pytest_asyncio.fixture
async def till(database: Database, tmp_path: Path) -> AsyncGenerator[Till]:
    file = tmp_path / "plans.toml"
    file.write_text(SELLING.replace("min = 1, max = 100", "min = 1"))
    ledger = Ledger(database)
    await ledger.open()
    async with localstripe() as behind, in_front_of(behind) as stripe:
        cards = CardPayments(
            stripe=StripeApi(KEY, api_base=stripe.url),
            webhook_secret=SECRET,
            site="https://chat.example.org/",
            meter="use",
        )
        plans = Plans(database, ledger, ada_lovelace, owner_file=file, cards=cards)
        app = FastAPI()
        app.include_router(router())
        app.state.house = SmallHouse(plans)

        async def refused(request: Request, error: Exception) -> Response:
            assert isinstance(error, CausetteError)
            return problem_of(error)

        app.add_exception_handler(CausetteError, refused)
        transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx2.AsyncClient(transport=transport, base_url="http://house") as client:
            yield Till(plans, ledger, database, stripe, client, file)
        await plans.close()
    await ledger.close()


# Buying


async def test_who_pays_at_the_checkout_has_the_plan(till: Till, ada: Caller) -> None:
    url = await till.plans.payments.check_out(ada.payer_id, "basic", 3)
    form = till.stripe.checkouts[url.rsplit("/", 1)[1]]["form"]
    assert form["success_url"] == "https://chat.example.org/settings/plan?paid=1"
    assert await till.plan_of(ada) == "free"
    await till.stripe.complete(url)
    assert await till.webhook("checkout.session.completed", url.rsplit("/", 1)[1]) == 204
    found = await till.found(ada)
    assert (found.plan_id, found.seats, found.status, found.collection) == ("basic", 3, "active", "stripe")
    assert timedelta(days=27) < found.period.end - found.period.start < timedelta(days=32)
    assert found.period.rate == 3 * 1500
    assert await till.plan_of(ada) == "basic"


async def test_a_webhook_that_localstripe_signs_and_sends_itself_brings_the_plan(
    till: Till, ada: Caller
) -> None:
    arrived: asyncio.Queue[tuple[str, int]] = asyncio.Queue()

    async def pass_on(request: web.Request) -> web.Response:
        body = await request.read()
        headers = {
            "stripe-signature": request.headers["Stripe-Signature"],
            "content-type": "application/json",
        }
        answer = await till.client.post("/api/stripe/webhook", content=body, headers=headers)
        arrived.put_nowait((json.loads(body)["type"], answer.status_code))
        return web.Response(status=answer.status_code)

    app = web.Application()
    app.router.add_post("/hook", pass_on)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    await till.stripe.send_webhooks_to(f"http://127.0.0.1:{runner.addresses[0][1]}/hook", SECRET)
    url = await till.plans.payments.check_out(ada.payer_id, "basic", 1)
    await till.stripe.complete(url)
    async with asyncio.timeout(30):
        while (seen := await arrived.get())[0] != "customer.subscription.created":
            assert seen[1] == 204
    assert seen[1] == 204
    assert (await till.found(ada)).plan_id == "basic"
    await runner.cleanup()


async def test_a_price_is_made_once_and_a_customer_too(till: Till, ada: Caller) -> None:
    urls = await asyncio.gather(*(till.plans.payments.check_out(ada.payer_id, "basic", 1) for _ in range(3)))
    sessions = [till.stripe.checkouts[url.rsplit("/", 1)[1]] for url in urls]
    assert {item["form"]["line_items[0][price]"] for item in sessions} == {"causette-basic-usd-1500"}
    assert len({item["customer"] for item in sessions}) == 1


async def test_what_cannot_be_bought_is_refused(till: Till, ada: Caller) -> None:
    for plan_id, seats in (("enterprise", 20), ("free", 1), ("basic", 0)):
        with pytest.raises((NotFound, InvalidRequest)):
            await till.plans.payments.check_out(ada.payer_id, plan_id, seats)
    await till.buy(ada)
    with pytest.raises(Conflict) as refused:
        await till.plans.payments.check_out(ada.payer_id, "plus", 1)
    assert refused.value.code == "subscribed"


async def test_a_trial_is_offered_at_the_checkout_the_first_time(till: Till) -> None:
    for caller, days in ((a_caller("new"), "7"), (a_caller("old"), None)):
        if days is None:
            await till.plans.subscriptions.start(caller.payer_id, "tried")
            await till.plans.subscriptions.cancel(caller.payer_id, at_once=True)
        url = await till.plans.payments.check_out(caller.payer_id, "tried", 1)
        form = till.stripe.checkouts[url.rsplit("/", 1)[1]]["form"]
        assert form.get("subscription_data[trial_period_days]") == days


async def test_a_trial_is_no_more_on_offer_in_another_workspace_of_the_same_people(till: Till) -> None:
    ada, first, second = a_caller("ada"), new_id("ws"), new_id("ws")
    offered = await till.plans.payments.check_out(first, "tried", 1, by=ada.user.id)
    session = await till.stripe.complete(offered)
    assert await till.webhook("checkout.session.completed", session) == 204
    begun = await till.plans.subscriptions.find(first)
    assert begun is not None
    assert begun.status == "trialing"
    url = await till.plans.payments.check_out(second, "tried", 1, by=ada.user.id)
    form = till.stripe.checkouts[url.rsplit("/", 1)[1]]["form"]
    assert "subscription_data[trial_period_days]" not in form
    # The same webhook again ends nothing.
    assert await till.webhook("customer.subscription.updated", str(begun.stripe_id)) == 204
    assert (await till.plans.subscriptions.find(first)) is not None
    assert till.stripe.updates == []


async def test_of_two_checkouts_with_a_trial_that_were_open_at_once_the_second_has_none(till: Till) -> None:
    ada, first, second = a_caller("ada"), new_id("ws"), new_id("ws")
    urls = [
        await till.plans.payments.check_out(payer, "tried", 1, by=ada.user.id) for payer in (first, second)
    ]
    for url in urls:
        session = await till.stripe.complete(url)
        assert await till.webhook("checkout.session.completed", session) == 204
    assert [form["trial_end"] for form in till.stripe.updates] == ["now"]
    begun, other = [await till.plans.subscriptions.find(payer) for payer in (first, second)]
    assert begun is not None
    assert other is not None
    assert (begun.status, other.status) == ("trialing", "active")


async def test_what_was_given_ends_when_something_is_bought(till: Till, ada: Caller) -> None:
    await till.plans.subscriptions.assign(ada.payer_id, Assignment(plan_id="plus"))
    assert (await till.buy(ada)).plan_id == "basic"
    assert len(await till.plans.subscriptions.all()) == 1


async def test_credit_is_added_once_however_often_stripe_says_so(till: Till, ada: Caller) -> None:
    url = await till.plans.payments.check_out_credit(ada.payer_id, 12_340_000_000)
    session = url.rsplit("/", 1)[1]
    assert await till.webhook("checkout.session.completed", session) == 204
    assert await till.plans.credit(ada.payer_id) == 0
    await till.stripe.complete(url)
    for kind in ("checkout.session.completed", "checkout.session.async_payment_succeeded"):
        assert await till.webhook(kind, session) == 204
    assert await till.plans.credit(ada.payer_id) == 12_340_000_000


@pytest.mark.parametrize("nano", [0, 999_999_999, 1_000_000_001])
async def test_credit_is_bought_in_cents_from_a_dollar_on(till: Till, ada: Caller, nano: int) -> None:
    with pytest.raises(InvalidRequest, match="whole cents"):
        await till.plans.payments.check_out_credit(ada.payer_id, nano)


async def test_the_portal_is_for_who_has_bought(till: Till, ada: Caller) -> None:
    with pytest.raises(NotFound):
        await till.plans.payments.portal(ada.payer_id)
    await till.plans.payments.check_out_credit(ada.payer_id, 10**9)
    assert (await till.plans.payments.portal(ada.payer_id)).startswith("https://portal/cus_")


# Changing


async def test_more_is_had_at_once_and_prorated_by_stripe(till: Till, ada: Caller) -> None:
    await till.buy(ada)
    changed = await till.plans.change(ada.payer_id, seats=4)
    assert (changed.seats, changed.period.rate) == (4, 6000)
    assert till.stripe.updates[-1]["proration_behavior"] == "always_invoice"


async def test_less_is_had_when_the_month_ends_and_can_be_taken_back(till: Till, ada: Caller) -> None:
    await till.buy(ada, "plus")
    pending = await till.plans.change(ada.payer_id, plan_id="basic")
    assert (pending.plan_id, pending.pending_plan_id) == ("plus", "basic")
    assert till.stripe.updates[-1]["proration_behavior"] == "none"
    # Whoever asks Stripe learns the same.
    assert await till.webhook("customer.subscription.updated", str(pending.stripe_id)) == 204
    again = await till.found(ada)
    assert (again.plan_id, again.pending_plan_id) == ("plus", "basic")
    assert again.plan_in(till.plans.book.current, again.period.end).id == "basic"
    resumed = await till.plans.resume(ada.payer_id)
    assert (resumed.plan_id, resumed.pending_plan_id) == ("plus", None)


async def test_what_is_paid_for_is_not_charged_again_after_a_change_that_was_to_come(
    till: Till, ada: Caller
) -> None:
    await till.buy(ada, "basic", 4)
    await till.plans.change(ada.payer_id, seats=2)
    kept = await till.plans.change(ada.payer_id, seats=4)
    assert (kept.seats, kept.pending_seats, kept.period.rate) == (4, None, 6000)
    await till.plans.change(ada.payer_id, seats=3)
    more = await till.plans.change(ada.payer_id, seats=5)
    assert (more.seats, more.pending_seats, more.period.rate) == (5, None, 7500)
    # Stripe prorates from what was paid for, four seats, and not from what was to come.
    assert [(form["items[0][quantity]"], form["proration_behavior"]) for form in till.stripe.updates] == [
        ("2", "none"),
        ("4", "none"),
        ("3", "none"),
        ("4", "none"),
        ("5", "always_invoice"),
    ]


async def test_a_cancellation_is_stripes_as_well(till: Till, ada: Caller) -> None:
    await till.buy(ada)
    assert (await till.plans.cancel(ada.payer_id)).cancel_at_period_end
    assert await till.plan_of(ada) == "basic"
    assert not (await till.plans.resume(ada.payer_id)).cancel_at_period_end
    assert (await till.plans.cancel(ada.payer_id, at_once=True)).status == "canceled"
    assert await till.plan_of(ada) == "free"


async def test_nobody_is_deleted_while_stripe_would_go_on_collecting(till: Till, ada: Caller) -> None:
    await till.plans.hold_back(ada.payer_id)
    await till.buy(ada)
    with pytest.raises(Conflict) as refused:
        await till.plans.hold_back(ada.payer_id)
    assert refused.value.code == "subscription_active"
    await till.plans.cancel(ada.payer_id)
    await till.plans.hold_back(ada.payer_id)


async def test_what_stripe_collects_for_is_not_changed_behind_its_back(till: Till, ada: Caller) -> None:
    await till.buy(ada)
    for act in (
        till.plans.subscriptions.change(ada.payer_id, seats=2),
        till.plans.subscriptions.cancel(ada.payer_id),
        till.plans.subscriptions.resume(ada.payer_id),
        till.plans.subscriptions.assign(ada.payer_id, Assignment(plan_id="plus")),
    ):
        with pytest.raises(Conflict) as refused:
            await act
        assert refused.value.code == "stripe_collects"


async def test_a_price_that_rises_is_stripes_from_the_next_month_on(till: Till, ada: Caller) -> None:
    # Somebody whose subscription Stripe has forgotten comes first, and holds nobody up.
    gone = await till.buy(replace(ada, user=replace(ada.user, id=new_id("user"))))
    async with till.database.write() as connection:
        await store.update_subscription(connection, replace(gone, stripe_id="sub_gone"))
    bought = await till.buy(ada)
    rises = bought.period.end.date()
    schedule = f'{{ from = 2024-01-01, monthly = "15.00" }}, {{ from = {rises}, monthly = "44.00" }}'
    text = till.file.read_text()
    start, end = text.index("prices = [") + 10, text.index("]\nseats")
    till.file.write_text(text[:start] + schedule + text[end:])
    late = bought.period.end - timedelta(hours=1)
    cards = CardPayments(
        stripe=StripeApi(KEY, api_base=till.stripe.url), webhook_secret=SECRET, site="https://x"
    )
    plans = Plans(
        till.database, till.ledger, ada_lovelace, owner_file=till.file, cards=cards, now=lambda: late
    )
    assert await plans.payments.reprice_due() == 1
    assert till.stripe.updates[-1]["items[0][plan]"] == "causette-basic-usd-4400"
    assert till.stripe.updates[-1]["proration_behavior"] == "none"
    assert await plans.payments.reprice_due() == 0
    await plans.close()


# Webhooks


@pytest.mark.parametrize(
    "wrong",
    [
        {"secret": "whsec_other"},
        {"signed_at": time.time() - TOLERANCE_SECONDS - 3600},
        {"tamper": b" "},
    ],
    ids=["another secret", "too old", "changed on the way"],
)
async def test_what_stripe_did_not_sign_has_no_effect(till: Till, ada: Caller, wrong: dict[str, Any]) -> None:
    url = await till.plans.payments.check_out_credit(ada.payer_id, 10**9)
    session = await till.stripe.complete(url)
    assert await till.webhook("checkout.session.completed", session, **wrong) == 400
    assert await till.plans.credit(ada.payer_id) == 0


async def test_a_webhook_without_a_signature_or_that_is_no_event_is_refused(till: Till) -> None:
    assert (await till.client.post("/api/stripe/webhook", content=b"{}")).status_code == 400
    for body in (b"{}", b"[", b'{"id": 3}'):
        at = int(time.time())
        digest = hmac.new(SECRET.encode(), b"%d.%s" % (at, body), hashlib.sha256).hexdigest()
        answer = await till.client.post(
            "/api/stripe/webhook", content=body, headers={"stripe-signature": f"t={at},v1={digest}"}
        )
        assert answer.status_code == 400


async def test_a_replay_changes_nothing(till: Till, ada: Caller) -> None:
    bought = await till.buy(ada)
    for _ in range(2):
        event = "customer.subscription.updated"
        assert await till.webhook(event, str(bought.stripe_id), event_id="evt_same") == 204
    first = await till.found(ada)
    await till.stripe.post(f"/v1/subscriptions/{bought.stripe_id}", {"cancel_at_period_end": "true"})
    assert await till.webhook(event, str(bought.stripe_id), event_id="evt_same") == 204
    assert await till.found(ada) == first


async def test_the_same_event_many_times_at_once_has_its_effect_once(till: Till, ada: Caller) -> None:
    url = await till.plans.payments.check_out(ada.payer_id, "basic", 1)
    session = await till.stripe.complete(url)
    statuses = await asyncio.gather(
        *(till.webhook("checkout.session.completed", session, event_id="evt_once") for _ in range(6))
    )
    assert statuses == [204] * 6
    assert len(await till.plans.subscriptions.all()) == 1


async def test_events_in_any_order_end_in_the_present_state(till: Till, ada: Caller) -> None:
    bought = await till.buy(ada)
    stripe_id = str(bought.stripe_id)
    await till.plans.payments.cancel(bought, at_once=True)
    # The news of its beginning comes after the news of its end.
    for kind in ("deleted", "created", "updated"):
        assert await till.webhook(f"customer.subscription.{kind}", stripe_id) == 204
    assert await till.plans.subscriptions.find(ada.payer_id) is None
    assert await till.plan_of(ada) == "free"


async def test_an_answer_that_was_asked_for_earlier_does_not_undo_a_later_one(
    till: Till, ada: Caller
) -> None:
    bought = await till.buy(ada)
    payments = till.plans.payments
    early = await payments._ask(str(bought.stripe_id))
    await till.plans.change(ada.payer_id, seats=5)
    await payments._apply(early, "evt_late")
    assert (await till.found(ada)).seats == 5


async def test_a_crash_between_the_effect_and_its_mark_leaves_neither(
    till: Till, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = await till.plans.payments.check_out(ada.payer_id, "basic", 1)
    session = await till.stripe.complete(url)
    insert = store.insert_subscription

    async def insert_and_die(*args: Any) -> bool:
        await insert(*args)
        raise RuntimeError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(store, "insert_subscription", insert_and_die)
        assert await till.webhook("checkout.session.completed", session, event_id="evt_1") == 500
    assert await till.plans.subscriptions.find(ada.payer_id) is None
    assert await till.webhook("checkout.session.completed", session, event_id="evt_1") == 204
    assert (await till.found(ada)).plan_id == "basic"


async def test_events_about_strangers_and_of_other_kinds_are_taken_and_forgotten(till: Till) -> None:
    customer = await till.stripe.post("/v1/customers", {"email": "x@example.org"})
    await till.stripe.pay_by_card(customer["id"])
    plan = {"id": "gold", "amount": "1", "currency": "usd", "interval": "month", "product[name]": "Gold"}
    await till.stripe.post("/v1/plans", plan)
    made = await till.stripe.post(
        "/v1/subscriptions",
        {"customer": customer["id"], "items[0][plan]": "gold", "items[0][quantity]": "1"},
    )
    assert await till.webhook("customer.subscription.created", made["id"]) == 204
    assert await till.webhook("customer.updated", customer["id"]) == 204
    assert await till.plans.subscriptions.all() == ()


async def test_when_stripe_does_not_answer_the_webhook_is_sent_again(till: Till, ada: Caller) -> None:
    assert await till.webhook("customer.subscription.created", "sub_unknown") in (400, 422, 503)
    cards = CardPayments(
        stripe=StripeApi(KEY, api_base="http://127.0.0.1:1"), webhook_secret=SECRET, site="https://x"
    )
    plans = Plans(till.database, till.ledger, ada_lovelace, owner_file=till.file, cards=cards)
    with pytest.raises(Unavailable) as refused:
        await plans.payments.check_out(ada.payer_id, "basic", 1)
    assert refused.value.retry_after is not None
    await plans.close()


# Use that Stripe invoices


async def use(till: Till, payer_id: str, nano: int) -> str:
    """A request that is charged ``nano``."""
    limit = Limit(f"payer:{payer_id}", Meter.MONEY, CREDIT, 10**12)
    request = new_id("req")
    hold = Hold(
        id=request,
        payer_id=payer_id,
        user_id=payer_id,
        plan_id="basic",
        surface="api",
        model="m",
        engine_request_id=request,
        offers=(Offer(name="overage", price=Price(image=nano, output=1), limits=(limit,)),),
        input_bound=1,
        output_wanted=10,
    )
    await till.ledger.reserve(hold)
    await till.ledger.settle(request, Settlement(outcome="completed", quantities=Quantities(images=1)))
    return request


@pytest_asyncio.fixture
async def senders(till: Till) -> AsyncGenerator[Callable[..., UsageSender]]:
    """Senders, as many as there are processes; ``later`` is how long after now they send."""
    stripe = StripeApi(KEY, api_base=till.stripe.url)

    def sender(**later: float) -> UsageSender:
        at = utc_now() + timedelta(**later)
        return UsageSender(till.database, till.ledger, stripe, "use", now=lambda: at)

    yield sender
    await stripe.close()


async def a_trusted(till: Till, caller: Caller) -> str:
    """Stripe's id of somebody who buys a plan and is trusted."""
    await till.buy(caller)
    await till.plans.subscriptions.trust(caller.payer_id, 10**12)
    async with till.database.read() as connection:
        customer = await stripe_store.stripe_customer(connection, caller.payer_id)
    assert customer is not None
    return customer


def told(till: Till) -> list[tuple[str, int]]:
    """What the meter was told, by customer."""
    return [
        (form["payload[stripe_customer_id]"], int(form["payload[value]"]))
        for form in till.stripe.meter_events.values()
    ]


async def test_use_on_trust_is_told_to_the_meter_once_and_no_longer_owed(
    till: Till, ada: Caller, senders: Callable[..., UsageSender]
) -> None:
    customer = await a_trusted(till, ada)
    stranger = a_caller("bob").payer_id
    for number in range(3):
        await use(till, ada.payer_id, 1000 + number)
    await use(till, stranger, 7)
    # Several processes may do it at once.
    await asyncio.gather(*(senders().send_due() for _ in range(3)))
    assert await senders().send_due() == 0
    assert told(till) == [(customer, 3003)]
    assert {form["event_name"] for form in till.stripe.meter_events.values()} == {"use"}
    assert await till.plans.credit(ada.payer_id) == 0
    assert await till.plans.credit(stranger) == -7
    await use(till, ada.payer_id, 5)
    assert await senders().send_due() == 1
    assert told(till) == [(customer, 3003), (customer, 5)]


async def test_a_sender_that_dies_after_it_has_told_tells_nothing_twice(
    till: Till, ada: Caller, senders: Callable[..., UsageSender]
) -> None:
    customer = await a_trusted(till, ada)
    await use(till, ada.payer_id, 1000)
    till.stripe.lose_meter_answers = True
    with pytest.raises(Unavailable):
        await senders().send_due()
    till.stripe.lose_meter_answers = False
    await use(till, ada.payer_id, 20)
    assert await senders(minutes=2).send_due() == 1
    assert await till.plans.credit(ada.payer_id) == -20
    assert await senders(minutes=2).send_due() == 1
    assert told(till) == [(customer, 1000), (customer, 20)]
    assert await till.plans.credit(ada.payer_id) == 0


async def test_a_correction_upwards_is_told_and_one_downwards_is_credit_that_use_takes_first(
    till: Till, ada: Caller, senders: Callable[..., UsageSender]
) -> None:
    customer = await a_trusted(till, ada)
    request = await use(till, ada.payer_id, 1000)
    await senders().send_due()
    await till.ledger.correct(request, 300, "was too little", "up")
    await senders().send_due()
    await till.ledger.correct(request, -500, "was too much", "down")
    assert await senders().send_due() == 0
    assert await till.plans.credit(ada.payer_id) == 500
    await use(till, ada.payer_id, 700)
    await senders().send_due()
    assert told(till) == [(customer, 1000), (customer, 300), (customer, 200)]
    assert await till.plans.credit(ada.payer_id) == 0


async def test_a_customer_whom_stripe_has_deleted_keeps_nobody_else_from_being_reported(
    till: Till, senders: Callable[..., UsageSender]
) -> None:
    callers = sorted((a_caller("gone"), a_caller("here")), key=lambda caller: caller.payer_id)
    gone, here = [await a_trusted(till, caller) for caller in callers]
    for caller in callers:
        await use(till, caller.payer_id, 40)
    till.stripe.deleted.add(gone)
    assert await senders().send_due() == 1
    assert told(till) == [(here, 40)]
    async with till.database.read() as connection:
        (report,) = await stripe_store.reports(connection)
    assert (report.payer_id, report.nano, report.attempts) == (callers[0].payer_id, 40, 1)
    assert "No such customer" in str(report.problem)
    # It is tried again after a minute, then after two.
    till.stripe.meter_calls.clear()
    for minutes, calls in ((0.5, 0), (1.5, 1), (2.5, 1), (4.0, 2)):
        assert await senders(minutes=minutes).send_due() == 0
        assert len(till.stripe.meter_calls) == calls
    till.stripe.deleted.clear()
    assert await senders(days=2).send_due() == 1
    assert told(till) == [(here, 40), (gone, 40)]
    async with till.database.read() as connection:
        assert await stripe_store.reports(connection) == ()


async def test_who_bought_nothing_is_not_trusted(till: Till, ada: Caller) -> None:
    await till.plans.subscriptions.start(ada.payer_id, "api")
    with pytest.raises(InvalidRequest, match="somebody collects"):
        await till.plans.subscriptions.trust(ada.payer_id, 1)
