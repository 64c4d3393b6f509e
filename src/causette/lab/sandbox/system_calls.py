"""What the kernel lets a stranger's program ask for: a filter of system calls (seccomp(2), with classic BPF).

Everything that is not named is refused with EPERM: files, sockets, processes, signals to others. What is left is
memory, time, chance, and the pipes that are open already.
"""

import platform
import struct
import sys
from dataclasses import dataclass
from typing import Final

from causette.errors import ConfigurationError

# linux/bpf_common.h: load a word, jump if equal, jump if greater or equal, return.
_LOAD: Final = 0x20
_EQUAL: Final = 0x15
_AT_LEAST: Final = 0x35
_RETURN: Final = 0x06
# linux/seccomp.h: where struct seccomp_data has them, and what becomes of a call.
_NUMBER_AT: Final = 0
_ARCHITECTURE_AT: Final = 4
_KILL: Final = 0x80000000
_ALLOW: Final = 0x7FFF0000
_REFUSE: Final = 0x00050000 | 1
# Numbers from here on are the x32 ABI's, under the architecture of x86-64.
_X32: Final = 0x40000000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Machine:
    """An architecture's constant of linux/audit.h, and its numbers of the calls that are allowed."""

    architecture: int
    calls: tuple[int, ...]


_MACHINES: Final = {
    "x86_64": _Machine(
        architecture=0xC000003E,
        calls=(
            *(0, 1, 3, 5, 8),  # read, write, close, fstat, lseek
            *(9, 10, 11, 12, 25, 28),  # mmap, mprotect, munmap, brk, mremap, madvise
            *(13, 14, 15, 131),  # rt_sigaction, rt_sigprocmask, rt_sigreturn, sigaltstack
            *(24, 39, 186, 202, 219),  # sched_yield, getpid, gettid, futex, restart_syscall
            *(
                96,
                98,
                100,
                201,
                228,
                229,
            ),  # gettimeofday, getrusage, times, time, clock_gettime, clock_getres
            *(60, 231, 318),  # exit, exit_group, getrandom
        ),
    ),
    # The same calls, but for time, which it does not have.
    "aarch64": _Machine(
        architecture=0xC00000B7,
        calls=(
            *(63, 64, 57, 80, 62),
            *(222, 226, 215, 214, 216, 233),
            *(134, 135, 139, 132),
            *(124, 172, 178, 98, 128),
            *(169, 165, 153, 113, 114),
            *(93, 94, 278),
        ),
    ),
}


def system_call_filter() -> bytes:
    """The filter for this machine, as the instructions of ``struct sock_fprog``.

    Raises:
        ConfigurationError: there is none for it.
    """
    machine = _MACHINES.get(platform.machine())
    if sys.platform != "linux" or machine is None:
        raise ConfigurationError(
            "Code that a model wrote is run only where the kernel can confine it: on Linux, on x86_64 or aarch64. "
            f"This is {sys.platform} on {platform.machine()}.",
            param="task",
        )
    calls = machine.calls
    return b"".join(
        (
            _instruction(_LOAD, _ARCHITECTURE_AT),
            _instruction(_EQUAL, machine.architecture, if_true=1),
            _instruction(_RETURN, _KILL),
            _instruction(_LOAD, _NUMBER_AT),
            _instruction(_AT_LEAST, _X32, if_true=len(calls)),
            # Each jumps to the last instruction, over those that are left and the one that refuses.
            *(_instruction(_EQUAL, call, if_true=len(calls) - at) for at, call in enumerate(calls)),
            _instruction(_RETURN, _REFUSE),
            _instruction(_RETURN, _ALLOW),
        )
    )


def _instruction(code: int, operand: int, *, if_true: int = 0) -> bytes:
    return struct.pack("=HBBI", code, if_true, 0, operand)
