"""A worker in a process of its own, for tests that kill it: ``python -m tests.jobs.killed_worker URL``.

It begins the job that it finds, says so, and never ends it.
"""

import asyncio
import sys

from causette.db import Database
from causette.jobs import Jobs, Work
from tests.jobs.test_jobs import LEASE


async def main(url: str) -> None:
    async def begin(work: Work) -> None:
        await work.report(1, 2, state={"half": True})
        sys.stdout.write("begun\n")
        sys.stdout.flush()
        await asyncio.Event().wait()

    async with Database.from_url(url) as database:
        jobs = Jobs(database, lease=LEASE)
        jobs.handle("count", begin)
        jobs.open(1)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
