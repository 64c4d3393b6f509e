"""Who may do what, route by route: as nobody, as a stranger, as the owner.

Every route of the real application must have a case here; one without a case fails. That is the test against the
commonest hole of such products: an object read or changed by its id through the one route where nobody looked.
"""

import json
from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import httpx2
import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from causette.app import openapi_document
from causette.ids import new_id
from tests.house import PASSWORD, OpenHouse, Person, open_house

#: ``public``: needs no credential. ``session`` and ``key``: about the caller only. ``owned``: names an object by id,
#: and needs its owner's session.
Access = Literal["public", "session", "key", "owned"]


@dataclass(frozen=True)
class Case:
    """How a route is asked, and what each may see of it. ``path`` and ``body`` may hold the names of :class:`World`."""

    access: Access
    path: str
    body: dict[str, Any] | None = None
    #: Status for those who may.
    ok: int = 200
    headers: dict[str, str] = field(default_factory=dict)


CHAT = {"model": "default", "messages": [{"role": "user", "content": "Hello"}], "stream": False}

CASES: dict[tuple[str, str], Case] = {
    # What needs no credential, and why that is no harm.
    ("GET", "/healthz"): Case("public", "/healthz"),
    ("GET", "/readyz"): Case("public", "/readyz"),
    ("GET", "/metrics"): Case("public", "/metrics"),
    ("GET", "/api/openapi.json"): Case("public", "/api/openapi.json"),
    ("GET", "/api/bootstrap"): Case("public", "/api/bootstrap"),
    # Guarded by the one-time link's token, by the password, by having a session to end.
    ("POST", "/api/setup"): Case(
        "public",
        "/api/setup",
        {"token": "x", "name": "X", "email": "x@example.org", "password": PASSWORD},
        403,
    ),
    ("POST", "/api/session"): Case(
        "public", "/api/session", {"email": "ada@example.org", "password": "a wrong password"}, 401
    ),
    ("DELETE", "/api/session"): Case("public", "/api/session", ok=204),
    # About oneself.
    ("GET", "/api/session"): Case("session", "/api/session"),
    ("PATCH", "/api/user"): Case("session", "/api/user", {"theme": "dark"}),
    ("GET", "/api/models"): Case("session", "/api/models"),
    ("GET", "/api/conversations"): Case("session", "/api/conversations"),
    ("POST", "/api/conversations"): Case("session", "/api/conversations", {"content": "Hello"}, 201),
    # Somebody's.
    ("GET", "/api/conversations/{conversation_id}"): Case("owned", "/api/conversations/{conversation}"),
    ("PATCH", "/api/conversations/{conversation_id}"): Case(
        "owned", "/api/conversations/{conversation}", {"title": "Taken"}
    ),
    ("DELETE", "/api/conversations/{conversation_id}"): Case(
        "owned", "/api/conversations/{conversation}", ok=204
    ),
    ("POST", "/api/conversations/{conversation_id}/messages"): Case(
        "owned",
        "/api/conversations/{conversation}/messages",
        {"parent_id": "{reply}", "content": "More"},
        201,
    ),
    ("POST", "/api/messages/{message_id}/regenerate"): Case(
        "owned", "/api/messages/{reply}/regenerate", {}, 201
    ),
    ("POST", "/api/generations/{generation_id}/stop"): Case("owned", "/api/generations/{generation}/stop"),
    ("GET", "/api/generations/{generation_id}/events"): Case("owned", "/api/generations/{generation}/events"),
    # Developers'.
    ("GET", "/v1/models"): Case("key", "/v1/models"),
    ("GET", "/v1/models/{model:path}"): Case("key", "/v1/models/default"),
    ("POST", "/v1/chat/completions"): Case("key", "/v1/chat/completions", CHAT),
    ("POST", "/v1/completions"): Case("key", "/v1/completions", {"model": "default", "prompt": "Hello"}),
    ("POST", "/v1/embeddings"): Case("key", "/v1/embeddings", {"model": "embedding", "input": "Hello"}),
}


@dataclass(frozen=True)
class World:
    """An open house with two people, and a conversation of the first one's."""

    open: OpenHouse
    ada: Person
    bob: Person
    conversation: str
    question: str
    reply: str
    generation: str

    async def ask(self, method: str, case: Case, headers: dict[str, str]) -> httpx2.Response:
        ids = {name: getattr(self, name) for name in ("conversation", "question", "reply", "generation")}
        body = None
        if case.body is not None:
            text = json.dumps(case.body)
            for name, value in ids.items():
                text = text.replace(f"{{{name}}}", value)
            body = json.loads(text)
        return await self.open.client.request(
            method, case.path.format_map(ids), json=body, headers=case.headers | headers
        )

    async def what_ada_has(self) -> object:
        """All that she sees of her conversation."""
        answer = await self.open.client.get(
            f"/api/conversations/{self.conversation}", headers=self.ada.cookie
        )
        assert answer.status_code == 200
        return answer.json()


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    async with open_house(tmp_path) as opened:
        ada, bob = await opened.person("ada"), await opened.person("bob")
        opened.engine.answer = "Hello yourself."
        assistant = opened.house.assistant
        turn = await assistant.start(ada.caller, content="Hello", model=None)
        async for _ in assistant.events(turn.generation, 0):
            pass
        yield World(
            opened,
            ada,
            bob,
            conversation=turn.conversation.id,
            question=turn.messages[0].id,
            reply=turn.messages[1].id,
            generation=turn.generation.id,
        )


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    """Every method and path that the application answers, HEAD aside: it goes with GET."""
    found: set[tuple[str, str]] = set()
    for route in iter_route_contexts(app.routes):
        assert route.path is not None and route.methods, (
            f"{route} is no plain route: give it a case of its own"
        )
        found |= {(method, route.path) for method in route.methods if method != "HEAD"}
    return found


