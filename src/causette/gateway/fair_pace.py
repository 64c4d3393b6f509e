"""How many prompts an engine reads at once as a rule, and so how many more there are than it needs.

An engine works in steps, and a step that reads a prompt takes two or three times as long as one that does not: for
everybody whose reply it makes, and for whoever comes while it lasts. One that is kept busy needs only as many new
prompts as it finishes replies. More than that at once brings it nothing.
"""

from collections.abc import Callable
from typing import Final

from causette.gateway.fair_shares import Request

#: What was seen before counts half after so many requests.
_HALF_LIFE: Final = 50
_KEPT: Final = 0.5 ** (1 / _HALF_LIFE)


class Pace:
    """The requests that have a slot but no token yet, and what part of their time in a slot requests are in that state.

    Begins with all of it: an engine nobody has seen at work is given whatever there is.

    Args:
        clock: seconds, as :func:`time.monotonic` counts them.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        #: How many prompts are being read.
        self.reading = 0
        self._read_seconds = 1.0
        self._held_seconds = 1.0

    def usual(self, slots: int) -> float:
        """How many prompts are being read on average when all of ``slots`` are taken (Little's law)."""
        return slots * self._read_seconds / self._held_seconds

    def began(self, request: Request) -> None:
        """``request`` has a slot."""
        request.began = self._clock()
        self.reading += 1

    def answered(self, request: Request) -> bool:
        """``request`` has its first token; whether it had none before."""
        if request.began is None or request.read is not None:
            return False
        request.read = self._clock()
        self.reading -= 1
        return True

    def left(self, request: Request) -> None:
        """``request`` has its slot no longer."""
        assert request.began is not None
        self.answered(request)
        assert request.read is not None
        if held := self._clock() - request.began:
            self._read_seconds = _KEPT * self._read_seconds + request.read - request.began
            self._held_seconds = _KEPT * self._held_seconds + held
