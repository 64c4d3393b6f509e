"""What a caller may do, and in which order a request may be paid for."""

from datetime import UTC, datetime

import pytest

from causette.accounts import ApiKey
from causette.accounts.types import Caller, KeyLimits
from causette.errors import Forbidden, InvalidRequest, Unavailable
from causette.ids import new_id
from causette.ledger.prices import FREE
from causette.ledger.types import CREDIT, DAY, MINUTE, MONTH, TOTAL, Limit, Meter, Window
from causette.plans import Budget, Feature, Plans
from causette.plans.subscriptions import Assignment
from tests.plans.conftest import Shop, a_caller, ada_lovelace

PAID = """
default_plan = "{}"
unpaid_plan = "house"

[plan.tokens]
models = ["*"]
weight = 1
included = {{ tokens = 1000 }}
limits = [{{ requests = 5, per = "3h" }}]
rpm = 2
overage = "charge"
seats = {{ max = 9 }}

[plan.dollars]
models = ["good-*", "default"]
weight = 1
included = {{ usd = "1.50" }}
limits = [{{ requests = 5, per = "3h", models = ["good-big"] }}]
"""


def under(shop: Shop, plan: str) -> Plans:
    """The shop's plans with another file, of which ``plan`` is the default."""
    shop.file.write_text(PAID.format(plan))
    return Plans(shop.database, shop.ledger, ada_lovelace, owner_file=shop.file, now=shop.clock)


async def test_who_subscribes_to_nothing_has_the_default_plan(shop: Shop, ada: Caller) -> None:
    granted = await shop.plans.entitlements(ada)
    assert (granted.plan_id, granted.weight, granted.concurrency, granted.context) == ("free", 1, 1, 8192)
    assert Feature.FILES in granted.features
    granted.require(Feature.FILES)
    with pytest.raises(Forbidden, match="does not include API keys") as refused:
        granted.require(Feature.API_KEYS)
    assert (refused.value.code, refused.value.param) == ("not_in_plan", "api_keys")


async def test_a_house_that_sells_nothing_limits_nothing(shop: Shop, ada: Caller) -> None:
    granted = await under(shop, "house").entitlements(ada)
    (offer,) = granted.offers("anything", ada)
    assert (offer.name, offer.price, offer.limits) == ("included", FREE, ())
    assert (granted.concurrency, granted.context, granted.max_output) == (None, None, None)


async def test_included_tokens_come_first_and_then_credit_at_the_token_price(shop: Shop, ada: Caller) -> None:
    granted = await under(shop, "tokens").entitlements(ada)
    payer = f"payer:{ada.user.id}"
    rate = Limit(payer, Meter.REQUESTS, MINUTE, 2)
    messages = Limit(payer, Meter.REQUESTS, Window("rolling", 10_800), 5)
    included, overage = granted.offers("default", ada)
    assert (included.name, included.price) == ("included", FREE)
    assert included.limits == (rate, messages, Limit(f"{payer}/included", Meter.TOKENS, MONTH, 1000))
    assert overage.name == "overage"
    assert overage.price.input == 150_000_000
    # The rate holds for everybody; the messages were those that the monthly price contains.
    assert overage.limits == (rate, Limit(payer, Meter.MONEY, CREDIT, 0))


async def test_included_dollars_are_spent_at_the_token_price(shop: Shop, ada: Caller) -> None:
    granted = await under(shop, "dollars").entitlements(ada)
    (offer,) = granted.offers("good-small", ada)
    assert offer.price.output == 600_000_000
    assert offer.limits == (Limit(f"payer:{ada.user.id}/included", Meter.MONEY, MONTH, 1_500_000_000),)


async def test_a_limit_for_some_models_counts_each_of_them_alone(shop: Shop, ada: Caller) -> None:
    granted = await under(shop, "dollars").entitlements(ada)
    (offer,) = granted.offers("good-big", ada)
    assert offer.limits[0].scope == f"payer:{ada.user.id}/model:good-big"


async def test_a_model_outside_the_plan_is_refused_by_name_and_allowed_by_an_alias(
    shop: Shop, ada: Caller
) -> None:
    granted = await under(shop, "dollars").entitlements(ada)
    with pytest.raises(Forbidden, match="'bad-one'") as refused:
        granted.offers("bad-one", ada)
    assert (refused.value.code, refused.value.param) == ("model_not_in_plan", "model")
    assert granted.offers("bad-one", ada, aliases=("default",))


async def test_pay_as_you_go_is_paid_from_credit_alone(shop: Shop, ada: Caller) -> None:
    await shop.plans.subscriptions.assign(ada.payer_id, Assignment(plan_id="api"))
    (offer,) = (await shop.plans.entitlements(ada)).offers("default", ada)
    assert offer.name == "metered"
    assert offer.limits[-1] == Limit(f"payer:{ada.user.id}", Meter.MONEY, CREDIT, 0)


async def test_who_pays_by_invoice_may_owe(shop: Shop, ada: Caller) -> None:
    assignment = Assignment(plan_id="api", collection="invoice", postpaid_nano=7)
    await shop.plans.subscriptions.assign(ada.payer_id, assignment)
    (offer,) = (await shop.plans.entitlements(ada)).offers("default", ada)
    assert offer.limits[-1].amount == 7


async def test_a_model_without_a_price_is_refused_by_name_where_it_would_be_charged_for(
    shop: Shop, ada: Caller
) -> None:
    plans = under(shop, "tokens")
    granted = await plans.entitlements(ada)
    unpriced = type(granted)(
        plan_id=granted.plan_id,
        payer_id=granted.payer_id,
        weight=1,
        models=("*",),
        features=frozenset(),
        concurrency=None,
        context=None,
        max_output=None,
        overage="charge",
        price_of=lambda *names: None,
    )
    with pytest.raises(Unavailable, match="'mystery' has no price") as refused:
        unpriced.offers("mystery", ada)
    assert (refused.value.code, refused.value.param) == ("price_missing", "model")


