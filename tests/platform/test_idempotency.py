"""One answer is paid for once, however often its request is sent: by key, or as OpenAI's own client repeats."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.platform.cutting_proxy import cutting_proxy
from tests.platform.shop import CHAT, METERED, TOKEN_NANO, Shop, error_of, open_shop
from tests.waiting import eventually


@pytest_asyncio.fixture
async def shop(tmp_path: Path) -> AsyncGenerator[Shop]:
    async with open_shop(tmp_path, METERED) as shop:
        await shop.credit(shop.ada.caller.payer_id, 10**12)
        yield shop


def named(key: str) -> dict[str, str]:
    return {"idempotency-key": key}


async def charges(shop: Shop) -> list[int]:
    """What each request was charged, in tokens, the oldest first."""
    return [row.charge_nano // TOKEN_NANO for row in await shop.rows()]


async def test_a_request_that_is_sent_again_under_its_key_is_paid_for_once(shop: Shop) -> None:
    for _ in range(3):
        assert (await shop.chat(headers=named("order-1"))).status_code == 200
    assert await charges(shop) == [8, 0, 0]
    assert len({row.root_id for row in await shop.rows()}) == 1


async def test_a_key_that_is_used_for_another_request_is_refused(shop: Shop) -> None:
    await shop.chat(headers=named("order-1"))
    answer = await shop.chat(headers=named("order-1"), max_tokens=51)
    error = error_of(answer, 409)
    assert (error["code"], error["param"]) == ("idempotency_key_reused", "Idempotency-Key")
    # Sending it again would not help.
    assert answer.headers["x-should-retry"] == "false"
    assert await charges(shop) == [8]


async def test_a_key_does_not_buy_answers_without_end(shop: Shop) -> None:
    for _ in range(3):
        await shop.chat(headers=named("order-1"))
    answer = await shop.chat(headers=named("order-1"))
    assert error_of(answer, 409)["code"] == "idempotency_key_spent"
    assert answer.headers["x-should-retry"] == "false"


async def test_one_persons_key_is_nobody_elses(shop: Shop) -> None:
    await shop.chat(headers=named("order-1"))
    shared = await shop.workspace()
    await shop.credit(shared.payer_id, 10**12)
    assert (await shop.chat(await shop.key(shared), headers=named("order-1"))).status_code == 200
    assert await charges(shop) == [8, 8]


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_a_key_that_is_none_is_refused(shop: Shop, key: str) -> None:
    error = error_of(await shop.chat(headers=named(key)), 400)
    assert error["param"] == "Idempotency-Key"
    assert await shop.rows() == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/completions", {"model": "default", "prompt": ["One", "Two"], "max_tokens": 5}),
        ("/v1/embeddings", {"model": "embedding", "input": "Once"}),
    ],
)
async def test_every_way_to_ask_takes_a_key(shop: Shop, path: str, body: dict[str, object]) -> None:
    async def post() -> int:
        answer = await shop.http.post(path, json=body, headers=shop.ada.bearer | named("order-1"))
        return answer.status_code

    assert [await post(), await post()] == [200, 200]
    rows = await shop.rows()
    first, again = rows[: len(rows) // 2], rows[len(rows) // 2 :]
    assert [row.root_id for row in again] == [row.id for row in first]
    assert sum(row.charge_nano for row in first) > 0
    assert sum(row.charge_nano for row in again) == 0


async def test_while_the_first_is_being_answered_the_second_waits(shop: Shop) -> None:
    shop.engine.answer = None
    first = asyncio.create_task(shop.chat(headers=named("order-1")))
    call = await shop.engine.called()
    answer = await shop.chat(headers=named("order-1"))
    assert error_of(answer, 409)["code"] == "idempotency_in_flight"
    assert answer.headers["retry-after"] == "1"
    async with shop.official() as official:
        again = asyncio.create_task(official.chat(extra_headers=named("order-1")))
        await eventually(lambda: official.answered, "the client to be told so")
        shop.engine.answer = "Good"
        call.say("Good")
        call.end()
        assert (await first).status_code == 200
        # It comes back, and gets an answer of its own that costs nothing more.
        assert await again == "Good"
        assert [answer.status_code for answer in official.answered] == [409, 200]
    assert await charges(shop) == [8, 0]


async def test_what_is_asked_twice_on_purpose_is_paid_for_twice(shop: Shop) -> None:
    await shop.chat()
    await shop.chat()
    assert await charges(shop) == [8, 8]


async def test_an_answer_that_is_lost_on_its_way_is_paid_for_once(shop: Shop) -> None:
    """The server has done its work; the connection breaks before the client has it all."""

    def cut_first(connection: int, data: bytes) -> bytes | None:
        return data[: len(data) - 20] if connection == 0 else data

    async with cutting_proxy(shop.url, cut_first) as url, shop.official(url=url) as official:
        assert await official.chat() == "Good morning"
        assert len(official.asked) == 2
    rows = await shop.rows()
    assert [row.outcome for row in rows] == ["completed", "completed"]
    assert [row.list_nano // TOKEN_NANO for row in rows] == [8, 8]
    assert await charges(shop) == [8, 0]


async def test_an_answer_that_is_broken_off_in_the_making_is_paid_for_once(shop: Shop) -> None:
    """The connection breaks while the engine is at work; the client asks again and pays for what is new."""
    shop.engine.answer = None
    async with shop.official(patience=1.0) as official:
        asking = asyncio.create_task(official.chat())
        call = await shop.engine.called()
        call.say("Good", " day")
        # The client has no more patience, and closes its connection.
        await call.closed.wait()
        again = await shop.engine.called()
        again.say("Good", " day", ", ", "Ada")
        again.end()
        assert await asking == "Good day, Ada"
        assert [request.headers["x-stainless-retry-count"] for request in official.asked] == ["0", "1"]
    rows = await shop.rows()
    assert [row.outcome for row in rows] == ["disconnected", "completed"]
    # The engine was left before it said how long the prompt is: two tokens by estimate, and the two that passed. Then
    # seven of a prompt and four of a reply: eleven in all.
    assert await charges(shop) == [4, 7]


async def test_a_stream_that_broke_twice_is_paid_for_once(shop: Shop) -> None:
    """Without any sign that it is a repetition: the same request, soon after one that its sender never got whole."""
    shop.engine.answer = None

    async def read_until_morning() -> None:
        body = CHAT | {"stream": True}
        async with shop.http.stream(
            "POST", "/v1/chat/completions", json=body, headers=shop.ada.bearer
        ) as answer:
            async for line in answer.aiter_lines():
                if "morning" in line:
                    return

    for _ in range(2):
        reading = asyncio.create_task(read_until_morning())
        call = await shop.engine.called()
        call.say("Good", " morning")
        await reading
        await call.closed.wait()
    await eventually(lambda: _settled(shop, 2), "both to be settled")
    # The estimate of the prompt, and two tokens of a reply.
    assert await charges(shop) == [4, 0]


async def _settled(shop: Shop, number: int) -> bool:
    return sum(row.state == "settled" for row in await shop.rows()) == number
