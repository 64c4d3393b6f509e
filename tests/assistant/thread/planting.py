"""Puts a long conversation into a server's database: ``python -m tests.assistant.thread.planting DATA EMAIL COUNT``.

It has a fork in its middle, whose newer way ends after three messages and is not shown. Prints the ids as JSON.
"""

import asyncio
import json
import sys
from pathlib import Path

from causette.accounts import Accounts, Caller
from causette.db import Database
from tests.assistant.thread.trees import planted, straight


async def main(data: Path, email: str, count: int) -> None:
    async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
        accounts = Accounts(database)
        owner = await accounts.find_user(email)
        assert owner is not None
        parents = [*straight(count), count // 2 - 1, count, count + 1]
        conversation, ids = await planted(database, Caller(user=owner), parents, shown=count - 1)
        await accounts.close()
    print(json.dumps({"conversation": conversation, "messages": ids}))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])))
