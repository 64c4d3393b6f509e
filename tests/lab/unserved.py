"""A process that cannot serve what is released, for tests of what shows it: ``python -m tests.lab.unserved DATA``."""

import asyncio
import sys
from pathlib import Path

from causette.clock import utc_now
from causette.db import Database
from causette.releases import Releases
from causette.releases.types import Unserved


async def say(data: Path) -> None:
    """Say so of the release that is in force."""
    async with Database.from_url(f"sqlite:///{data / 'causette.sqlite3'}") as database:
        releases = Releases(database, data / "artifacts")
        (release,) = await releases.in_force()
        artifact = await releases.artifact(release.artifact_id)
        unserved = Unserved(
            release_id=release.id,
            process="elsewhere:1",
            reason=f"The weights {artifact.path} are gone. Put the file back, or register the artifact again.",
            instead=release.model,
            since=utc_now(),
        )
        await releases.cannot_serve(unserved.process, [unserved])


if __name__ == "__main__":
    asyncio.run(say(Path(sys.argv[1])))
