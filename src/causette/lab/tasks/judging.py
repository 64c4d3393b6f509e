"""Judging many replies: several at once where a task waits for other processes."""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol, runtime_checkable

from causette.lab.tasks.types import Problem, Task

#: How many processes can compute at once here.
PROCESSORS: Final = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@runtime_checkable
class JudgesElsewhere(Protocol):
    """A task whose judge is in other processes, so that it may be called from several threads."""

    @property
    def at_once(self) -> int:
        """Replies that are judged at once, at most."""
        ...


def scores(task: Task, answered: Iterable[tuple[Problem, str]]) -> Iterator[tuple[Problem, str, float]]:
    """Each problem and reply with its score, in order; replies are judged as they come."""
    if not isinstance(task, JudgesElsewhere):
        for problem, reply in answered:
            yield problem, reply, task.score(problem, reply)
        return
    waiting: deque[tuple[Problem, str, Future[float]]] = deque()
    with ThreadPoolExecutor(task.at_once) as pool:
        try:
            for problem, reply in answered:
                waiting.append((problem, reply, pool.submit(task.score, problem, reply)))
                while waiting and waiting[0][2].done():
                    yield _judged(waiting.popleft())
            while waiting:
                yield _judged(waiting.popleft())
        finally:
            # Whoever stops half-way does not wait for those that nobody has begun to judge.
            pool.shutdown(wait=False, cancel_futures=True)


def _judged(judged: tuple[Problem, str, Future[float]]) -> tuple[Problem, str, float]:
    problem, reply, score = judged
    return problem, reply, score.result()
