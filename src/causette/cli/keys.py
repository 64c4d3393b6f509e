"""``causette keys``: make, list and revoke API keys, before and while the server runs."""

import asyncio
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from causette.accounts import Accounts, ApiKey, Caller, NewApiKey, User
from causette.cli.db import AsJson, DataFolder, current_database
from causette.clock import utc_now
from causette.errors import NotFound

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys for the API.")


@app.command(
    epilog="Example: causette keys create --owner-email ada@example.org --name laptop --expires-days 90"
)
def create(
    owner_email: Annotated[str, typer.Option("--owner-email", help="Whom the key acts as.")],
    name: Annotated[str, typer.Option("--name", help="What it is for, to tell it from others.")],
    expires_days: Annotated[
        int | None,
        typer.Option(
            "--expires-days", min=1, max=36500, help="Days it is good for.", show_default="for ever"
        ),
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown this once; only a digest of it is kept."""
    made = asyncio.run(_create(data, owner_email, name, expires_days))
    if as_json:
        print(msgspec.json.encode({**asdict(made.key), "secret": made.secret}).decode())
        return
    Console(stderr=True).print(
        f"The key {escape(repr(made.key.name))} is made. Keep its secret: it is not shown again.",
        soft_wrap=True,
    )
    print(made.secret)


@app.command("list", epilog="Example: causette keys list --owner-email ada@example.org --json")
def list_keys(
    owner_email: Annotated[
        str | None, typer.Option("--owner-email", help="Only this person's.", show_default="everybody's")
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """List keys, revoked and expired ones included. Secrets are not kept, and so not shown."""
    found = asyncio.run(_list(data, owner_email))
    if as_json:
        print(msgspec.json.encode([key for key, _ in found]).decode())
        return
    table = Table("Id", "Name", "Owner", "Ends in", "State", "Last used")
    for key, owner in found:
        used = key.last_used_at.strftime("%Y-%m-%d %H:%M UTC") if key.last_used_at else "never"
        table.add_row(key.id, escape(key.name), escape(owner.email), key.hint, _state(key, utc_now()), used)
    Console().print(table)


@app.command(epilog="Example: causette keys revoke key_01K9XYZABCDEFGHIJKLMNO")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `causette keys list` shows it.")],
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """End a key at once, whoever owns it. There is no way back; make a new one instead."""
    key = asyncio.run(_revoke(data, key_id))
    if as_json:
        print(msgspec.json.encode(key).decode())
    else:
        Console().print(f"The key {escape(repr(key.name))} ({key.id}) is revoked.", soft_wrap=True)


async def _create(data: Path | None, owner_email: str, name: str, expires_days: int | None) -> NewApiKey:
    expires_at = None if expires_days is None else utc_now() + timedelta(days=expires_days)
    async with current_database(data) as database:
        accounts = Accounts(database)
        caller = Caller(user=await _owner(accounts, owner_email))
        return await accounts.create_key(caller, name=name, expires_at=expires_at)


async def _list(data: Path | None, owner_email: str | None) -> tuple[tuple[ApiKey, User], ...]:
    async with current_database(data) as database:
        accounts = Accounts(database)
        if owner_email is None:
            return await accounts.list_all_keys()
        owner = await _owner(accounts, owner_email)
        return tuple((key, owner) for key in await accounts.list_keys(Caller(user=owner)))


async def _revoke(data: Path | None, key_id: str) -> ApiKey:
    async with current_database(data) as database:
        accounts = Accounts(database)
        for key, owner in await accounts.list_all_keys():
            if key.id == key_id:
                return await accounts.revoke_key(Caller(user=owner), key_id)
    raise NotFound(f"There is no key with the id {key_id!r}. `causette keys list` shows those there are.")


async def _owner(accounts: Accounts, email: str) -> User:
    user = await accounts.find_user(email)
    if user is None:
        raise NotFound(
            f"There is no account with the address {email!r}. `causette users list` shows those there are."
        )
    return user


def _state(key: ApiKey, now: datetime) -> str:
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at is None:
        return "good"
    return f"good until {key.expires_at.date()}" if now < key.expires_at else "expired"
