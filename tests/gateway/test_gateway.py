"""What the one door observes, and what it lets through."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
import sqlalchemy as sa
from sqlalchemy import Row

from causette.accounts.types import Caller, User
from causette.clock import utc_now
from causette.db import Database
from causette.door import Door
from causette.engines.types import (
    ChatMessage,
    Completed,
    Compute,
    Delta,
    EmbedRequest,
    GenerateRequest,
    Sampling,
    Usage,
)
from causette.errors import Forbidden, InvalidRequest, NotFound, Unavailable
from causette.gateway import Deployment, Deployments
from causette.gateway.admission import Origin
from causette.gateway.service import Admitted, Begun, Item, Queued
from causette.ids import new_id
from causette.ledger.tables import requests
from causette.observability import Metrics
from tests.doors import open_door
from tests.gateway.scripted import ScriptedEngine
from tests.waiting import eventually

PLATFORM = Origin(surface="platform")

DONE = Completed(
    Usage(input_tokens=10, cached_tokens=4, output_tokens=3), Compute(compute_ns=2_000_000_000, queue_ns=500)
)
LOST = Unavailable("The engine was lost.", code="engine_lost", retry_after=2.0)

#: The value of a metric, by name and labels.
Value = Callable[..., float]


@pytest.fixture
def caller() -> Caller:
    now = utc_now()
    user = User(
        id=new_id("user"),
        email="ada@example.org",
        name="Ada",
        role="member",
        locale=None,
        theme="system",
        created_at=now,
    )
    return Caller(user=user)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
def value(metrics: Metrics) -> Value:
    def read(name: str, **labels: str) -> float:
        return metrics.registry.get_sample_value(name, {"model": "small", **labels}) or 0.0

    return read


def deployments(engine: ScriptedEngine) -> Deployments:
    text = Deployment(
        name="small",
        kind="text",
        engine=engine,
        title="Small",
        aliases=("default",),
        sampling=Sampling(temperature=0.2, top_k=40),
        slots=1,
        machine="this machine",
        keeps_records=engine.keeps_records,
    )
    vectors = Deployment(name="vectors", kind="embedding", engine=engine, title="V", aliases=("embedding",))
    return Deployments([text, vectors])


#: Opens a door to an engine.
DoorTo = Callable[[ScriptedEngine], Awaitable[Door]]


@pytest_asyncio.fixture
async def door_to(database: Database, tmp_path: Path, metrics: Metrics) -> AsyncGenerator[DoorTo]:
    async with AsyncExitStack() as stack:

        async def door(engine: ScriptedEngine) -> Door:
            return await stack.enter_async_context(
                open_door(database, deployments(engine), tmp_path, metrics=metrics)
            )

        yield door


async def rows(database: Database) -> list[Row]:
    """The requests in the books, the oldest first."""
    async with database.read() as connection:
        found = await connection.execute(sa.select(requests).order_by(requests.c.created_at, requests.c.id))
        return list(found)


async def made(items: AsyncGenerator[Item]) -> list[Item]:
    """All that was made, without what was said of the queue."""
    async with aclosing(items):
        return [item async for item in items if not isinstance(item, Admitted | Queued | Begun)]


async def first(items: AsyncGenerator[Item]) -> Item:
    """The first that was made."""
    while isinstance(item := await anext(items), Admitted | Queued | Begun):
        pass
    return item


def request(**sampling: object) -> GenerateRequest:
    return GenerateRequest(new_id("test"), "default", (ChatMessage("user", "Hi"),), Sampling(**sampling))  # type: ignore[arg-type]


def outcomes(metrics: Metrics) -> dict[str, float]:
    """How many requests ended in which way."""
    return {
        sample.labels["outcome"]: sample.value
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "causette_generations_total"
    }


async def test_an_engine_gets_the_request_under_its_own_name_with_the_deployments_defaults(
    caller: Caller, door_to: DoorTo
):
    engine = ScriptedEngine(DONE)
    asked = request(top_k=1, max_tokens=9)
    door = await door_to(engine)
    assert await made(door.gateway.generate(caller, asked, PLATFORM)) == [DONE]
    (got,) = engine.requests
    assert isinstance(got, GenerateRequest)
    assert (got.id, got.model, got.prompt) == (asked.id, "small", asked.prompt)
    assert got.sampling == Sampling(top_k=1, max_tokens=9, temperature=0.2)


@pytest.mark.parametrize(
    ("asked_for", "n", "given"), [(None, 1, 100), (None, 2, 100), (5000, 1, 100), (9, 1, 9)]
)
async def test_a_reply_is_no_longer_than_the_plan_allows_whatever_is_asked_for(
    caller: Caller, door_to: DoorTo, tmp_path: Path, asked_for: int | None, n: int, given: int
):
    (tmp_path / "plans.toml").write_text("[plan.house]\nmax_output = 100\n")
    engine = ScriptedEngine(DONE)
    door = await door_to(engine)
    asked = msgspec.structs.replace(request(max_tokens=asked_for), n=n)
    await made(door.gateway.generate(caller, asked, PLATFORM))
    (got,) = engine.requests
    assert isinstance(got, GenerateRequest)
    assert got.sampling.max_tokens == given


class SmallRoom(ScriptedEngine):
    """Refuses what does not fit into the room that every prompt leaves, as engines do."""

    room = 60

    async def generate(self, request: GenerateRequest) -> AsyncGenerator[Delta | Completed]:
        wanted = request.sampling.max_tokens
        if self.room < 1 or (wanted is not None and wanted > self.room):
            self.requests.append(request)
            raise InvalidRequest("It does not fit.", code="context_length_exceeded", param="messages")
        async for item in super().generate(request):
            yield item


def bounds(engine: ScriptedEngine) -> list[int | None]:
    """The lengths that were asked of an engine."""
    return [asked.sampling.max_tokens for asked in engine.requests if isinstance(asked, GenerateRequest)]


async def test_who_asks_for_no_length_gets_what_fits_and_who_asks_for_too_much_is_refused(
    caller: Caller, door_to: DoorTo, tmp_path: Path
):
    (tmp_path / "plans.toml").write_text("[plan.house]\nmax_output = 100\n")
    engine = SmallRoom(Delta(text="One"), DONE)
    door = await door_to(engine)
    assert DONE in await made(door.gateway.generate(caller, request(), PLATFORM))
    assert bounds(engine) == [100, None]
    with pytest.raises(InvalidRequest):
        await made(door.gateway.generate(caller, request(max_tokens=61), PLATFORM))
    assert bounds(engine) == [100, None, 61]
    engine.room = 0
    with pytest.raises(InvalidRequest):
        await made(door.gateway.generate(caller, request(), PLATFORM))


async def test_a_reply_without_any_bound_is_left_to_the_room_that_the_prompt_leaves(
    caller: Caller, door_to: DoorTo
):
    engine = ScriptedEngine(DONE)
    door = await door_to(engine)
    await made(door.gateway.generate(caller, request(), PLATFORM))
    (got,) = engine.requests
    assert isinstance(got, GenerateRequest)
    assert got.sampling.max_tokens is None


async def test_a_completed_request_is_counted_once_with_all_it_took(
    caller: Caller, door_to: DoorTo, metrics: Metrics, value: Value
):
    engine = ScriptedEngine(Delta(text="a"), Delta(text="b"), Delta(finish_reason="stop"), DONE)
    door = await door_to(engine)
    async with aclosing(door.gateway.generate(caller, request(), PLATFORM)) as items:
        async for _ in items:
            assert value("causette_generations_in_flight") == 1
    assert outcomes(metrics) == {"completed": 1}
    assert value("causette_generations_in_flight") == 0
    assert [value("causette_tokens_total", meter=meter) for meter in ("input", "cached", "output")] == [
        10,
        4,
        3,
    ]
    assert value("causette_compute_seconds_total") == 2.0
    assert value("causette_time_to_first_token_seconds_count") == 1
    assert value("causette_time_per_output_token_seconds_count") == 1
    assert value("causette_queue_seconds_count") == 1


async def test_a_completed_request_is_in_the_books_before_its_account_is_delivered(
    caller: Caller, door_to: DoorTo, database: Database
):
    door = await door_to(ScriptedEngine(Delta(text="a"), DONE))
    async with aclosing(door.gateway.generate(caller, request(), PLATFORM)) as items:
        async for item in items:
            if item is not DONE:
                continue
            (row,) = await rows(database)
            assert (row.state, row.outcome, row.usage_source) == ("settled", "completed", "engine")
            assert (row.input_tokens, row.cached_tokens, row.output_tokens) == (10, 4, 3)
            assert row.compute_ns == 2_000_000_000
            # 0.10 USD an hour, for two seconds.
            assert row.cost_nano == 100_000_000 * 2 // 3600


async def test_a_reader_who_stops_at_the_account_has_had_a_completed_reply(
    caller: Caller, door_to: DoorTo, metrics: Metrics, database: Database
):
    door = await door_to(ScriptedEngine(Delta(text="a"), DONE))
    items = door.gateway.generate(caller, request(), PLATFORM)
    await first(items)
    assert await anext(items) == DONE
    await items.aclose()
    assert outcomes(metrics) == {"completed": 1}
    assert [row.outcome for row in await rows(database)] == ["completed"]


async def test_an_error_is_counted_once_under_its_code_and_passed_on(
    caller: Caller, door_to: DoorTo, metrics: Metrics, value: Value
):
    door = await door_to(ScriptedEngine(Delta(text="a"), LOST))
    with pytest.raises(Unavailable) as lost:
        await made(door.gateway.generate(caller, request(), PLATFORM))
    assert lost.value is LOST
    assert outcomes(metrics) == {"engine_lost": 1}
    assert value("causette_generations_in_flight") == 0
    assert value("causette_tokens_total", meter="output") == 0
    assert value("causette_time_to_first_token_seconds_count") == 1


async def test_a_refusal_before_the_first_token_has_no_time_to_it_and_costs_nothing(
    caller: Caller, door_to: DoorTo, metrics: Metrics, value: Value, database: Database
):
    door = await door_to(ScriptedEngine(InvalidRequest("no", code="context_length_exceeded")))
    with pytest.raises(InvalidRequest):
        await first(door.gateway.generate(caller, request(), PLATFORM))
    assert outcomes(metrics) == {"context_length_exceeded": 1}
    assert value("causette_time_to_first_token_seconds_count") == 0
    await door.ledger.close()
    assert [row.state for row in await rows(database)] == ["released"]


async def test_a_bug_in_an_engine_is_counted_as_an_error(caller: Caller, door_to: DoorTo, metrics: Metrics):
    door = await door_to(ScriptedEngine(ZeroDivisionError()))
    with pytest.raises(ZeroDivisionError):
        await first(door.gateway.generate(caller, request(), PLATFORM))
    assert outcomes(metrics) == {"error": 1}


async def test_closing_the_stream_closes_the_engines_at_once_and_counts_as_cancelled(
    caller: Caller, door_to: DoorTo, metrics: Metrics, value: Value
):
    engine = ScriptedEngine(Delta(text="a"), Delta(text="b"), DONE)
    items = (await door_to(engine)).gateway.generate(caller, request(), PLATFORM)
    await first(items)
    assert engine.open == 1
    await items.aclose()
    assert engine.open == 0
    assert outcomes(metrics) == {"cancelled": 1}
    assert value("causette_generations_in_flight") == 0


async def test_who_leaves_pays_what_the_engine_says_was_made(
    caller: Caller, door_to: DoorTo, database: Database
):
    engine = ScriptedEngine(Delta(text="a"), Delta(text="b"), DONE)
    engine.record = Completed(Usage(input_tokens=10, output_tokens=2), Compute(compute_ns=5))
    items = (await door_to(engine)).gateway.generate(caller, request(), PLATFORM)
    await first(items)
    await items.aclose()
    (row,) = await rows(database)
    assert (row.state, row.outcome, row.usage_source) == ("settled", "disconnected", "record")
    assert (row.input_tokens, row.output_tokens, row.compute_ns) == (10, 2, 5)


#: The estimate of a prompt of "Hi" and its role: six bytes.
INPUT = 1


async def test_who_leaves_an_engine_that_keeps_no_record_pays_the_prompt_and_what_was_seen(
    caller: Caller, door_to: DoorTo, database: Database
):
    engine = ScriptedEngine(Delta(text="a", output_tokens=7), Delta(text="b", output_tokens=9), DONE)
    engine.keeps_records = False
    items = (await door_to(engine)).gateway.generate(caller, request(), PLATFORM)
    await first(items)
    await items.aclose()
    (row,) = await rows(database)
    assert (row.state, row.usage_source) == ("settled", "estimated")
    assert (row.input_tokens, row.output_tokens) == (INPUT, 7)
    assert row.input_tokens <= row.input_bound


async def test_pieces_that_nobody_counts_are_a_token_each(
    caller: Caller, door_to: DoorTo, database: Database
):
    engine = ScriptedEngine(Delta(text="a"), Delta(text="b"), LOST)
    engine.keeps_records = False
    with pytest.raises(Unavailable):
        await made((await door_to(engine)).gateway.generate(caller, request(), PLATFORM))
    (row,) = await rows(database)
    assert (row.outcome, row.usage_source, row.output_tokens) == ("failed", "estimated", 2)


@pytest.mark.parametrize(
    ("keeps_records", "state", "tokens"), [(False, "settled", INPUT), (True, "released", 0)]
)
async def test_who_leaves_before_the_first_token_pays_the_prompt_unless_the_engine_knows_of_nothing(
    caller: Caller, door_to: DoorTo, database: Database, keeps_records: bool, state: str, tokens: int
):
    engine = ScriptedEngine(asyncio.Event())
    engine.keeps_records = keeps_records
    door = await door_to(engine)
    waiting = asyncio.ensure_future(first(door.gateway.generate(caller, request(), PLATFORM)))
    await eventually(lambda: engine.open, "the engine to work")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await door.gateway.close()
    await door.ledger.close()
    (row,) = await rows(database)
    assert (row.state, row.input_tokens, row.output_tokens) == (state, tokens, 0)


async def test_what_an_engine_fails_at_before_the_first_token_is_nobodys_to_pay(
    caller: Caller, door_to: DoorTo, database: Database
):
    engine = ScriptedEngine(LOST)
    engine.keeps_records = False
    door = await door_to(engine)
    with pytest.raises(Unavailable):
        await first(door.gateway.generate(caller, request(), PLATFORM))
    await door.ledger.close()
    assert [row.state for row in await rows(database)] == ["released"]


async def test_an_orphan_of_an_engine_that_keeps_no_record_pays_the_prompt(
    caller: Caller, door_to: DoorTo, database: Database
):
    engine = ScriptedEngine(asyncio.Event())
    engine.keeps_records = False
    door = await door_to(engine)
    items = door.gateway.generate(caller, request(), PLATFORM)
    await anext(items)
    # A process that leaves is as dead as one that is killed: what it holds is an orphan.
    await door.ledger.close()
    other = await door_to(engine)
    assert await other.sweep.look() == 1
    (row,) = await rows(database)
    assert (row.state, row.outcome, row.usage_source) == ("settled", "orphaned", "estimated")
    assert (row.input_tokens, row.output_tokens, row.deployment) == (INPUT, 0, "small")
    await items.aclose()


async def test_cancelling_who_waits_for_the_first_token_closes_the_engines_stream_too(
    caller: Caller, door_to: DoorTo, metrics: Metrics, value: Value
):
    engine = ScriptedEngine(asyncio.Event())
    door = await door_to(engine)
    waiting = asyncio.ensure_future(first(door.gateway.generate(caller, request(), PLATFORM)))
    while not engine.open:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await eventually(lambda: not engine.open, "the engine's stream to be closed")
    await eventually(lambda: outcomes(metrics) == {"cancelled": 1}, "the request to have ended")
    assert value("causette_generations_in_flight") == 0


async def test_who_waits_is_told_its_place_and_frees_it_by_leaving(
    caller: Caller, door_to: DoorTo, database: Database
):
    go = asyncio.Event()
    engine = ScriptedEngine(go, DONE)
    door = await door_to(engine)
    running = asyncio.create_task(made(door.gateway.generate(caller, request(), PLATFORM)))
    await eventually(lambda: engine.open, "the first to run")
    waiting = door.gateway.generate(caller, request(), PLATFORM)
    assert isinstance(await anext(waiting), Admitted)
    place = await anext(waiting)
    assert isinstance(place, Queued)
    assert place.position == 0
    assert place.wait_seconds > 0
    await waiting.aclose()
    go.set()
    assert await running == [DONE]
    await door.ledger.close()
    assert sorted(row.state for row in await rows(database)) == ["released", "settled"]


async def test_a_name_that_nothing_answers_to_reaches_no_engine(
    caller: Caller, door_to: DoorTo, metrics: Metrics
):
    engine = ScriptedEngine(DONE)
    door = await door_to(engine)
    asked = GenerateRequest(new_id("test"), "gpt-99", "Hi")
    with pytest.raises(NotFound):
        await anext(door.gateway.generate(caller, asked, PLATFORM))
    with pytest.raises(InvalidRequest):
        await door.gateway.embed(caller, EmbedRequest(new_id("test"), "default", ("a",)), PLATFORM)
    assert engine.requests == []
    assert outcomes(metrics) == {}


async def test_what_the_policy_refuses_is_neither_reserved_nor_sent(
    caller: Caller, door_to: DoorTo, database: Database, tmp_path: Path
):
    (tmp_path / "policy.toml").write_text(
        '[categories.secret_project]\naction = "refuse"\nphrases = ["blue heron"]\n'
    )
    engine = ScriptedEngine(DONE)
    door = await door_to(engine)
    asked = GenerateRequest(new_id("test"), "default", (ChatMessage("user", "Tell me of Blue Heron"),))
    with pytest.raises(Forbidden) as refused:
        await anext(door.gateway.generate(caller, asked, PLATFORM))
    assert refused.value.code == "content_refused"
    assert engine.requests == []
    assert await rows(database) == []


async def test_a_plan_without_keys_or_workspaces_lets_neither_in(
    caller: Caller, door_to: DoorTo, tmp_path: Path
):
    (tmp_path / "plans.toml").write_text('default_plan = "free"\n[plan.free]\nfeatures = []\n')
    engine = ScriptedEngine(DONE)
    gateway = (await door_to(engine)).gateway
    with pytest.raises(Forbidden) as refused:
        await anext(gateway.generate(caller, request(), PLATFORM))
    assert (refused.value.code, refused.value.param) == ("not_in_plan", "api_keys")
    member = replace(caller, workspace_id=new_id("ws"), workspace_role="member")
    with pytest.raises(Forbidden) as refused:
        await anext(gateway.generate(member, request(), Origin(surface="assistant")))
    assert refused.value.param == "workspaces"
    assert engine.requests == []


async def test_vectors_come_through_and_are_counted_and_settled(
    caller: Caller, door_to: DoorTo, value: Value, database: Database
):
    engine = ScriptedEngine(vectors=[[1.0, 0.0], [0.0, 1.0]])
    door = await door_to(engine)
    found = await door.gateway.embed(caller, EmbedRequest("test_1", "embedding", ("a", "b")), PLATFORM)
    assert found.vectors == [[1.0, 0.0], [0.0, 1.0]]
    assert engine.requests == [EmbedRequest("test_1", "vectors", ("a", "b"))]
    assert value("causette_tokens_total", model="vectors", meter="input") == 2
    (row,) = await rows(database)
    assert (row.model, row.state, row.input_tokens) == ("vectors", "settled", 2)
