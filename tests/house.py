"""A whole house in the test's own process: real rooms on SQLite, and an engine that the test is."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx2
from fastapi import FastAPI

from causette.accounts import Accounts, Caller
from causette.accounts.authentication import SESSION_COOKIE
from causette.accounts.passwords import Passwords
from causette.app import app_of
from causette.db import Database
from causette.fleet import Fleet
from causette.house import House, furnish
from causette.models import Catalogue, Models
from causette.observability import Metrics
from causette.settings import Settings
from tests.scripted import ScriptedEngine, deployments_of
from tests.stores import empty_sqlite

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
        key = await accounts.keys.create(caller, name="test")
        return Person(caller=caller, email=email, session=fresh.token, key=key.secret)


@asynccontextmanager
async def open_house(
    folder: Path, *, fleet: Fleet | None = None, **settings: object
) -> AsyncGenerator[OpenHouse]:
    """A house in ``folder`` that is open, and closed afterwards. ``settings`` are what differs from a test's usual.

    Its engines are scripted, unless there is a ``fleet``.
    """
    file = folder / "causette.sqlite3"
    file.write_bytes(empty_sqlite())
    database = Database.from_url(f"sqlite:///{file}")
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    engine, metrics = ScriptedEngine(), Metrics()
    chosen = Settings.model_validate({"data": folder, "shutdown_grace": 0, **settings})
    house = furnish(
        chosen,
        database=database,
        metrics=metrics,
        models=Models(folder / "models", Catalogue.load(chosen.catalogue_file)),
        accounts=accounts,
        fleet=fleet or Fleet(deployments_of(engine, embedding=ScriptedEngine())),
    )
    await house.open()
    app = app_of(house)
    transport = httpx2.ASGITransport(app=app)
    try:
        async with httpx2.AsyncClient(transport=transport, base_url="http://house") as client:
            yield OpenHouse(house=house, app=app, engine=engine, client=client)
    finally:
        await house.close()
