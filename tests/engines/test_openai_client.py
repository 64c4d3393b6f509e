"""Remote engines that are odd, slow, broken or unwilling, as real servers on a free port."""

import asyncio
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from typing import Literal

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from causette.engines.openai_client import OpenAIClient
from causette.engines.types import Completed, Delta, EmbedRequest, Usage
from causette.errors import CausetteError, InvalidRequest, TooManyRequests, Unavailable
from tests.engines.asking import Reply, answer, ask, asking

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(
    handler: Handler, *, api_key: str | None = None, usage: Literal["final", "continuous"] = "final"
) -> AsyncIterator[OpenAIClient]:
    """An engine whose server answers everything with ``handler``."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    client = OpenAIClient(url, model="theirs", context=4096, api_key=api_key, usage=usage)
    try:
        yield client
    finally:
        await client.close()
        await runner.cleanup()


def text(content: str, index: int = 0, **more: object) -> dict[str, object]:
    return {"choices": [{"index": index, "delta": {"content": content}, **more}]}


def end(reason: str = "stop", index: int = 0) -> dict[str, object]:
    return {"choices": [{"index": index, "delta": {}, "finish_reason": reason}]}


USAGE = {
    "choices": [],
    "usage": {
        "prompt_tokens": 9,
        "completion_tokens": 2,
        "total_tokens": 11,
        "prompt_tokens_details": {"cached_tokens": 4},
        "completion_tokens_details": {"reasoning_tokens": 1},
    },
}
DONE = "[DONE]"


def events(*items: object) -> bytes:
    return b"".join(
        f"data: {item if isinstance(item, str) else json.dumps(item)}\n\n".encode() for item in items
    )


def streaming(*parts: bytes, cut: bool = False) -> Handler:
    """Sends ``parts`` one by one; with ``cut``, breaks the connection off then."""

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream; charset=utf-8"})
        await response.prepare(request)
        for part in parts:
            await response.write(part)
        if cut:
            assert request.transport is not None
            request.transport.abort()
        return response

    return handler


def refusing(
    status: int, body: object, *, kind: str = "application/json", headers: dict[str, str] | None = None
) -> Handler:
    async def handler(_: web.Request) -> web.StreamResponse:
        content = body if isinstance(body, str) else json.dumps(body)
        return web.Response(status=status, text=content, content_type=kind, headers=headers)

    return handler


async def fails(handler: Handler) -> CausetteError:
    """What a request to such a server ends with."""
    async with serving(handler) as client:
        with pytest.raises(CausetteError) as failed:
            await ask(client, "Hi")
        return failed.value


async def test_a_proper_stream_gives_its_text_and_its_account():
    async with serving(streaming(events(text("Hel"), text("lo"), end("length"), USAGE, DONE))) as client:
        reply = await ask(client, "Hi")
    assert reply.text == "Hello"
    assert reply.finish_reasons == {0: ["length"]}
    assert reply.completed.usage == Usage(
        input_tokens=9, cached_tokens=4, output_tokens=2, reasoning_tokens=1
    )


async def test_a_request_says_who_asks_for_what():
    seen: list[tuple[str, Mapping[str, str], dict[str, object]]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((request.path, request.headers.copy(), await request.json()))
        return await streaming(events(text("x"), DONE))(request)

    async with serving(handler, api_key="secret") as client:
        chat = asking("Hi", seed=3, stop=("a", "b"), n=2, presence_penalty=0.5)
        await answer(client, chat)
        await ask(client, "Once", raw=True, logprobs=True)
    (chat_path, headers, body), (raw_path, _, raw_body) = seen
    assert (chat_path, raw_path) == ("/v1/chat/completions", "/v1/completions")
    assert headers["Authorization"] == "Bearer secret"
    assert headers["x-request-id"] == chat.id
    expected = {
        "model": "theirs",
        "stream": True,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "user", "content": "Hi"}],
        "seed": 3,
        "stop": ["a", "b"],
        "n": 2,
        "presence_penalty": 0.5,
        "temperature": 0.0,
        "max_tokens": 16,
    }
    assert expected.items() <= body.items()
    # What a server need not know is not sent to it: strict ones refuse unknown fields.
    assert not {"top_k", "min_p", "ignore_eos", "response_format", "continue_final_message"} & body.keys()
    assert (raw_body["prompt"], raw_body["logprobs"]) == ("Once", 0)


@given(st.lists(st.integers(1, 400), max_size=12))
def test_however_the_bytes_arrive_the_text_is_the_same(cuts: list[int]):
    whole = events(text("Déjà "), text("🙂"), text(" vu"), end(), USAGE, DONE)
    edges = sorted({cut for cut in cuts if cut < len(whole)})
    parts = [whole[a:b] for a, b in zip([0, *edges], [*edges, len(whole)], strict=True)]

    async def check() -> None:
        async with serving(streaming(*parts)) as client:
            assert (await ask(client, "Hi")).text == "Déjà 🙂 vu"

    asyncio.run(check())


@pytest.mark.parametrize(
    "stream",
    [
        pytest.param(events(text("ok"), end(), DONE), id="no usage"),
        pytest.param(events(text("ok"), end()), id="no DONE"),
        pytest.param(events(text("ok"), DONE), id="no finish reason"),
        pytest.param(events(text("ok"), end(), {"choices": None, "usage": None}, DONE), id="nulls"),
        pytest.param(b": keep-alive\n\nevent: message\n" + events(text("ok"), DONE), id="comments"),
        pytest.param(events(text("ok"), end(), DONE).replace(b"\n", b"\r\n"), id="CRLF"),
        pytest.param(events(text("ok"), end(), DONE).replace(b"data: ", b"data:"), id="no space"),
        pytest.param(events(text("ok", extra={"a": [1]}), {"object": "x", **end()}, DONE), id="more fields"),
        pytest.param(events(text("ok"), end(), DONE) + b"data: after\n\n", id="words after the end"),
        pytest.param(events(text("ok"), end(), DONE).rstrip(), id="no last line end"),
    ],
)
async def test_a_server_may_be_odd(stream: bytes):
    async with serving(streaming(stream)) as client:
        reply = await ask(client, "Hi")
    assert reply.text == "ok"
    assert reply.completed.usage == Usage()


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("stop", "stop"),
        ("length", "length"),
        ("eos_token", "stop"),
        ("max_tokens", "length"),
        ("abort", "stop"),
    ],
)
async def test_a_servers_own_word_for_the_end_still_ends_the_choice(theirs: str, ours: str):
    async with serving(streaming(events(text("ok"), end(theirs), DONE))) as client:
        assert (await ask(client, "Hi")).finish_reasons == {0: [ours]}


async def test_log_probabilities_come_in_both_of_the_protocols_shapes():
    content = [
        {
            "token": "é",
            "logprob": -0.5,
            "bytes": [195, 169],
            "top_logprobs": [{"token": "e", "logprob": -1.0}],
        },
        {"token": "!", "logprob": -0.1},
    ]
    legacy = {
        "tokens": ["é", "!"],
        "token_logprobs": [-0.5, -0.1],
        "top_logprobs": [{"e": -1.0}, None],
        "text_offset": [0, 1],
    }
    chat_chunk = text("é!", logprobs={"content": content})
    raw_chunk = {"choices": [{"index": 0, "text": "é!", "logprobs": legacy}]}
    async with serving(streaming(events(chat_chunk, DONE))) as client:
        chat = await ask(client, "Hi", logprobs=True, top_logprobs=1)
    async with serving(streaming(events(raw_chunk, DONE))) as client:
        raw = await ask(client, "Hi", raw=True, logprobs=True, top_logprobs=1)
    assert chat.logprobs == raw.logprobs
    first, second = chat.logprobs
    assert (first.token, bytes(first.bytes), first.logprob) == ("é", "é".encode(), -0.5)
    assert [(other.token, other.logprob) for other in first.top] == [("e", -1.0)]
    assert (second.token, bytes(second.bytes), second.top) == ("!", b"!", ())


async def test_choices_are_kept_apart():
    stream = events(text("a", 0), text("b", 1), end("stop", 1), text("c", 0), end("length", 0), DONE)
    async with serving(streaming(stream)) as client:
        reply = await ask(client, "Hi", n=2)
    assert (reply.text_of(0), reply.text_of(1)) == ("ac", "b")


@pytest.mark.parametrize(
    "handler",
    [
        pytest.param(streaming(events(text("so far")), cut=True), id="cut between events"),
        pytest.param(streaming(events(text("so far")), b'data: {"choi', cut=True), id="cut within an event"),
        pytest.param(streaming(events(text("so far"))), id="closed before the end"),
        pytest.param(streaming(events(text("so far"), end("stop", 0))), id="closed before the other choice"),
    ],
)
async def test_a_reply_that_breaks_off_keeps_what_came_and_may_be_asked_for_again(handler: Handler):
    came: list[Delta | Completed] = []
    async with serving(handler) as client:
        with pytest.raises(Unavailable) as lost:
            async with aclosing(client.generate(asking("Hi", n=2))) as items:
                async for item in items:
                    came.append(item)
    assert isinstance(came[0], Delta)
    assert came[0].text == "so far"
    assert lost.value.code == "engine_lost"
    assert lost.value.retry_after


@pytest.mark.parametrize(
    ("error", "kind", "code"),
    [
        ({"message": "CUDA out of memory"}, Unavailable, "engine_error"),
        ({"message": "boom", "code": "worker_died"}, Unavailable, "worker_died"),
        ({"message": "maximum context length is 10", "code": 400}, InvalidRequest, "context_length_exceeded"),
        ({"message": "slow down", "code": 429}, TooManyRequests, "engine_overloaded"),
    ],
)
async def test_an_error_in_the_middle_of_a_stream_is_that_error(
    error: dict[str, object], kind: type[CausetteError], code: str
):
    failed = await fails(streaming(events(text("so far"), {"error": error})))
    assert isinstance(failed, kind)
    assert (failed.code, failed.message) == (code, error["message"])


@pytest.mark.parametrize(
    ("handler", "kind", "code"),
    [
        pytest.param(
            refusing(400, {"error": {"message": "no", "param": "top_k", "code": "bad"}}),
            InvalidRequest,
            "bad",
            id="400",
        ),
        pytest.param(
            refusing(400, {"error": {"message": "This model's maximum context length is 10"}}),
            InvalidRequest,
            "context_length_exceeded",
            id="too long",
        ),
        pytest.param(refusing(401, {"error": {"message": "key"}}), Unavailable, "engine_refused", id="401"),
        pytest.param(refusing(403, "nope", kind="text/plain"), Unavailable, "engine_refused", id="403"),
        pytest.param(refusing(404, {"error": "who?"}), Unavailable, "engine_model_missing", id="404"),
        pytest.param(
            refusing(429, {"error": {"message": "busy"}}), TooManyRequests, "engine_overloaded", id="429"
        ),
        pytest.param(refusing(500, "<h1>Oops</h1>", kind="text/html"), Unavailable, "engine_error", id="500"),
        pytest.param(
            refusing(502, {"detail": "bad gateway"}), Unavailable, "engine_error", id="another error shape"
        ),
        pytest.param(
            refusing(301, "", headers={"location": "http://elsewhere/"}),
            Unavailable,
            "engine_error",
            id="301",
        ),
        pytest.param(refusing(200, {"choices": []}), Unavailable, "engine_protocol", id="not a stream"),
        pytest.param(streaming(b"data: {nonsense\n\n"), Unavailable, "engine_protocol", id="not JSON"),
        pytest.param(
            streaming(b"data: " + b"x" * (3 << 20) + b"\n\n"),
            Unavailable,
            "engine_protocol",
            id="endless line",
        ),
    ],
)
async def test_each_refusal_is_told_as_what_it_is(handler: Handler, kind: type[CausetteError], code: str):
    failed = await fails(handler)
    assert isinstance(failed, kind)
    assert failed.code == code
    assert failed.message


async def test_the_key_of_a_remote_engine_is_never_in_a_message():
    async with serving(refusing(401, {"error": {"message": "key"}}), api_key="hush-hush") as client:
        with pytest.raises(Unavailable) as refused:
            await ask(client, "Hi")
    assert "hush" not in refused.value.message
    assert "owner" in refused.value.message


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("1.5", 1.5), ("Wed, 21 Oct 2026 07:28:00 GMT", 2.0), ("²", 2.0), ("-3", 2.0), ("nan", 2.0)],
)
async def test_a_servers_wish_to_be_left_alone_for_a_while_is_passed_on(header: str, seconds: float):
    failed = await fails(
        refusing(
            429, {"error": {"message": "busy"}}, headers={"retry-after": header.encode().decode("latin-1")}
        )
    )
    assert failed.retry_after == seconds


async def test_a_server_that_is_not_there_is_lost_and_not_ready():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        nobody = OpenAIClient(f"http://127.0.0.1:{free.getsockname()[1]}/v1", model="theirs", context=4096)
        with pytest.raises(Unavailable) as lost:
            await ask(nobody, "Hi")
        assert lost.value.code == "engine_lost"
        assert not await nobody.ready()
        await nobody.close()


@pytest.mark.parametrize(
    ("status", "ready"), [(200, True), (404, True), (401, False), (403, False), (503, False)]
)
async def test_a_server_is_ready_when_it_would_take_a_request(status: int, ready: bool):
    async with serving(refusing(status, {"data": []})) as client:
        assert await client.ready() is ready


async def test_deltas_come_as_they_are_sent():
    """A slow server's first words are there long before its last."""
    go_on = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(events(text("first")))
        await go_on.wait()
        await response.write(events(text(" last"), end(), DONE))
        return response

    async with serving(handler) as client, aclosing(client.generate(asking("Hi"))) as items:
        first = await anext(items)
        assert first == Delta(text="first", output_tokens=1)
        go_on.set()
        reply = Reply([first, *[item async for item in items if isinstance(item, Delta)]])
    assert reply.text == "first last"


