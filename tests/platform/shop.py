"""A house with plans of the test's own, behind a real server in the test's process."""

import asyncio
from collections.abc import AsyncGenerator, Generator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import openai
import sqlalchemy as sa
import uvicorn
from fastapi import FastAPI

from causette.accounts import Caller
from causette.accounts.types import KeyLimits
from causette.house import House
from causette.ledger.tables import requests
from tests.house import Person, open_house
from tests.scripted import ScriptedEngine

CHAT: dict[str, Any] = {
    "model": "default",
    "messages": [{"role": "user", "content": "Hello"}],
    "max_tokens": 50,
}

#: A million tokens of either kind cost so much that a token costs 1,000 nano-dollars.
TOKEN_NANO = 1000
#: Every token is paid for, from credit.
METERED = """
default_plan = "metered"

[plan.metered]
models = ["*"]
features = ["*"]
weight = 1
overage = "charge"

[models.scripted]
input = "1.00"
output = "1.00"
"""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Generator[None]:
        # They are the tests'.
        yield


@asynccontextmanager
async def served(app: FastAPI) -> AsyncGenerator[str]:
    """``app`` on a port of its own, in this event loop; its URL."""
    server = _Server(
        uvicorn.Config(app, port=0, lifespan="off", log_config=None, timeout_graceful_shutdown=1)
    )
    serving = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        port = server.servers[0].sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await serving


@dataclass(frozen=True, slots=True, kw_only=True)
class Shop:
    """An open house with its engine, and ``ada``, who has an account in it."""

    house: House
    engine: ScriptedEngine
    url: str
    http: httpx2.AsyncClient
    ada: Person

    async def key(self, caller: Caller | None = None, **limits: int) -> str:
        """A key of the caller's, by default Ada's, with these limits."""
        made = await self.house.accounts.keys.create(
            caller or self.ada.caller, name="test", limits=KeyLimits(**limits)
        )
        return made.secret

    async def chat(
        self, key: str | None = None, *, headers: dict[str, str] | None = None, **changes: object
    ) -> httpx2.Response:
        """The answer to a chat completion."""
        bearer = {"authorization": f"Bearer {key or self.ada.key}"}
        return await self.http.post(
            "/v1/chat/completions", json=CHAT | changes, headers=bearer | (headers or {})
        )

    async def workspace(self, person: Person | None = None) -> Caller:
        """Somebody, by default Ada, acting for a workspace of theirs."""
        caller = (person or self.ada).caller
        made = await self.house.accounts.workspaces.create(caller, name="Engines")
        return await self.house.accounts.workspaces.acting(caller, made.workspace.id)

    async def credit(self, payer_id: str, nano: int) -> None:
        """Give somebody credit."""
        await self.house.plans.grant_credit(payer_id, nano, "test", f"test {payer_id} {nano}")

    async def rows(self) -> Sequence[sa.Row[tuple[object, ...]]]:
        """The requests in the books, the oldest first."""
        async with self.house.database.read() as connection:
            found = await connection.execute(
                sa.select(requests).order_by(requests.c.created_at, requests.c.id)
            )
            return found.all()

    @asynccontextmanager
    async def official(
        self, key: str | None = None, *, url: str | None = None, patience: float = 20
    ) -> AsyncGenerator["Official"]:
        """OpenAI's own client, which sends again what it thinks may succeed. ``patience`` is its timeout in seconds."""
        asked: list[httpx2.Request] = []
        answered: list[httpx2.Response] = []

        async def note_request(request: httpx2.Request) -> None:
            asked.append(request)

        async def note_answer(answer: httpx2.Response) -> None:
            answered.append(answer)

        async with (
            httpx2.AsyncClient(event_hooks={"request": [note_request], "response": [note_answer]}) as http,
            openai.AsyncOpenAI(
                base_url=f"{url or self.url}/v1",
                api_key=key or self.ada.key,
                http_client=http,
                timeout=patience,
            ) as client,
        ):
            yield Official(client=client, asked=asked, answered=answered)


@dataclass(frozen=True, slots=True, kw_only=True)
class Official:
    """OpenAI's client, and what went over the wire for it."""

    client: openai.AsyncOpenAI
    asked: list[httpx2.Request]
    answered: list[httpx2.Response]

    async def chat(self, **changes: Any) -> str | None:
        """The text of the reply to a chat completion."""
        answer = await self.client.chat.completions.create(**CHAT | changes)
        return answer.choices[0].message.content


@asynccontextmanager
async def open_shop(folder: Path, plans: str = "", **settings: object) -> AsyncGenerator[Shop]:
    """A shop in ``folder`` that sells what ``plans`` say."""
    (folder / "plans.toml").write_text(plans)
    async with (
        open_house(folder, **settings) as opened,
        served(opened.app) as url,
        httpx2.AsyncClient(base_url=url, timeout=20) as http,
    ):
        opened.engine.answer = "Good morning"
        yield Shop(
            house=opened.house, engine=opened.engine, url=url, http=http, ada=await opened.person("ada")
        )


def error_of(answer: httpx2.Response, status: int) -> dict[str, str]:
    """The error of an answer that must have this status."""
    assert answer.status_code == status, answer.text
    return answer.json()["error"]


def limits_in(answer: httpx2.Response) -> dict[str, str]:
    """The rate-limit headers of an answer, without what is common to their names."""
    return {
        name.removeprefix("x-ratelimit-"): value
        for name, value in answer.headers.items()
        if name.startswith("x-ratelimit-")
    }
