"""Giving way to the other processes of a machine."""

import os
from contextlib import suppress
from pathlib import Path
from typing import Final

_OF_THE_SESSION: Final = Path("/proc/self/autogroup")


def give_way(by: int = 0) -> None:
    """Run when others leave a processor free: nicer by ``by``, in the whole session that this process leads.

    Linux shares processors out among sessions first where it groups them (autogroup), each for as much as any other.
    Between two of them a process's own niceness then says nothing, and that of its session does. What this process
    begins is as nice; where it begins a session for it, that one calls this as well, with nothing to add.
    """
    nice = os.nice(by)
    if nice > 0:
        # No Linux, or one that does not group sessions.
        with suppress(OSError):
            _OF_THE_SESSION.write_text(f"{nice}\n")
