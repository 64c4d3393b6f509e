"""Workspaces and keys over HTTP: who is acted for, what a scope opens, what an open stream does at the end."""

import asyncio
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest
import pytest_asyncio

from causette.accounts import Accounts
from causette.accounts.authentication import WORKSPACE_HEADER
from causette.accounts.lockout import MAIL
from causette.db import Database
from tests.accounts.credentials.smtp import post_office
from tests.house import OpenHouse, Person, open_house

CHAT = {"model": "default", "messages": [{"role": "user", "content": "Hello"}]}
REQUESTS = {
    "inference": [
        ("POST", "/v1/chat/completions", CHAT),
        ("POST", "/v1/completions", {"model": "default", "prompt": "x"}),
    ],
    "embeddings": [("POST", "/v1/embeddings", {"model": "embedding", "input": "x"})],
    "models": [("GET", "/v1/models", None), ("GET", "/v1/models/default", None)],
}


@pytest_asyncio.fixture
async def opened(tmp_path: Path) -> AsyncGenerator[OpenHouse]:
    async with open_house(tmp_path) as opened:
        yield opened


@pytest_asyncio.fixture
async def ada(opened: OpenHouse) -> Person:
    return await opened.person("ada")


@pytest_asyncio.fixture
async def bob(opened: OpenHouse) -> Person:
    return await opened.person("bob")


@pytest.mark.parametrize("scope", ["all", *REQUESTS])
async def test_a_key_opens_what_its_scope_says_and_nothing_else(
    opened: OpenHouse, ada: Person, scope: str
) -> None:
    opened.engine.answer = "Hello yourself."
    made = await opened.client.post("/api/keys", json={"name": "x", "scopes": [scope]}, headers=ada.cookie)
    bearer = {"authorization": f"Bearer {made.json()['secret']}"}
    for needed, requests in REQUESTS.items():
        for method, path, body in requests:
            answer = await opened.client.request(method, path, json=body, headers=bearer)
            if scope in {needed, "all"}:
                assert answer.status_code == 200, path
                continue
            error = answer.json()["error"]
            assert (answer.status_code, error["code"]) == (403, "insufficient_scope")
            assert repr(needed) in error["message"]


async def test_amounts_are_decimal_dollars_and_come_back_exactly(opened: OpenHouse, ada: Person) -> None:
    limits = {"rpm": 3, "tpm": None, "day_usd": "0.000000001", "month_usd": "20.00", "total_usd": None}
    made = await opened.client.post("/api/keys", json={"name": "x", "limits": limits}, headers=ada.cookie)
    assert made.json()["limits"] == limits
    (kept,) = (
        key for key in await opened.house.accounts.keys.list(ada.caller) if key.id == made.json()["id"]
    )
    assert (kept.limits.day_nano, kept.limits.month_nano) == (1, 20 * 10**9)
    for wrong in ("1e3", "-1", "", "0.0000000001", 5):
        refused = await opened.client.post(
            "/api/keys", json={"name": "x", "limits": {"day_usd": wrong}}, headers=ada.cookie
        )
        assert refused.status_code == 422


async def test_the_header_chooses_who_is_acted_for(opened: OpenHouse, ada: Person, bob: Person) -> None:
    made = await opened.client.post("/api/workspaces", json={"name": "Engines"}, headers=ada.cookie)
    acting = {WORKSPACE_HEADER: made.json()["id"]}
    key = await opened.client.post("/api/keys", json={"name": "shared"}, headers=ada.cookie | acting)
    assert key.json()["workspace_id"] == made.json()["id"]
    listed = await opened.client.get("/api/keys", headers=ada.cookie | acting)
    assert [item["id"] for item in listed.json()["items"]] == [key.json()["id"]]
    own = await opened.client.get("/api/keys", headers=ada.cookie)
    assert key.json()["id"] not in {item["id"] for item in own.json()["items"]}
    for workspace in (acting[WORKSPACE_HEADER], "ws_none", "x"):
        refused = await opened.client.get("/api/keys", headers=bob.cookie | {WORKSPACE_HEADER: workspace})
        assert refused.status_code == 404


async def test_an_invitation_goes_by_mail_and_by_its_link(
    opened: OpenHouse, ada: Person, bob: Person
) -> None:
    made = await opened.client.post("/api/workspaces", json={"name": "Engines"}, headers=ada.cookie)
    workspace = made.json()["id"]
    invited = await opened.client.post(
        f"/api/workspaces/{workspace}/invitations", json={"email": bob.email}, headers=ada.cookie
    )
    assert invited.status_code == 201
    token = {"token": invited.json()["link"].partition("/join?token=")[2]}
    listed = await opened.client.get(f"/api/workspaces/{workspace}/invitations", headers=ada.cookie)
    assert listed.json()["items"] == [{key: value for key, value in invited.json().items() if key != "link"}]
    said = await opened.client.post("/api/workspace-invitations/read", json=token, headers=bob.cookie)
    assert (said.json()["workspace_name"], said.json()["inviter_name"]) == ("Engines", "Ada")
    joined = await opened.client.post("/api/workspace-invitations/accept", json=token, headers=bob.cookie)
    assert (joined.json()["id"], joined.json()["role"]) == (workspace, "member")
    left = await opened.client.delete(
        f"/api/workspaces/{workspace}/members/{bob.caller.user.id}", headers=bob.cookie
    )
    assert left.status_code == 204


async def test_nobodys_post_box_is_filled_with_invitations(tmp_path: Path) -> None:
    async with post_office() as office, open_house(tmp_path, smtp_url=office.url) as opened:
        eve = await opened.person("eve")
        links: set[str] = set()
        for name in ("One", "Two"):
            made = await opened.client.post("/api/workspaces", json={"name": name}, headers=eve.cookie)
            path = f"/api/workspaces/{made.json()['id']}/invitations"
            for _ in range(MAIL.free):
                answer = await opened.client.post(path, json={"email": "x@example.org"}, headers=eve.cookie)
                assert answer.status_code == 201
                links.add(answer.json()["link"])
        await opened.house.credentials.mail.settled()
    assert (len(office.letters), len(links)) == (MAIL.free, 2 * MAIL.free)


async def test_an_open_stream_ends_when_another_process_ends_its_session(
    opened: OpenHouse, ada: Person, tmp_path: Path
) -> None:
    # The engine says nothing until the test does, and the test does not.
    turn = await opened.house.assistant.start(ada.caller, content="Hello", model=None)
    path = f"/api/generations/{turn.generation.id}/events"
    reading = asyncio.create_task(opened.client.get(path, headers=ada.cookie))
    try:
        await asyncio.sleep(0.2)
        assert not reading.done()
        async with Database.from_url(f"sqlite:///{tmp_path / 'causette.sqlite3'}") as database:
            elsewhere = Accounts(database)
            await elsewhere.sign_out(ada.session)
            async with asyncio.timeout(1.5):
                answer = await reading
            await elsewhere.close()
        assert "event: end" not in answer.text
    finally:
        reading.cancel()
