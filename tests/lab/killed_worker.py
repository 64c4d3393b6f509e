"""A worker in a process of its own, for tests that kill it: ``python -m tests.lab.killed_worker URL DATA``."""

import asyncio
import sys
from pathlib import Path

from causette.db import Database
from tests.lab.test_running import working


async def main(url: str, data: Path) -> None:
    async with Database.from_url(url) as database, working(database, data):
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
