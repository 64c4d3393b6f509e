"""Thinking and tool calls of remote engines, over a real connection; how long our own engine lets a model think."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import msgspec
import pytest
from aiohttp import web

from causette.engines.openai_client import OpenAIClient
from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine
from causette.engines.thinking import Tags
from causette.engines.types import (
    ChatMessage,
    Completed,
    Delta,
    GenerateRequest,
    ToolCall,
    ToolCallPiece,
    ToolSpec,
    Usage,
)
from causette.engines.wire import Thinking
from tests.engines.asking import asking
from tests.engines.test_openai_client import DONE, end, events, streaming, text

QUESTION = ChatMessage("user", "Two and two?")


@asynccontextmanager
async def answering(
    *chunks: object, thinking: Thinking = "none", tags: Tags = "none"
) -> AsyncIterator[tuple[OpenAIClient, list[dict[str, object]]]]:
    """A server that answers with ``chunks``, and what it was asked."""
    bodies: list[dict[str, object]] = []
    answer = streaming(events(*chunks))

    async def handler(request: web.Request) -> web.StreamResponse:
        bodies.append(await request.json())
        return await answer(request)

    app = web.Application()
    app.router.add_post("/v1/chat/completions", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    client = OpenAIClient(url, model="theirs", context=4096, thinking=thinking, tags=tags)
    try:
        yield client, bodies
    finally:
        await client.close()
        await runner.cleanup()


async def said(engine: OpenAIClient | EmbeddedEngine, request: GenerateRequest) -> tuple[str, str, Usage]:
    """What a reply thought, what it said, and what it took."""
    thought, answer, usage = "", "", Usage()
    async with aclosing(engine.generate(request)) as items:
        async for item in items:
            if isinstance(item, Completed):
                usage = item.usage
            else:
                thought, answer = thought + item.reasoning, answer + item.text
    return thought, answer, usage


def thought(content: str, name: str = "reasoning_content") -> dict[str, object]:
    return {"choices": [{"index": 0, "delta": {name: content}}]}


@pytest.mark.parametrize("name", ["reasoning_content", "reasoning"])
async def test_a_server_that_tells_thinking_apart_is_believed(name: str) -> None:
    chunks = (thought("Hm, ", name), thought("four.", name), text("Four <think> is"), end(), DONE)
    async with answering(*chunks, tags="tagged") as (client, _):
        thinking, answer, usage = await said(client, asking([QUESTION]))
    assert (thinking, answer) == ("Hm, four.", "Four <think> is")
    assert usage.reasoning_tokens == 0


async def test_thinking_in_tags_is_told_apart_and_counted() -> None:
    chunks = (text("<thi"), text("nk>Hm"), text(" four</think>"), text("\n\nFour."), end())
    usage = {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 4}}
    async with answering(*chunks, usage, DONE, tags="tagged") as (client, _):
        thinking, answer, took = await said(client, asking([QUESTION]))
    assert (thinking, answer) == ("Hm four", "Four.")
    assert 1 <= took.reasoning_tokens <= 3


@pytest.mark.parametrize(
    ("thinking", "effort", "sent"),
    [
        ("effort", "high", {"reasoning_effort": "high"}),
        ("effort", "off", {"reasoning_effort": "none"}),
        ("template", "off", {"chat_template_kwargs": {"enable_thinking": False}}),
        ("template", "low", {"chat_template_kwargs": {"enable_thinking": True}}),
        ("none", "high", {}),
    ],
)
async def test_each_server_is_told_of_the_effort_in_its_own_words(
    thinking: Thinking, effort: str, sent: dict[str, object]
) -> None:
    request = msgspec.structs.replace(asking([QUESTION]), effort=effort)  # type: ignore[arg-type]
    async with answering(text("Four."), end(), DONE, thinking=thinking) as (client, bodies):
        await said(client, request)
    assert {
        key: bodies[0].get(key) for key in ("reasoning_effort", "chat_template_kwargs") if key in bodies[0]
    } == sent


async def test_a_reply_broken_off_in_its_thinking_goes_on_there() -> None:
    turns = [QUESTION, ChatMessage("assistant", "", "Hm, fo")]
    async with answering(text("ur.</think>Four."), end(), DONE, tags="tagged") as (client, bodies):
        assert (await said(client, asking(turns, continue_reply=True)))[:2] == ("ur.", "Four.")
    assert bodies[0]["messages"][1] == {"role": "assistant", "content": "<think>\nHm, fo"}  # type: ignore[index]
    async with answering(thought("Four."), text("Four."), end(), DONE, thinking="effort") as (client, bodies):
        await said(client, asking(turns, continue_reply=True))
    assert [turn["role"] for turn in bodies[0]["messages"]] == ["user"]  # type: ignore[attr-defined]
    assert "continue_final_message" not in bodies[0]


async def test_tools_are_offered_and_calls_are_read() -> None:
    def piece(index: int, **call: object) -> dict[str, object]:
        return {"choices": [{"index": 0, "delta": {"tool_calls": [{"index": index, **call}]}}]}

    chunks = (
        piece(0, id="c1", type="function", function={"name": "add", "arguments": ""}),
        piece(0, function={"arguments": '{"a":'}),
        piece(0, function={"arguments": "2}"}),
        piece(1, id="c2", type="function", function={"name": "now"}),
        end("tool_calls"),
    )
    spec = ToolSpec("add", "Adds.", {"type": "object"})
    turns = [
        QUESTION,
        ChatMessage("assistant", "", tool_calls=(ToolCall("c0", "add", "{}"),)),
        ChatMessage("tool", "4", tool_call_id="c0"),
    ]
    request = msgspec.structs.replace(asking(turns), tools=(spec,))
    pieces: list[ToolCallPiece] = []
    async with answering(*chunks, DONE) as (client, bodies), aclosing(client.generate(request)) as items:
        async for item in items:
            if isinstance(item, Delta):
                pieces += item.tool_calls
    calls: dict[int, tuple[str, str]] = {}
    for part in pieces:
        name, arguments = calls.get(part.index, ("", ""))
        calls[part.index] = (name + part.name, arguments + part.arguments)
    assert calls == {0: ("add", '{"a":2}'), 1: ("now", "")}
    body = json.loads(json.dumps(bodies[0]))
    assert body["tools"] == [
        {
            "type": "function",
            "function": {"name": "add", "description": "Adds.", "parameters": {"type": "object"}},
        }
    ]
    assert body["messages"][1]["tool_calls"][0]["id"] == body["messages"][2]["tool_call_id"] == "c0"


@pytest.mark.asyncio(loop_scope="session")
async def test_thinking_ends_when_its_budget_is_spent(text_config: EmbeddedConfig) -> None:
    """The default model is made to begin in a block that it does not know how to end."""
    engine = EmbeddedEngine(
        EmbeddedConfig(
            kind="text",
            name="small",
            model=text_config.model,
            context=text_config.context,
            thinking="prefilled",
        )
    )
    engine.start()
    try:
        question = asking("Tell me a long story about a cat.", max_tokens=40)
        low = msgspec.structs.replace(question, effort="low")
        thinking, answer, usage = await said(engine, low)
        assert thinking
        assert answer
        assert "think>" not in thinking + answer
        # Three quarters of forty tokens, of which the first ones are there before the block's end is due.
        assert 30 <= usage.reasoning_tokens <= 31
        assert 30 < usage.output_tokens <= 40
        off = await said(engine, msgspec.structs.replace(question, effort="off"))
        assert (off[0], off[2].reasoning_tokens) == ("", 0)
        half = ChatMessage("assistant", "", thinking[:20])
        more = asking([ChatMessage("user", "Tell me a long story about a cat."), half], continue_reply=True)
        again = await said(engine, msgspec.structs.replace(more, effort="low"))
        assert again[0]
        assert again[2].reasoning_tokens > 0
    finally:
        await engine.stop()
