"""Who may see the whole house: those who run it."""

from typing import Annotated, Protocol

from fastapi import Depends, Request

from causette.accounts import Caller
from causette.accounts.authentication import SignedInCaller
from causette.console.service import Console
from causette.errors import Forbidden


class House(Protocol):
    """As much of the application's state as this room needs."""

    @property
    def console(self) -> Console: ...


def console_of(request: Request) -> Console:
    """The application's console, from ``app.state.house``."""
    house: House = request.app.state.house
    return house.console


async def house_owner(caller: SignedInCaller) -> Caller:
    """FastAPI dependency: whoever is signed in and runs the house.

    Raises:
        NotAuthenticated: nobody is signed in.
        Forbidden: they only use it (``owners_only``).
    """
    if caller.user.role != "owner":
        raise Forbidden("Only those who run this house may see this. Ask one of them.", code="owners_only")
    return caller


HouseOwner = Annotated[Caller, Depends(house_owner)]
