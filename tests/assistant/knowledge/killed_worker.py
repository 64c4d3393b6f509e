"""A worker in a process of its own, for tests that kill it: ``-m tests.assistant.knowledge.killed_worker URL FOLDER``.

It makes the first two batches of vectors, says so, and never ends the third.
"""

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

from causette.accounts import Accounts
from causette.assistant.knowledge import ingestion
from causette.db import Database
from causette.engines.types import Embeddings, EmbedRequest
from causette.jobs import Jobs
from tests.assistant.knowledge.conftest import Encoder, open_library


async def main(url: str, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    ingestion._BATCH = 2  # type: ignore[misc]  # pyright: ignore
    embed = Encoder.embed
    calls = 0

    async def twice(self: Encoder, request: EmbedRequest) -> Embeddings:
        nonlocal calls
        calls += 1
        if calls > 2:
            sys.stdout.write("half\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
        return await embed(self, request)

    Encoder.embed = twice  # type: ignore[method-assign]
    async with Database.from_url(url) as database:
        jobs = Jobs(database, lease=timedelta(seconds=1))
        async with open_library(database, Accounts(database), folder, jobs=jobs) as library:
            library.jobs.open(1)
            await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
