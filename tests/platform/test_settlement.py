"""What is paid for is what was made: a real engine, a client that stays or leaves, and the books afterwards."""

import asyncio
import json
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
import sqlalchemy as sa

from causette.db import Database
from causette.ledger.prices import Price
from causette.ledger.tables import requests
from tests.platform.shop import error_of
from tests.server import Server, StartServer
from tests.waiting import eventually

#: Everything is paid for, each kind of token at another price, from what the plan includes.
PLANS = """
default_plan = "priced"

[plan.priced]
models = ["*"]
features = ["*"]
weight = 1
included = { usd = "100.00" }

[models."*"]
input = "1.00"
cached_input = "0.50"
output = "2.00"
"""
PRICE = Price(input=1_000_000_000, cached_input=500_000_000, output=2_000_000_000, reasoning=2_000_000_000)
#: More than is written before anybody notices that its reader has left.
LONG: dict[str, Any] = {
    "model": "default",
    "messages": [{"role": "user", "content": "Tell me everything."}],
    "max_tokens": 4000,
    "ignore_eos": True,
    "temperature": 0,
}


@pytest.fixture
def priced(start_server: StartServer, tmp_path: Path) -> Server:
    """A server that sells by the token."""
    data = tmp_path / "house" / "data"
    data.mkdir(parents=True)
    (data / "plans.toml").write_text(PLANS)
    return start_server(data=data)


@pytest_asyncio.fixture
async def http(priced: Server) -> AsyncGenerator[httpx2.AsyncClient]:
    bearer = {"authorization": f"Bearer {priced.key}"}
    async with httpx2.AsyncClient(base_url=priced.url, headers=bearer, timeout=60) as client:
        yield client


async def rows(server: Server) -> Sequence[sa.Row[tuple[object, ...]]]:
    """The requests in the server's books, the oldest first."""
    url = f"sqlite:///{server.data / 'causette.sqlite3'}"
    async with Database.from_url(url) as database, database.read() as connection:
        found = await connection.execute(sa.select(requests).order_by(requests.c.created_at, requests.c.id))
        return found.all()


async def settled(server: Server, number: int) -> Sequence[sa.Row[tuple[object, ...]]]:
    """So many requests, once all of them have ended."""

    async def ended() -> Sequence[sa.Row[tuple[object, ...]]] | None:
        found = await rows(server)
        return found if len(found) == number and all(row.state != "held" for row in found) else None

    found = await eventually(ended, f"{number} requests to end", seconds=20)
    assert found is not None
    return found


def worth(row: sa.Row[tuple[object, ...]]) -> int:
    """What the tokens of a row cost."""
    millionths = (
        (row.input_tokens - row.cached_tokens) * PRICE.input
        + row.cached_tokens * PRICE.cached_input
        + row.output_tokens * PRICE.output
    )
    return -(-millionths // 1_000_000)


async def pieces_read(http: httpx2.AsyncClient, number: int) -> int:
    """Read so many pieces of a long reply, then leave; how many there were."""
    read = 0
    async with http.stream("POST", "/v1/chat/completions", json=LONG | {"stream": True}) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: {") and json.loads(line[6:])["choices"][0]["delta"].get("content"):
                read += 1
            if read == number:
                break
    return read


async def test_who_leaves_pays_for_what_was_made_until_then(priced: Server, http: httpx2.AsyncClient) -> None:
    assert await pieces_read(http, 1) == 1
    await settled(priced, 1)
    assert await pieces_read(http, 20) == 20
    short, long = await settled(priced, 2)
    for row, least in ((short, 1), (long, 20)):
        assert (row.state, row.outcome, row.usage_source) == ("settled", "disconnected", "record")
        # A few more than were read: some were made, or on their way, when the connection ended.
        assert least <= row.output_tokens < 400
        assert row.input_tokens > 0
        assert row.compute_ns > 0
        assert row.list_nano == worth(row)
    # The same request again, which its sender had not got whole, pays only what is new.
    assert long.root_id == short.id
    assert short.charge_nano + long.charge_nano == max(short.list_nano, long.list_nano)


async def test_who_leaves_a_whole_answer_pays_for_what_was_made(
    priced: Server, http: httpx2.AsyncClient
) -> None:
    asking = asyncio.create_task(http.post("/v1/chat/completions", json=LONG))

    async def working() -> bool:
        metrics = (await http.get("/metrics")).text
        return 'state="running"} 1.0' in metrics

    await eventually(working, "the engine to work", seconds=20)
    asking.cancel()
    (row,) = await settled(priced, 1)
    assert (row.outcome, row.usage_source) == ("disconnected", "record")
    assert row.output_tokens < 4000
    assert row.charge_nano == row.list_nano == worth(row) > 0


async def test_what_is_reported_is_what_is_charged_with_cached_tokens_inside(
    priced: Server, http: httpx2.AsyncClient
) -> None:
    body = LONG | {"max_tokens": 12, "messages": [{"role": "user", "content": "Word " * 300}]}
    reported = []
    for changes in ({}, {"stream": True, "stream_options": {"include_usage": True}}):
        answer = await http.post("/v1/chat/completions", json=body | changes)
        assert answer.status_code == 200
        last = answer.text.strip().split("\n\n")[-2].removeprefix("data: ") if changes else answer.text
        reported.append(json.loads(last)["usage"])
    refused = await http.post("/v1/chat/completions", json=body | {"temperature": 3})
    error_of(refused, 400)
    found = await settled(priced, 2)
    for row, usage in zip(found, reported, strict=True):
        assert (row.outcome, row.usage_source) == ("completed", "engine")
        assert row.input_tokens == usage["prompt_tokens"]
        assert row.output_tokens == usage["completion_tokens"] == 12
        assert row.cached_tokens == usage["prompt_tokens_details"]["cached_tokens"]
        assert row.charge_nano == row.list_nano == worth(row)
    first, again = found
    # The second time, most of the prompt is in the cache, and is paid for at its own price, once.
    assert first.cached_tokens == 0 < again.cached_tokens < again.input_tokens == first.input_tokens
    assert again.charge_nano < first.charge_nano
