"""``causette users``: make accounts, see whose there are and end what they open, before and while the server runs."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from causette.accounts import Accounts, User
from causette.cli.db import AsJson, DataFolder, current_database
from causette.clock import utc_now
from causette.errors import NotFound
from causette.settings import load_settings

app = typer.Typer(
    no_args_is_help=True, help="Make accounts, see whose there are, and switch them off and on."
)

Email = Annotated[str, typer.Argument(help="The address they sign in with.")]


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
    table = Table("E-mail", "Name", "Role", "State", "Since", "Id")
    for user in users:
        since = user.created_at.date().isoformat()
        table.add_row(escape(user.email), escape(user.name), user.role, _state(user), since, user.id)
    Console().print(table)


@app.command(epilog="Example: causette users disable ada@example.org")
def disable(email: Email, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Refuse somebody at once: they are signed out everywhere, and their keys open nothing. It is in the audit log."""
    user = asyncio.run(_act(data, email, "account.disable", Accounts.disable_user))
    _tell(user, f"{user.email} can neither sign in nor use a key any more.", as_json)


@app.command(epilog="Example: causette users enable ada@example.org")
def enable(email: Email, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Let somebody in again. Their keys are good as before; they have to sign in anew. It is in the audit log."""
    user = asyncio.run(_act(data, email, "account.enable", Accounts.enable_user))
    _tell(user, f"{user.email} can sign in again.", as_json)


@app.command(epilog="Example: causette users reset-codes ada@example.org")
def reset_codes(email: Email, data: DataFolder = None, as_json: AsJson = False) -> None:
    """Ask somebody for no code any more, who has lost app and recovery codes. It is in the audit log.

    They are signed out everywhere, and sign in with their password, or what else they have.
    """
    user = asyncio.run(_act(data, email, "account.reset_codes", Accounts.forget_codes))
    _tell(user, f"{user.email} is asked for no code any more.", as_json)


async def _create(data: Path | None, email: str, name: str, password: str, owner: bool) -> User:
    async with current_database(data) as database:
        accounts = Accounts(database)
        try:
            role = "owner" if owner else "member"
            return await accounts.create_user(name=name, email=email, password=password, role=role)
        finally:
            await accounts.close()


async def _act(
    data: Path | None, email: str, act: str, change: Callable[[Accounts, str], Awaitable[User]]
) -> User:
    from causette.audit import COMMAND_LINE, AuditLog  # noqa: PLC0415 - keeps `causette --help` quick
    from causette.observability import configure_logging  # noqa: PLC0415

    # The act is told below, and is no line of a server's log.
    configure_logging(load_settings(data=data).model_copy(update={"log_level": "warning"}))
    async with current_database(data) as database:
        accounts = Accounts(database)
        try:
            user = await accounts.find_user(email)
            if user is None:
                raise NotFound(
                    f"There is no account with the address {email!r}. `causette users list` shows those there are."
                )
            audit = AuditLog(database, utc_now)
            async with audit.act(COMMAND_LINE, act, target_id=user.id, target=user.email):
                return await change(accounts, user.id)
        finally:
            await accounts.close()


def _tell(user: User, done: str, as_json: bool) -> None:
    if as_json:
        print(msgspec.json.encode(user).decode())
    else:
        Console().print(escape(done), soft_wrap=True)


def _state(user: User) -> str:
    return "good" if user.disabled_at is None else "disabled"


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
