"""The short way to a chat completion: it answers what is right, and hands on the rest as it came."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from starlette.types import Message, Receive, Scope, Send

from causette.platform.short_way import ShortWay
from tests.house import OpenHouse, Person, open_house

RIGHT = {"model": "default", "messages": [{"role": "user", "content": "Good morning"}]}
JSON = (b"content-type", b"application/json")


class LongWay:
    """What stands behind, and the bodies that come so far."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = b""
        while (message := await receive())["type"] == "http.request":
            body += message["body"]
            if not message.get("more_body"):
                break
        self.bodies.append(body)
        assert (await receive())["type"] == "http.disconnect"


@pytest_asyncio.fixture
async def opened(tmp_path: Path) -> AsyncGenerator[OpenHouse]:
    async with open_house(tmp_path) as opened:
        opened.engine.answer = "Good morning"
        yield opened


async def post(
    *parts: bytes,
    path: str = "/v1/chat/completions",
    method: str = "POST",
    kind: tuple[bytes, bytes] = JSON,
    opened: OpenHouse | None = None,
    person: Person | None = None,
    stays: bool = False,
) -> tuple[list[bytes], list[Message]]:
    """What went the long way, and what was answered here, to ``person`` (or nobody), who leaves or ``stays``."""
    long_way, sent = LongWay(), list[Message]()
    key = [] if person is None else [(b"authorization", person.bearer["authorization"].encode())]
    coming: list[Message] = [
        {"type": "http.request", "body": part, "more_body": part is not parts[-1]} for part in parts
    ]

    async def receive() -> Message:
        if stays and not coming:
            await asyncio.Event().wait()
        return coming.pop(0) if coming else {"type": "http.disconnect"}

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {"type": "http", "path": path, "method": method, "headers": [kind, *key]}
    if opened is not None:
        scope["app"] = opened.app
    await ShortWay(long_way)(scope, receive, send)
    return long_way.bodies, sent


async def test_what_is_right_is_answered_here(opened: OpenHouse) -> None:
    person = await opened.person("ada")
    bodies, sent = await post(msgspec.json.encode(RIGHT), opened=opened, person=person, stays=True)
    assert (bodies, sent[0]["status"]) == ([], 200)
    assert b"Good morning" in sent[1]["body"]


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/v1/chat/completions", "application/json"),
        ("/v1/chat/completions", "application/json; charset=utf-8"),
        ("/v1/completions", "application/json"),
        ("/v1/embeddings", "application/json"),
    ],
)
async def test_the_body_of_nobody_is_not_read(opened: OpenHouse, path: str, kind: str) -> None:
    read = 0

    async def body() -> AsyncGenerator[bytes]:
        nonlocal read
        for _ in range(7):
            read += 1
            yield b" " * 1_000_000

    for key in ({}, {"authorization": "Bearer sk-causette-wrong"}):
        answer = await opened.client.post(path, content=body(), headers={"content-type": kind, **key})
        assert answer.status_code == 401
    assert read == 0


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"model": "default"}',
        msgspec.json.encode(RIGHT | {"temprature": 1}),
        msgspec.json.encode(RIGHT | {"temperature": 3}),
        msgspec.json.encode(RIGHT | {"stream_options": {}}),
        b'{"model": "default", "messages": [{"role": "user", "content": "\\ud800"}]}',
    ],
)
async def test_what_is_not_right_goes_on_whole(opened: OpenHouse, body: bytes) -> None:
    middle, person = len(body) // 2, await opened.person("ada")
    bodies, sent = await post(body[:middle], body[middle:] + b" ", opened=opened, person=person)
    assert (bodies, sent) == ([body + b" "], [])


@pytest.mark.parametrize(
    "asked",
    [
        {"path": "/v1/completions"},
        {"path": "/v1/chat/completions/"},
        {"method": "PUT"},
        {"kind": (b"content-type", b"text/plain")},
        {"kind": (b"content-type", b"application/json; charset=utf-8")},
    ],
)
async def test_what_is_asked_otherwise_goes_on_unread(asked: dict[str, object]) -> None:
    body = msgspec.json.encode(RIGHT)
    bodies, sent = await post(body, **asked)  # pyright: ignore[reportArgumentType]
    assert (bodies, sent) == ([body], [])
