"""An event loop in which waiting takes no time: its clock jumps to whatever is due next."""

import asyncio
import selectors
from selectors import SelectorKey


class _Jumping(selectors.DefaultSelector):
    """Waits for nothing, and remembers how long it was asked to."""

    waited = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        """What is ready now."""
        if timeout is None:
            raise RuntimeError("Everything waits for something that nothing will bring about.")
        self.waited += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    """For programs that wait for timers and for each other only."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Seconds since the loop was made, as the program sees them."""
        return self._jumping.waited
