"""``causette users``: make accounts and see whose there are, before and while the server runs."""

import asyncio
import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from causette.accounts import Accounts, User
from causette.cli.db import AsJson, DataFolder, current_database

app = typer.Typer(no_args_is_help=True, help="Make accounts, and see whose there are.")


@app.command(
    epilog="Example: causette users create --email ada@example.org --owner --password-stdin < password.txt"
)
def create(
    email: Annotated[str, typer.Option("--email", help="The address to sign in with.")],
    name: Annotated[
        str | None, typer.Option("--name", help="What to call them.", show_default="the part before the @")
    ] = None,
    owner: Annotated[bool, typer.Option("--owner", help="Let them run the house, not only use it.")] = False,
    password_stdin: Annotated[
        bool,
        typer.Option("--password-stdin", help="Read the password from standard input, not the keyboard."),
    ] = False,
    data: DataFolder = None,
    as_json: AsJson = False,
) -> None:
    """Make an account. The password is asked for, or read from standard input: the command never holds it."""
    password = _password_from_stdin() if password_stdin else _password_from_keyboard()
    user = asyncio.run(_create(data, email, name or email.strip().partition("@")[0], password, owner))
    if as_json:
        print(msgspec.json.encode(user).decode())
    else:
        Console().print(f"{escape(user.email)} can sign in now, as {user.role}.", soft_wrap=True)


@app.command("list", epilog="Example: causette users list --json")
def list_users(data: DataFolder = None, as_json: AsJson = False) -> None:
    """List everybody who has an account."""
    users = asyncio.run(_list(data))
    if as_json:
        print(msgspec.json.encode(users).decode())
        return
    table = Table("E-mail", "Name", "Role", "Since", "Id")
    for user in users:
        since = user.created_at.date().isoformat()
        table.add_row(escape(user.email), escape(user.name), user.role, since, user.id)
    Console().print(table)


async def _create(data: Path | None, email: str, name: str, password: str, owner: bool) -> User:
    async with current_database(data) as database:
        accounts = Accounts(database)
        try:
            role = "owner" if owner else "member"
            return await accounts.create_user(name=name, email=email, password=password, role=role)
        finally:
            await accounts.close()


async def _list(data: Path | None) -> tuple[User, ...]:
    async with current_database(data) as database:
        return await Accounts(database).list_users()


def _password_from_stdin() -> str:
    # Only the line's end that `echo` or an editor adds is not part of the password.
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def _password_from_keyboard() -> str:
    if not sys.stdin.isatty():
        raise typer.BadParameter(
            "There is no keyboard to type the password on. Send it to standard input, with --password-stdin."
        )
    return typer.prompt("Password", hide_input=True, confirmation_prompt=True)
