"""The one door with everything behind it, on a database of a test's own and engines that the test is."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from causette.db import Database
from causette.door import Door, build_door
from causette.gateway import Deployments
from causette.gateway.stages import Passed, unnoticed
from causette.observability import Metrics
from causette.plans.billing import Recipient
from causette.settings import Settings


async def somebody(payer_id: str) -> Recipient:
    """Whom a test's invoices are addressed to."""
    return Recipient(name=payer_id, email=f"{payer_id}@example.org")


@asynccontextmanager
async def open_door(
    database: Database,
    deployments: Deployments,
    folder: Path,
    *,
    metrics: Metrics | None = None,
    passed: Passed = unnoticed,
) -> AsyncGenerator[Door]:
    """A door that is open, with ``folder`` for its plans and its policy."""
    door = build_door(
        Settings(data=folder),
        database,
        deployments,
        metrics or Metrics(),
        recipient_of=somebody,
        passed=passed,
    )
    await door.open()
    try:
        yield door
    finally:
        await door.close()
