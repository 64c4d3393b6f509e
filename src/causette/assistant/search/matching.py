"""Where a text has what was looked for, how well it answers, and the piece of it that shows."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from causette.assistant.search.query import Clause, Query
from causette.assistant.search.types import Segment
from causette.assistant.search.words import LONGEST_WORD, fold, fold_with_places, stem

# What a word counts in the form that was typed, in another form, and as one that only begins so.
_SAME: Final = 1.0
_OTHER_FORM: Final = 0.8
_BEGINS_SO: Final = 0.7
_IN_A_ROW: Final = 1.5
_MOST_PLACES: Final = 50
# An answer of this age counts half of what its newness adds.
_HALF_LIFE: Final = timedelta(days=60)
_NEWNESS: Final = 0.4
# How much a word that comes again counts, how much the length of a text matters, and what length is usual: k1 and b of
# BM25 (Robertson and Zaragoza, 2009).
_AGAIN: Final = 1.2
_LENGTH: Final = 0.75
_USUAL: Final = 600

_SNIPPET: Final = 200
_BEFORE: Final = 60
_MARKUP: Final = re.compile(r"\*\*|`+|^\s{0,3}#{1,6}\s+|^\s*>\s?", re.MULTILINE)
_SPACE: Final = re.compile(r"\s+")


@dataclass(frozen=True, slots=True)
class _Place:
    start: int
    end: int
    clause: int
    worth: float


class Matcher:
    """Finds the words of one query in texts."""

    def __init__(self, query: Query) -> None:
        self._clauses = [(clause, _pattern(clause)) for clause in query.wanted]
        words = [word for clause in query.wanted for word in clause.words]
        self._row = re.compile(r"(?<!\w)" + r"[\W_]+".join(map(re.escape, words))) if len(words) > 1 else None

    def score(self, text: str, age: timedelta) -> float:
        """How well ``text`` answers: more for more of the words, in the form typed, in a row, in less text, lately."""
        folded = fold(text)
        relevance = 0.0
        for index, (clause, pattern) in enumerate(self._clauses):
            places = _places(folded, index, clause, pattern)
            if places:
                best = max(place.worth for place in places)
                relevance += best * _frequency(len(places), len(folded))
        relevance = relevance / max(1, len(self._clauses)) + 0.1
        if self._row is not None and self._row.search(folded):
            relevance += _IN_A_ROW
        newness = 0.5 ** (max(age, timedelta()) / _HALF_LIFE)
        return relevance * (1 - _NEWNESS + _NEWNESS * newness)

    def mark(self, text: str) -> tuple[Segment, ...]:
        """The whole text, in pieces that are what was looked for or not."""
        folded, places = fold_with_places(text)
        return _segments(text, [(places[item.start], places[item.end]) for item in self._all(folded)])

    def snippet(self, text: str) -> tuple[Segment, ...]:
        """Some 200 characters of the text where most of the words are, on one line and without Markdown's signs."""
        folded, places = fold_with_places(text)
        found = self._all(folded)
        start = places[_densest(found)] if found else 0
        begin, end = _between_words(text, start)
        marks = [(places[item.start], places[item.end]) for item in found]
        marks = [(max(a, begin) - begin, min(b, end) - begin) for a, b in marks if b > begin and a < end]
        pieces = [Segment(_plain(item.text), item.mark) for item in _segments(text[begin:end], marks)]
        if begin > 0:
            pieces.insert(0, Segment("… ", mark=False))
        if end < len(text):
            pieces.append(Segment(" …", mark=False))
        return _joined(pieces)

    def _all(self, folded: str) -> list[_Place]:
        """Where the words are, in order, none inside another."""
        found = [
            place
            for index, (clause, pattern) in enumerate(self._clauses)
            for place in _places(folded, index, clause, pattern)
        ]
        found.sort(key=lambda place: (place.start, -place.end))
        kept: list[_Place] = []
        for place in found:
            if not kept or place.start >= kept[-1].end:
                kept.append(place)
        return kept


def _frequency(count: int, length: int) -> float:
    """What a word counts that a text of ``length`` characters has ``count`` times: BM25's term frequency."""
    return count * (_AGAIN + 1) / (count + _AGAIN * (1 - _LENGTH + _LENGTH * length / _USUAL))


def _pattern(clause: Clause) -> re.Pattern[str]:
    """Finds what may be the clause's words in a folded text; `_places` decides."""
    end = r"[^\W_]*" if clause.prefix or clause.stem is not None else r"(?![^\W_])"
    if clause.stem is None:
        row = r"[\W_]*".join(map(re.escape, clause.words))
        return re.compile(rf"(?<![^\W_]){row}{end}")
    word = clause.words[0]
    begins = next((n for n, (a, b) in enumerate(zip(word, clause.stem, strict=False)) if a != b), None)
    shared = word[: min(len(word), len(clause.stem)) if begins is None else begins]
    return re.compile(rf"(?<![^\W_]){re.escape(shared)}{end}")


def _places(folded: str, index: int, clause: Clause, pattern: re.Pattern[str]) -> list[_Place]:
    found: list[_Place] = []
    for match in pattern.finditer(folded):
        worth = _worth(clause, match[0][:LONGEST_WORD])
        if worth:
            found.append(_Place(match.start(), match.end(), index, worth))
            if len(found) == _MOST_PLACES:
                break
    return found


def _worth(clause: Clause, word: str) -> float:
    if clause.stem is None or word == clause.words[0]:
        return _SAME
    if stem(word) == clause.stem:
        return _OTHER_FORM
    return _BEGINS_SO if clause.prefix and word.startswith(clause.words[0]) else 0.0


def _densest(found: Sequence[_Place]) -> int:
    """Where the piece begins that has the most different words."""
    best, most = found[0].start, 0.0
    for index, place in enumerate(found):
        inside: dict[int, float] = {}
        for other in found[index:]:
            if other.end > place.start + _SNIPPET - _BEFORE:
                break
            inside[other.clause] = max(inside.get(other.clause, 0.0), other.worth)
        if (worth := sum(inside.values())) > most:
            best, most = place.start, worth
    return best


def _between_words(text: str, start: int) -> tuple[int, int]:
    """Where a piece around ``start`` begins and ends, cut between words where there are any."""
    begin = max(0, start - _BEFORE)
    if begin > 0:
        space = _SPACE.search(text, begin, start)
        begin = space.end() if space else begin
    end = min(len(text), begin + _SNIPPET)
    if end < len(text):
        cut = max(text.rfind(" ", begin, end), text.rfind("\n", begin, end))
        end = cut if cut > start + _SNIPPET // 4 else end
    return begin, end


def _segments(text: str, marks: Sequence[tuple[int, int]]) -> tuple[Segment, ...]:
    pieces: list[Segment] = []
    at = 0
    for start, end in marks:
        if start > at:
            pieces.append(Segment(text[at:start], mark=False))
        pieces.append(Segment(text[start:end], mark=True))
        at = end
    if at < len(text):
        pieces.append(Segment(text[at:], mark=False))
    return tuple(pieces)


def _plain(text: str) -> str:
    return _SPACE.sub(" ", _MARKUP.sub("", text))


def _joined(pieces: Sequence[Segment]) -> tuple[Segment, ...]:
    """Without the pieces of which nothing is left."""
    return tuple(piece for piece in pieces if piece.text)
