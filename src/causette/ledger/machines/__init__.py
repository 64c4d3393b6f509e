"""What machines cost: an hourly bill, allocated to requests by the time they kept a machine busy; the rest is idle."""

from causette.ledger.machines.meter import MachineMeter
from causette.ledger.machines.types import Machine, machines_of

__all__ = ["Machine", "MachineMeter", "machines_of"]