def of(*access: Access) -> Any:
    """The cases of these kinds, as parameters."""
    chosen = [(key, case) for key, case in CASES.items() if case.access in access]
    return pytest.mark.parametrize(
        ("method", "case"),
        [(key[0], case) for key, case in chosen],
        ids=[f"{method} {path}" for (method, path), _ in chosen],
    )


async def test_every_route_has_a_case_and_every_case_a_route(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        assert routes_of(opened.app) == set(CASES)


def test_a_route_that_names_an_object_is_a_case_of_ownership() -> None:
    naming = {key for key in CASES if "{" in key[1]}
    assert {key for key in naming if CASES[key].access != "owned"} == {("GET", "/v1/models/{model:path}")}
    assert {key for key, case in CASES.items() if case.access == "owned"} <= naming


def test_every_route_but_the_owners_instruments_is_described() -> None:
    described = {
        (method.upper(), path)
        for path, operations in openapi_document()["paths"].items()
        for method in operations
    }
    hidden = {("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/api/openapi.json")}
    assert described == {(method, path.replace(":path", "")) for method, path in CASES} - hidden


@of("public")
async def test_what_is_public_answers_nobody(world: World, method: str, case: Case) -> None:
    answer = await world.ask(method, case, {})
    assert answer.status_code == case.ok
    assert "ada@" not in answer.text
    assert world.conversation not in answer.text


@of("session", "key", "owned")
async def test_nobody_is_told_to_sign_in(world: World, method: str, case: Case) -> None:
    before = await world.what_ada_has()
    answer = await world.ask(method, case, {})
    assert answer.status_code == 401
    assert await world.what_ada_has() == before


@of("session", "owned")
async def test_a_key_opens_nothing_that_is_a_sessions(world: World, method: str, case: Case) -> None:
    assert (await world.ask(method, case, world.ada.bearer)).status_code == 401


@of("key")
async def test_a_session_opens_nothing_that_is_a_keys(world: World, method: str, case: Case) -> None:
    assert (await world.ask(method, case, world.ada.cookie)).status_code == 401


@of("owned")
async def test_a_stranger_finds_nothing_and_changes_nothing(world: World, method: str, case: Case) -> None:
    before = await world.what_ada_has()
    theirs = await world.ask(method, case, world.bob.cookie)
    assert theirs.status_code == 404
    made_up = World(
        world.open, world.ada, world.bob, new_id("conv"), new_id("msg"), new_id("msg"), new_id("gen")
    )
    nothing = await made_up.ask(method, case, world.bob.cookie)
    # What is somebody else's and what does not exist are told apart by nothing.
    assert (nothing.status_code, nothing.json()) == (theirs.status_code, theirs.json())
    assert await world.what_ada_has() == before


@of("session")
async def test_a_stranger_sees_only_their_own(world: World, method: str, case: Case) -> None:
    before = await world.what_ada_has()
    answer = await world.ask(method, case, world.bob.cookie)
    assert answer.status_code == case.ok
    for known in (world.conversation, world.reply, "ada@example.org"):
        assert known not in answer.text
    assert await world.what_ada_has() == before


@of("session", "owned")
async def test_the_owner_may(world: World, method: str, case: Case) -> None:
    assert (await world.ask(method, case, world.ada.cookie)).status_code == case.ok


@of("key")
async def test_the_holder_of_a_key_may(world: World, method: str, case: Case) -> None:
    assert (await world.ask(method, case, world.ada.bearer)).status_code == case.ok


@of("session", "owned")
async def test_who_has_signed_out_is_nobody_from_then_on(world: World, method: str, case: Case) -> None:
    await world.open.house.accounts.sign_out(world.ada.session)
    assert (await world.ask(method, case, world.ada.cookie)).status_code == 401


async def test_a_parent_or_shown_message_of_somebody_elses_is_not_found(world: World) -> None:
    started = await world.open.client.post(
        "/api/conversations", json={"content": "Mine"}, headers=world.bob.cookie
    )
    bobs = started.json()["conversation"]["id"]
    for method, path, body in (
        ("POST", f"/api/conversations/{bobs}/messages", {"parent_id": world.reply, "content": "x"}),
        ("PATCH", f"/api/conversations/{bobs}", {"current_message_id": world.reply}),
    ):
        answer = await world.open.client.request(method, path, json=body, headers=world.bob.cookie)
        assert answer.status_code == 404
