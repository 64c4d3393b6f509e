"""A process that reports runs of the gate: ``python -m tests.releases.reporting URL FOLDER ARTIFACT RUN…``.

It says that it is ready, waits for a line, and prints the reports' ids.
"""

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

from causette.db import Database
from causette.releases import Releases
from tests.releases.test_releasing import checks


async def main(url: str, folder: Path, name: str, runs: Sequence[str]) -> None:
    async with Database.from_url(url) as database:
        releases = Releases(database, folder)
        artifact = await releases.artifact(name)
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        sys.stdin.readline()
        for run in runs:
            report = await releases.report(
                artifact,
                run_id=run,
                baseline="small",
                checks=checks(),
                policy={},
                seconds=1.0,
                machine="here",
            )
            sys.stdout.write(f"{report.id}\n")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4:]))
