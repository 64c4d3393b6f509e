"""What the one door observes, and what it lets through."""

import asyncio
from collections.abc import Callable
from contextlib import aclosing

import pytest

from causette.accounts.types import Caller, User
from causette.clock import utc_now
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
from causette.errors import InvalidRequest, NotFound, Unavailable
from causette.gateway import Deployment, Deployments, Gateway
from causette.ids import new_id
from causette.observability import Metrics
from tests.gateway.scripted import ScriptedEngine

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


def gateway(engine: ScriptedEngine, metrics: Metrics) -> Gateway:
    text = Deployment(
        name="small",
        kind="text",
        engine=engine,
        title="Small",
        aliases=("default",),
        sampling=Sampling(temperature=0.2, top_k=40),
    )
    vectors = Deployment(name="vectors", kind="embedding", engine=engine, title="V", aliases=("embedding",))
    return Gateway(Deployments([text, vectors]), metrics)


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
    caller: Caller, metrics: Metrics
):
    engine = ScriptedEngine(DONE)
    asked = request(top_k=1, max_tokens=9)
    async with aclosing(gateway(engine, metrics).generate(caller, asked)) as items:
        assert [item async for item in items] == [DONE]
    (got,) = engine.requests
    assert isinstance(got, GenerateRequest)
    assert (got.id, got.model, got.prompt) == (asked.id, "small", asked.prompt)
    assert got.sampling == Sampling(top_k=1, max_tokens=9, temperature=0.2)


async def test_a_completed_request_is_counted_once_with_all_it_took(
    caller: Caller, metrics: Metrics, value: Value
):
    door = gateway(
        ScriptedEngine(Delta(text="a"), Delta(text="b"), Delta(finish_reason="stop"), DONE), metrics
    )
    async with aclosing(door.generate(caller, request())) as items:
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


async def test_a_reader_who_stops_at_the_account_has_had_a_completed_reply(caller: Caller, metrics: Metrics):
    items = gateway(ScriptedEngine(Delta(text="a"), DONE), metrics).generate(caller, request())
    await anext(items)
    assert await anext(items) == DONE
    await items.aclose()
    assert outcomes(metrics) == {"completed": 1}


async def test_an_error_is_counted_once_under_its_code_and_passed_on(
    caller: Caller, metrics: Metrics, value: Value
):
    door = gateway(ScriptedEngine(Delta(text="a"), LOST), metrics)
    with pytest.raises(Unavailable) as lost:
        async with aclosing(door.generate(caller, request())) as items:
            async for _ in items:
                pass
    assert lost.value is LOST
    assert outcomes(metrics) == {"engine_lost": 1}
    assert value("causette_generations_in_flight") == 0
    assert value("causette_tokens_total", meter="output") == 0
    assert value("causette_time_to_first_token_seconds_count") == 1


async def test_a_refusal_before_the_first_token_has_no_time_to_it(
    caller: Caller, metrics: Metrics, value: Value
):
    door = gateway(ScriptedEngine(InvalidRequest("no", code="context_length_exceeded")), metrics)
    with pytest.raises(InvalidRequest):
        await anext(door.generate(caller, request()))
    assert outcomes(metrics) == {"context_length_exceeded": 1}
    assert value("causette_time_to_first_token_seconds_count") == 0


async def test_a_bug_in_an_engine_is_counted_as_an_error(caller: Caller, metrics: Metrics):
    with pytest.raises(ZeroDivisionError):
        await anext(gateway(ScriptedEngine(ZeroDivisionError()), metrics).generate(caller, request()))
    assert outcomes(metrics) == {"error": 1}


async def test_closing_the_stream_closes_the_engines_at_once_and_counts_as_cancelled(
    caller: Caller, metrics: Metrics, value: Value
):
    engine = ScriptedEngine(Delta(text="a"), Delta(text="b"), DONE)
    items = gateway(engine, metrics).generate(caller, request())
    await anext(items)
    assert engine.open == 1
    await items.aclose()
    assert engine.open == 0
    assert outcomes(metrics) == {"cancelled": 1}
    assert value("causette_generations_in_flight") == 0


async def test_cancelling_who_waits_for_the_first_token_closes_the_engines_stream_too(
    caller: Caller, metrics: Metrics, value: Value
):
    engine = ScriptedEngine(asyncio.Event())
    waiting = asyncio.ensure_future(anext(gateway(engine, metrics).generate(caller, request())))
    while not engine.open:
        await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert engine.open == 0
    assert outcomes(metrics) == {"cancelled": 1}
    assert value("causette_generations_in_flight") == 0


async def test_a_name_that_nothing_answers_to_reaches_no_engine(caller: Caller, metrics: Metrics):
    engine = ScriptedEngine(DONE)
    door = gateway(engine, metrics)
    asked = GenerateRequest(new_id("test"), "gpt-99", "Hi")
    with pytest.raises(NotFound):
        await anext(door.generate(caller, asked))
    with pytest.raises(InvalidRequest):
        await door.embed(caller, EmbedRequest(new_id("test"), "default", ("a",)))
    assert engine.requests == []
    assert outcomes(metrics) == {}


async def test_vectors_come_through_and_are_counted(caller: Caller, metrics: Metrics, value: Value):
    engine = ScriptedEngine(vectors=[[1.0, 0.0], [0.0, 1.0]])
    made = await gateway(engine, metrics).embed(caller, EmbedRequest("test_1", "embedding", ("a", "b")))
    assert made.vectors == [[1.0, 0.0], [0.0, 1.0]]
    assert engine.requests == [EmbedRequest("test_1", "vectors", ("a", "b"))]
    assert value("causette_tokens_total", model="vectors", meter="input") == 2


async def test_the_context_of_a_model_is_its_engines(metrics: Metrics):
    door = gateway(ScriptedEngine(context=2048), metrics)
    assert door.context("default") == 2048
    with pytest.raises(InvalidRequest):
        door.context("embedding")
