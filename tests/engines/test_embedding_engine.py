"""The embedding model in its own process: vectors over the same protocol as any other engine's."""

import asyncio
import math
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from causette.engines.openai_client import OpenAIClient
from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine
from causette.engines.types import EmbedRequest, Engine
from causette.errors import InvalidRequest, TooManyRequests
from tests.conftest import EMBEDDING_MODEL
from tests.server import Server
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

CAT, KITTEN, INVOICE = (
    "A cat sleeps on the sofa.",
    "The kitten is napping on the couch.",
    "Pay this invoice by Friday.",
)


def texts(*inputs: str, dimensions: int | None = None) -> EmbedRequest:
    return EmbedRequest("test_1", "embedding", inputs, dimensions)


def cosine(a: object, b: object) -> float:
    return sum(x * y for x, y in zip(a, b, strict=True))  # type: ignore[call-overload]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def embedded(embedding_folder: Path) -> AsyncGenerator[EmbeddedEngine]:
    engine = EmbeddedEngine(
        EmbeddedConfig(
            kind="embedding", name=EMBEDDING_MODEL, model=embedding_folder, context=256, max_queued=2
        )
    )
    yield engine
    await engine.stop()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def remote(server: Server) -> AsyncGenerator[OpenAIClient]:
    client = OpenAIClient(f"{server.url}/v1", model="embedding", context=256, api_key=server.key)
    yield client
    await client.close()


@pytest.fixture(params=["embedded", "remote"])
def any_engine(request: pytest.FixtureRequest) -> Engine:
    return request.getfixturevalue(request.param)


async def test_texts_of_like_meaning_have_vectors_of_like_direction(any_engine: Engine):
    made = await any_engine.embed(texts(CAT, INVOICE, KITTEN))
    cat, invoice, kitten = made.vectors
    assert [len(vector) for vector in made.vectors] == [384] * 3
    assert all(math.isclose(math.hypot(*vector), 1.0, abs_tol=1e-3) for vector in made.vectors)
    assert cosine(cat, kitten) > 0.5 > 0.2 > cosine(cat, invoice)
    assert made.usage.input_tokens > 3 * 5


async def test_a_text_has_the_same_vector_alone_and_among_others(any_engine: Engine):
    alone = (await any_engine.embed(texts(CAT))).vectors[0]
    among = (await any_engine.embed(texts(INVOICE * 5, CAT, KITTEN))).vectors[1]
    assert cosine(alone, among) > 0.999


async def test_a_text_beyond_the_context_is_refused_by_its_place(any_engine: Engine):
    with pytest.raises(InvalidRequest) as refused:
        await any_engine.embed(texts(CAT, "cat " * 400))
    assert refused.value.code == "context_length_exceeded"
    assert refused.value.param == "input.1"


async def test_vectors_are_not_shortened_behind_the_callers_back(any_engine: Engine):
    with pytest.raises(InvalidRequest) as refused:
        await any_engine.embed(texts(CAT, dimensions=64))
    assert (refused.value.code, refused.value.param) == ("unsupported_parameter", "dimensions")
    assert len((await any_engine.embed(texts(CAT, dimensions=384))).vectors[0]) == 384


async def test_compute_adds_up_to_the_busy_time_and_waiting_is_told_apart(embedded: EmbeddedEngine):
    await embedded.embed(texts(CAT))
    before = await embedded.stats()
    made = await asyncio.gather(*(embedded.embed(texts(*[f"{CAT} {number}"] * 20)) for number in range(3)))
    after = await embedded.stats()
    assert sum(one.compute.compute_ns for one in made) == after.busy_ns - before.busy_ns
    assert sum(one.usage.input_tokens for one in made) == after.input_tokens - before.input_tokens
    # Of three that came together, the last waited while the others were worked on.
    waits = sorted(one.compute.queue_ns for one in made)
    assert waits[-1] > max(one.compute.compute_ns for one in made)


async def test_one_request_too_many_is_refused_at_once_and_the_process_still_answers_for_itself(
    embedded: EmbeddedEngine,
):
    await embedded.embed(texts(CAT))
    worked_off = (await embedded.stats()).steps
    long = texts(*[f"{INVOICE * 20} {number}" for number in range(100)])
    asked = [asyncio.create_task(embedded.embed(long)) for _ in range(3)]

    async def full() -> bool:
        stats = await embedded.stats()
        return (stats.running, stats.waiting) == (1, 2)

    await eventually(full, "one request to run and two to wait")
    with pytest.raises(TooManyRequests) as refused:
        await embedded.embed(texts(CAT))
    assert refused.value.retry_after
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)

    async def idle() -> bool:
        stats = await embedded.stats()
        return (stats.running, stats.waiting) == (0, 0)

    await eventually(idle, "the engine to be idle", seconds=120)
    # Those whose clients had left were not worked on when their turn came.
    assert (await embedded.stats()).steps == worked_off + 1
