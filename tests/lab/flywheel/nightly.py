"""A process for which nights pass: ``python -m tests.lab.flywheel.nightly URL FIRST NIGHTS``.

It says that it is ready, waits for a line, and looks at each night as it comes.
"""

import asyncio
import sys
from datetime import datetime, timedelta

from causette.accounts import Accounts
from causette.db import Database
from tests.lab.flywheel.test_nights import Clock, nights_of


async def main(url: str, first: datetime, nights: int) -> None:
    clock = Clock(first)
    async with Database.from_url(url) as database:
        accounts = Accounts(database)
        looking = nights_of(database, accounts, clock)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for _ in range(nights):
            await looking.look()
            clock.now += timedelta(days=1)
        await accounts.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], datetime.fromisoformat(sys.argv[2]), int(sys.argv[3])))
