"""What is searched: the words and the vectors of some documents, kept in memory for as long as they are asked for."""

from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from causette.assistant.knowledge.fusion import fused
from causette.assistant.knowledge.lexical import Postings, bm25
from causette.assistant.knowledge.vectors import PassageVectors, Vectors

T = TypeVar("T")
#: A file, the number of a passage in it, and the passage's headings.
Place = tuple[str, int, tuple[str, ...]]

# So many of each ranking's best are looked at.
_DEPTH: Final = 50
_MOST_BYTES: Final = 128_000_000


@dataclass(frozen=True, slots=True)
class DocumentIndex:
    """One document's words, and its passages' vectors; None as long as they are not all there."""

    file_id: str
    postings: Postings
    vectors: PassageVectors | None

    @property
    def passages(self) -> int:
        """How many there are."""
        return len(self.postings.lengths_N)

    @property
    def size(self) -> int:
        """Bytes in memory."""
        words = self.postings
        arrays = (words.words_P, words.passages_P, words.counts_P, words.lengths_N)
        return sum(array.nbytes for array in arrays) + (0 if self.vectors is None else self.vectors.size)


@dataclass(frozen=True, slots=True)
class Scored:
    """A passage that answers: its document, its number in it, and how well."""

    file_id: str
    number: int
    worth: float
    #: The cosine between the question's vector and its own; 0 where there is none.
    likeness: float
    #: How many of the question's words it has.
    words: int


def ranked(
    documents: Sequence[DocumentIndex], terms: Sequence[int], vector: Vectors | None, *, limit: int
) -> list[Scored]:
    """The passages that answer best, by words and by meaning, the best first.

    Meaning is asked twice: what a passage is about as a whole, and what that window of it says which is nearest to the
    question.
    """
    if not documents:
        return []
    by_words_N = bm25([document.postings for document in documents], terms)
    as_wholes_N, by_windows_N = _likeness(documents, vector)
    worth_N = fused((by_words_N, as_wholes_N, by_windows_N), depth=_DEPTH)
    starts = list(accumulate((document.passages for document in documents), initial=0))
    found: list[Scored] = []
    for at in map(int, np.argsort(-worth_N, kind="stable")[:limit]):
        if worth_N[at] > 0:
            place = bisect_right(starts, at) - 1
            document, number = documents[place], at - starts[place]
            words = document.postings.count(number, terms)
            found.append(Scored(document.file_id, number, float(worth_N[at]), float(as_wholes_N[at]), words))
    return found


def spread(passages: Sequence[T], place: Callable[[T], Place], *, limit: int) -> list[T]:
    """The first ``limit`` of ``passages``, of which the best comes first, those that stand beside a better one last.

    A passage's neighbour in its own section often goes on with the same: it is taken where nothing else answers.

    Args:
        place: where a passage stands: its file, its number in it, and its headings.
    """
    chosen: list[T] = []
    beside: list[T] = []
    taken: set[Place] = set()
    for passage in passages:
        file_id, number, headings = place(passage)
        if {(file_id, number - 1, headings), (file_id, number + 1, headings)} & taken:
            beside.append(passage)
        else:
            chosen.append(passage)
            taken.add((file_id, number, headings))
    return [*chosen, *beside][:limit]


def _likeness(
    documents: Sequence[DocumentIndex], vector: Vectors | None
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    parts = [
        (np.zeros(document.passages, np.float32),) * 2
        if vector is None or document.vectors is None or document.vectors.dimensions != len(vector)
        else document.vectors.likeness(vector)
        for document in documents
    ]
    as_wholes, by_windows = zip(*parts, strict=True)
    return np.concatenate(as_wholes), np.concatenate(by_windows)


class Shelf:
    """Documents' indexes by what they were made of, those that were asked for last within so many bytes."""

    def __init__(self, most_bytes: int = _MOST_BYTES) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[tuple[str, str], DocumentIndex] = OrderedDict()
        self._size = 0

    def find(self, file_id: str, version: str) -> DocumentIndex | None:
        """The index of this version of a document, if it is here."""
        found = self._kept.get((file_id, version))
        if found is not None:
            self._kept.move_to_end((file_id, version))
        return found

    def keep(self, version: str, index: DocumentIndex) -> None:
        """Have an index here; what was not asked for longest makes room."""
        self._size += index.size
        self._kept[index.file_id, version] = index
        while self._size > self._most and len(self._kept) > 1:
            _, gone = self._kept.popitem(last=False)
            self._size -= gone.size
