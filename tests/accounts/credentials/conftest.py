"""The ways in over HTTP, on a database of each kind: an application of this room alone, and a real post office."""

from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from pathlib import Path

import httpx2
import pytest_asyncio
from fastapi import FastAPI, Request
from starlette.responses import Response

import causette.accounts.credentials.factor_routes as factor_routes
import causette.accounts.credentials.routes as credential_routes
import causette.accounts.routes as account_routes
import causette.accounts.sign_on.routes as sign_on_routes
from causette.accounts import Accounts, Caller
from causette.accounts.credentials.sealing import Sealing
from causette.accounts.credentials.service import Credentials
from causette.accounts.credentials.sign_up import Mode
from causette.accounts.mail import Mail, SmtpServer
from causette.accounts.sign_on.service import SignOn
from causette.db import Database
from causette.errors import CausetteError
from causette.http.problems import problem_of
from causette.settings import Settings
from tests.accounts.conftest import PASSWORD, Clock
from tests.accounts.credentials.smtp import PostOffice, post_office

HOME = "192.0.2.7"
SEALING = Sealing("the secret key of a house in a test", Path("nowhere"))


@dataclass(frozen=True)
class SmallHouse:
    settings: Settings
    accounts: Accounts
    credentials: Credentials
    sign_on: SignOn


def app_of(house: SmallHouse) -> FastAPI:
    """The room's routes around ``house``."""
    app = FastAPI()
    app.state.house = house
    for room in (account_routes, credential_routes, factor_routes, sign_on_routes):
        app.include_router(room.router(secure_cookies=False))

    @app.exception_handler(CausetteError)
    async def refused(_: Request, error: CausetteError) -> Response:
        return problem_of(error)

    return app


class Browser(httpx2.AsyncClient):
    """Keeps its cookies, and comes from one network address."""

    def __init__(self, app: FastAPI, address: str = HOME, user_agent: str = "Test/1.0") -> None:
        super().__init__(
            transport=httpx2.ASGITransport(app=app, client=(address, 50000)),
            base_url="http://localhost",
            headers={"user-agent": user_agent},
        )

    async def sign_in(self, email: str = "ada@example.org", password: str = PASSWORD) -> httpx2.Response:
        return await self.post("/api/session", json={"email": email, "password": password})

    async def who(self) -> str | None:
        """The address of whoever is signed in here."""
        answer = await self.get("/api/session")
        return answer.json()["email"] if answer.status_code == 200 else None


#: Makes a browser that comes from an address.
NewBrowser = Callable[..., Browser]


@pytest_asyncio.fixture
async def office() -> AsyncGenerator[PostOffice]:
    async with post_office() as office:
        yield office


@pytest_asyncio.fixture
async def mail(office: PostOffice) -> AsyncGenerator[Mail]:
    mail = Mail(
        sender="Causette <causette@example.org>", server=SmtpServer.from_url(office.url), retries=(0.0, 0.0)
    )
    yield mail
    await mail.close()


def house_with(database: Database, accounts: Accounts, mail: Mail, clock: Clock, mode: Mode) -> SmallHouse:
    return SmallHouse(
        Settings(sign_up=mode),
        accounts,
        Credentials.on(database, accounts, mail, sign_up=mode, sealing=SEALING, now=clock),
        SignOn(database, accounts, (), now=clock),
    )


@pytest_asyncio.fixture
async def house(database: Database, accounts: Accounts, mail: Mail, clock: Clock) -> SmallHouse:
    """Where everybody may sign up."""
    return house_with(database, accounts, mail, clock, "open")


@pytest_asyncio.fixture
async def new_browser(house: SmallHouse) -> AsyncGenerator[NewBrowser]:
    app, opened = app_of(house), list[Browser]()

    def new(address: str = HOME, user_agent: str = "Test/1.0") -> Browser:
        opened.append(Browser(app, address, user_agent))
        return opened[-1]

    yield new
    for browser in opened:
        await browser.aclose()


@pytest_asyncio.fixture
async def browser(new_browser: NewBrowser) -> Browser:
    """A browser in which nobody is signed in."""
    return new_browser()


@pytest_asyncio.fixture
async def adas(new_browser: NewBrowser, ada: Caller) -> Browser:
    """A browser in which Ada has just signed in."""
    browser = new_browser()
    assert (await browser.sign_in()).status_code == 201
    return browser
