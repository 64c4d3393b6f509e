"""The policy as its file is now."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from causette.live_file import LiveFile
from causette.safety.policy import Policy, read_policy


class LivePolicy(LiveFile[Policy]):
    """The policy with the changes in ``owner_file``.

    Raises:
        ConfigurationError: the file is broken at the start.
    """

    def __init__(self, owner_file: Path | None = None, *, now: Callable[[], float] = monotonic) -> None:
        super().__init__(owner_file, read_policy, called="policy", now=now)