async def test_what_arrives_together_is_handed_on_as_one_delta_of_each_choice():
    two = {"content": [{"token": "b", "logprob": -1.0}, {"token": "c", "logprob": -2.0}]}
    parts = text("a"), text("bc", logprobs=two), end("length", 0), text("x", 1), end("stop", 1)
    async with serving(streaming(events(*parts, USAGE, DONE))) as client:
        reply = await ask(client, "Hi", n=2, logprobs=True)
    first, second = reply.deltas
    assert (first.index, first.text, first.finish_reason, first.output_tokens) == (0, "abc", "length", 3)
    assert [token.logprob for token in first.logprobs] == [-1.0, -2.0]
    assert (second.index, second.text, second.finish_reason, second.output_tokens) == (1, "x", "stop", 4)


async def test_what_arrives_together_with_an_error_comes_before_it():
    stream = events(text("so"), text(" far"), {"error": {"message": "boom"}})
    async with serving(streaming(stream)) as client:
        _, came = await deltas_until_lost(client)
    assert [delta.text for delta in came] == ["so far"]


async def test_closing_a_stream_closes_its_connection():
    left = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(events(text("first")))
        try:
            while request.transport is not None and not request.transport.is_closing():
                await asyncio.sleep(0.01)
        finally:
            left.set()
        return response

    async with serving(handler) as client:
        items: AsyncGenerator[Delta | Completed] = client.generate(asking("Hi"))
        await anext(items)
        await items.aclose()
        await asyncio.wait_for(left.wait(), 5)


