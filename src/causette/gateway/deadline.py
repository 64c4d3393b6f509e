"""A time by which something with many waits has to be over: ``asyncio.timeout`` for a whole stream.

One timer serves all waits, and one that ends in time costs a tenth of what ``asyncio.timeout`` around it would. A
generator cannot have that around its ``yield``, where time passes that is not its own.
"""

import asyncio
from collections.abc import Awaitable
from types import TracebackType
from typing import Self, TypeVar

_Result = TypeVar("_Result")


class Deadline:
    """Ends the wait that is under way when its time comes.

    Args:
        when: by the event loop's clock.
    """

    __slots__ = ("_cancelled", "_passed", "_timer", "_waiting")

    def __init__(self, when: float) -> None:
        self._passed = False
        self._cancelled = False
        self._waiting: asyncio.Task[object] | None = None
        self._timer = asyncio.get_running_loop().call_at(when, self._pass)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()

    async def wait(self, result: Awaitable[_Result]) -> _Result:
        """The result, if it is there in time.

        Raises:
            TimeoutError: it was not.
        """
        task = asyncio.current_task()
        assert task is not None
        before = task.cancelling()
        self._waiting = task
        try:
            if self._passed:
                self._pass()
            return await result
        except asyncio.CancelledError as cancelled:
            # Somebody else may have cancelled the task as well; then that is what happened.
            if self._cancelled and task.uncancel() <= before:
                raise TimeoutError from cancelled
            raise
        finally:
            self._waiting = None

    def _pass(self) -> None:
        self._passed = True
        if self._waiting is not None:
            self._cancelled = True
            self._waiting.cancel()
