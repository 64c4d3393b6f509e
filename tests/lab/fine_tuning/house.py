"""A house as OpenAI's client sees it, and people who pay."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import httpx2
import openai

from causette.plans.subscriptions import Assignment
from tests.house import OpenHouse, Person


@asynccontextmanager
async def client_of(opened: OpenHouse, key: str) -> AsyncGenerator[openai.AsyncOpenAI]:
    """OpenAI's client with somebody's key."""
    async with (
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=opened.app)) as http,
        openai.AsyncOpenAI(
            base_url="http://house/v1", api_key=key, http_client=http, max_retries=0
        ) as client,
    ):
        yield client


async def paying(opened: OpenHouse, name: str, nano: int) -> Person:
    """Somebody on the plan that charges by the token, with a prepaid credit."""
    person = await opened.person(name)
    await opened.house.plans.subscriptions.assign(person.caller.payer_id, Assignment(plan_id="api"))
    opened.house.plans.forget()
    await opened.house.door.ledger.top_up(person.caller.payer_id, nano, "test", f"test {name}")
    return person
