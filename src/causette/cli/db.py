"""``causette db``: which schema the database has, and how it gets the newest one."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console

from causette.db import Database
from causette.settings import load_settings

app = typer.Typer(no_args_is_help=True, help="Look at the database's schema, and bring it up to date.")

DataFolder = Annotated[
    Path | None,
    typer.Option("--data", help="The data folder.", show_default="CAUSETTE_DATA, or your data directory"),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead.")]


def configured_database(data: Path | None) -> Database:
    """The database that the settings name, which the caller closes."""
    return Database.from_url(load_settings(data=data).resolved_database_url)


@asynccontextmanager
async def current_database(data: Path | None) -> AsyncGenerator[Database]:
    """The database that the settings name, with the newest schema."""
    async with configured_database(data) as database:
        await database.upgrade()
        yield database


@app.command(epilog="Example: causette db upgrade --data ./data")
def upgrade(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Bring the schema to the newest revision. `causette serve` does so by itself.

    All of it happens, or nothing does. Any number of processes may try at once.
    """

    async def run() -> tuple[str | None, str]:
        async with configured_database(data) as database:
            before = await database.current()
            return before, await database.upgrade()

    before, now = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode({"from": before, "current": now}).decode())
    elif before == now:
        Console().print(f"The database is at revision {now} already.", soft_wrap=True)
    else:
        Console().print(f"The database went from revision {before or '(none)'} to {now}.", soft_wrap=True)


@app.command(epilog="Example: causette db current --json")
def current(data: DataFolder = None, as_json: AsJson = False) -> None:
    """Say which revision the schema is at, and which one is the newest."""

    async def run() -> tuple[str | None, str]:
        async with configured_database(data) as database:
            return await database.current(), database.head()

    revision, head = asyncio.run(run())
    if as_json:
        print(msgspec.json.encode({"current": revision, "head": head}).decode())
    elif revision == head:
        Console().print(f"The database is at revision {revision}, the newest.", soft_wrap=True)
    else:
        Console().print(
            f"The database is at revision {revision or '(none)'}; the newest is {head}. "
            "Run `causette db upgrade`.",
            soft_wrap=True,
        )