async def test_vectors_come_back_in_the_order_of_the_texts():
    seen: list[dict[str, object]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append(await request.json())
        rows = [{"index": 1, "embedding": [0.0, 1.0]}, {"index": 0, "embedding": [1.0, 0.0]}]
        return web.json_response({"data": rows, "usage": {"prompt_tokens": 5, "total_tokens": 5}})

    async with serving(handler) as client:
        made = await client.embed(EmbedRequest("test_1", "default", ("a", "b"), dimensions=2))
    assert list(made.vectors) == [[1.0, 0.0], [0.0, 1.0]]
    assert made.usage.input_tokens == 5
    assert seen == [{"model": "theirs", "input": ["a", "b"], "dimensions": 2}]


@pytest.mark.parametrize(
    "answer_", [{"data": [], "usage": {"prompt_tokens": 1}}, {"vectors": []}, "<html>"], ids=str
)
async def test_vectors_that_are_not_there_are_not_made_up(answer_: object):
    async with serving(refusing(200, answer_)) as client:
        with pytest.raises(Unavailable) as failed:
            await client.embed(EmbedRequest("test_1", "default", ("a",)))
    assert failed.value.code == "engine_protocol"


def counted(content: str, tokens: int, index: int = 0) -> dict[str, object]:
    """A chunk as servers send it that count as they go: tokens of its own choice so far."""
    usage = {"prompt_tokens": 9, "completion_tokens": tokens, "total_tokens": 9 + tokens}
    return {**text(content, index), "usage": usage}


async def deltas_until_lost(client: OpenAIClient, **how: object) -> tuple[str, list[Delta]]:
    """The id of a request that is lost mid-way, and what came of it."""
    request, came = asking("Hi", **how), list[Delta]()  # type: ignore[arg-type]
    with pytest.raises(Unavailable):
        async with aclosing(client.generate(request)) as items:
            async for item in items:
                assert isinstance(item, Delta)
                came.append(item)
    return request.id, came


async def test_a_server_that_counts_as_it_goes_leaves_an_account_of_what_was_broken_off():
    stream = events(counted("a", 2, 0), counted("b", 3, 1), counted("c", 4, 0))
    async with serving(streaming(stream, cut=True), usage="continuous") as client:
        lost, came = await deltas_until_lost(client, n=2)
        assert [delta.output_tokens for delta in came] == [2, 5, 7]
        assert await client.account(lost) == Completed(Usage(input_tokens=9, output_tokens=7))
        assert await client.account("another") is None


async def test_a_server_that_counts_at_the_end_leaves_only_the_pieces_that_came():
    two = {"content": [{"token": "b", "logprob": -1.0}, {"token": "c", "logprob": -1.0}]}
    async with serving(streaming(events(text("a"), text("bc", logprobs=two)), cut=True)) as client:
        lost, came = await deltas_until_lost(client)
        assert came[-1].output_tokens == 3
        assert await client.account(lost) is None


async def test_counts_as_it_goes_are_asked_for_only_where_they_are_known_to_be_understood():
    seen: list[object] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        seen.append((await request.json())["stream_options"])
        return await streaming(events(counted("x", 1), end(), USAGE, DONE))(request)

    async with serving(handler) as final, serving(handler, usage="continuous") as continuous:
        await ask(final, "Hi")
        assert (await ask(continuous, "Hi")).completed.usage.output_tokens == 2
    assert seen == [{"include_usage": True}, {"include_usage": True, "continuous_usage_stats": True}]


async def test_one_connection_serves_many_replies_also_when_their_ends_come_late():
    ports: set[object] = set()

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        ports.add(request.transport.get_extra_info("peername"))
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(request)
        await response.write(events(text("x"), end(), DONE))
        # The end of the answer is not in the same packet as the end of the reply.
        await asyncio.sleep(0.01)
        return response

    async with serving(handler) as client:
        for _ in range(3):
            await ask(client, "Hi")
    assert len(ports) == 1
