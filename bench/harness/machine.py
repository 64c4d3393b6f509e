"""The machine a benchmark ran on: what it is, what a process takes of its memory, and who else was using it."""

import math
import os
import platform
import resource
import time
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

_MB = 1e6
_PROC = Path("/proc")


def description() -> dict[str, object]:
    """Processor, cores, memory and operating system."""
    processor = next(
        (
            line.partition(":")[2].strip()
            for line in (_PROC / "cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "processor": processor,
        "cores": os.cpu_count(),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / (1 << 30), 1),
        "system": f"{platform.system()} {platform.release()}",
    }


@dataclass(frozen=True, slots=True)
class Memory:
    """What processes hold, in MB (10⁶ bytes). RSS counts shared pages whole, PSS divides them by their users."""

    rss: float = math.nan
    pss: float = math.nan

    @classmethod
    def of(cls, *pids: int) -> "Memory":
        """The sum over ``pids``, from ``/proc/PID/smaps_rollup``."""
        sums = {"Rss:": 0, "Pss:": 0}
        for pid in pids:
            for line in (_PROC / str(pid) / "smaps_rollup").read_text().splitlines():
                name, *rest = line.split()
                if name in sums:
                    sums[name] += int(rest[0]) << 10
        return cls(sums["Rss:"] / _MB, sums["Pss:"] / _MB)


def children(pid: int) -> list[int]:
    """The processes that ``pid`` started and those that they started."""
    found: list[int] = []
    for task in (_PROC / str(pid) / "task").iterdir():
        for child in (task / "children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


def cpu_seconds(*pids: int) -> float:
    """The processor time that ``pids`` have used since their start, all their threads included."""
    # A process's clock by its number, as clock_getcpuclockid(3) makes it.
    return sum(time.clock_gettime((~pid << 3) | 2) for pid in pids)


def pin(pid: int, cores: Collection[int]) -> None:
    """Keep a process, its children and all their threads to ``cores``, those that they will start included."""
    for each in (pid, *children(pid)):
        for task in (_PROC / str(each) / "task").iterdir():
            with suppress(ProcessLookupError):
                os.sched_setaffinity(int(task.name), cores)


class Bystanders:
    """Measures how much of the machine other processes used since this was made.

    A share of the machine's whole processor time; hypervisor steal counts as others' use.
    """

    def __init__(self) -> None:
        self._began = perf_counter()
        self._busy = _busy_seconds()
        self._own = _own_seconds()

    def share(self) -> float:
        """From 0 (none) to 1. Call it after the benchmark's own processes have ended, so that they are counted."""
        whole = (perf_counter() - self._began) * (os.cpu_count() or 1)
        others = (_busy_seconds() - self._busy) - (_own_seconds() - self._own)
        return max(0.0, others / whole)


def _busy_seconds() -> float:
    user, nice, system, _idle, _iowait, irq, softirq, steal, *_ = map(
        int, (_PROC / "stat").read_text().splitlines()[0].split()[1:]
    )
    return (user + nice + system + irq + softirq + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(times.ru_utime + times.ru_stime for times in used)
