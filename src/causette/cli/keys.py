"""``causette keys``: make, list and revoke API keys, before and while the server runs."""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from causette.accounts import Accounts, ApiKey, Caller, KeyLimits, NewApiKey, User
from causette.accounts.keys.scopes import SCOPES
from causette.amounts import dollars_of, nano_of
from causette.cli.db import AsJson, DataFolder, current_database
from causette.clock import utc_now
from causette.errors import NotFound

_UNITS: Final = {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}
# Up to a hundred years, if in days.
_DURATION: Final = re.compile(r"([1-9][0-9]{0,4})([dhm])")

app = typer.Typer(no_args_is_help=True, help="Make, list and revoke keys for the API.")


@app.command(
    epilog="Example: causette keys create --owner-email ada@example.org --name laptop --scope inference "
    "--budget-month 20.00 --expires-in 90d"
)
def create(
    owner_email: Annotated[str, typer.Option("--owner-email", help="Who makes it, and whom it acts as.")],
    name: Annotated[str, typer.Option("--name", help="What it is for, to tell it from others.")],
    scope: Annotated[
        list[str] | None,
        typer.Option("--scope", help=f"What it opens: {', '.join(SCOPES)}. Repeatable.", show_default="all"),
    ] = None,
    rpm: Annotated[
        int | None, typer.Option("--rpm", min=0, help="Requests per minute.", show_default="no limit")
    ] = None,
    tpm: Annotated[
        int | None, typer.Option("--tpm", min=0, help="Tokens per minute.", show_default="no limit")
    ] = None,
    budget_day: Annotated[
        str | None, typer.Option("--budget-day", help="US dollars per day.", show_default="no limit")
    ] = None,
    budget_month: Annotated[
        str | None, typer.Option("--budget-month", help="US dollars per month.", show_default="no limit")
    ] = None,
    budget_total: Annotated[
        str | None, typer.Option("--budget-total", help="US dollars in all.", show_default="no limit")
    ] = None,
    expires_in: Annotated[
        str | None,
        typer.Option("--expires-in", help="How long it is good: 90d, 12h or 30m.", show_default="for ever"),
    ] = None,
    workspace: Annotated[
        str | None,
        typer.Option("--workspace", help="The id of the workspace that it acts for.", show_default="none"),
    ] = None,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Make a key. Its secret is shown this once; only a digest of it is kept."""
    limits = KeyLimits(
        rpm=rpm,
        tpm=tpm,
        day_nano=_nano(budget_day, "--budget-day"),
        month_nano=_nano(budget_month, "--budget-month"),
        total_nano=_nano(budget_total, "--budget-total"),
    )
    expires_at = None if expires_in is None else utc_now() + _duration(expires_in)
    made = asyncio.run(_create(data, owner_email, workspace, name, scope or ["all"], limits, expires_at))
    if as_json:
        print(msgspec.json.encode({**_shown(made.key), "secret": made.secret}).decode())
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
        print(msgspec.json.encode([_shown(key) for key, _ in found]).decode())
        return
    table = Table("Id", "Name", "Made by", "For", "Scopes", "Ends in", "State", "Last used")
    for key, owner in found:
        used = key.last_used_at.strftime("%Y-%m-%d %H:%M UTC") if key.last_used_at else "never"
        table.add_row(
            key.id,
            escape(key.name),
            escape(owner.email),
            key.workspace_id or "themselves",
            " ".join(sorted(key.scopes)),
            key.hint,
            _state(key, utc_now()),
            used,
        )
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
        print(msgspec.json.encode(_shown(key)).decode())
    else:
        Console().print(f"The key {escape(repr(key.name))} ({key.id}) is revoked.", soft_wrap=True)


async def _create(
    data: Path | None,
    owner_email: str,
    workspace_id: str | None,
    name: str,
    scopes: list[str],
    limits: KeyLimits,
    expires_at: datetime | None,
) -> NewApiKey:
    async with current_database(data) as database:
        accounts = Accounts(database)
        caller = Caller(user=await _owner(accounts, owner_email))
        if workspace_id is not None:
            caller = await accounts.workspaces.acting(caller, workspace_id)
        return await accounts.keys.create(
            caller, name=name, scopes=scopes, limits=limits, expires_at=expires_at
        )


async def _list(data: Path | None, owner_email: str | None) -> tuple[tuple[ApiKey, User], ...]:
    async with current_database(data) as database:
        accounts = Accounts(database)
        if owner_email is None:
            return await accounts.keys.list_all()
        owner = await _owner(accounts, owner_email)
        return tuple(found for found in await accounts.keys.list_all() if found[1].id == owner.id)


async def _revoke(data: Path | None, key_id: str) -> ApiKey:
    async with current_database(data) as database:
        accounts = Accounts(database)
        for key, owner in await accounts.keys.list_all():
            if key.id == key_id:
                maker = Caller(user=owner, workspace_id=key.workspace_id)
                return await accounts.keys.revoke(maker, key_id)
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


def _shown(key: ApiKey) -> dict[str, object]:
    """A key as the API shows it: amounts in US dollars."""
    limits = key.limits
    amounts = {"day": limits.day_nano, "month": limits.month_nano, "total": limits.total_nano}
    return {
        **{name: getattr(key, name) for name in ApiKey.__dataclass_fields__},
        "scopes": sorted(key.scopes),
        "imposed": sorted(name.replace("_nano", "_usd") for name in key.imposed),
        "limits": {
            "rpm": limits.rpm,
            "tpm": limits.tpm,
            **{f"{name}_usd": None if nano is None else dollars_of(nano) for name, nano in amounts.items()},
        },
    }


def _nano(dollars: str | None, option: str) -> int | None:
    try:
        return None if dollars is None else nano_of(dollars)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _duration(written: str) -> timedelta:
    found = _DURATION.fullmatch(written)
    if found is None:
        raise typer.BadParameter(
            f"{written!r} is no length of time. Write 90d, 12h or 30m.", param_hint="--expires-in"
        )
    return int(found[1]) * _UNITS[found[2]]
