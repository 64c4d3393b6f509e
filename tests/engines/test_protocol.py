"""One suite for every engine: our own, and any OpenAI-compatible server.

The remote engine here is a running Causette reached over TCP with a key, as another house's gateway would reach it.
"""

import asyncio
import json
import re
import urllib.request
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass

import pytest
import pytest_asyncio

from causette.engines.openai_client import OpenAIClient
from causette.engines.supervisor import EmbeddedEngine
from causette.engines.types import Engine, ResponseFormat
from causette.errors import InvalidRequest
from tests.engines.asking import Reply, answer, ask, asking, stats_of
from tests.server import Server
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

STORY = "Tell me a short story about a cat and a dog."
COUNTING = "1 2 3 4 5 6"


@dataclass(frozen=True, slots=True)
class Kind:
    """An engine, and how a test learns how many requests it works on."""

    engine: Engine
    working_on: Callable[[], Awaitable[int]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def embedded_kind(engine: EmbeddedEngine) -> Kind:
    async def working_on() -> int:
        stats = await stats_of(engine)
        return stats.running + stats.waiting

    return Kind(engine, working_on)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def remote_kind(server: Server) -> AsyncGenerator[Kind]:
    client = OpenAIClient(f"{server.url}/v1", model="default", context=8192, api_key=server.key)

    def queue() -> int:
        with urllib.request.urlopen(f"{server.url}/metrics", timeout=10) as page:
            found = re.findall(r"^causette_engine_queue\{.*\} (\S+)$", page.read().decode(), re.MULTILINE)
        return round(sum(map(float, found)))

    async def working_on() -> int:
        return await asyncio.to_thread(queue)

    yield Kind(client, working_on)
    await client.close()


@pytest.fixture(params=["embedded", "remote"])
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.getfixturevalue(f"{request.param}_kind")


@pytest.fixture
def any_engine(kind: Kind) -> Engine:
    return kind.engine


async def test_says_when_it_is_ready(any_engine: Engine):
    await ask(any_engine, "Hello", max_tokens=1)
    assert await any_engine.ready()


async def test_streams_a_reply_that_is_the_same_each_time(any_engine: Engine):
    # The first reading of a prompt is computed in other pieces than those that find it in the cache.
    await ask(any_engine, STORY, max_tokens=20)
    first, second = [await ask(any_engine, STORY, max_tokens=20) for _ in range(2)]
    assert first.text == second.text
    assert len(first.deltas) > 10
    assert first.finish_reasons == {0: ["length"]}


async def test_many_at_once_get_each_their_own_reply(any_engine: Engine):
    starts = range(100, 340, 20)
    replies = await asyncio.gather(
        *(ask(any_engine, f"{at} {at + 1} {at + 2} {at + 3}", raw=True, max_tokens=4) for at in starts)
    )
    wrong = [
        (at, reply.text) for at, reply in zip(starts, replies, strict=True) if reply.text != f" {at + 4}"
    ]
    # The model is small, and may miscount.
    assert len(wrong) <= 2, wrong


async def test_a_seed_repeats_a_reply_and_another_one_does_not(any_engine: Engine):
    def warm(seed: int) -> Awaitable[Reply]:
        return ask(any_engine, STORY, temperature=1.0, seed=seed, max_tokens=12)

    await warm(7)
    again, repeated, other = await warm(7), await warm(7), await warm(8)
    assert again.text == repeated.text
    assert again.text != other.text


async def test_without_a_seed_two_replies_differ(any_engine: Engine):
    one, two = [await ask(any_engine, STORY, temperature=1.0, max_tokens=12) for _ in range(2)]
    assert one.text != two.text


@pytest.mark.parametrize(
    "narrow", [{"temperature": 1.0, "top_k": 1}, {"temperature": 1.0, "top_p": 1e-9}, {"temperature": 1e-9}]
)
async def test_sampling_narrowed_to_one_token_takes_the_likeliest(
    any_engine: Engine, narrow: dict[str, float]
):
    await ask(any_engine, STORY, max_tokens=6)
    greedy = await ask(any_engine, STORY, max_tokens=6)
    assert (await ask(any_engine, STORY, max_tokens=6, **narrow)).text == greedy.text


@pytest.mark.parametrize(
    "penalty", [{"presence_penalty": 2.0}, {"frequency_penalty": 2.0}, {"repetition_penalty": 1.8}]
)
async def test_penalties_keep_a_reply_from_repeating_itself(any_engine: Engine, penalty: dict[str, float]):
    echo = "one two one two one two one two one two"

    def repeated(reply: Reply) -> int:
        return max(Counter(reply.text.split()).values(), default=0)

    plain = await ask(any_engine, echo, raw=True, max_tokens=12)
    penalised = await ask(any_engine, echo, raw=True, max_tokens=12, **penalty)
    assert repeated(penalised) < repeated(plain)


async def test_a_stop_string_ends_the_reply_before_it(any_engine: Engine):
    await ask(any_engine, COUNTING, raw=True, max_tokens=12)
    whole = await ask(any_engine, COUNTING, raw=True, max_tokens=12)
    assert " 9" in whole.text
    stopped = await ask(any_engine, COUNTING, raw=True, max_tokens=12, stop=(" 9", "never"))
    assert stopped.text == whole.text[: whole.text.index(" 9")]
    assert stopped.finish_reasons == {0: ["stop"]}
    assert stopped.completed.usage.output_tokens < whole.completed.usage.output_tokens


async def test_what_only_begins_like_a_stop_string_is_shown_after_all(any_engine: Engine):
    await ask(any_engine, COUNTING, raw=True, max_tokens=12)
    whole = await ask(any_engine, COUNTING, raw=True, max_tokens=12)
    watched = await ask(any_engine, COUNTING, raw=True, max_tokens=12, stop=(f"{whole.text[-3:]}☃", " 8 ☃"))
    assert watched.text == whole.text
    assert watched.finish_reasons == {0: ["length"]}


@pytest.mark.parametrize("raw", [False, True])
async def test_each_token_has_its_log_probability(any_engine: Engine, raw: bool):
    reply = await ask(any_engine, "Café 🙂: un, deux,", raw=raw, max_tokens=10, logprobs=True)
    assert len(reply.logprobs) == reply.completed.usage.output_tokens
    assert all(-100 < token.logprob <= 0 for token in reply.logprobs)
    if not raw:
        # Plain completions know no bytes, and so nothing exact of a token that ends within a character.
        made = b"".join(bytes(token.bytes) for token in reply.logprobs)
        assert made.decode(errors="replace") == reply.text


async def test_several_choices_are_numbered_and_end_each_for_itself(any_engine: Engine):
    reply = await ask(any_engine, STORY, n=3, temperature=1.0, seed=5, max_tokens=6)
    assert reply.finish_reasons == {0: ["length"], 1: ["length"], 2: ["length"]}
    assert len({reply.text_of(index) for index in range(3)}) == 3
    assert reply.completed.usage.output_tokens == 18


async def test_usage_counts_every_token(any_engine: Engine):
    reply = await ask(any_engine, STORY, max_tokens=17, ignore_eos=True)
    usage = reply.completed.usage
    assert usage.output_tokens == 17
    longer = await ask(any_engine, STORY + " cat" * 10, max_tokens=1)
    assert longer.completed.usage.input_tokens == usage.input_tokens + 10


async def test_a_repeated_prompt_is_found_in_the_cache(any_engine: Engine):
    prompt = "Remember these words: " + " ".join(f"word{number}" for number in range(40))
    first = (await ask(any_engine, prompt, max_tokens=1)).completed.usage
    again = (await ask(any_engine, prompt, max_tokens=1)).completed.usage
    assert first.input_tokens == again.input_tokens
    assert first.cached_tokens < 64
    assert again.cached_tokens == again.input_tokens - 1


async def test_the_models_own_end_ends_a_reply_unless_it_is_to_be_ignored(any_engine: Engine):
    question = "What is the capital of France?"
    ended = await ask(any_engine, question, max_tokens=30)
    assert ended.text == "The capital of France is Paris."
    assert ended.finish_reasons == {0: ["stop"]}
    assert ended.completed.usage.output_tokens < 30
    endless = await ask(any_engine, question, max_tokens=30, ignore_eos=True)
    assert endless.finish_reasons == {0: ["length"]}
    assert endless.completed.usage.output_tokens == 30


async def test_json_that_is_asked_for_is_json_that_comes(any_engine: Engine):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string", "maxLength": 12}, "old": {"type": "boolean"}},
        "required": ["name", "old"],
        "additionalProperties": False,
    }
    reply = await ask(
        any_engine, "Describe a cat.", max_tokens=60, response_format=ResponseFormat(schema, "cat")
    )
    made = json.loads(reply.text)
    assert set(made) == {"name", "old"}
    assert isinstance(made["old"], bool)


