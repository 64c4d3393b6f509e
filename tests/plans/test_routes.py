"""The routes of plans as a browser meets them, in a whole house."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from causette.plans.subscriptions import Assignment
from tests.house import OpenHouse, Person, open_house


@pytest_asyncio.fixture
async def house(tmp_path: Path) -> AsyncGenerator[OpenHouse]:
    (tmp_path / "plans.toml").write_text('default_plan = "free"\n')
    async with open_house(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def ada(house: OpenHouse) -> Person:
    return await house.person("ada")


async def ask(
    house: OpenHouse, person: Person, method: str, path: str, body: Any = None, workspace: str | None = None
) -> httpx2.Response:
    headers = person.cookie | ({} if workspace is None else {"x-causette-workspace": workspace})
    return await house.client.request(method, f"/api{path}", json=body, headers=headers)


async def test_the_catalogue_says_prices_now_and_next_and_what_tokens_cost(
    house: OpenHouse, ada: Person
) -> None:
    found = (await ask(house, ada, "GET", "/plans")).json()
    plans = {plan["id"]: plan for plan in found["items"]}
    assert list(plans) == ["free", "plus", "team", "api"]
    plus = plans["plus"]
    assert (plus["monthly"], plus["currency"], plus["next_price"]) == (
        "22.00",
        "USD",
        {"since": "2029-01-01", "monthly": "44.00"},
    )
    assert plans["free"]["limits"][-1] == {"meter": "tokens", "amount": 100_000, "per": "day", "models": []}
    assert found["token_prices"][-1] | {"models": "*", "input": "0.150000000"} == found["token_prices"][-1]
    assert not found["takes_cards"]


async def test_a_subscription_from_its_beginning_to_its_end(house: OpenHouse, ada: Person) -> None:
    before = (await ask(house, ada, "GET", "/subscription")).json()
    assert (before["plan_id"], before["subscription"]) == ("free", None)
    made = await ask(house, ada, "POST", "/subscription", {"plan_id": "api"})
    assert (made.status_code, made.json()["plan_id"]) == (201, "api")
    now = (await ask(house, ada, "GET", "/subscription")).json()
    assert (now["plan_id"], "api_keys" in now["features"]) == ("api", True)
    assert (await ask(house, ada, "POST", "/subscription", {"plan_id": "free"})).json()[
        "code"
    ] == "subscribed"
    dearer = await ask(house, ada, "PATCH", "/subscription", {"plan_id": "plus"})
    assert (dearer.status_code, dearer.json()["code"]) == (409, "payment_required")
    ending = await ask(house, ada, "PATCH", "/subscription", {"cancel_at_period_end": True})
    assert ending.json()["cancel_at_period_end"]
    going_on = await ask(house, ada, "PATCH", "/subscription", {"cancel_at_period_end": False})
    assert not going_on.json()["cancel_at_period_end"]
    assert (await ask(house, ada, "PATCH", "/subscription", {})).status_code == 400
    ended = await ask(house, ada, "DELETE", "/subscription?at_once=true")
    assert ended.json()["status"] == "canceled"
    assert (await ask(house, ada, "GET", "/subscription")).json()["subscription"] is None


async def test_an_invoice_as_data_and_as_a_page(house: OpenHouse, ada: Person) -> None:
    assignment = Assignment(plan_id="team", collection="invoice")
    await house.house.plans.subscriptions.assign(ada.caller.payer_id, assignment)
    (invoice,) = (await ask(house, ada, "GET", "/invoices")).json()["items"]
    assert (invoice["total"], invoice["currency"], invoice["status"]) == ("60.00", "USD", "open")
    assert invoice["lines"] == [{"text": {"en": "Team", "fr": "Équipe"}, "quantity": 2, "amount": "60.00"}]
    assert (await ask(house, ada, "GET", f"/invoices/{invoice['id']}")).json() == invoice
    page = await ask(house, ada, "GET", f"/invoices/{invoice['id']}.html?lang=fr")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert "Équipe" in page.text
    assert (await ask(house, ada, "GET", f"/invoices/{invoice['id']}.html?lang=de")).status_code == 422


async def test_credit_is_shown_to_the_nano_dollar(house: OpenHouse, ada: Person) -> None:
    await house.house.plans.grant_credit(ada.caller.payer_id, 1_500_000_001, "welcome", "welcome")
    assert (await ask(house, ada, "GET", "/credit")).json() == {"usd": "1.500000001", "nano": 1_500_000_001}


async def test_where_nothing_is_sold_by_card_checkouts_say_so(house: OpenHouse, ada: Person) -> None:
    for path, body in (
        ("/subscription/checkout", {"plan_id": "plus"}),
        ("/subscription/portal", None),
        ("/credit/checkout", {"usd": "10.00"}),
    ):
        answer = await ask(house, ada, "POST", path, body)
        assert (answer.status_code, answer.json()["code"]) == (409, "payments_off")
    assert (await ask(house, ada, "POST", "/credit/checkout", {"usd": "ten"})).status_code == 422


@pytest.mark.parametrize("path", ["/subscription", "/invoices"])
async def test_in_a_workspace_only_admins_see_to_money(house: OpenHouse, ada: Person, path: str) -> None:
    bob = await house.person("bob")
    workspaces = house.house.accounts.workspaces
    membership = await workspaces.create(ada.caller, name="Otters")
    workspace = membership.workspace.id
    invited = await workspaces.invite(ada.caller, workspace, email=bob.email, role="member")
    await workspaces.accept(bob.caller, invited.token)
    method, body = ("POST", {"plan_id": "api"}) if path == "/subscription" else ("GET", None)
    theirs = await ask(house, bob, method, path, body, workspace)
    assert (theirs.status_code, theirs.json()["code"]) == (403, "insufficient_role")
    ours = await ask(house, ada, method, path, body, workspace)
    assert ours.status_code in (200, 201)
    # A plan is the workspace's, and nobody's own.
    if path == "/subscription":
        inside = await ask(house, bob, "GET", path, None, workspace)
        assert inside.json()["plan_id"] == "api"
        assert (await ask(house, bob, "GET", path)).json()["plan_id"] == "free"


async def test_a_reply_is_written_under_the_plan_and_refused_where_it_ends(
    house: OpenHouse, ada: Person, tmp_path: Path
) -> None:
    house.engine.answer = "Hello yourself."
    body = {"model": "default", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
    await ask(house, ada, "POST", "/subscription", {"plan_id": "api"})
    broke = await house.client.post("/v1/chat/completions", json=body, headers=ada.bearer)
    assert broke.status_code == 429
    await house.house.plans.grant_credit(ada.caller.payer_id, 10**9, "welcome", "welcome")
    paid = await house.client.post("/v1/chat/completions", json=body, headers=ada.bearer)
    assert paid.status_code == 200
    assert 0 < (await ask(house, ada, "GET", "/credit")).json()["nano"] < 10**9


async def test_what_is_kept_of_a_person_includes_their_plan(house: OpenHouse, ada: Person) -> None:
    await ask(house, ada, "POST", "/subscription", {"plan_id": "api"})
    kept: Any = await house.house.plans.personal_data(ada.caller)
    assert kept["plan"]["subscription"]["plan_id"] == "api"
    assert (kept["plan"]["credit_nano"], kept["plan"]["invoices"]) == (0, [])
