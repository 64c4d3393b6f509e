"""The web process: one house behind uvicorn, and an orderly end of both."""

import asyncio
import signal
import socket
from collections.abc import Callable, Generator
from contextlib import contextmanager

import uvicorn

from causette.app import app_of
from causette.house import House

# What may still be on its way out after the last reply has ended or been handed over.
_LAST_WORDS_SECONDS = 2


class WebServer(uvicorn.Server):
    """Serves an open ``house`` until SIGTERM or SIGINT, then lets replies end within the house's grace.

    A second signal ends it at once. ``on_started`` is called when it listens. The house is its owner's to close.
    """

    def __init__(self, house: House, on_started: Callable[[], None]) -> None:
        self._house = house
        self._on_started = on_started
        super().__init__(
            uvicorn.Config(
                app_of(house),
                loop="uvloop",
                http="httptools",
                ws="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=round(house.settings.shutdown_grace) + _LAST_WORDS_SECONDS,
                timeout_keep_alive=75,
            )
        )

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        """Take the signals ourselves: uvicorn would raise them again in the end, and the process die of them."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._leave)
        try:
            yield
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to listen, then say so: from now on signals are ours."""
        await super().startup(sockets)
        self._on_started()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wait for open connections, while the house brings to an end what they wait for."""
        draining = asyncio.create_task(self._house.drain())
        await super().shutdown(sockets)
        draining.cancel() if self.force_exit else await draining

    def _leave(self) -> None:
        self.force_exit = self.should_exit
        self.should_exit = True
