"""What who runs the house does with people, keys, plans, budgets, credit and invoices."""

from typing import Any

from causette.plans.subscriptions import Assignment
from tests.console.conftest import Run


async def acts(run: Run, target_id: str) -> list[tuple[str, str]]:
    found = (await run.get(f"/admin/audit?target_id={target_id}"))["items"]
    return [(entry["act"], entry["outcome"]) for entry in found]


async def test_people_are_found_page_by_page(run: Run) -> None:
    first = await run.get("/admin/people?limit=1")
    assert ([item["email"] for item in first["items"]], first["items"][0]["plan_id"]) == (
        ["ada@example.org"],
        "free",
    )
    second = await run.get(f"/admin/people?limit=1&after={first['next']}")
    assert ([item["email"] for item in second["items"]], second["next"]) == (["bob@example.org"], None)
    assert [item["name"] for item in (await run.get("/admin/people?q=BOB"))["items"]] == ["Bob"]


async def test_somebody_disabled_is_out_at_once_and_in_again(run: Run) -> None:
    bob = run.bob.caller.user.id
    out = await run.ask(run.ada, "PATCH", f"/admin/people/{bob}", {"disabled": True})
    assert out.json()["person"]["disabled_at"] is not None
    assert (await run.ask(run.bob, "GET", "/session")).status_code == 401
    back = await run.ask(run.ada, "PATCH", f"/admin/people/{bob}", {"disabled": False})
    assert back.json()["person"]["disabled_at"] is None
    assert await acts(run, bob) == [("account.enable", "done"), ("account.disable", "done")]


async def test_the_last_one_who_runs_the_house_stays_and_the_attempt_is_on_record(run: Run) -> None:
    ada = run.ada.caller.user.id
    answer = await run.ask(run.ada, "PATCH", f"/admin/people/{ada}", {"role": "member"})
    assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    (entry,) = (await run.get(f"/admin/audit?target_id={ada}"))["items"]
    assert (entry["outcome"], entry["refusal"], entry["actor"]) == ("refused", "last_owner", run.ada.email)
    assert entry["details"] == {"role": "member"}


async def test_who_was_made_owner_may_and_who_is_no_longer_may_not(run: Run) -> None:
    bob = run.bob.caller.user.id
    for role, status in (("owner", 200), ("member", 403)):
        await run.ask(run.ada, "PATCH", f"/admin/people/{bob}", {"role": role})
        assert (await run.ask(run.bob, "GET", "/admin/people")).status_code == status


async def test_signing_somebody_out_ends_their_sessions_alone(run: Run) -> None:
    bob = run.bob.caller.user.id
    assert (await run.ask(run.ada, "DELETE", f"/admin/people/{bob}/sessions")).status_code == 204
    assert (await run.ask(run.bob, "GET", "/session")).status_code == 401
    assert (await run.ask(run.ada, "GET", "/session")).status_code == 200
    assert (await run.ask(run.ada, "DELETE", "/admin/people/user_x/sessions")).status_code == 404


async def test_anybodys_key_can_be_ended(run: Run) -> None:
    (key,) = (await run.get("/admin/keys?q=bob@"))["items"]
    assert (key["maker_email"], key["revoked_at"], "secret" in key) == (run.bob.email, None, False)
    assert (await run.ask(run.ada, "DELETE", f"/admin/keys/{key['id']}")).status_code == 204
    models = await run.open.client.get("/v1/models", headers=run.bob.bearer)
    assert models.status_code == 401
    assert await acts(run, key["id"]) == [("key.revoke", "done")]
    first = await run.get("/admin/keys?limit=1")
    second = await run.get(f"/admin/keys?limit=1&before={first['next']}")
    assert {first["items"][0]["maker_email"], second["items"][0]["maker_email"]} == {
        run.ada.email,
        run.bob.email,
    }
    assert second["next"] is None


