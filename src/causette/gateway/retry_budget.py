"""How many retries there may be: a share of the requests, so that a failing fleet is not asked many times as often."""

from typing import Final

# One retry for five requests, and ten before any.
_EARNED_A_REQUEST: Final = 0.2
_MOST: Final = 10.0


class RetryBudget:
    """Earned by requests, spent by retries."""

    def __init__(self) -> None:
        self._left = _MOST

    def earn(self) -> None:
        """A request came."""
        self._left = min(_MOST, self._left + _EARNED_A_REQUEST)

    def spend(self) -> bool:
        """Whether one may be retried now; if so, it is counted."""
        if self._left < 1:
            return False
        self._left -= 1
        return True
