"""The routes as a browser and an API client meet them: a real server, real headers."""

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http.cookies import Morsel, SimpleCookie
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import uvicorn
from fastapi import FastAPI, Request
from multidict import CIMultiDict
from starlette.responses import Response

from causette.accounts import Accounts, Caller, NewApiKey
from causette.accounts.authentication import SESSION_COOKIE, KeyHolder
from causette.accounts.routes import router
from causette.accounts.service import SESSION_LIFETIME
from causette.accounts.tokens import new_api_key, new_token
from causette.errors import CausetteError
from causette.http.problems import problem_of
from tests.accounts.conftest import PASSWORD, Clock

CREDENTIALS = {"email": "ada@example.org", "password": PASSWORD}


@dataclass(frozen=True)
class SmallHouse:
    accounts: Accounts


@dataclass(frozen=True)
class Answer:
    status: int
    body: Any
    cookie: "Morsel[str] | None"
    headers: dict[str, str]


class Client:
    """Sends what it is told to and nothing else: no cookie is kept."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def __call__(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: list[tuple[str, str]] | None = None,
    ) -> Answer:
        sent = CIMultiDict(headers or [])
        if token is not None:
            sent.add("cookie", f"{SESSION_COOKIE}={token}")
        async with self._session.request(method, path, json=body, headers=sent) as response:
            content = await response.read()
            cookies: SimpleCookie = SimpleCookie()
            for header in response.headers.getall("set-cookie", []):
                cookies.load(header)
            return Answer(
                response.status,
                await response.json(content_type=None) if content else None,
                cookies.get(SESSION_COOKIE),
                {name.lower(): value for name, value in response.headers.items()},
            )


@asynccontextmanager
async def serving(accounts: Accounts, *, secure_cookies: bool = False) -> AsyncGenerator[Client]:
    app = FastAPI()
    app.state.house = SmallHouse(accounts)
    app.include_router(router(secure_cookies=secure_cookies))

    @app.get("/v1/whoami")
    async def whoami(caller: KeyHolder) -> dict[str, str | None]:
        return {"user": caller.user.id, "key": caller.key_id, "session": caller.session_id}

    @app.exception_handler(CausetteError)
    async def refused(_: Request, error: CausetteError) -> Response:
        return problem_of(error)

    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    server = uvicorn.Server(uvicorn.Config(app, lifespan="off", log_level="error"))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        async with aiohttp.ClientSession(
            f"http://127.0.0.1:{listener.getsockname()[1]}", cookie_jar=aiohttp.DummyCookieJar()
        ) as session:
            yield Client(session)
    finally:
        server.should_exit = True
        await running


@pytest_asyncio.fixture
async def client(accounts: Accounts) -> AsyncGenerator[Client]:
    async with serving(accounts) as client:
        yield client


@pytest_asyncio.fixture
async def key(accounts: Accounts, ada: Caller) -> NewApiKey:
    return await accounts.keys.create(ada, name="laptop")


def bearer(secret: str) -> list[tuple[str, str]]:
    return [("authorization", f"Bearer {secret}")]


async def a_session(client: Client) -> str:
    answer = await client("POST", "/api/session", CREDENTIALS)
    assert answer.cookie is not None
    return answer.cookie.value


async def test_the_setup_link_makes_the_owner_and_signs_them_in(accounts: Accounts, client: Client) -> None:
    token = await accounts.issue_setup_link()
    body = {"token": token, "name": "Grace", "email": "grace@example.org", "password": PASSWORD}
    answer = await client("POST", "/api/setup", body)
    assert answer.status == 201
    assert list(answer.body) == ["id", "email", "name", "role", "locale", "theme", "created_at"]
    assert answer.body | {"id": "", "created_at": ""} == {
        "id": "",
        "email": "grace@example.org",
        "name": "Grace",
        "role": "owner",
        "locale": None,
        "theme": "system",
        "created_at": "",
    }
    assert datetime.fromisoformat(answer.body["created_at"]).utcoffset() == timedelta(0)
    assert answer.cookie is not None
    assert (await client("GET", "/api/session", token=answer.cookie.value)).body == answer.body
    again = await client("POST", "/api/setup", body | {"email": "second@example.org"})
    assert (again.status, again.body["code"], again.cookie) == (403, "invalid_link", None)


async def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(client: Client, ada: Caller) -> None:
    cookie = (await client("POST", "/api/session", CREDENTIALS)).cookie
    assert cookie is not None
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["secure"], cookie["domain"]) == (
        True,
        "lax",
        "/",
        "",
        "",
    )
    assert int(cookie["max-age"]) == SESSION_LIFETIME.total_seconds()


async def test_the_cookie_stays_on_https_where_the_owner_says_so(accounts: Accounts, ada: Caller) -> None:
    async with serving(accounts, secure_cookies=True) as client:
        fresh = await client("POST", "/api/session", CREDENTIALS)
        assert fresh.cookie is not None
        renewed = await client("GET", "/api/session", token=fresh.cookie.value)
        ended = await client("DELETE", "/api/session", token=fresh.cookie.value)
        assert [answer.cookie and answer.cookie["secure"] for answer in (fresh, renewed, ended)] == [True] * 3


async def test_signing_in_answers_who_one_is(client: Client, ada: Caller) -> None:
    answer = await client("POST", "/api/session", CREDENTIALS)
    assert (answer.status, answer.body["id"]) == (201, ada.user.id)


async def test_wrong_credentials_are_refused_without_a_cookie(client: Client, ada: Caller) -> None:
    answer = await client("POST", "/api/session", CREDENTIALS | {"password": "something else"})
    assert (answer.status, answer.body["code"], answer.cookie) == (401, "wrong_credentials", None)


async def test_too_many_guesses_are_told_when_to_come_back(client: Client, ada: Caller) -> None:
    wrong = CREDENTIALS | {"password": "something else"}
    answers = [await client("POST", "/api/session", wrong) for _ in range(6)]
    assert [answer.status for answer in answers] == [401] * 5 + [429]
    assert answers[-1].headers["retry-after"] == "5"


async def test_asking_who_one_is_renews_the_cookie(client: Client, ada: Caller) -> None:
    token = await a_session(client)
    answer = await client("GET", "/api/session", token=token)
    assert (answer.status, answer.body["email"]) == (200, "ada@example.org")
    assert answer.cookie is not None
    assert (answer.cookie.value, int(answer.cookie["max-age"])) == (token, SESSION_LIFETIME.total_seconds())


async def test_signing_out_ends_the_session_and_clears_the_cookie(client: Client, ada: Caller) -> None:
    token = await a_session(client)
    for _ in range(2):
        answer = await client("DELETE", "/api/session", token=token)
        assert (answer.status, answer.body) == (204, None)
        assert answer.cookie is not None
        assert (answer.cookie.value, answer.cookie["max-age"], answer.cookie["path"]) == ("", "0", "/")
    assert (await client("GET", "/api/session", token=token)).status == 401


async def test_an_expired_session_is_nobodys(client: Client, ada: Caller, clock: Clock) -> None:
    token = await a_session(client)
    clock.turn(SESSION_LIFETIME)
    assert (await client("GET", "/api/session", token=token)).status == 401


async def test_people_change_what_they_name_of_themselves(client: Client, ada: Caller) -> None:
    token = await a_session(client)
    answer = await client("PATCH", "/api/user", {"locale": "fr", "theme": "dark"}, token=token)
    assert answer.status == 200
    assert (answer.body["name"], answer.body["locale"], answer.body["theme"]) == ("Ada", "fr", "dark")
    answer = await client("PATCH", "/api/user", {"locale": None}, token=token)
    assert (answer.body["locale"], answer.body["theme"]) == (None, "dark")
    assert (await client("PATCH", "/api/user", {}, token=token)).body == answer.body


@pytest.mark.parametrize(
    "body",
    [
        {"role": "owner"},
        {"id": "user_0"},
        {"email": "eve@example.org"},
        {"name": "Ada", "created_at": "2020-01-01T00:00:00Z"},
        {"name": None},
        {"name": ""},
        {"name": "x" * 101},
        {"name": "a\u0000b"},
        {"theme": None},
        {"theme": "neon"},
        {"locale": "de"},
        [],
        None,
    ],
)
async def test_nothing_else_can_be_changed(client: Client, ada: Caller, body: object) -> None:
    token = await a_session(client)
    before = (await client("GET", "/api/session", token=token)).body
    assert (await client("PATCH", "/api/user", body, token=token)).status == 422
    assert (await client("GET", "/api/session", token=token)).body == before


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/api/session", {}),
        ("/api/session", {"email": "ada@example.org"}),
        ("/api/session", CREDENTIALS | {"remember": True}),
        ("/api/session", CREDENTIALS | {"password": 1234567890}),
        ("/api/session", CREDENTIALS | {"password": "x" * 1025}),
        ("/api/session", [CREDENTIALS]),
        ("/api/setup", CREDENTIALS),
        ("/api/setup", CREDENTIALS | {"token": "x", "name": "Ada", "role": "owner"}),
    ],
)
async def test_a_body_of_another_shape_is_refused(
    client: Client, ada: Caller, path: str, body: object
) -> None:
    answer = await client("POST", path, body)
    assert (answer.status, answer.cookie) == (422, None)


@pytest.mark.parametrize("path", ["/api/session", "/api/user"])
async def test_nobody_is_told_nothing(client: Client, ada: Caller, path: str) -> None:
    method, body = ("GET", None) if path == "/api/session" else ("PATCH", {"name": "Eve"})
    answers = [
        await client(method, path, body),
        await client(method, path, body, token=""),
        await client(method, path, body, token=new_token()),
        await client(method, path, body, token="é"),
    ]
    assert [(answer.status, answer.body["code"]) for answer in answers] == [(401, "not_authenticated")] * 4
    assert len({str(answer.body) for answer in answers}) == 1


async def test_two_different_session_cookies_prove_nothing(
    client: Client, accounts: Accounts, ada: Caller
) -> None:
    mine = await a_session(client)
    planted = await a_session(client)
    for value in (
        f"{SESSION_COOKIE}={mine}; {SESSION_COOKIE}={planted}",
        f"{SESSION_COOKIE}={planted}; other=1; {SESSION_COOKIE}={mine}",
        f"{SESSION_COOKIE}={mine}; {SESSION_COOKIE}=",
    ):
        assert (await client("GET", "/api/session", headers=[("cookie", value)])).status == 401
    two_headers = [("cookie", f"{SESSION_COOKIE}={mine}"), ("cookie", f"{SESSION_COOKIE}={planted}")]
    assert (await client("GET", "/api/session", headers=two_headers)).status == 401
    among_others = f"a=b; {SESSION_COOKIE}={mine}; {SESSION_COOKIE}x={planted}"
    assert (await client("GET", "/api/session", headers=[("cookie", among_others)])).status == 200


async def test_a_key_opens_the_api_and_only_the_api(client: Client, ada: Caller, key: NewApiKey) -> None:
    answer = await client("GET", "/v1/whoami", headers=bearer(key.secret))
    assert answer.body == {"user": ada.user.id, "key": key.key.id, "session": None}
    assert (await client("GET", "/api/session", headers=bearer(key.secret))).status == 401
    assert (await client("GET", "/api/session", token=key.secret)).status == 401


async def test_a_session_does_not_open_the_api(client: Client, ada: Caller) -> None:
    token = await a_session(client)
    assert (await client("GET", "/v1/whoami", token=token)).status == 401
    assert (await client("GET", "/v1/whoami", headers=bearer(token))).status == 401


async def test_two_credentials_are_no_more_than_the_one_that_counts(
    client: Client, accounts: Accounts, ada: Caller, bob: Caller, key: NewApiKey
) -> None:
    his = (await accounts.sign_in("bob@example.org", PASSWORD, address="192.0.2.1")).token
    answer = await client("GET", "/v1/whoami", token=his, headers=bearer(key.secret))
    assert answer.body == {"user": ada.user.id, "key": key.key.id, "session": None}
    answer = await client("GET", "/api/session", token=his, headers=bearer(key.secret))
    assert answer.body["id"] == bob.user.id
    answer = await client("GET", "/v1/whoami", token=his, headers=bearer(new_api_key()))
    assert answer.status == 401


async def test_a_client_without_a_key_is_told_how_to_send_one(client: Client) -> None:
    answer = await client("GET", "/v1/whoami")
    assert (answer.status, answer.body["code"]) == (401, "not_authenticated")
    assert "Authorization: Bearer" in answer.body["detail"]


async def test_what_is_no_good_key_is_refused_without_repeating_it(client: Client, key: NewApiKey) -> None:
    good = key.secret
    for headers in (
        bearer(new_api_key()),
        bearer(good + "x"),
        bearer(good[:-1]),
        bearer(""),
        bearer(f"{good} {good}"),
        bearer(f"{good},{good}"),
        [("authorization", good)],
        [("authorization", f"Basic {good}")],
        [("authorization", f"Token {good}")],
        [("authorization", "")],
        [*bearer(good), *bearer(good)],
        [*bearer(good), *bearer(new_api_key())],
        [*bearer(new_api_key()), *bearer(good)],
    ):
        answer = await client("GET", "/v1/whoami", headers=headers)
        assert (answer.status, answer.body["code"]) == (401, "invalid_api_key"), headers
        assert good[:20] not in answer.body["detail"]


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_the_scheme_may_be_written_in_any_case(client: Client, key: NewApiKey, scheme: str) -> None:
    answer = await client("GET", "/v1/whoami", headers=[("authorization", f"{scheme}  {key.secret} ")])
    assert answer.status == 200


async def test_a_key_elsewhere_than_in_its_header_counts_for_nothing(client: Client, key: NewApiKey) -> None:
    for path, headers in (
        (f"/v1/whoami?api_key={key.secret}", []),
        ("/v1/whoami", [("x-api-key", key.secret)]),
        ("/v1/whoami", [("proxy-authorization", f"Bearer {key.secret}")]),
    ):
        assert (await client("GET", path, headers=headers)).status == 401


async def test_a_revoked_key_is_refused_by_the_next_request(
    client: Client, elsewhere: Accounts, ada: Caller, key: NewApiKey
) -> None:
    assert (await client("GET", "/v1/whoami", headers=bearer(key.secret))).status == 200
    await elsewhere.keys.revoke(ada, key.key.id)
    assert (await client("GET", "/v1/whoami", headers=bearer(key.secret))).status == 401
