"""The one door with all that stands behind it: the books, the machines' bills, the plans, the policy, the gateway."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from causette.db import Database
from causette.gateway import Deployments
from causette.gateway.bill import Rates
from causette.gateway.service import Gateway
from causette.gateway.stages import Passed, unnoticed
from causette.gateway.sweep import Sweep
from causette.ledger.batch import HOLDER_SILENCE
from causette.ledger.energy import EnergyMeter
from causette.ledger.machines import MachineMeter, machines_of
from causette.ledger.machines.training import TrainingMeter
from causette.ledger.service import Ledger
from causette.ledger.windows import Windows
from causette.observability import Metrics
from causette.plans import Plans
from causette.plans.billing import Recipient
from causette.plans.payments.config import card_payments
from causette.safety import LivePolicy, PolicyScreen, Safety
from causette.settings import Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What every request for a model passes. `open` it once the database is up to date."""

    ledger: Ledger
    machines: MachineMeter
    training: TrainingMeter
    plans: Plans
    gateway: Gateway
    sweep: Sweep

    async def open(self, *, sweep: bool = True) -> None:
        """Begin to let requests in, and with ``sweep`` to end those of processes that died."""
        await self.ledger.open()
        await self.machines.open()
        self.plans.open()
        if sweep:
            self.sweep.open()

    async def close_gateway(self) -> None:
        """Settle what is being broken off. The engines must still be there."""
        await self.sweep.close()
        await self.gateway.close()

    async def close(self) -> None:
        """Write what is not written yet, and leave the books."""
        await self.close_gateway()
        await self.plans.close()
        await self.machines.close()
        await self.ledger.close()


def build_door(
    settings: Settings,
    database: Database,
    deployments: Deployments,
    metrics: Metrics,
    *,
    recipient_of: Callable[[str], Awaitable[Recipient]],
    passed: Passed = unnoticed,
    silence: timedelta = HOLDER_SILENCE,
) -> Door:
    """The door to ``deployments``, as ``settings`` say. Nothing is opened.

    ``silence`` is how long a process may show no life before its requests are ended by another.

    Raises:
        ConfigurationError: two machines have one name, Valkey's URL is none, or the policy or the plans are broken.
    """
    machines = machines_of(settings)
    windows = None if settings.valkey_url is None else Windows(settings.valkey_url.get_secret_value())
    ledger = Ledger(database, silence=silence, windows=windows)
    meter = MachineMeter(database, machines)
    energy = EnergyMeter(machines, own=settings.machine.name)
    rates = Rates(meter, energy)
    plans = Plans(
        database,
        ledger,
        recipient_of,
        owner_file=settings.data / "plans.toml",
        cards=card_payments(settings),
    )
    return Door(
        ledger=ledger,
        machines=meter,
        training=TrainingMeter(database, meter, energy, machine=settings.machine.name),
        plans=plans,
        gateway=Gateway(
            deployments,
            metrics,
            ledger=ledger,
            plans=plans,
            rates=rates,
            safety=Safety(PolicyScreen(LivePolicy(settings.data / "policy.toml")), metrics),
            max_waiting=settings.max_queued,
            passed=passed,
        ),
        sweep=Sweep(ledger, deployments, rates, every=silence.total_seconds() / 2),
    )
