"""The house in a command's own process, and on whose behalf the command acts in it."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from causette.accounts import Accounts, Caller
from causette.errors import Forbidden, NotFound
from causette.observability import configure_logging
from causette.settings import load_settings

if TYPE_CHECKING:
    from causette.house import House

As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="EMAIL", help="Who does it: somebody who runs this house. It is in the audit log."
    ),
]

T = TypeVar("T")


def acting(data: Path | None, email: str | None, act: "Callable[[House, Caller], Awaitable[T]]") -> T:
    """What ``act`` does, done by the person with this address.

    Raises:
        BadParameter: nobody is named.
        NotFound: there is no such account.
        Forbidden: it is disabled.
    """
    if email is None:
        raise typer.BadParameter(
            "Say who does this: --as and the address of somebody who runs this house. `causette users list` shows who.",
            param_hint="--as",
        )

    async def look(house: "House") -> T:
        return await act(house, await _person(house.accounts, email))

    return in_house(data, look)


def in_house(data: Path | None, look: "Callable[[House], Awaitable[T]]") -> T:
    """What ``look`` finds in the house, of which nothing runs: no engine, no job."""

    async def run() -> T:
        async with _opened(data) as house:
            return await look(house)

    configure_logging(load_settings(data=data).model_copy(update={"log_level": "warning"}))
    return asyncio.run(run())


@asynccontextmanager
async def _opened(data: Path | None) -> "AsyncGenerator[House]":
    from causette.fleet import deploy  # noqa: PLC0415
    from causette.house import build_house  # noqa: PLC0415 - keeps `causette --help` quick
    from causette.models import open_models  # noqa: PLC0415

    settings = load_settings(data=data)
    # Nobody asks it for vectors, so that model need not be on disk.
    house = build_house(settings, deploy(settings, open_models(settings), ("text",)))
    try:
        await house.database.upgrade()
        yield house
    finally:
        await house.accounts.close()
        await house.database.close()


async def _person(accounts: Accounts, email: str) -> Caller:
    user = await accounts.find_user(email)
    if user is None:
        raise NotFound(
            f"There is no account with the address {email!r}. `causette users list` shows those there are."
        )
    if user.disabled_at is not None:
        raise Forbidden(f"The account of {user.email} is disabled.", code="account_disabled")
    return Caller(user=user)
