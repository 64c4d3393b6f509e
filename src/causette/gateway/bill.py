"""From what passes by to what is settled: one request's account, however it ends.

Where no engine says what was made, it is estimated: as input what `estimated_input` says of the prompt, as output the
tokens that came by. The books say so: such a request has the usage source ``estimated``.
"""

import asyncio
from time import perf_counter
from typing import Final

import structlog

from causette.engines.types import Completed, Compute, Delta, Embeddings, Usage
from causette.errors import CausetteError
from causette.gateway.admission import estimated_input
from causette.gateway.deployments import Deployment
from causette.gateway.versions import Turn
from causette.ledger.energy import EnergyMeter
from causette.ledger.machines import MachineMeter
from causette.ledger.service import Ledger
from causette.ledger.types import Outcome, Quantities, Reservation, Settlement, UsageSource

_log = structlog.get_logger(__name__)

# A reply is not kept from its reader for longer because the books cannot be written just now.
_PATIENCE_SECONDS: Final = 2.0


class Rates:
    """What a machine's time costs and takes."""

    def __init__(self, machines: MachineMeter, energy: EnergyMeter) -> None:
        self._machines = machines
        self._energy = energy

    def settlement(
        self,
        usage: Usage,
        compute: Compute,
        *,
        outcome: Outcome,
        source: UsageSource,
        deployment: str | None,
        machine: str | None,
        ttft_us: int | None = None,
        images: int = 0,
    ) -> Settlement:
        """What is settled for ``usage`` and ``compute`` on ``machine``."""
        energy, method = self._energy.of(compute.compute_ns, machine)
        return Settlement(
            outcome=outcome,
            quantities=Quantities(
                input_tokens=usage.input_tokens,
                cached_tokens=min(usage.cached_tokens, usage.input_tokens),
                output_tokens=usage.output_tokens,
                reasoning_tokens=min(usage.reasoning_tokens, usage.output_tokens),
                images=images,
            ),
            source=source,
            deployment=deployment,
            machine=machine,
            compute_ns=compute.compute_ns,
            queue_ns=compute.queue_ns,
            ttft_us=ttft_us,
            energy_uj=energy,
            energy_method=method,
            cost_nano=self._machines.cost_of(compute.compute_ns, machine),
        )


class Bill:
    """One request from its reservation to its one end."""

    def __init__(
        self,
        ledger: Ledger,
        rates: Rates,
        reservation: Reservation,
        engine_request_id: str,
        *,
        input_bound: int,
        images: int = 0,
    ) -> None:
        self._ledger = ledger
        self._rates = rates
        self._reservation = reservation
        self._engine_request_id = engine_request_id
        self._input_bound = input_bound
        self._images = images
        self._began = perf_counter()
        self._ttft_us: int | None = None
        self._pieces = 0
        self._made = 0
        self._ended = False
        #: What it was charged, once that is known.
        self.charged_nano = 0
        #: What works on it, once something does.
        self._deployment: Deployment | None = None
        self._turn: Turn | None = None

    def given_to(self, deployment: Deployment, turn: Turn) -> None:
        """What works on it from now on, which is held until the account is settled."""
        self._deployment, self._turn = deployment, turn
        turn.hold()

    def saw(self, delta: Delta) -> None:
        """Note a piece of the reply."""
        if self._ttft_us is None:
            self._ttft_us = int((perf_counter() - self._began) * 1e6)
        # Where nobody counts, a piece is at least a token.
        self._pieces += bool(delta.text)
        self._made = max(self._made, self._pieces, delta.output_tokens)

    async def complete(self, done: Completed | Embeddings) -> None:
        """Settle what was made to its end. Waits until it is written, though not for long."""
        try:
            await self._settle(done.usage, done.compute, "completed", "engine")
        finally:
            self._let_go()

    async def break_off(self, error: BaseException) -> None:
        """Settle what was made until ``error``; release the request where nothing was.

        Who leaves an engine that keeps no records before its first token pays for the prompt: it was being read. What
        the engine itself failed at before then is nobody's to pay.
        """
        try:
            if not self._ended:
                await self._break_off(error)
        finally:
            self._let_go()

    async def _break_off(self, error: BaseException) -> None:
        if self._deployment is None or self._turn is None:
            self._ended = True
            self._ledger.release(self._reservation.id)
            return
        left = not isinstance(error, Exception)
        outcome: Outcome = "disconnected" if left else "failed"
        account = await self._turn.version.engine.account(self._engine_request_id)
        if account is not None:
            await self._settle(account.usage, account.compute, outcome, "record")
        elif self._made or (left and not self._deployment.keeps_records):
            usage = Usage(estimated_input(self._input_bound), output_tokens=self._made)
            await self._settle(usage, Compute(), outcome, "estimated")
        else:
            self._ended = True
            self._ledger.release(self._reservation.id)

    def _let_go(self) -> None:
        if self._turn is not None:
            self._turn.let_go()
            self._turn = None

    async def _settle(self, usage: Usage, compute: Compute, outcome: Outcome, source: UsageSource) -> None:
        self._ended = True
        settlement = self._rates.settlement(
            usage,
            compute,
            outcome=outcome,
            source=source,
            deployment=worker.name if (worker := self._deployment) else None,
            machine=worker.machine_of(self._engine_request_id) if worker else None,
            ttft_us=self._ttft_us,
            images=self._images,
        )
        try:
            async with asyncio.timeout(_PATIENCE_SECONDS):
                receipt = await self._ledger.settle(self._reservation.id, settlement)
            self.charged_nano = receipt.charge_nano
        except (TimeoutError, CausetteError) as error:
            # It waits in the ledger's line, and in the worst case is an orphan that is swept.
            _log.warning("settlement is late", request=self._reservation.id, reason=str(error))
