"""A worker in a process of its own, for tests that kill it: ``python -m tests.lab.fine_tuning.worker DATA``."""

import asyncio
import signal
import sys
from datetime import timedelta
from pathlib import Path

from causette.accounts import Accounts
from causette.db import Database
from causette.fleet import Fleet
from causette.house import furnish
from causette.models import Catalogue, Models
from causette.observability import Metrics
from causette.settings import load_settings
from tests.scripted import ScriptedEngine, deployments_of


async def main(data: Path) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    settings = load_settings(data=data, lab_threads=1)
    database = Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}")
    house = furnish(
        settings,
        database=database,
        metrics=Metrics(),
        models=Models(settings.models_folder, Catalogue.load(settings.catalogue_file)),
        accounts=Accounts(database),
        fleet=Fleet(deployments_of(ScriptedEngine(), embedding=ScriptedEngine())),
    )
    # What a killed worker holds is waited for less long than people would.
    house.jobs._worker._lease = timedelta(seconds=2)
    try:
        await house.open_for_jobs(2)
        await ended.wait()
    finally:
        await house.close()


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1])))
