"""On whose behalf a command acts."""

from typing import Annotated

import typer

from causette.accounts import Accounts, Caller
from causette.errors import Forbidden, NotFound

As = Annotated[
    str | None,
    typer.Option(
        "--as", metavar="EMAIL", help="Who does it: somebody who runs this house. It is in the audit log."
    ),
]


async def person(accounts: Accounts, email: str | None) -> Caller:
    """Whoever is called ``email``, as a command acts for them.

    Raises:
        BadParameter: nobody is named.
        NotFound: there is no such account.
        Forbidden: it is disabled.
    """
    if email is None:
        raise typer.BadParameter(
            "Name who does this: --as EMAIL, somebody who runs this house. It is kept with the act.",
            param_hint="--as",
        )
    user = await accounts.find_user(email)
    if user is None:
        raise NotFound(
            f"There is no account with the address {email!r}. `causette users list` shows those there are."
        )
    if user.disabled_at is not None:
        raise Forbidden(f"The account of {user.email} is disabled.", code="account_disabled")
    return Caller(user=user)
