"""What it takes to say something in a conversation: statements, bytes written to the log of the database, time."""

import asyncio
import os
import random
import re
import sqlite3
import sys
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Final

import sqlalchemy as sa
from sqlalchemy import event

from causette.accounts import Caller
from causette.house import House, build_house
from causette.settings import RemoteEngine, Settings
from harness.assistant_open import Talk, plant
from harness.systems import HERE, OWNER
from harness.workers import worker

#: What SQLite's database is called.
FILE: Final = "send.sqlite3"
_SECONDS_TO_START: Final = 60.0
_SETTLE_SECONDS: Final = 0.3
# What the gateway's keepers do meanwhile is nobody's message.
_OURS: Final = re.compile("conversation|message|generation")


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one message, up to the answer that its reply was begun."""

    statements: int
    written: int
    ms: float


@asynccontextmanager
async def house_with(folder: Path, database_url: str, lengths: Sequence[int]) -> AsyncGenerator["Sending"]:
    """A house of its own in front of the fake engine, with a conversation of each of ``lengths`` messages."""
    log = folder / "fake_engine.log"
    async with worker(
        sys.executable, "-m", "harness.fake_engine", log=log, environment={"PYTHONPATH": str(HERE.parent)}
    ) as engine:
        url = f"http://127.0.0.1:{int(await engine.line(_SECONDS_TO_START))}/v1"
        settings = Settings.model_validate(
            {
                "data": folder,
                "database_url": database_url,
                "engines": [
                    RemoteEngine(name="paced", url=url, aliases=("default",)),
                    RemoteEngine(name="embedding", url=url, kind="embedding"),
                ],
            }
        )
        house = build_house(settings)
        # Nothing but what a message needs: no index is brought up to date meanwhile, nobody is swept.
        house.fleet.start()
        await house.database.upgrade()
        await house.door.open()
        try:
            user = await house.accounts.create_user(
                name="Somebody", email=OWNER, password=os.urandom(16).hex()
            )
            owner, chance = Caller(user=user), random.Random(7)
            talks = {length: await plant(house.database, owner, length, chance) for length in lengths}
            yield Sending(house, owner, talks)
        finally:
            await house.close()


@dataclass(frozen=True, slots=True)
class Sending:
    """Somebody who says something in one of their conversations."""

    house: House
    owner: Caller
    talks: Mapping[int, Talk]

    async def send(self, length: int) -> Cost:
        """Say something at the end of the conversation of ``length`` messages, in the place of what was said before."""
        talk = self.talks[length]
        statements: list[str] = []

        def heard(*told: object) -> None:
            if _OURS.search(str(told[2])):
                statements.append(str(told[2]))

        self.empty_log()
        before = await self._log_place()
        event.listen(sa.Engine, "before_cursor_execute", heard)
        began = perf_counter()
        try:
            turn = await self.house.assistant.send(
                self.owner, talk.id, content="And then?", parent_id=talk.last, model=None
            )
        finally:
            ms = 1e3 * (perf_counter() - began)
            event.remove(sa.Engine, "before_cursor_execute", heard)
        written = await self._log_place() - before
        await self.house.assistant.stop(self.owner, turn.generation.id)
        await asyncio.sleep(_SETTLE_SECONDS)
        return Cost(len(statements), written, ms)

    async def _log_place(self) -> int:
        """How far the database's write-ahead log has come, in bytes."""
        database = self.house.database
        if database.dialect == "sqlite":
            log = self.house.settings.data / f"{FILE}-wal"
            return log.stat().st_size
        async with database.read() as connection:
            place = sa.text("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')")
            return int((await connection.execute(place)).scalar_one())

    def empty_log(self) -> None:
        """Have SQLite begin its write-ahead log anew, so that it grows by what is written; PostgreSQL's only grows."""
        if self.house.database.dialect == "sqlite":
            with closing(sqlite3.connect(self.house.settings.data / FILE, timeout=30)) as connection:
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
