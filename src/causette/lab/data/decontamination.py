"""Finds what models are evaluated with in what they are trained on.

A record is contaminated when one of its texts shares a run of 13 words with an evaluation's text, as in GPT-3's
appendix C (Brown et al. 2020), which cuts the run out of documents; here the record goes. An evaluation's text of 5 to
12 words has to be there whole, and a shorter one has to be the whole text of a message: "yes" is in everything.

What is not found: translations and paraphrases. For those, evaluate on problems made after the data.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from causette.lab.data.words import Hashes, words_of

_RUN: Final = 13
#: From this many words on a text of an evaluation is looked for within others.
_SHORTEST: Final = 5
#: A run that is in more of an evaluation's texts than this is its template, and in many other texts.
_TEMPLATE: Final = 10


@dataclass(frozen=True, slots=True)
class Overlap:
    """The evaluation whose words a text has, and the words."""

    evaluation: str
    quote: str

    def __str__(self) -> str:
        return f"{self.evaluation}: “{self.quote}”"


@dataclass(frozen=True, slots=True)
class _Runs:
    """Runs of one length, sorted, with the number of the evaluation that each is from."""

    runs: Hashes
    evaluations: npt.NDArray[np.int64]

    def first_in(self, runs: Hashes) -> tuple[int, int] | None:
        """Where the first of ``runs`` that is here stands among them, and the evaluation's number."""
        at = np.searchsorted(self.runs, runs)
        found = self.runs[np.minimum(at, len(self.runs) - 1)] == runs
        if not found.any():
            return None
        first = int(found.argmax())
        return first, int(self.evaluations[at[first]])


class EvaluationTexts:
    """The texts of evaluations, to find them in others.

    Args:
        evaluations: for each evaluation's name its texts: questions, prompts, and answers if they are sentences.
    """

    def __init__(self, evaluations: Mapping[str, Iterable[str]]) -> None:
        self._names = list(evaluations)
        collected: dict[int, list[tuple[int, Hashes]]] = {}
        for number, texts in enumerate(evaluations.values()):
            for length, runs in _runs_of(texts).items():
                collected.setdefault(length, []).append((number, runs))
        self._by_length = {length: _sorted(collected[length]) for length in sorted(collected, reverse=True)}

    def found_in(self, texts: Iterable[str]) -> Overlap | None:
        """The first overlap of any of the texts, the longest runs first; None if there is none."""
        if not self._by_length:
            return None
        for words in map(words_of, texts):
            for length, known in self._by_length.items():
                if len(words) < length or (length < _SHORTEST and len(words) != length):
                    continue
                if (hit := known.first_in(words.runs(length))) is not None:
                    return Overlap(self._names[hit[1]], words.quote(hit[0], length))
        return None


def _runs_of(texts: Iterable[str]) -> dict[int, Hashes]:
    """For each length the runs of that length that tell an evaluation."""
    of_length: dict[int, list[Hashes]] = {}
    for words in map(words_of, dict.fromkeys(texts)):
        if len(words):
            length = min(_RUN, len(words))
            of_length.setdefault(length, []).append(np.unique(words.runs(length)))
    telling: dict[int, Hashes] = {}
    for length, runs in of_length.items():
        distinct, texts_with = np.unique(np.concatenate(runs), return_counts=True)
        kept = distinct if length < _RUN else distinct[texts_with <= _TEMPLATE]
        if len(kept):
            telling[length] = kept
    return telling


def _sorted(parts: list[tuple[int, Hashes]]) -> _Runs:
    runs = np.concatenate([runs for _, runs in parts])
    numbers = np.repeat([number for number, _ in parts], [len(runs) for _, runs in parts])
    order = np.argsort(runs, kind="stable")
    return _Runs(runs[order], numbers[order])
