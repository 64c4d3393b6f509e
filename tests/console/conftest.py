"""A whole house with somebody who runs it, and somebody who only uses it."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest_asyncio

from causette.plans.subscriptions import Assignment
from tests.house import OpenHouse, Person, open_house


@dataclass(frozen=True)
class Run:
    """The house, Ada who runs it, and Bob who uses it."""

    open: OpenHouse
    ada: Person
    bob: Person
    folder: Path

    async def ask(
        self, person: Person, method: str, path: str, body: Any = None, workspace: str | None = None
    ) -> httpx2.Response:
        headers = person.cookie | ({} if workspace is None else {"x-causette-workspace": workspace})
        return await self.open.client.request(method, f"/api{path}", json=body, headers=headers)

    async def get(self, path: str, person: Person | None = None) -> Any:
        answer = await self.ask(person or self.ada, "GET", path)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def chat(self, person: Person) -> str:
        """A request of a person's with their key; its id in the books."""
        body = {"model": "default", "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5}
        answer = await self.open.client.post("/v1/chat/completions", json=body, headers=person.bearer)
        assert answer.status_code == 200, answer.text
        return (await self.get("/usage/requests", person))["items"][0]["id"]

    async def paid_chat(self, person: Person) -> str:
        """The same, paid for by the token from credit."""
        payer_id = person.caller.payer_id
        await self.open.house.plans.subscriptions.assign(payer_id, Assignment(plan_id="api"))
        await self.open.house.plans.grant_credit(payer_id, 10**9, "welcome", "welcome")
        return await self.chat(person)


@pytest_asyncio.fixture
async def run(tmp_path: Path) -> AsyncGenerator[Run]:
    (tmp_path / "plans.toml").write_text(
        'default_plan = "free"\n[plan.free]\nfeatures = ["api_keys", "workspaces"]\n'
    )
    async with open_house(tmp_path) as opened:
        opened.engine.answer = "Hello yourself."
        ada, bob = await opened.person("ada"), await opened.person("bob")
        await opened.house.accounts.set_role(ada.caller.user.id, "owner")
        yield Run(opened, ada, bob, tmp_path)
