"""What a plan does not include is not offered, and refused by name."""

from pathlib import Path

from httpx2 import Response

from causette.plans.subscriptions import Assignment
from tests.house import Person, open_house

PLANS = """
[plan.plain]
title = { en = "Plain", fr = "Simple" }
models = ["*"]
features = []
weight = 1
included = { everything = true }
"""


async def test_files_and_tools_take_a_plan_that_has_them(tmp_path: Path) -> None:
    (tmp_path / "plans.toml").write_text(PLANS)
    async with open_house(tmp_path) as opened:
        ada, bob = await opened.person("ada"), await opened.person("bob")
        await opened.house.plans.subscriptions.assign(
            bob.caller.payer_id, Assignment(plan_id="plain", collection="invoice")
        )
        post, get = opened.client.post, opened.client.get

        async def offered(person: Person) -> set[str]:
            return {tool["name"] for tool in (await get("/api/tools", headers=person.cookie)).json()["items"]}

        assert {"python", "calculator"} <= await offered(ada)
        assert "calculator" in await offered(bob)
        assert "python" not in await offered(bob)

        asked = {"content": "Hi", "options": {"tools": ["python"]}}
        refused = await post("/api/conversations", json=asked, headers=bob.cookie)
        assert _refused_for(refused, "running code")

        in_force = (await get("/api/subscription", headers=bob.cookie)).json()
        assert in_force["features"] == []
        file = {"params": {"name": "a.txt"}, "content": b"words"}
        refused = await post("/api/files", **file, headers=bob.cookie)
        assert _refused_for(refused, "files")
        assert (await post("/api/files", **file, headers=ada.cookie)).status_code == 201


def _refused_for(answer: Response, what: str) -> bool:
    told = answer.json()
    return (answer.status_code, told["code"]) == (403, "not_in_plan") and f"does not include {what}." in told[
        "detail"
    ]