async def test_seats_multiply_what_a_plan_gives(shop: Shop, ada: Caller) -> None:
    plans = under(shop, "house")
    await plans.subscriptions.assign(ada.payer_id, Assignment(plan_id="tokens", seats=3))
    (rate, messages, tokens), _ = (
        offer.limits for offer in (await plans.entitlements(ada)).offers("default", ada)
    )
    assert (rate.amount, messages.amount, tokens.amount) == (6, 15, 3000)


async def test_a_keys_own_limits_are_kept(shop: Shop, ada: Caller) -> None:
    limits = KeyLimits(rpm=1, tpm=2, day_nano=3, month_nano=4, total_nano=5)
    key = ApiKey(
        id=new_id("key"),
        maker_id=ada.user.id,
        workspace_id=None,
        name="test",
        hint="abcd",
        scopes=frozenset(),
        limits=limits,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        last_used_at=None,
        expires_at=None,
        revoked_at=None,
    )
    caller = Caller(user=ada.user, key_id=key.id, key=key)
    (offer,) = (await under(shop, "house").entitlements(caller)).offers("default", caller)
    scope = f"key:{key.id}"
    assert offer.limits == (
        Limit(scope, Meter.REQUESTS, MINUTE, 1),
        Limit(scope, Meter.TOKENS, MINUTE, 2),
        Limit(scope, Meter.MONEY, DAY, 3),
        Limit(scope, Meter.MONEY, MONTH, 4),
        Limit(scope, Meter.MONEY, TOTAL, 5),
    )


async def test_a_workspaces_subscription_is_for_who_acts_for_it(shop: Shop) -> None:
    workspace = new_id("ws")
    await shop.plans.subscriptions.assign(workspace, Assignment(plan_id="team", seats=2))
    inside = a_caller("ada", workspace_id=workspace)
    assert (await shop.plans.entitlements(inside)).plan_id == "team"
    assert (await shop.plans.entitlements(Caller(user=inside.user))).plan_id == "free"


async def test_budgets_of_people_workspaces_and_people_in_workspaces(shop: Shop) -> None:
    workspace, other = new_id("ws"), new_id("ws")
    caller = a_caller("ada", workspace_id=workspace)
    ada = caller.user.id
    for budget in (
        Budget(subject_id=ada, meter=Meter.TOKENS, window=DAY, amount=9),
        Budget(subject_id=ada, meter=Meter.TOKENS, window=DAY, amount=10),
        Budget(subject_id=ada, meter=Meter.MONEY, window=MONTH, amount=20, workspace_id=workspace),
        Budget(subject_id=ada, meter=Meter.MONEY, window=MONTH, amount=21, workspace_id=other),
        Budget(subject_id=workspace, meter=Meter.MONEY, window=MONTH, amount=30),
        Budget(subject_id=new_id("user"), meter=Meter.MONEY, window=MONTH, amount=40),
    ):
        await shop.plans.set_budget(budget)
    (offer,) = (await shop.plans.entitlements(caller)).offers("default", caller)
    assert {
        (limit.scope, limit.amount) for limit in offer.limits if not limit.scope.startswith("payer:")
    } == {
        (f"user:{ada}", 10),
        (f"workspace:{workspace}/user:{ada}", 20),
        (f"workspace:{workspace}", 30),
    }
    await shop.plans.lift_budget(Budget(subject_id=ada, meter=Meter.TOKENS, window=DAY, amount=0))
    assert len(await shop.plans.budgets(ada)) == 2


async def test_a_rolling_budget_comes_back_as_it_was_set(shop: Shop, ada: Caller) -> None:
    budget = Budget(subject_id=ada.user.id, meter=Meter.REQUESTS, window=Window("rolling", 90), amount=1)
    await shop.plans.set_budget(budget)
    assert await shop.plans.budgets(ada.user.id) == (budget,)


async def test_a_budget_that_cannot_be_is_refused(shop: Shop, ada: Caller) -> None:
    for window, amount in ((DAY, -1), (CREDIT, 1)):
        with pytest.raises(InvalidRequest):
            await shop.plans.set_budget(
                Budget(subject_id=ada.user.id, meter=Meter.MONEY, window=window, amount=amount)
            )


async def test_credit_is_granted_once_for_a_reference(shop: Shop, ada: Caller) -> None:
    for _ in range(2):
        await shop.plans.grant_credit(ada.payer_id, 5, "welcome", "welcome:ada")
    await shop.plans.grant_credit(ada.payer_id, 2, "sorry", "sorry:ada")
    assert await shop.plans.credit(ada.payer_id) == 7
    with pytest.raises(InvalidRequest, match="more than zero"):
        await shop.plans.grant_credit(ada.payer_id, 0, "nothing", "nothing")


async def test_another_process_sees_a_change_within_two_seconds(
    shop: Shop, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = [100.0]
    monkeypatch.setattr("causette.plans.service.monotonic", lambda: ticks[0])
    elsewhere = Plans(shop.database, shop.ledger, ada_lovelace, owner_file=shop.file, now=shop.clock)
    assert (await elsewhere.entitlements(ada)).plan_id == "free"
    await shop.plans.subscriptions.assign(ada.payer_id, Assignment(plan_id="plus"))
    assert (await elsewhere.entitlements(ada)).plan_id == "free"
    assert (await shop.plans.entitlements(ada)).plan_id == "plus"
    ticks[0] += 2.0
    assert (await elsewhere.entitlements(ada)).plan_id == "plus"
