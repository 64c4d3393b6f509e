"""What a set of records is like: how many of each kind, how long, in which languages."""

from array import array
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from causette.lab.data.identity import answers_of, texts_of
from causette.lab.data.languages import language_of
from causette.lab.types import Encoded, Record

_LANGUAGES_SHOWN: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How a number is spread over records: percentiles by nearest rank, so each is some record's own."""

    total: int
    p50: int
    p95: int
    max: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """Figures of a set of records."""

    records: int
    kinds: dict[str, int]
    #: Of all texts of a record together.
    characters: Lengths
    #: Of all its parts; None where there was no encoder.
    tokens: Lengths | None
    #: Texts in a record: messages and answers, or 1 for a document.
    turns: Lengths
    #: Records by ISO 639-1 code, the most frequent first; ``und`` where it cannot be told.
    languages: dict[str, int]
    #: Records with an answer that has nothing but white space.
    empty_answers: int

    def table(self) -> str:
        """The figures for people to read, as lines of text."""
        spread = {"characters": self.characters, "tokens": self.tokens, "turns": self.turns}
        lines = [f"{'':12}{'total':>16}{'p50':>12}{'p95':>12}{'max':>12}"]
        lines += [
            f"{name:12}{of.total:>16,}{of.p50:>12,}{of.p95:>12,}{of.max:>12,}"
            for name, of in spread.items()
            if of is not None
        ]
        lines += ["", *_counts("records", self.kinds), *_counts("languages", self.languages)]
        if self.empty_answers:
            lines.append(f"empty answers {self.empty_answers:,}")
        return "\n".join(lines)


class Tally:
    """Gathers the figures of records that stream by; it keeps 24 bytes for each."""

    def __init__(self) -> None:
        self._kinds = Counter[str]()
        self._characters = array("Q")
        self._tokens = array("Q")
        self._turns = array("Q")
        self._languages = Counter[str]()
        self._empty_answers = 0

    def add(self, record: Record, parts: Sequence[Encoded] | None = None) -> None:
        """Take in a record, with its encoded parts if its tokens shall be counted."""
        texts = texts_of(record)
        self._kinds[type(record).__name__.lower()] += 1
        self._characters.append(sum(map(len, texts)))
        self._turns.append(len(texts))
        if parts is not None:
            self._tokens.append(sum(len(part.ids) for part in parts))
        self._languages[language_of(" ".join(texts))] += 1
        self._empty_answers += any(not answer.strip() for answer in answers_of(record))

    def statistics(self) -> Statistics:
        """The figures so far."""
        return Statistics(
            records=self._kinds.total(),
            kinds=dict(sorted(self._kinds.items())),
            characters=_lengths(self._characters),
            tokens=_lengths(self._tokens) if self._tokens else None,
            turns=_lengths(self._turns),
            languages=dict(sorted(self._languages.items(), key=lambda entry: (-entry[1], entry[0]))),
            empty_answers=self._empty_answers,
        )


def _lengths(values: "array[int]") -> Lengths:
    if not values:
        return Lengths(total=0, p50=0, p95=0, max=0)
    numbers = np.array(values, np.uint64)
    p50, p95, most = np.percentile(numbers, (50, 95, 100), method="inverted_cdf").tolist()
    return Lengths(total=int(numbers.sum()), p50=p50, p95=p95, max=most)


def _counts(title: str, counts: dict[str, int]) -> list[str]:
    shown = [f"{name} {count:,}" for name, count in list(counts.items())[:_LANGUAGES_SHOWN]]
    if (more := len(counts) - len(shown)) > 0:
        shown.append(f"and {more} more")
    return [f"{title:12}{', '.join(shown)}"]
