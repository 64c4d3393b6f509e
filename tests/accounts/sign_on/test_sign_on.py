"""Signing in by way of a real provider, in a process of its own, over real HTTP."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import httpx2
import pytest
import pytest_asyncio
from pydantic import SecretStr

from causette.accounts import Accounts, Caller
from causette.accounts.credentials.service import Credentials
from causette.accounts.mail import Mail
from causette.accounts.service import NO_PASSWORD
from causette.accounts.sign_on.service import SignOn
from causette.accounts.store import password_hash_of
from causette.db import Database
from causette.ids import new_id
from causette.settings import Settings, SignOnProvider
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.conftest import SEALING, Browser, SmallHouse, app_of
from tests.accounts.credentials.test_second_factors import enrolled
from tests.accounts.sign_on.provider_process import CLIENT_ID, CLIENT_SECRET

ADA = {"sub": "248289761001", "email": "ada@example.org", "email_verified": True, "name": "Ada Lovelace"}
GRACE = {"sub": "7", "email": "grace@example.org", "email_verified": True, "name": "Grace Hopper"}


@pytest.fixture(scope="module")
def issuer() -> Generator[str]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.accounts.sign_on.provider_process"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


@dataclass
class Elsewhere:
    """The provider, as its people and their browsers meet it."""

    issuer: str
    web: aiohttp.ClientSession

    async def say(self, claims: dict[str, Any], **faults: object) -> None:
        """Who is signed in there from now on, and how it misbehaves."""
        async with self.web.post(f"{self.issuer}/control", json={"claims": claims, **faults}) as answer:
            assert answer.status == 200

    async def back_from(self, url: str) -> str:
        """Where the provider sends a browser that was sent to ``url``: path and query."""
        async with self.web.get(url, allow_redirects=False) as answer:
            assert answer.status == 302
            back = urlsplit(answer.headers["location"])
        assert (back.scheme, back.netloc) == ("http", "localhost")
        return f"{back.path}?{back.query}"


@pytest_asyncio.fixture
async def elsewhere_on(issuer: str) -> AsyncGenerator[Elsewhere]:
    async with aiohttp.ClientSession() as web:
        provider = Elsewhere(issuer, web)
        await provider.say(ADA)
        yield provider


#: Opens a house whose one provider is configured with these changes.
NewHouse = Callable[..., SmallHouse]


@pytest.fixture
def new_house(database: Database, accounts: Accounts, clock: Clock, issuer: str) -> NewHouse:
    def new(**changes: object) -> SmallHouse:
        given: dict[str, Any] = {
            "name": "example",
            "title": "Example",
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret": SecretStr(CLIENT_SECRET),
            **changes,
        }
        providers = (SignOnProvider(**given),)
        mail = Mail(sender="causette@example.org")
        return SmallHouse(
            Settings(sign_on=providers),
            accounts,
            Credentials.on(database, accounts, mail, sign_up="closed", sealing=SEALING, now=clock),
            SignOn(database, accounts, providers, now=clock),
        )

    return new


@asynccontextmanager
async def browsing(house: SmallHouse) -> AsyncGenerator[Browser]:
    async with Browser(app_of(house)) as browser:
        yield browser


@pytest_asyncio.fixture
async def browser(new_house: NewHouse) -> AsyncGenerator[Browser]:
    async with browsing(new_house()) as browser:
        yield browser


async def begun(browser: Browser) -> str:
    answer = await browser.get("/api/sign-on/example")
    assert answer.status_code == 303
    return answer.headers["location"]


async def sign_on(browser: Browser, elsewhere: Elsewhere) -> str:
    """Go there and back; where the browser ends up."""
    answer = await browser.get(await elsewhere.back_from(await begun(browser)))
    assert answer.status_code == 303
    return answer.headers["location"]


async def test_a_verified_address_signs_in_to_the_account_that_has_it(
    browser: Browser, elsewhere_on: Elsewhere, ada: Caller
) -> None:
    assert await sign_on(browser, elsewhere_on) == "/"
    assert await browser.who() == "ada@example.org"
    (listed,) = (await browser.get("/api/user/identities")).json()["items"]
    assert (listed["provider"], listed["title"], listed["email"]) == ("example", "Example", "ada@example.org")


async def test_the_browser_is_sent_with_all_that_keeps_the_flow_safe(
    browser: Browser, elsewhere_on: Elsewhere
) -> None:
    asked = {name: values[0] for name, values in parse_qs(urlsplit(await begun(browser)).query).items()}
    assert asked["redirect_uri"] == "http://localhost/api/sign-on/example/callback"
    assert asked["code_challenge_method"] == "S256"
    assert len({asked["state"], asked["nonce"], asked["code_challenge"]}) == 3
    assert all(len(asked[name]) >= 43 for name in ("state", "nonce", "code_challenge"))


async def test_who_has_come_once_is_known_by_their_subject_whatever_address_they_have(
    browser: Browser, elsewhere_on: Elsewhere, ada: Caller
) -> None:
    await sign_on(browser, elsewhere_on)
    await browser.delete("/api/session")
    await elsewhere_on.say(ADA | {"email": "countess@example.org", "email_verified": False})
    assert await sign_on(browser, elsewhere_on) == "/"
    assert await browser.who() == "ada@example.org"


async def test_an_unverified_address_is_nobodys(
    browser: Browser, elsewhere_on: Elsewhere, ada: Caller
) -> None:
    for verified in ({"email_verified": False}, {"email_verified": "true"}):
        for person in (ADA, GRACE):
            await elsewhere_on.say(person | verified)
            assert await sign_on(browser, elsewhere_on) == "/sign-in?error=email_not_verified"
    assert await browser.who() is None


@pytest.mark.parametrize(
    "fault",
    [
        {"token_claims": {"nonce": "another"}},
        {"without": ["nonce"]},
        {"token_claims": {"iss": "https://evil.example"}},
        {"token_claims": {"aud": "another client"}},
        {"token_claims": {"exp": 1_000_000_000}},
        {"without": ["exp"]},
        {"without": ["sub"]},
        {"token_claims": {"azp": "another client"}},
        {"token_claims": {"at_hash": "of another token"}},
        {"signature": "another key"},
        {"signature": "the client's secret"},
        {"signature": "none"},
    ],
    ids=str,
)
async def test_an_id_token_that_does_not_hold_signs_nobody_in(
    browser: Browser, elsewhere_on: Elsewhere, ada: Caller, fault: dict[str, Any]
) -> None:
    await elsewhere_on.say(ADA, **fault)
    assert await sign_on(browser, elsewhere_on) == "/sign-in?error=sign_on_failed"
    assert await browser.who() is None


async def test_a_state_is_good_once(
    new_house: NewHouse, browser: Browser, elsewhere_on: Elsewhere, ada: Caller
) -> None:
    back = await elsewhere_on.back_from(await begun(browser))
    kept = {"cookie": f"causette_sign_on={browser.cookies.get('causette_sign_on')}"}
    async with browsing(new_house()) as first, browsing(new_house()) as second:
        assert (await first.get(back, headers=kept)).headers["location"] == "/"
        again = await second.get(back, headers=kept)
        assert again.headers["location"] == "/sign-in?error=sign_on_expired"
        assert await second.who() is None


async def test_what_one_browser_has_begun_no_other_finishes(
    new_house: NewHouse, browser: Browser, elsewhere_on: Elsewhere, ada: Caller
) -> None:
    back = await elsewhere_on.back_from(await begun(browser))
    async with browsing(new_house()) as other:
        assert (await other.get(back)).headers["location"] == "/sign-in?error=sign_on_expired"
        await begun(other)
        assert (await other.get(back)).headers["location"] == "/sign-in?error=sign_on_expired"
        assert await other.who() is None


async def test_a_code_is_good_with_its_own_verifier_only(
    browser: Browser, elsewhere_on: Elsewhere, ada: Caller
) -> None:
    stolen = parse_qs(urlsplit(await elsewhere_on.back_from(await begun(browser))).query)["code"][0]
    back = await elsewhere_on.back_from(await begun(browser))
    own = parse_qs(urlsplit(back).query)["code"][0]
    answer = await browser.get(back.replace(own, stolen))
    assert answer.headers["location"] == "/sign-in?error=sign_on_failed"


async def test_a_browser_has_ten_minutes_to_come_back(
    browser: Browser, elsewhere_on: Elsewhere, ada: Caller, clock: Clock
) -> None:
    back = await elsewhere_on.back_from(await begun(browser))
    clock.turn(timedelta(minutes=10))
    assert (await browser.get(back)).headers["location"] == "/sign-in?error=sign_on_expired"


async def test_who_is_refused_there_comes_back_to_the_sign_in_page(browser: Browser) -> None:
    answer = await browser.get("/api/sign-on/example/callback?error=access_denied&state=x")
    assert answer.headers["location"] == "/sign-in?error=sign_on_refused"


async def test_a_new_key_of_the_providers_is_found(
    new_house: NewHouse, elsewhere_on: Elsewhere, ada: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with browsing(new_house()) as browser:
        assert await sign_on(browser, elsewhere_on) == "/"
        await elsewhere_on.say(ADA, new_key=True)
        monkeypatch.setattr("causette.accounts.sign_on.provider._KEYS_ASKED_AGAIN_AFTER", 0.0)
        assert await sign_on(browser, elsewhere_on) == "/"


async def test_an_address_told_by_userinfo_counts_if_it_is_the_same_persons(
    browser: Browser, elsewhere_on: Elsewhere, ada: Caller
) -> None:
    await elsewhere_on.say(ADA, email_in_userinfo=True, userinfo_subject="somebody else")
    assert await sign_on(browser, elsewhere_on) == "/sign-in?error=email_not_verified"
    await elsewhere_on.say(ADA, email_in_userinfo=True)
    assert await sign_on(browser, elsewhere_on) == "/"


async def test_strangers_get_an_account_only_where_the_owner_says_so(
    new_house: NewHouse, browser: Browser, elsewhere_on: Elsewhere, accounts: Accounts, database: Database
) -> None:
    await elsewhere_on.say(GRACE)
    assert await sign_on(browser, elsewhere_on) == "/sign-in?error=no_account"
    assert await accounts.list_users() == ()
    async with browsing(new_house(create_accounts=True)) as welcome:
        assert await sign_on(welcome, elsewhere_on) == "/"
        assert await welcome.who() == "grace@example.org"
    (grace,) = await accounts.list_users()
    assert (grace.name, grace.role) == ("Grace Hopper", "member")
    async with database.read() as connection:
        assert await password_hash_of(connection, grace.id) == NO_PASSWORD
    for typed in ("", NO_PASSWORD, PASSWORD):
        assert (await browser.sign_in("grace@example.org", typed)).status_code == 401


async def test_of_two_first_sign_ins_at_once_one_account_comes(
    new_house: NewHouse, elsewhere_on: Elsewhere, accounts: Accounts
) -> None:
    await elsewhere_on.say(GRACE)
    house = new_house(create_accounts=True)
    async with browsing(house) as one, browsing(house) as other:
        ends = await asyncio.gather(sign_on(one, elsewhere_on), sign_on(other, elsewhere_on))
    assert "/" in ends
    assert len(await accounts.list_users()) == 1


async def test_only_the_domains_that_the_owner_lists_come_in(
    new_house: NewHouse, elsewhere_on: Elsewhere, accounts: Accounts
) -> None:
    house = new_house(create_accounts=True, allowed_domains=("Example.org",))
    async with browsing(house) as browser:
        for email in ("eve@evil.example", "eve@example.org.evil.example", "eve@sub.example.org"):
            await elsewhere_on.say(GRACE | {"email": email})
            assert await sign_on(browser, elsewhere_on) == "/sign-in?error=domain_not_allowed"
        await elsewhere_on.say(GRACE | {"email_verified": False})
        assert await sign_on(browser, elsewhere_on) == "/sign-in?error=domain_not_allowed"
        await elsewhere_on.say(GRACE)
        assert await sign_on(browser, elsewhere_on) == "/"


async def test_an_account_that_asks_for_codes_is_linked_from_within_only(
    browser: Browser, elsewhere_on: Elsewhere, ada: Caller, clock: Clock
) -> None:
    await browser.sign_in()
    await enrolled(browser, clock)
    assert await sign_on(browser, elsewhere_on) == "/settings?error=link_required"
    assert await linked(browser, elsewhere_on) == "/settings?linked=example"


async def test_an_account_that_asks_for_codes_asks_who_comes_from_elsewhere_too(
    new_house: NewHouse, browser: Browser, elsewhere_on: Elsewhere, ada: Caller, clock: Clock
) -> None:
    await browser.sign_in()
    app, _ = await enrolled(browser, clock)
    await linked(browser, elsewhere_on)
    await browser.delete("/api/session")
    page, _, challenge = (await sign_on(browser, elsewhere_on)).partition("#challenge=")
    assert page == "/sign-in?next=%2F"
    assert await browser.who() is None
    wrong = await browser.post("/api/session/code", json={"challenge": challenge, "code": "000000"})
    assert wrong.status_code == 401
    right = await browser.post("/api/session/code", json={"challenge": challenge, "code": app.code()})
    assert (right.status_code, await browser.who()) == (201, "ada@example.org")
    async with browsing(new_house(trusts_second_factor=True)) as trusting:
        assert await sign_on(trusting, elsewhere_on) == "/"
        assert await trusting.who() == "ada@example.org"


@pytest.mark.parametrize(
    ("wanted", "seen"),
    [
        ("/email-change?token=a%20b", "/email-change?token=a%20b"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/a\nb", "/"),
    ],
)
async def test_who_comes_back_sees_the_page_they_wanted_if_it_is_one_of_this_house(
    browser: Browser, elsewhere_on: Elsewhere, ada: Caller, wanted: str, seen: str
) -> None:
    begun = await browser.get("/api/sign-on/example", params={"next": wanted})
    answer = await browser.get(await elsewhere_on.back_from(begun.headers["location"]))
    assert answer.headers["location"] == seen
    assert "causette_sign_on_next" not in browser.cookies


async def linked(browser: Browser, elsewhere: Elsewhere) -> str:
    asked: httpx2.Response = await browser.post("/api/sign-on/example/link", json={"password": PASSWORD})
    assert asked.status_code == 200
    answer = await browser.get(await elsewhere.back_from(asked.json()["url"]))
    return answer.headers["location"]


async def test_an_identity_is_linked_and_unlinked_by_whose_account_it_is(
    new_house: NewHouse, browser: Browser, elsewhere_on: Elsewhere, ada: Caller, bob: Caller
) -> None:
    await elsewhere_on.say({"sub": "9", "email": "private@example.net", "email_verified": False})
    await browser.sign_in()
    assert await linked(browser, elsewhere_on) == "/settings?linked=example"
    assert await linked(browser, elsewhere_on) == "/settings?linked=example"
    (identity,) = (await browser.get("/api/user/identities")).json()["items"]
    async with browsing(new_house()) as bobs:
        await bobs.sign_in("bob@example.org")
        assert await linked(bobs, elsewhere_on) == "/settings?error=identity_taken"
        for path in (f"/api/user/identities/{identity['id']}", f"/api/user/identities/{new_id('ident')}"):
            assert (await bobs.delete(path)).status_code == 404
    assert (await browser.delete(f"/api/user/identities/{identity['id']}")).status_code == 204
    assert (await browser.get("/api/user/identities")).json() == {"items": []}
    assert await sign_on(browser, elsewhere_on) == "/settings?error=email_not_verified"


async def test_an_old_session_alone_links_nothing(browser: Browser, ada: Caller, clock: Clock) -> None:
    await browser.sign_in()
    clock.turn(timedelta(minutes=15))
    answer = await browser.post("/api/sign-on/example/link", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "confirmation_required")


async def test_the_last_way_in_is_not_unlinked(new_house: NewHouse, elsewhere_on: Elsewhere) -> None:
    await elsewhere_on.say(GRACE)
    async with browsing(new_house(create_accounts=True)) as browser:
        await sign_on(browser, elsewhere_on)
        (identity,) = (await browser.get("/api/user/identities")).json()["items"]
        path = f"/api/user/identities/{identity['id']}"
        assert (await browser.delete(path)).json()["code"] == "last_way_in"
        first = await browser.put("/api/user/password", json={"new_password": PASSWORD})
        assert first.status_code == 204
        assert (await browser.delete(path)).status_code == 204


async def test_an_issuer_that_calls_itself_otherwise_is_not_used(
    browser: Browser, elsewhere_on: Elsewhere
) -> None:
    await elsewhere_on.say(ADA, issuer="https://evil.example")
    assert await begun(browser) == "/sign-in?error=sign_on_unavailable"


@pytest.mark.parametrize("issuer", ["http://provider.example.org", "http://127.0.0.1:1"])
async def test_a_provider_that_cannot_be_reached_safely_is_said_to_be_unavailable(
    new_house: NewHouse, issuer: str
) -> None:
    async with browsing(new_house(issuer=issuer)) as browser:
        assert await begun(browser) == "/sign-in?error=sign_on_unavailable"


async def test_an_unknown_provider_is_none(browser: Browser) -> None:
    answer = await browser.get("/api/sign-on/nobody")
    assert answer.headers["location"] == "/sign-in?error=not_found"
    callback = await browser.get("/api/sign-on/nobody/callback?state=x&code=y")
    assert callback.headers["location"] == "/sign-in?error=not_found"
