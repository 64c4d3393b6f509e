"""The energy of a request, and how it is known.

``rapl``: the processor counts the energy it takes (Linux shows the counter in ``/sys/class/powercap``, as a rule to
root only). A request is given the mean power of a second to a minute before its end, for its share of the machine's
busy time.
``tdp``: what the machine draws when it is busy, as the owner says or by an estimate, for that share. ``none``: nobody
knows, as for a remote machine without a figure; the energy is then 0.
"""

import os
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from time import monotonic_ns
from typing import Final, Literal

from causette.ledger.machines.types import Machine

Method = Literal["rapl", "tdp", "none"]

#: What a busy core is taken to draw where nobody says and nothing measures: a server processor's rated power by its
#: hardware threads (a 64-thread part of 270 W has 4.2 W each), and half as much again for memory, fans and conversion.
MILLIWATTS_A_CORE: Final = 6_300

_POWERCAP: Final = Path("/sys/class/powercap")
# A package of its own; "intel-rapl:0:0" would be a part of it. AMD's processors are found under the same name.
_PACKAGE: Final = re.compile(r"intel-rapl:\d+")
# The counter changes about every millisecond, and reading it takes some ten microseconds.
_LEAST_NS: Final = 1_000_000_000
# The mean of a longer time says more of standing idle than of work.
_MOST_NS: Final = 60_000_000_000


@dataclass(slots=True)
class _Counter:
    """One package's energy counter, which begins again at 0 after ``range_uj``."""

    file: Path
    range_uj: int
    last_uj: int

    @classmethod
    def at(cls, folder: Path) -> "_Counter":
        file = folder / "energy_uj"
        return cls(file, int((folder / "max_energy_range_uj").read_text()), int(file.read_text()))

    def advance(self) -> int:
        """Microjoules since the last time."""
        now = int(self.file.read_text())
        passed = now - self.last_uj if now >= self.last_uj else now - self.last_uj + self.range_uj
        self.last_uj = now
        return passed


class EnergyMeter:
    """Says what energy a request took.

    Args:
        machines: those whose watts are known or may be estimated.
        own: the name of the machine that this process runs on; only its counters can be read here.
        powercap: where the kernel shows the counters.
        clock: nanoseconds that only go forward.
    """

    def __init__(
        self,
        machines: Iterable[Machine],
        *,
        own: str,
        powercap: Path = _POWERCAP,
        clock: Callable[[], int] = monotonic_ns,
    ) -> None:
        self._own = own
        self._clock = clock
        self._milliwatts = {machine.name: machine.milliwatts_busy for machine in machines}
        if self._milliwatts.get(own) is None:
            self._milliwatts[own] = MILLIWATTS_A_CORE * (os.cpu_count() or 1)
        self._counters = _readable(powercap)
        self._read_at = clock()
        self._microwatts: int | None = None

    def of(self, compute_ns: int, machine: str | None) -> tuple[int, Method]:
        """Microjoules that ``compute_ns`` of a machine's busy time took, and how that is known."""
        if machine is None:
            return 0, "none"
        if machine == self._own and self._counters and (power := self._measured()) is not None:
            return power * compute_ns // 1_000_000_000, "rapl"
        milliwatts = self._milliwatts.get(machine)
        return (0, "none") if milliwatts is None else (milliwatts * compute_ns // 1_000_000, "tdp")

    def _measured(self) -> int | None:
        """Microwatts, as last measured; None before they were."""
        now = self._clock()
        if (passed := now - self._read_at) >= _LEAST_NS:
            try:
                spent = sum(counter.advance() for counter in self._counters)
            except (OSError, ValueError):
                self._counters = ()
                return None
            self._read_at = now
            if passed <= _MOST_NS:
                self._microwatts = spent * 1_000_000_000 // passed
        return self._microwatts


def _readable(powercap: Path) -> tuple[_Counter, ...]:
    """The counters of every package; none unless all can be read, for a part would pass for the whole."""
    try:
        return tuple(
            _Counter.at(folder) for folder in sorted(powercap.iterdir()) if _PACKAGE.fullmatch(folder.name)
        )
    except (OSError, ValueError):
        return ()
