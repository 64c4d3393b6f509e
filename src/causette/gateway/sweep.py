"""Ends the requests of processes that died, with what their engines say was made, or what is known without them."""

import asyncio
import contextlib

import structlog

from causette.engines.types import Compute, Usage
from causette.errors import CausetteError
from causette.gateway.admission import estimated_input
from causette.gateway.bill import Rates
from causette.gateway.deployments import Deployments
from causette.ledger.service import Ledger
from causette.ledger.types import HeldRequest, Settlement

_log = structlog.get_logger(__name__)


class Sweep:
    """Looks for orphans every few seconds, from `open` to `close`. Any number of processes may."""

    def __init__(self, ledger: Ledger, deployments: Deployments, rates: Rates, *, every: float) -> None:
        self._every = every
        self._ledger = ledger
        self._deployments = deployments
        self._rates = rates
        self._task: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to look."""
        self._task = asyncio.get_running_loop().create_task(self._look_for_ever())

    async def close(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> int:
        """Settle every orphan there is; how many there were."""
        swept = 0
        while found := await self._ledger.orphans():
            ended = sum(await asyncio.gather(*map(self._end, found)))
            swept += ended
            if ended < len(found):
                break
        return swept

    async def _look_for_ever(self) -> None:
        while True:
            try:
                if swept := await self.look():
                    _log.info("requests of a process that died were settled", requests=swept)
            except CausetteError as error:
                _log.warning("orphans are left for later", reason=error.message)
            await asyncio.sleep(self._every)

    async def _end(self, orphan: HeldRequest) -> bool:
        """Whether ``orphan`` is settled now. One that cannot be does not keep the others from it."""
        try:
            await self._ledger.settle(orphan.id, await self._settlement(orphan))
        except CausetteError as error:
            _log.warning("an orphan is left for later", request=orphan.id, reason=error.message)
            return False
        return True

    async def _settlement(self, orphan: HeldRequest) -> Settlement:
        deployment = await self._deployments.called(orphan.model)
        if deployment is not None:
            account = await deployment.engine.account(orphan.engine_request_id)
            if account is not None:
                return self._rates.settlement(
                    account.usage,
                    account.compute,
                    outcome="orphaned",
                    source="record",
                    deployment=deployment.name,
                    machine=deployment.machine_of(orphan.engine_request_id),
                )
            if not deployment.keeps_records:
                # What was made of the reply died with the process that passed it on; the prompt's length is in its row.
                return self._rates.settlement(
                    Usage(estimated_input(orphan.input_bound)),
                    Compute(),
                    outcome="orphaned",
                    source="estimated",
                    deployment=deployment.name,
                    machine=deployment.machine,
                )
        return self._rates.settlement(
            Usage(), Compute(), outcome="orphaned", source="none", deployment=None, machine=None
        )
