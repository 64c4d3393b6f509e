"""Whose key or session ends while they are answered gets no more of the answer, and pays for what was made."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from causette.accounts import Caller
from tests.platform.shop import CHAT, METERED, Shop, error_of, open_shop
from tests.scripted import Call
from tests.waiting import eventually

#: What ends a key, by the caller who holds it.
End = Callable[[Shop, Caller], Awaitable[object]]


async def revoke(shop: Shop, holder: Caller) -> None:
    assert holder.key_id is not None
    await shop.house.accounts.keys.end(holder.key_id)


async def disable(shop: Shop, holder: Caller) -> None:
    await shop.house.accounts.disable_user(holder.user.id)


async def delete_workspace(shop: Shop, holder: Caller) -> None:
    assert holder.workspace_id is not None
    await shop.house.accounts.workspaces.delete(shop.ada.caller, holder.workspace_id)


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncGenerator[Shop]:
    async with open_shop(tmp_path, METERED) as shop:
        # The test is the model.
        shop.engine.answer = None
        yield shop


async def holder_of(shop: Shop, secret: str) -> Caller:
    caller = await shop.house.accounts.keys.caller(secret)
    assert caller is not None
    return caller


async def two_words(shop: Shop) -> Call:
    """The next call to the engine, which is answered with two words and does not end."""
    call = await shop.engine.called()
    call.say("one", "two")
    return call


@pytest.mark.parametrize("end", [revoke, disable, delete_workspace])
async def test_a_stream_ends_within_two_seconds_of_its_key(shop: Shop, end: End) -> None:
    acting = await shop.workspace() if end is delete_workspace else shop.ada.caller
    await shop.credit(acting.payer_id, 10**9)
    secret = await shop.key(acting)
    asked = shop.http.stream(
        "POST",
        "/v1/chat/completions",
        json=CHAT | {"stream": True},
        headers={"authorization": f"Bearer {secret}"},
    )
    saying = asyncio.create_task(two_words(shop))
    async with asyncio.timeout(10), asked as answer:
        call = await saying
        lines = answer.aiter_lines()
        async for line in lines:
            if '"two"' in line:
                break
        began = asyncio.get_running_loop().time()
        await end(shop, await holder_of(shop, secret))
        *_, last = [line async for line in lines if line]
        assert asyncio.get_running_loop().time() - began < 2
    # The engine does not go on for nobody, and what it made is paid for, and no more.
    assert call.closed.is_set()
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "invalid_api_key"

    async def settled() -> bool:
        return all(row.state == "settled" for row in await shop.rows())

    await eventually(settled, "the request to be settled", seconds=5)
    (row,) = await shop.rows()
    assert (row.outcome, row.output_tokens) == ("disconnected", 2)


async def test_an_answer_that_is_not_streamed_is_refused_when_its_key_ends(shop: Shop) -> None:
    await shop.credit(shop.ada.caller.payer_id, 10**9)
    secret = await shop.key()
    asking = asyncio.create_task(shop.chat(secret))
    call = await shop.engine.called()
    await revoke(shop, await holder_of(shop, secret))
    async with asyncio.timeout(2):
        assert error_of(await asking, 401)["code"] == "invalid_api_key"
    assert call.closed.is_set()


async def test_a_stream_goes_on_when_another_key_ends(shop: Shop) -> None:
    await shop.credit(shop.ada.caller.payer_id, 10**9)
    asking = asyncio.create_task(shop.chat(await shop.key()))
    call = await shop.engine.called()
    await revoke(shop, await holder_of(shop, await shop.key()))
    # Longer than it takes to look twice.
    await asyncio.sleep(0.8)
    call.say("Good morning")
    call.end()
    assert (await asking).json()["choices"][0]["message"]["content"] == "Good morning"


async def test_the_events_of_a_reply_end_within_two_seconds_of_the_session(shop: Shop) -> None:
    ada = shop.ada
    await shop.credit(ada.caller.payer_id, 10**9)
    begun = await shop.http.post("/api/conversations", json={"content": "Hello"}, headers=ada.cookie)
    generation = begun.json()["generation"]["id"]
    call = await shop.engine.called()
    call.say("one")
    asked = shop.http.stream("GET", f"/api/generations/{generation}/events", headers=ada.cookie)
    async with asyncio.timeout(10), asked as answer:
        lines = answer.aiter_lines()
        async for line in lines:
            if "one" in line:
                break
        began = asyncio.get_running_loop().time()
        assert ada.caller.session_id is not None
        await shop.house.accounts.revoke_session(ada.caller, ada.caller.session_id)
        rest = [line async for line in lines]
        assert asyncio.get_running_loop().time() - began < 2
    assert not any("event: end" in line for line in rest)
    call.end()
