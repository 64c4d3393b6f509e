"""A long conversation and a short one on a running server, and what Chromium takes to open, scroll and type in them."""

import os
import random
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec
import sqlalchemy as sa

from causette.accounts import Accounts, Caller
from causette.accounts.authentication import SESSION_COOKIE
from causette.assistant.tables import conversations, messages
from causette.db import Database
from causette.ids import new_id
from harness.assistant_search import vocabulary
from harness.systems import HERE, OWNER, House
from harness.workers import BenchError, output_of, worker

_SECONDS_TO_START: Final = 60.0
_ENGINES: Final = """
[[engines]]
name = "paced"
url = "{url}"
aliases = ["default"]

[[engines]]
name = "embedding"
url = "{url}"
kind = "embedding"
"""
_NOW: Final = datetime(2026, 6, 1, tzinfo=UTC)
_CODE: Final = "```python\ndef area(width: float, height: float) -> float:\n    return width * height\n```"


@dataclass(frozen=True, slots=True, kw_only=True)
class Talk:
    """A conversation, and its last message."""

    id: str
    last: str


class Times(msgspec.Struct, frozen=True):
    """Milliseconds in the long and in the short conversation, by rounds."""

    long: list[float]
    short: list[float]


class Scroll(msgspec.Struct, frozen=True):
    """Times between frames; what the main thread and what all of the browser computed for one; messages that came by.

    Times are in milliseconds.
    """

    frames: list[float]
    busy_ms: float
    all_busy_ms: float
    seen: int


class Typing(msgspec.Struct, frozen=True):
    """Milliseconds of each key: until its letter is there, until the frame with it; the reply's words a second."""

    done: list[float]
    frame: list[float]
    tokens_a_second: float


class Held(msgspec.Struct, frozen=True):
    """What the tab holds."""

    heap_mb: float
    nodes: int


class HeldBy(msgspec.Struct, frozen=True):
    """After opening, and after scrolling."""

    opened: Held
    scrolled: Held


class Bare(msgspec.Struct, frozen=True):
    """The same wheel and the same keys in a page of plain text with a text area."""

    scroll: Scroll
    typing: Typing


class Opened(msgspec.Struct, frozen=True):
    """All that Chromium measured."""

    #: When Chromium first painted something of a cold page.
    first: Times
    cold: Times
    inside: Times
    scroll: Scroll
    typing: Typing
    held: HeldBy
    bare: Bare


async def plant(database: Database, owner: Caller, count: int, chance: random.Random) -> Talk:
    """A conversation of ``count`` messages without forks: questions, and answers with lists, tables and code."""
    talk, at = new_id("conv"), _NOW
    parent: str | None = None
    rows: list[dict[str, object]] = []
    for number in range(count):
        role = "assistant" if number % 2 else "user"
        row: dict[str, object] = {
            "id": new_id("msg"),
            "conversation_id": talk,
            "parent_id": parent,
            "role": role,
        }
        row |= {"content": _text(chance, role), "model": "paced" if number % 2 else None}
        rows.append(row | {"status": "complete", "created_at": at})
        parent, at = str(row["id"]), at + timedelta(seconds=20)
    head = {"id": talk, "owner_id": owner.user.id, "title": f"A chat of {count}", "title_is_given": True}
    head |= {"model": "paced", "created_at": _NOW, "updated_at": at, "current_message_id": parent}
    async with database.write() as connection:
        await connection.execute(sa.insert(conversations).values(**head))
        await connection.execute(sa.insert(messages), rows)
    assert parent is not None
    return Talk(id=talk, last=parent)


def _text(chance: random.Random, role: str) -> str:
    words = vocabulary("en").some(chance, 400)
    if role == "user":
        return " ".join(words[: chance.randint(5, 40)]) + "?"
    parts = [
        " ".join(words[:60]) + ".",
        "\n".join(f"- **{word}** {other}" for word, other in zip(words[60:64], words[64:68], strict=True)),
    ]
    match chance.randrange(6):
        case 0:
            parts.append(_CODE)
        case 1:
            cells = [" | ".join(words[at : at + 3]) for at in range(70, 82, 3)]
            parts.append("\n".join([cells[0], "--- | --- | ---", *cells[1:]]))
        case _:
            parts.append(" ".join(words[100 : 100 + chance.randint(20, 120)]) + ".")
    return "\n\n".join(parts)


@asynccontextmanager
async def served(folder: Path, lengths: tuple[int, int]) -> AsyncGenerator[tuple[str, str, list[Talk]]]:
    """``causette serve`` in front of the fake engine: its URL, the owner's cookie, conversations of these lengths."""
    log = folder / "fake_engine.log"
    async with worker(
        sys.executable, "-m", "harness.fake_engine", log=log, environment={"PYTHONPATH": str(HERE.parent)}
    ) as engine:
        port = int(await engine.line(_SECONDS_TO_START))
        data = folder / "data"
        data.mkdir()
        (data / "causette.toml").write_text(_ENGINES.format(url=f"http://127.0.0.1:{port}/v1"))
        house = await House.build(data)
        async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
            accounts = Accounts(database)
            owner = await accounts.find_user(OWNER)
            assert owner is not None
            chance = random.Random(7)
            talks = [await plant(database, Caller(user=owner), length, chance) for length in lengths]
            async with database.write() as connection:
                signed_in = await accounts.begin_session(connection, owner, None)
            await accounts.close()
        async with house.web_process({}) as (_, url):
            yield url, f"{SESSION_COOKIE}={signed_in.token}", talks


async def measured(
    url: str, cookie: str, long: Talk, short: Talk, *, rounds: int, wheel_seconds: float, keys: int
) -> Opened:
    """What Chromium takes.

    Raises:
        BenchError: there is no Chromium or no Node, or the page did not do as it should.
    """
    chromium = os.environ.get("CAUSETTE_CHROMIUM") or next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if chromium is None or shutil.which("node") is None:
        raise BenchError("This part needs Chromium (on PATH or in CAUSETTE_CHROMIUM) and Node.")
    order: dict[str, object] = {
        "url": url,
        "cookie": cookie,
        "chromium": chromium,
        "rounds": rounds,
        "keys": keys,
    }
    order |= {"wheel_seconds": wheel_seconds, "message": "Tell me everything."}
    for name, talk in (("long", long), ("short", short)):
        order[name] = {"id": talk.id, "last": talk.last}
    out = await output_of("node", HERE / "thread.mjs", msgspec.json.encode(order).decode())
    return msgspec.json.decode(out, type=Opened)
