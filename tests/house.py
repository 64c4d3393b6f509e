"""A whole house in the test's own process: real rooms on SQLite, and an engine that the test is."""

import asyncio
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import httpx2
from fastapi import FastAPI

from causette.accounts import Accounts, Caller
from causette.accounts.authentication import SESSION_COOKIE
from causette.accounts.passwords import Passwords
from causette.app import House, app_of
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.db import Database
from causette.fleet import Fleet
from causette.gateway import Gateway
from causette.models import Catalogue, Models
from causette.observability import Metrics
from causette.settings import Settings
from tests.scripted import ScriptedEngine, deployments_of

PASSWORD = "seven quiet otters"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Somebody with an account, a session and a key."""

    caller: Caller
    email: str
    session: str
    key: str

    @property
    def cookie(self) -> dict[str, str]:
        return {"cookie": f"{SESSION_COOKIE}={self.session}"}

    @property
    def bearer(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.key}"}


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenHouse:
    """The house, its application, and a client that is nobody until it sends somebody's headers."""

    house: House
    app: FastAPI
    engine: ScriptedEngine
    client: httpx2.AsyncClient

    async def person(self, name: str) -> Person:
        """Make an account, sign in, make a key."""
        accounts, email = self.house.accounts, f"{name}@example.org"
        await accounts.create_user(name=name.title(), email=email, password=PASSWORD)
        fresh = await accounts.sign_in(email, PASSWORD, address="test")
        caller = Caller(user=fresh.user, session_id=fresh.session.id)
        key = await accounts.create_key(caller, name="test")
        return Person(caller=caller, email=email, session=fresh.token, key=key.secret)


@cache
def _empty_database() -> bytes:
    """An SQLite file with the newest schema: migrating takes longer than most tests."""

    async def migrate(file: Path) -> None:
        async with Database.from_url(f"sqlite:///{file}") as database:
            await database.upgrade()

    with TemporaryDirectory() as folder, ThreadPoolExecutor(1) as thread:
        file = Path(folder) / "causette.sqlite3"
        thread.submit(asyncio.run, migrate(file)).result()
        return file.read_bytes()


@asynccontextmanager
async def open_house(folder: Path) -> AsyncGenerator[OpenHouse]:
    """A house in ``folder`` that is open, and closed afterwards."""
    file = folder / "causette.sqlite3"
    file.write_bytes(_empty_database())
    database = Database.from_url(f"sqlite:///{file}")
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    engine, metrics = ScriptedEngine(), Metrics()
    deployments = deployments_of(engine, embedding=ScriptedEngine())
    gateway = Gateway(deployments, metrics)
    house = House(
        settings=Settings(data=folder, shutdown_grace=0),
        database=database,
        metrics=metrics,
        models=Models(folder / "models", Catalogue.load()),
        accounts=accounts,
        gateway=gateway,
        assistant=Assistant(AssistantStore(database), gateway, accounts.caller_of),
        fleet=Fleet(deployments),
    )
    await house.open()
    app = app_of(house)
    transport = httpx2.ASGITransport(app=app)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://house") as client:
            yield OpenHouse(house=house, app=app, engine=engine, client=client)
    finally:
        await house.close()
