"""The book of plans as its file is now."""

from collections.abc import Callable
from pathlib import Path
from time import monotonic

from causette.live_file import LiveFile
from causette.plans.book import PlanBook, read_book


class LiveBook(LiveFile[PlanBook]):
    """The plans of ``owner_file``.

    Raises:
        BrokenPlans: the file is broken at the start.
    """

    def __init__(self, owner_file: Path | None = None, *, now: Callable[[], float] = monotonic) -> None:
        super().__init__(owner_file, read_book, called="plans", now=now)
