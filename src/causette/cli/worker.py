"""``causette worker``: a process that does background work and nothing else."""

import asyncio
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer

from causette.settings import Settings, load_settings


def worker(
    data: Annotated[Path | None, typer.Option(help="The data folder.", show_default=False)] = None,
    at_once: Annotated[int, typer.Option(help="Jobs to work on at once.", min=1, max=64)] = 2,
) -> None:
    """Do background work, such as reading the files that people upload, until it is told to end.

    `causette serve` does it by itself. To keep servers free of it, give them CAUSETTE_JOBS_AT_ONCE=0 and run this
    beside them, on the same database.

    Example:

      causette worker --data /srv/causette --at-once 4
    """
    settings = load_settings(data=data)
    from causette.observability import configure_logging  # noqa: PLC0415 - keeps `causette --help` quick

    configure_logging(settings)
    import uvloop  # noqa: PLC0415

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(_work(settings, at_once))


async def _work(settings: Settings, at_once: int) -> None:
    from causette.house import build_house  # noqa: PLC0415

    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    house = build_house(settings)
    try:
        await house.open_for_jobs(at_once)
        sys.stdout.write(f"Causette works on up to {at_once} jobs at once\n")
        sys.stdout.flush()
        await ended.wait()
    finally:
        await house.close()
