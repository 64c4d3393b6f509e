"""Where the console's routes find it."""

from typing import Protocol

from fastapi import Request

from causette.console.service import Console


class House(Protocol):
    """As much of the application's state as this room needs."""

    @property
    def console(self) -> Console: ...


def console_of(request: Request) -> Console:
    """The application's console, from ``app.state.house``."""
    house: House = request.app.state.house
    return house.console
