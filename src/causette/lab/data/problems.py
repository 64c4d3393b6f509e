"""Where a record was read, what is wrong there, and the one error that says all of it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from causette.errors import InvalidRequest

#: Problems of one reading that are told; the rest is a number.
TOLD: Final = 20


@dataclass(frozen=True, slots=True)
class Place:
    """A line of a file (from 1; of Parquet, a row), or with line 0 the whole file."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a row. ``field`` is a path such as ``messages[2].role``, or empty for all of it."""

    field: str
    what: str


@dataclass(frozen=True, slots=True)
class Problem:
    """A flaw, and where it is."""

    place: Place
    flaw: Flaw

    def __str__(self) -> str:
        field = f"{self.flaw.field} " if self.flaw.field else ""
        return f"{self.place}: {field}{self.flaw.what}"


@dataclass(slots=True)
class Problems:
    """The problems of a reading: how many there are, and the first of them."""

    told: list[Problem] = field(default_factory=list[Problem])
    count: int = 0
    #: Rows that have one or more.
    rows: int = 0

    def add(self, place: Place, flaws: Sequence[Flaw]) -> None:
        """Take in all that is wrong at one place."""
        self.rows += 1
        self.count += len(flaws)
        self.told += [Problem(place, flaw) for flaw in flaws[: TOLD - len(self.told)]]

    @property
    def many(self) -> bool:
        """Whether there are as many as are told."""
        return self.count >= TOLD


class BadData(InvalidRequest):
    """Data that cannot be read as records; ``problems`` has the places, the message lists them."""

    default_code = "bad_data"

    def __init__(self, problems: Problems, *, and_more: bool = False) -> None:
        first = problems.told[0]
        count = f"{'At least ' if and_more else ''}{problems.count}"
        noun = "problem" if problems.count == 1 else "problems"
        super().__init__(
            "\n  ".join([f"{count} {noun} in the data:", *map(str, problems.told)]),
            param=first.flaw.field or None,
        )
        self.problems = problems
