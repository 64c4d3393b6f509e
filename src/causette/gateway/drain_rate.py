"""How fast a queue moves, as it did of late."""

import math
from collections.abc import Callable
from typing import Final

#: After so many seconds with somebody waiting, what was seen before counts half.
_HALF_LIFE: Final = 20.0
_MEAN_LIFE: Final = _HALF_LIFE / math.log(2)


class DrainRate:
    """Turns given a second, over the time in which somebody waited for one: a free queue says nothing of its speed.

    Begins at one a second, as if that had been seen for a second: a guess that the first real turns replace.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._turns = 1.0
        self._seconds = 1.0
        self._since: float | None = None

    @property
    def busy(self) -> bool:
        """Whether time counts now."""
        return self._since is not None

    def waits(self, somebody: bool) -> None:
        """Note whether ``somebody`` waits from now on."""
        if somebody == self.busy:
            return
        self._advance()
        self._since = self._clock() if somebody else None

    def turn(self) -> None:
        """Note a turn that was given to somebody who waited."""
        self._advance()
        self._turns += 1

    @property
    def per_second(self) -> float:
        """Turns a second; falls while a queue stands still."""
        self._advance()
        return self._turns / self._seconds

    def _advance(self) -> None:
        """Take the time that has passed into account."""
        if self._since is None:
            return
        now = self._clock()
        kept = math.exp((self._since - now) / _MEAN_LIFE)
        self._turns *= kept
        self._seconds = self._seconds * kept + (1 - kept) * _MEAN_LIFE
        self._since = now
