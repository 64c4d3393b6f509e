"""What people see of their own usage and limits."""

from datetime import UTC, datetime, timedelta

from causette.ledger.types import DAY, NANO, Meter
from causette.plans import Budget
from tests.console.conftest import Run


async def test_a_request_is_seen_by_whom_it_was_made_and_by_nobody_else(run: Run) -> None:
    request_id = await run.chat(run.bob)
    usage = await run.get("/usage?bucket=day&group_by=model", run.bob)
    (row,) = usage["items"]
    assert (row["group"], row["requests"], row["input_tokens"], row["charge_nano"]) == ("scripted", 1, 7, 0)
    assert row["start"].endswith("T00:00:00Z")
    assert "cost_nano" not in row
    assert [item["id"] for item in (await run.get("/usage/requests", run.bob))["items"]] == [request_id]
    assert (await run.get("/usage", run.ada))["items"] == []
    assert (await run.get("/usage/requests", run.ada))["items"] == []


async def test_keys_are_named(run: Run) -> None:
    await run.chat(run.bob)
    usage = await run.get("/usage?group_by=key", run.bob)
    assert [usage["names"][row["group"]] for row in usage["items"]] == ["test"]


async def test_a_time_that_cannot_be_is_refused_by_name(run: Run) -> None:
    now = datetime.now(UTC)
    for query, field in (
        ({"from": now, "to": now - timedelta(days=1)}, "to"),
        ({"from": now - timedelta(days=900), "to": now, "bucket": "day"}, "from"),
    ):
        words = "&".join(
            f"{name}={value.isoformat().replace('+00:00', 'Z') if isinstance(value, datetime) else value}"
            for name, value in query.items()
        )
        answer = await run.ask(run.bob, "GET", f"/usage?{words}")
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_limits_say_what_is_used_and_when_it_comes_back(run: Run) -> None:
    before = (await run.get("/usage/limits", run.bob))["items"]
    hours = next(item for item in before if item["per"] == "10800s")
    assert (hours["kind"], hours["meter"], hours["amount"], hours["used"]) == ("plan", "requests", 40, 0)
    # What has not begun has no end.
    assert hours["resets_at"] is None
    await run.chat(run.bob)
    after = (await run.get("/usage/limits", run.bob))["items"]
    hours = next(item for item in after if item["per"] == "10800s")
    assert (hours["used"], hours["held"], hours["remaining"]) == (1, 0, 39)
    left = datetime.fromisoformat(hours["resets_at"]) - datetime.now(UTC)
    assert timedelta(hours=2, minutes=58) < left <= timedelta(hours=3)
    day = next(item for item in after if item["per"] == "day")
    assert (day["meter"], day["used"]) == ("tokens", 8)


async def test_budgets_are_among_the_limits(run: Run) -> None:
    budget = Budget(subject_id=run.bob.caller.user.id, meter=Meter.MONEY, window=DAY, amount=2 * NANO)
    await run.open.house.plans.set_budget(budget)
    found = (await run.get("/usage/limits", run.bob))["items"]
    (capped,) = [item for item in found if item["kind"] == "budget"]
    assert (capped["whose"], capped["amount"], capped["per"]) == ("person", 2 * NANO, "day")


async def test_in_a_workspace_members_see_their_part_and_admins_all(run: Run) -> None:
    accounts = run.open.house.accounts
    workspace = (await accounts.workspaces.create(run.ada.caller, name="Otters")).workspace.id
    invited = await accounts.workspaces.invite(run.ada.caller, workspace, email=run.bob.email, role="member")
    await accounts.workspaces.accept(run.bob.caller, invited.token)
    for person in (run.ada, run.bob):
        acting = await accounts.workspaces.acting(person.caller, workspace)
        key = await accounts.keys.create(acting, name="shared")
        body = {"model": "default", "messages": [{"role": "user", "content": person.email}]}
        answer = await run.open.client.post(
            "/v1/chat/completions", json=body, headers={"authorization": f"Bearer {key.secret}"}
        )
        assert answer.status_code == 200
    seen = {}
    for person in (run.ada, run.bob):
        answer = await run.ask(person, "GET", "/usage", workspace=workspace)
        seen[person.email] = answer.json()["items"][0]["requests"]
    assert seen == {run.ada.email: 2, run.bob.email: 1}
    assert (await run.get("/usage", run.bob))["items"] == []