async def test_a_plan_is_given_invoiced_paid_and_ended(run: Run) -> None:
    bob = run.bob.caller.user.id
    given = await run.ask(
        run.ada, "PUT", f"/admin/accounts/{bob}/plan", {"plan_id": "plus", "collection": "invoice"}
    )
    assert given.json()["plan_id"] == "plus"
    account = await run.get(f"/admin/accounts/{bob}")
    (invoice,) = account["invoices"]
    assert (account["plan_id"], invoice["status"]) == ("plus", "open")
    paid = await run.ask(run.ada, "PATCH", f"/admin/invoices/{invoice['id']}", {"status": "paid"})
    assert paid.json()["status"] == "paid"
    void = await run.ask(run.ada, "PATCH", f"/admin/invoices/{invoice['id']}", {"status": "void"})
    assert void.status_code == 409
    ended = await run.ask(run.ada, "DELETE", f"/admin/accounts/{bob}/plan?at_once=true")
    assert ended.json()["status"] == "canceled"
    assert [act for act, outcome in await acts(run, bob) if outcome == "done"] == [
        "plan.end",
        "invoice.paid",
        "plan.assign",
    ]
    nothing = await run.ask(run.ada, "PUT", f"/admin/accounts/{bob}/plan", {"plan_id": "gold"})
    assert (nothing.status_code, nothing.json()["code"]) == (404, "plan_not_found")


async def test_budgets_are_set_and_lifted(run: Run) -> None:
    bob = run.bob.caller.user.id
    path = f"/admin/accounts/{bob}/budgets"
    body: dict[str, Any] = {"meter": "money", "window": "month", "amount": "2.50"}
    assert (await run.ask(run.ada, "PUT", path, body)).status_code == 204
    account = await run.get(f"/admin/accounts/{bob}")
    assert account["budgets"] == [
        {"meter": "money", "window": "month", "amount": 2_500_000_000, "workspace_id": None}
    ]
    wrong = await run.ask(run.ada, "PUT", path, body | {"meter": "tokens"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "amount")
    assert (await run.ask(run.ada, "DELETE", f"{path}?meter=money&window=month")).status_code == 204
    assert (await run.get(f"/admin/accounts/{bob}"))["budgets"] == []


async def test_credit_with_one_reference_is_given_once(run: Run) -> None:
    bob = run.bob.caller.user.id
    body = {"usd": "5", "memo": "For the outage", "reference": "click-1"}
    for _ in range(2):
        answer = await run.ask(run.ada, "POST", f"/admin/accounts/{bob}/credit", body)
        assert answer.json() == {"credit_nano": 5_000_000_000}
    negative = await run.ask(
        run.ada, "POST", f"/admin/accounts/{bob}/credit", body | {"usd": "-5", "reference": "click-2"}
    )
    assert negative.status_code == 422
    assert (await run.get("/credit", run.bob))["nano"] == 5_000_000_000


async def test_a_workspace_has_an_account_too(run: Run) -> None:
    made = await run.open.house.accounts.workspaces.create(run.bob.caller, name="Otters")
    workspace = made.workspace.id
    (shared,) = (await run.get("/admin/workspaces?q=otter"))["items"]
    assert (shared["name"], shared["members"], shared["plan_id"]) == ("Otters", 1, "free")
    await run.ask(run.ada, "PUT", f"/admin/accounts/{workspace}/plan", {"plan_id": "team", "seats": 3})
    account = await run.get(f"/admin/accounts/{workspace}")
    assert (account["person"], account["plan_id"], account["members"][0]["email"]) == (
        None,
        "team",
        run.bob.email,
    )
    assert next(item for item in account["limits"] if item["per"] == "10800s")["amount"] == 3 * 320
    assert (await run.ask(run.ada, "GET", "/admin/accounts/ws_nobody")).status_code == 404


async def test_the_catalogue_says_what_is_wrong_with_the_owners_file(run: Run) -> None:
    await run.open.house.plans.subscriptions.assign(run.bob.caller.user.id, Assignment(plan_id="plus"))
    good = await run.get("/admin/plans")
    plans = {plan["id"]: plan for plan in good["items"]}
    assert (good["default_plan"], good["problems"], good["file_exists"]) == ("free", [], True)
    assert (plans["plus"]["subscribers"], plans["plus"]["weight"], plans["house"]["listed"]) == (1, 8, False)
    (run.folder / "plans.toml").write_text('default_plan = "free"\n[plan.plus]\nweight = "much"\n')
    broken = await run.get("/admin/plans")
    assert [(item["line"], item["field"]) for item in broken["problems"]] == [(3, "plan.plus.weight")]
    assert {plan["id"]: plan for plan in broken["items"]}["plus"]["weight"] == 8
