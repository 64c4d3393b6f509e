"""What a program written for OpenAI's API gets from ours."""

import asyncio
import json
import math
import re

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam
from pydantic import BaseModel

CHAT: list[ChatCompletionMessageParam] = [{"role": "user", "content": "Name three colours."}]


class City(BaseModel):
    name: str
    population: int


def test_models_are_listed_and_found_by_name_and_alias(client: openai.OpenAI) -> None:
    listed = {model.id: model for model in client.models.list()}
    assert set(listed) == {"smollm2-135m-instruct", "all-minilm-l6-v2"}
    found = client.models.retrieve("default")
    assert found == listed["smollm2-135m-instruct"]
    assert (found.object, found.owned_by) == ("model", "causette")
    assert found.created > 1_500_000_000


def test_a_chat_is_answered(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="default", messages=CHAT, max_tokens=24)
    (choice,) = answer.choices
    assert (answer.object, answer.model) == ("chat.completion", "default")
    assert re.fullmatch(r"chatcmpl_\w+", answer.id)
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.finish_reason in {"stop", "length"}
    assert answer.usage is not None
    assert answer.usage.prompt_tokens > 0
    assert 0 < answer.usage.completion_tokens <= 24
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens


def test_a_stream_says_what_a_whole_answer_says(client: openai.OpenAI) -> None:
    whole = client.chat.completions.create(model="default", messages=CHAT, max_tokens=24, temperature=0)
    chunks = list(
        client.chat.completions.create(
            model="default",
            messages=CHAT,
            max_tokens=24,
            temperature=0,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    assert len({chunk.id for chunk in chunks}) == 1
    assert chunks[0].choices[0].delta.role == "assistant"
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].message.content
    *_, before_last, last = chunks
    assert before_last.choices[0].finish_reason == whole.choices[0].finish_reason
    assert last.choices == []
    assert last.usage is not None and whole.usage is not None
    assert last.usage.completion_tokens == whole.usage.completion_tokens
    assert len([chunk for chunk in chunks if chunk.usage]) == 1


def test_a_stream_has_no_usage_unless_asked(client: openai.OpenAI) -> None:
    with client.chat.completions.create(model="default", messages=CHAT, max_tokens=4, stream=True) as chunks:
        assert all(chunk.usage is None and chunk.choices for chunk in chunks)


def test_the_bytes_of_a_stream_are_openais(http: httpx2.Client) -> None:
    body = {"model": "default", "messages": CHAT, "max_tokens": 5, "stream": True}
    answer = http.post("/v1/chat/completions", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.text.endswith("\n\n")
    events = answer.text.removesuffix("\n\n").split("\n\n")
    assert all(event.startswith("data: ") and "\n" not in event for event in events)
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    assert {chunk["object"] for chunk in chunks} == {"chat.completion.chunk"}
    assert chunks[0]["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    reasons = [chunk["choices"][0].get("finish_reason") for chunk in chunks]
    assert reasons[-1] == "length"
    assert set(reasons[:-1]) == {None}


def test_several_replies_come_with_their_indices(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="default", messages=CHAT, n=3, seed=1, max_completion_tokens=12, temperature=1.2
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2]
    assert len({choice.message.content for choice in answer.choices}) > 1
    assert answer.usage is not None and answer.usage.completion_tokens <= 36
    texts = ["", "", ""]
    for chunk in client.chat.completions.create(
        model="default", messages=CHAT, n=3, max_tokens=6, stream=True
    ):
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert all(texts)


def test_a_seed_makes_a_reply_repeatable(client: openai.OpenAI) -> None:
    def reply(seed: int) -> str | None:
        answer = client.chat.completions.create(
            model="default", messages=CHAT, seed=seed, max_tokens=24, temperature=1.5
        )
        return answer.choices[0].message.content

    assert reply(7) == reply(7)
    assert len({reply(seed) for seed in range(4)}) > 1


def test_a_reply_ends_before_a_stop_string(client: openai.OpenAI) -> None:
    arguments = {"model": "default", "prompt": "1, 2, 3, 4,", "max_tokens": 20, "temperature": 0}
    free = client.completions.create(**arguments).choices[0]
    stop = free.text[4:7]
    held = client.completions.create(**arguments, stop=[stop, "never said"]).choices[0]
    assert held.text == free.text[: free.text.index(stop)]
    assert held.finish_reason == "stop"


def test_each_token_can_come_with_its_probability(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="default", messages=CHAT, max_tokens=6, temperature=0, logprobs=True
    )
    (choice,) = answer.choices
    assert choice.logprobs is not None and choice.logprobs.content is not None
    assert answer.usage is not None
    tokens = choice.logprobs.content
    assert len(tokens) == answer.usage.completion_tokens
    assert all(token.logprob <= 0 and math.isfinite(token.logprob) for token in tokens)
    spoken = b"".join(bytes(token.bytes or ()) for token in tokens).decode()
    assert spoken.startswith(choice.message.content or "?")


def test_max_completion_tokens_is_the_newer_name_of_max_tokens(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(model="default", messages=CHAT, max_completion_tokens=3)
    assert answer.usage is not None and answer.usage.completion_tokens == 3
    assert answer.choices[0].finish_reason == "length"


def test_a_json_object_is_a_json_object(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="default",
        messages=[{"role": "user", "content": "A JSON object with the keys name and age."}],
        response_format={"type": "json_object"},
        max_tokens=200,
        temperature=0,
    )
    (choice,) = answer.choices
    if choice.finish_reason == "stop":
        assert isinstance(json.loads(choice.message.content or ""), dict)
    else:
        assert (choice.message.content or "").lstrip().startswith("{")


def test_a_schema_is_followed_and_parsed_by_the_client(client: openai.OpenAI) -> None:
    answer = client.chat.completions.parse(
        model="default",
        messages=[{"role": "user", "content": "Paris has 2 million inhabitants. Say so as JSON."}],
        response_format=City,
        max_tokens=100,
        temperature=0,
    )
    city = answer.choices[0].message.parsed
    assert isinstance(city, City)
    assert city.name


def test_developer_messages_and_parts_are_read_like_their_plainer_forms(client: openai.OpenAI) -> None:
    def reply(messages: list[ChatCompletionMessageParam]) -> tuple[str | None, int]:
        answer = client.chat.completions.create(
            model="default", messages=messages, max_tokens=16, temperature=0
        )
        assert answer.usage is not None
        return answer.choices[0].message.content, answer.usage.prompt_tokens

    plain = reply(
        [{"role": "system", "content": "You are a pirate."}, {"role": "user", "content": "Who are you?"}]
    )
    rich = reply(
        [
            {"role": "developer", "content": "You are a pirate."},
            {
                "role": "user",
                "content": [{"type": "text", "text": "Who "}, {"type": "text", "text": "are you?"}],
            },
        ]
    )
    assert rich == plain


def test_what_only_describes_a_request_changes_nothing(client: openai.OpenAI) -> None:
    answer = client.chat.completions.create(
        model="default",
        messages=CHAT,
        max_tokens=2,
        user="u",
        metadata={"a": "b"},
        store=False,
        service_tier="auto",
        extra_body={"top_k": 5, "min_p": 0.1, "repetition_penalty": 1.1, "ignore_eos": True},
    )
    assert answer.usage is not None and answer.usage.completion_tokens == 2


def test_plain_text_is_continued(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model="default", prompt="Once upon a time", max_tokens=5, temperature=0, echo=True, logprobs=0
    )
    (choice,) = answer.choices
    assert answer.object == "text_completion"
    assert choice.text.startswith("Once upon a time")
    assert choice.logprobs is not None
    assert choice.logprobs.tokens is not None and choice.logprobs.text_offset is not None
    assert len(choice.logprobs.tokens) == len(choice.logprobs.token_logprobs or ()) == 5
    assert choice.logprobs.text_offset[0] == len("Once upon a time")
    assert "".join(choice.logprobs.tokens) == choice.text.removeprefix("Once upon a time")


def test_sixteen_tokens_are_what_a_completion_has_when_nothing_is_said(client: openai.OpenAI) -> None:
    answer = client.completions.create(
        model="default", prompt="The history of", extra_body={"ignore_eos": True}
    )
    assert answer.usage is not None and answer.usage.completion_tokens == 16


def test_several_prompts_are_continued_in_order(client: openai.OpenAI) -> None:
    prompts = ["The sky is", "The grass is"]
    answer = client.completions.create(
        model="default", prompt=prompts, n=2, max_tokens=4, temperature=0, echo=True
    )
    assert [choice.index for choice in answer.choices] == [0, 1, 2, 3]
    for choice in answer.choices:
        assert choice.text.startswith(prompts[choice.index // 2])
    alone = client.completions.create(model="default", prompt=prompts[1], max_tokens=4, temperature=0)
    assert answer.choices[2].text == prompts[1] + alone.choices[0].text


def test_a_streamed_completion_joins_to_the_whole_one(client: openai.OpenAI) -> None:
    whole = client.completions.create(
        model="default", prompt="One, two,", max_tokens=12, temperature=0, echo=True
    )
    chunks = list(
        client.completions.create(
            model="default",
            prompt="One, two,",
            max_tokens=12,
            temperature=0,
            echo=True,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    text = "".join(chunk.choices[0].text for chunk in chunks if chunk.choices)
    assert text == whole.choices[0].text
    assert chunks[-1].usage == whole.usage


def test_a_vector_has_length_one_and_near_texts_are_near(client: openai.OpenAI) -> None:
    texts = ["A cat sits on the mat.", "A kitten is sitting on a rug.", "The stock market fell today."]
    answer = client.embeddings.create(model="embedding", input=texts)
    assert [row.index for row in answer.data] == [0, 1, 2]
    cat, kitten, market = (row.embedding for row in answer.data)
    assert {len(cat), len(kitten), len(market)} == {384}
    for vector in (cat, kitten, market):
        assert math.isclose(sum(value * value for value in vector), 1, rel_tol=1e-3)

    def cosine(a: list[float], b: list[float]) -> float:
        return sum(x * y for x, y in zip(a, b, strict=True))

    assert cosine(cat, kitten) > 0.5 > cosine(cat, market)
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 10


def test_vectors_are_the_same_packed_and_as_numbers(client: openai.OpenAI) -> None:
    # The client asks for base64 when nothing is said, and unpacks it.
    packed = client.embeddings.create(model="embedding", input="Hello")
    plain = client.embeddings.create(model="embedding", input="Hello", encoding_format="float")
    assert packed.data[0].embedding == pytest.approx(plain.data[0].embedding, abs=1e-6)


async def test_sixteen_streams_at_once_are_all_whole(async_client: openai.AsyncOpenAI) -> None:
    async def one(number: int) -> str:
        text = ""
        async for chunk in await async_client.chat.completions.create(
            model="default",
            messages=[{"role": "user", "content": f"Count from {number}."}],
            max_tokens=16,
            temperature=0,
            stream=True,
            extra_body={"ignore_eos": True},
        ):
            text += chunk.choices[0].delta.content or ""
        return text

    texts = await asyncio.gather(*(one(number) for number in range(16)))
    assert all(texts)
    assert len(set(texts)) > 8


def test_the_clients_own_request_id_is_kept_and_others_are_made(http: httpx2.Client) -> None:
    assert (
        http.get("/v1/models", headers={"x-request-id": "my-own.id_1"}).headers["x-request-id"]
        == "my-own.id_1"
    )
    for bad in ("has space", "x" * 65, "é"):
        made = http.get("/v1/models", headers={"x-request-id": bad.encode()}).headers["x-request-id"]
        assert re.fullmatch(r"req_\w+", made)
