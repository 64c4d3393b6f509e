"""Things in order of a key that changes: a binary heap that knows where each of its things is."""

from collections.abc import Iterator
from typing import Generic, TypeVar

T = TypeVar("T")
Key = tuple[float, ...]


class Ranking(Generic[T]):
    """Hashable things, the one with the smallest key on top. Every change takes O(log n)."""

    def __init__(self) -> None:
        self._heap: list[tuple[Key, T]] = []
        self._at: dict[T, int] = {}

    def __len__(self) -> int:
        return len(self._heap)

    def __contains__(self, item: T) -> bool:
        return item in self._at

    def __iter__(self) -> Iterator[T]:
        """The things, in no order."""
        return (item for _, item in self._heap)

    @property
    def top(self) -> tuple[Key, T]:
        """The smallest key and what has it. IndexError when there is nothing."""
        return self._heap[0]

    def key(self, item: T) -> Key:
        """The key of ``item``. KeyError when it is not there."""
        return self._heap[self._at[item]][0]

    def set(self, item: T, key: Key) -> None:
        """Rank ``item`` by ``key``, whether it was there or not."""
        at = self._at.get(item)
        if at is None:
            at = len(self._heap)
            self._heap.append((key, item))
        else:
            self._heap[at] = (key, item)
        self._settle(at, (key, item))

    def discard(self, item: T) -> None:
        """Have ``item`` in the ranking no longer, if it was."""
        at = self._at.pop(item, None)
        if at is None:
            return
        last = self._heap.pop()
        if at < len(self._heap):
            self._settle(at, last)

    def _settle(self, at: int, entry: tuple[Key, T]) -> None:
        """Put ``entry`` where it belongs on the way through ``at``, up or down."""
        heap, places = self._heap, self._at
        while at and entry[0] < heap[(at - 1) // 2][0]:
            parent = (at - 1) // 2
            heap[at] = heap[parent]
            places[heap[at][1]] = at
            at = parent
        while (child := 2 * at + 1) < len(heap):
            if child + 1 < len(heap) and heap[child + 1][0] < heap[child][0]:
                child += 1
            if entry[0] <= heap[child][0]:
                break
            heap[at] = heap[child]
            places[heap[at][1]] = at
            at = child
        heap[at] = entry
        places[entry[1]] = at
