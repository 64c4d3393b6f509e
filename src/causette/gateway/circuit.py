"""Whether a replica is asked at all: closed while it works, open for a while when it does not, then tried once.

Requests that were under way together and fail together are one failure: a process that dies with forty replies has
failed once. After an opening, the next attempt waits twice as long as after the last one, give or take a half, so that
several gateways do not come back in the same instant.
"""

import random
from collections import deque
from collections.abc import Callable
from enum import StrEnum
from time import monotonic
from typing import Final

# So many failures in a row, or a half of the last so many requests.
_IN_A_ROW: Final = 5
_OUTCOMES: Final = 20
_FAILED_SHARE: Final = 0.5
_FIRST_OPEN_SECONDS: Final = 1.0
_LONGEST_OPEN_SECONDS: Final = 30.0
# Not a secret: it only keeps gateways apart.
_jitter: Final = random.Random()  # noqa: S311


class Position(StrEnum):
    """Where a circuit stands."""

    #: Requests pass.
    CLOSED = "closed"
    #: None passes until its time is up and somebody vouches for the replica.
    OPEN = "open"
    #: One passes, and decides.
    HALF_OPEN = "half-open"


class Circuit:
    """One replica's circuit.

    Args:
        clock: seconds that only grow.
        jitter: draws a number from 0 to 1.
    """

    def __init__(
        self, clock: Callable[[], float] = monotonic, jitter: Callable[[], float] = _jitter.random
    ) -> None:
        self.position = Position.CLOSED
        self._clock = clock
        self._jitter = jitter
        self._failed: deque[bool] = deque(maxlen=_OUTCOMES)
        self._in_a_row = 0
        self._last_failure = float("-inf")
        self._openings = 0
        self._until = 0.0
        self._tried = False

    @property
    def passable(self) -> bool:
        """Whether a request may pass now."""
        return self.position is Position.CLOSED or (self.position is Position.HALF_OPEN and not self._tried)

    @property
    def due(self) -> bool:
        """Whether it has been open for long enough."""
        return self.position is Position.OPEN and self._clock() >= self._until

    @property
    def seconds_left(self) -> float:
        """Until it is due."""
        return max(0.0, self._until - self._clock()) if self.position is Position.OPEN else 0.0

    def begin(self) -> float:
        """A request passes; what is returned goes to `failed`."""
        if self.position is Position.HALF_OPEN:
            self._tried = True
        return self._clock()

    def succeeded(self) -> None:
        """The replica answered as it should."""
        if self.position is Position.OPEN:
            # It began before the failures that opened it, and proves nothing about afterwards.
            return
        if self.position is Position.HALF_OPEN:
            self.position = Position.CLOSED
            self._failed.clear()
        self._failed.append(False)
        self._in_a_row = 0
        self._openings = 0

    def failed(self, began: float, *, longest: float = _LONGEST_OPEN_SECONDS) -> None:
        """The replica failed a request that began then; should this open it, then for ``longest`` seconds at most."""
        if self.position is Position.HALF_OPEN:
            self.open(longest=longest)
        if self.position is Position.OPEN or began <= self._last_failure:
            return
        self._last_failure = self._clock()
        self._in_a_row += 1
        self._failed.append(True)
        often = len(self._failed) == _OUTCOMES and sum(self._failed) >= _FAILED_SHARE * _OUTCOMES
        if often or self._in_a_row >= _IN_A_ROW:
            self.open(longest=longest)

    def abandoned(self) -> None:
        """The request was given up before it proved anything."""
        self._tried = False

    def open(self, *, longest: float = _LONGEST_OPEN_SECONDS) -> None:
        """Let nothing pass for a while."""
        wait = min(_FIRST_OPEN_SECONDS * 2**self._openings, _LONGEST_OPEN_SECONDS)
        self._until = self._clock() + min(wait * (0.5 + self._jitter()), longest)
        # Beyond this the wait does not grow.
        self._openings = min(self._openings + 1, 5)
        self.position = Position.OPEN

    def half_open(self) -> None:
        """Somebody vouches for the replica: the next request decides."""
        self.position = Position.HALF_OPEN
        self._tried = False
        self._in_a_row = 0
        self._failed.clear()
