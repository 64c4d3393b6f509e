"""Waiting for what happens soon, with a deadline: tests never sleep for a guessed time."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import TypeVar

import pytest

T = TypeVar("T")

_INTERVAL = 0.01


def wait_for(condition: Callable[[], T], what: str, *, seconds: float = 10.0) -> T:
    """The first true value of ``condition``; fails the test when ``seconds`` pass without one."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        time.sleep(_INTERVAL)
    return value


async def eventually(condition: Callable[[], T | Awaitable[T]], what: str, *, seconds: float = 10.0) -> T:
    """As :func:`wait_for`, while the event loop goes on; ``condition`` may be a coroutine function."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if isawaitable(value):
            value = await value
        if value:
            return value
        if time.monotonic() > deadline:
            pytest.fail(f"waited {seconds:g} s in vain for {what}")
        await asyncio.sleep(_INTERVAL)
