"""Machines as the books know them, and the arithmetic of their bills. Integers only."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from causette.errors import ConfigurationError
from causette.ledger.types import NANO
from causette.settings import MachineRate, Settings

_MICROSECOND: Final = timedelta(microseconds=1)
_HOUR_US: Final = 3_600_000_000
_HOUR_NS: Final = 3_600_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A machine's rate in nano-dollars an hour, and what it draws in milliwatts where the owner said so."""

    name: str
    nano_per_hour: int
    milliwatts_idle: int | None = None
    milliwatts_busy: int | None = None

    @classmethod
    def of(cls, rate: MachineRate) -> "Machine":
        """The machine that the settings describe."""
        return cls(
            name=rate.name,
            nano_per_hour=int(rate.usd_per_hour * NANO),
            milliwatts_idle=None if rate.watts_idle is None else int(rate.watts_idle * 1000),
            milliwatts_busy=None if rate.watts_busy is None else int(rate.watts_busy * 1000),
        )

    def cost(self, compute_ns: int) -> int:
        """What ``compute_ns`` of this machine's time cost, in nano-dollars.

        Rounded down, so that rounding never allocates more than the bill: what is lost by it is found as idle time.
        """
        return self.nano_per_hour * compute_ns // _HOUR_NS


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """A closed stretch of a machine's time. ``bill_nano`` is always ``allocated_nano`` plus ``idle_nano``.

    What is allocated is ``training_nano`` to training, and the rest to requests.
    Work is allocated in the period in which its request was settled, so that ``idle_nano`` is negative in one that
    saw the end of much work begun before it.
    """

    machine: str
    started_at: datetime
    ended_at: datetime
    nano_per_hour: int
    bill_nano: int
    allocated_nano: int
    training_nano: int
    idle_nano: int
    idle_uj: int
    entry_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What training has taken of a machine in some time, posted at its end. ``work`` is the run, or the job."""

    attempt: str
    work: str
    machine: str
    started_at: datetime
    posted_at: datetime
    compute_ns: int
    energy_uj: int
    energy_method: str
    cost_nano: int


def machines_of(settings: Settings) -> tuple[Machine, ...]:
    """This machine and those of the remote engines, as ``settings`` describe them.

    Raises:
        ConfigurationError: two have the same name.
    """
    machines = tuple(Machine.of(rate) for rate in (settings.machine, *settings.machines))
    names = [machine.name for machine in machines]
    for name in names:
        if names.count(name) > 1:
            raise ConfigurationError(
                f"Two machines are called {name!r}. Give one of [machine] and [[machines]] in causette.toml "
                "another name.",
                param="machines",
            )
    return machines


def bill(nano_per_hour: int, wall: timedelta, carry: int) -> tuple[int, int]:
    """The bill for ``wall``, and the part of a nano-dollar that is carried to the next one.

    ``carry`` counts nano-dollar-microseconds per hour, so that no time is lost or paid twice however it is cut.
    """
    return divmod(nano_per_hour * (wall // _MICROSECOND) + carry, _HOUR_US)


def idle_energy(machine: Machine, wall: timedelta, *, bill_nano: int, idle_nano: int) -> int:
    """Microjoules that the idle part of ``wall`` took, by what the machine is said to draw; 0 where nobody said."""
    if machine.milliwatts_idle is None:
        return 0
    whole = machine.milliwatts_idle * (wall // _MICROSECOND) // 1000
    return whole * max(0, idle_nano) // bill_nano if bill_nano else whole


def days(start: datetime, end: datetime) -> Iterator[tuple[datetime, datetime]]:
    """``start`` to ``end``, cut at each midnight in UTC: a bill belongs to one day, and so to one month."""
    while start < end:
        midnight = (start + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        yield start, min(midnight, end)
        start = midnight
