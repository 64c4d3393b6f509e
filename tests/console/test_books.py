"""What who runs the house sees of the books, and how a charge is corrected."""

from causette.plans.subscriptions import Assignment
from tests.console.conftest import Run


async def test_everybodys_usage_is_named_and_has_its_cost(run: Run) -> None:
    await run.chat(run.bob)
    usage = await run.get("/admin/usage?bucket=day&group_by=user")
    (row,) = usage["items"]
    assert usage["names"] == {row["group"]: run.bob.email}
    assert {"cost_nano", "compute_ns", "energy_uj"} <= row.keys()
    assert (await run.get("/admin/usage?model=nothing"))["items"] == []
    (request,) = (await run.get(f"/admin/requests?user_id={row['group']}"))["items"]
    assert request["model"] == "scripted"


async def test_a_request_has_its_price_and_its_postings(run: Run) -> None:
    request_id = await run.paid_chat(run.bob)
    found = await run.get(f"/admin/requests/{request_id}")
    assert found["request"]["offer"] == "metered"
    assert found["price"]["input"] == 150_000_000
    charged = [posting for posting in found["postings"] if posting["book"] == "charge"]
    assert sum(posting["amount_nano"] for posting in charged) == 0
    assert (await run.ask(run.ada, "GET", "/admin/requests/req_nothing")).status_code == 404


async def test_a_correction_is_a_posting_once_and_leaves_the_charge_as_it_was(run: Run) -> None:
    request_id = await run.paid_chat(run.bob)
    before = await run.get(f"/admin/requests/{request_id}")
    credit = (await run.get("/credit", run.bob))["nano"]
    body = {"usd": "-0.000001", "memo": "The reply was empty", "reference": "ticket-7"}
    for _ in range(2):
        answer = await run.ask(run.ada, "POST", f"/admin/requests/{request_id}/corrections", body)
        assert answer.status_code == 201
    after = answer.json()
    assert after["request"] == before["request"]
    added = after["postings"][len(before["postings"]) :]
    assert {(posting["kind"], posting["memo"]) for posting in added} == {
        ("correction", "The reply was empty")
    }
    assert sorted(posting["amount_nano"] for posting in added) == [-1000, 1000]
    assert (await run.get("/credit", run.bob))["nano"] == credit + 1000
    entries = (await run.get(f"/admin/audit?target_id={run.bob.caller.user.id}"))["items"]
    assert [entry["details"]["request"] for entry in entries if entry["act"] == "request.correct"] == [
        request_id,
        request_id,
    ]
    nothing = await run.ask(run.ada, "POST", f"/admin/requests/{request_id}/corrections", body | {"usd": "0"})
    assert nothing.status_code == 422


async def test_machines_say_what_requests_training_and_idle_time_cost(run: Run) -> None:
    await run.chat(run.bob)
    await run.open.house.door.training.book("try_1", "tuned", 40_000_000_000)
    # What is not billed yet is billed when the meter stops.
    await run.open.house.door.machines.close()
    (machine,) = (await run.get("/admin/machines"))["items"]
    assert machine["bill_nano"] == machine["allocated_nano"] + machine["idle_nano"] > 0
    assert machine["allocated_nano"] == machine["requests_nano"] + machine["training_nano"]
    assert machine["training_nano"] == await run.open.house.door.training.cost_of("tuned") > 0
    assert machine["training_ns"] == 40_000_000_000
    assert machine["training_uj"] > 0


async def test_the_audit_log_goes_back_page_by_page(run: Run) -> None:
    bob = run.bob.caller.user.id
    for role in ("owner", "member", "owner"):
        await run.ask(run.ada, "PATCH", f"/admin/people/{bob}", {"role": role})
    first = await run.get("/admin/audit?limit=2")
    rest = await run.get(f"/admin/audit?limit=2&before={first['next']}")
    roles = [entry["details"]["role"] for entry in first["items"] + rest["items"]]
    assert (roles, rest["next"]) == (["owner", "member", "owner"], None)


async def test_a_change_is_previewed_as_it_would_be_made(run: Run) -> None:
    plans, bob = run.open.house.plans, run.bob.caller.user.id
    await plans.subscriptions.assign(bob, Assignment(plan_id="plus", collection="invoice"))
    dearer = await run.get("/subscription/preview?plan_id=team", run.bob)
    assert (dearer["when"], dearer["seats"], dearer["monthly"]) == ("now", 2, "60.00")
    assert float(dearer["due"]) == round(float(dearer["charge"]) + float(dearer["credit"]), 2)
    await run.ask(run.bob, "PATCH", "/subscription", {"plan_id": "team"})
    invoice = (await run.get("/invoices", run.bob))["items"][0]
    assert invoice["total"] == dearer["due"]
    cheaper = await run.get("/subscription/preview?plan_id=free", run.bob)
    assert (cheaper["when"], cheaper["due"]) == ("period_end", "0.00")