async def test_a_schema_that_cannot_be_followed_is_refused_by_name(any_engine: Engine):
    with pytest.raises(InvalidRequest) as refused:
        await ask(any_engine, "Hi", response_format=ResponseFormat({"type": "nothing"}))
    assert refused.value.code == "invalid_json_schema"
    assert "nothing" in refused.value.message


@pytest.mark.parametrize(
    "too_long", [{"prompt": "cat " * 30_000, "max_tokens": None}, {"prompt": "Hi", "max_tokens": 9_000}]
)
async def test_more_than_the_context_is_refused_and_the_engine_goes_on(
    any_engine: Engine, too_long: dict[str, object]
):
    with pytest.raises(InvalidRequest) as refused:
        await answer(any_engine, asking(**too_long))  # type: ignore[arg-type]
    assert refused.value.code == "context_length_exceeded"
    assert "8192" in refused.value.message
    assert (await ask(any_engine, "Hi", max_tokens=2)).completed.usage.output_tokens == 2


async def test_an_empty_prompt_is_refused(any_engine: Engine):
    with pytest.raises(InvalidRequest):
        await ask(any_engine, "", raw=True)


async def test_a_template_makes_turns_of_what_is_said_and_a_raw_text_is_continued(any_engine: Engine):
    chat = await ask(any_engine, "The capital of France is", max_tokens=12)
    raw = await ask(any_engine, "The capital of France is", raw=True, max_tokens=4)
    assert raw.text.startswith(" Paris")
    assert raw.completed.usage.input_tokens < chat.completed.usage.input_tokens


async def test_closing_a_stream_stops_the_work_within_a_second(kind: Kind):
    items = kind.engine.generate(asking(STORY, max_tokens=4000, ignore_eos=True))
    await anext(items)
    assert await kind.working_on() == 1
    await items.aclose()

    async def idle() -> bool:
        return await kind.working_on() == 0

    await eventually(idle, "the engine to be idle", seconds=1.0)


async def test_a_client_that_is_cancelled_while_it_waits_stops_the_work(kind: Kind):
    asked = [
        asyncio.create_task(ask(kind.engine, f"{STORY} {number}", max_tokens=4000, ignore_eos=True))
        for number in range(6)
    ]

    async def working() -> bool:
        return await kind.working_on() == 6

    async def idle() -> bool:
        return await kind.working_on() == 0

    await eventually(working, "the engine to work on all")
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await eventually(idle, "the engine to be idle", seconds=1.0)
