"""Finds phrases in text, in time that grows with the text alone."""

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from causette.safety.folding import Folded, fold, fold_any_script, outline

#: Stands in a phrase for up to so many words of any kind.
GAP: Final = "…"
WORDS_IN_GAP: Final = 4
_LONGEST_PHRASE: Final = 16

_LETTERS: Final = frozenset("abcdefghijklmnopqrstuvwxyz")
# A word spelled with something between its letters is this many single letters at least.
_SPELLED_OUT: Final = 3
_SPELLED_OUTLINE: Final = " a" * _SPELLED_OUT + " "
_SPELLED: Final = re.compile(rf"(?<= )(?:[a-z] ){{{_SPELLED_OUT},}}")


@dataclass(frozen=True, slots=True)
class _Phrase:
    category: str
    words: frozenset[str]
    pattern: re.Pattern[str]


class Phrases:
    """The phrases of all categories. Of a phrase, every word has to be there, whole and in order.

    Raises:
        ValueError: a phrase cannot be looked for; the message says why.
    """

    def __init__(self, phrases: Iterable[tuple[str, str]]) -> None:
        """``phrases`` are pairs of a category and a phrase."""
        #: By one word of theirs, the longest, as that is the rarest as a rule.
        self._by_word: defaultdict[str, list[_Phrase]] = defaultdict(list)
        #: In scripts other than Latin, where spaces may mean nothing: found anywhere.
        self._anywhere: list[tuple[str, str]] = []
        for category, phrase in phrases:
            self._add(category, phrase)
        self._words = frozenset(self._by_word)

    def found_in(self, text: str) -> set[str]:
        """The categories of the phrases in ``text``."""
        found = self._latin(fold(text))
        if self._anywhere and not text.isascii():
            folded = fold_any_script(text)
            found.update(category for category, phrase in self._anywhere if phrase in folded)
        return found

    def _add(self, category: str, phrase: str) -> None:
        pieces = [fold(piece).plain.split() for piece in phrase.replace("...", GAP).split(GAP)]
        words = [word for piece in pieces for word in piece]
        if not words and (anywhere := fold_any_script(phrase)):
            self._anywhere.append((category, anywhere))
            return
        if not all(pieces):
            raise ValueError(f"{phrase!r} has no word where one is needed: a gap stands between two words")
        if len(words) > _LONGEST_PHRASE:
            raise ValueError(f"{phrase!r} has {len(words)} words; {_LONGEST_PHRASE} is the most")
        # A word never has a space in it, so that there is one way only to fill a gap: no backtracking.
        gap = rf" (?:[^ ]+ ){{0,{WORDS_IN_GAP}}}"
        pattern = re.compile(" " + gap.join(" ".join(piece) for piece in pieces) + " ")
        self._by_word[max(words, key=len)].append(_Phrase(category, frozenset(words), pattern))

    def _latin(self, folded: Folded) -> set[str]:
        words = folded.plain.split()
        every = frozenset(words)
        found = self._in_words(words, every)
        if folded.disguised is not None:
            disguised = folded.disguised.split()
            found |= self._in_words(disguised, frozenset(disguised))
        if _LETTERS & every and _SPELLED_OUTLINE in outline(text := f" {' '.join(words)} "):
            joined = _SPELLED.sub(_joined, text).split()
            found |= self._in_words(joined, frozenset(joined))
        return found

    def _in_words(self, words: list[str], every: frozenset[str]) -> set[str]:
        there = self._words & every
        if not there:
            return set()
        text = f" {' '.join(words)} "
        return {
            phrase.category
            for word in there
            for phrase in self._by_word[word]
            if phrase.words <= every and phrase.pattern.search(text)
        }


def _joined(spelled: re.Match[str]) -> str:
    """The word that was spelled, and the same without its first letter, which may be an article before it."""
    word = spelled[0].replace(" ", "")
    return f"{word} {word[1:]} "
