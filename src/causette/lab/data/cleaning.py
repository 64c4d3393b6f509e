"""Removes what the data has twice, nearly twice, or from an evaluation, and says of each record why it went."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from causette.lab.data.contradictions import Contradiction, Contradictions
from causette.lab.data.decontamination import EvaluationTexts
from causette.lab.data.identity import fingerprint, texts_of
from causette.lab.data.near_duplicates import NearDuplicates
from causette.lab.data.problems import Place
from causette.lab.data.reading import Row
from causette.lab.types import Conversation, Record, Text

Why = Literal["duplicate", "near duplicate", "contaminated"]
_REPEATED_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class Removed:
    """A record that went, why, and what it is like: a place, or an evaluation and the words they share."""

    place: Place
    why: Why
    like: str

    def __str__(self) -> str:
        return f"{self.place}: {self.why}: {self.like}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CleaningReport:
    """What cleaning found."""

    kept: int
    #: How many records went, by why.
    removed: dict[str, int]
    #: Records that most others are the same as, with how often they were there.
    repeated: list[tuple[Place, int]]
    contradictions: list[Contradiction]


class Cleaner:
    """Cleans a stream of records; of records that are alike the first stays.

    It keeps about 650 bytes of each record for exact duplicates and contradictions, and 1.6 kB for near ones.
    Near duplicates are looked for among documents and conversations, without system messages, which are often the
    same: pairs and labels of one prompt are meant to be nearly the same.

    Args:
        near_duplicates: the similarity (above 0, to 1) from which on texts are near duplicates; None: keep them.
        evaluations: what must not be trained on.
        on_removed: told of each record that goes.
    """

    def __init__(
        self,
        *,
        near_duplicates: float | None = 0.8,
        evaluations: EvaluationTexts | None = None,
        on_removed: Callable[[Removed], None] = lambda removed: None,
    ) -> None:
        self._near = NearDuplicates(near_duplicates) if near_duplicates is not None else None
        self._evaluations = evaluations
        self._on_removed = on_removed
        self._contradictions = Contradictions()
        self._numbers: dict[bytes, int] = {}
        self._places: list[Place] = []
        self._repeats = Counter[int]()
        self._removed = Counter[Why]()
        self._kept = 0

    def clean(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows that stay, in their order."""
        for row in rows:
            self._contradictions.add(row)
            if (removed := self._removal(row)) is None:
                self._kept += 1
                yield row
            else:
                self._removed[removed.why] += 1
                self._on_removed(removed)

    def report(self) -> CleaningReport:
        """What was found so far."""
        return CleaningReport(
            kept=self._kept,
            removed={str(why): count for why, count in sorted(self._removed.items())},
            repeated=[
                (self._places[number], count + 1)
                for number, count in self._repeats.most_common(_REPEATED_TOLD)
            ],
            contradictions=self._contradictions.found(),
        )

    def _removal(self, row: Row) -> Removed | None:
        number = len(self._places)
        same = self._numbers.setdefault(fingerprint(row.record), number)
        if same != number:
            self._repeats[same] += 1
            return Removed(row.place, "duplicate", str(self._places[same]))
        self._places.append(row.place)
        if self._evaluations is not None:
            overlap = self._evaluations.found_in(texts_of(row.record))
            if overlap is not None:
                return Removed(row.place, "contaminated", str(overlap))
        if self._near is not None and (text := _compared(row.record)) is not None:
            like = self._near.like(text, number)
            if like is not None:
                return Removed(row.place, "near duplicate", str(self._places[like]))
        return None


def _compared(record: Record) -> str | None:
    """The text by which near duplicates are found; None for records that are not compared."""
    match record:
        case Text(text=text):
            return text
        case Conversation(messages=messages):
            return "\n".join(message.content for message in messages if message.role != "system")
        case _:
            return None
