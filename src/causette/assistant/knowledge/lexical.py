"""Passages by their words: BM25 over what a scope has, in memory, the same on every database.

A document's postings are one small array, sorted by word, that is made once and read whole. What is rare is counted in
the scope that is searched and nowhere else, so nobody's ranking tells of another's documents. Words are cut down to the
stems that the search of conversations uses, French and English alike (`causette.assistant.search.words`).

BM25: Robertson and Zaragoza, "The Probabilistic Relevance Framework" (2009), with the usual k1 and b.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Final, Self
from zlib import crc32

import msgspec
import numpy as np
from numpy.typing import NDArray

from causette.assistant.search.words import COMMON, stem, words_of

_AGAIN: Final = 1.2
_LENGTH: Final = 0.75
_MOST_COUNTED: Final = 255


class _Packed(msgspec.Struct, frozen=True, array_like=True):
    words: bytes
    passages: bytes
    counts: bytes
    lengths: bytes


@dataclass(frozen=True, slots=True)
class Postings:
    """Which words a document's passages have, P entries sorted by word, and how long its N passages are."""

    words_P: NDArray[np.uint32]
    passages_P: NDArray[np.uint32]
    counts_P: NDArray[np.uint8]
    lengths_N: NDArray[np.uint32]

    @classmethod
    def of(cls, texts: Iterable[str]) -> Self:
        """The postings of a document whose passages say ``texts``."""
        rows: list[tuple[int, int, int]] = []
        lengths: list[int] = []
        for number, text in enumerate(texts):
            counted = Counter(terms_of(text))
            lengths.append(counted.total())
            rows.extend((word, number, min(count, _MOST_COUNTED)) for word, count in counted.items())
        rows.sort()
        table = np.array(rows, np.uint32).reshape(-1, 3)
        return cls(
            table[:, 0].copy(), table[:, 1].copy(), table[:, 2].astype(np.uint8), np.array(lengths, np.uint32)
        )

    def packed(self) -> bytes:
        """For the database."""
        arrays = (self.words_P, self.passages_P, self.counts_P, self.lengths_N)
        return msgspec.msgpack.encode(_Packed(*(array.tobytes() for array in arrays)))

    @classmethod
    def unpacked(cls, data: bytes) -> Self:
        """From the database."""
        packed = msgspec.msgpack.decode(data, type=_Packed)
        return cls(
            np.frombuffer(packed.words, np.uint32),
            np.frombuffer(packed.passages, np.uint32),
            np.frombuffer(packed.counts, np.uint8),
            np.frombuffer(packed.lengths, np.uint32),
        )

    def count(self, number: int, terms: Iterable[int]) -> int:
        """How many of ``terms`` one passage has."""
        found = 0
        for word in set(terms):
            found += bool(np.any(self.passages_P[self.entries(word)] == number))
        return found

    def entries(self, word: int) -> slice:
        """Where the entries of one word are."""
        # A number of another type would have all of the words converted to it first.
        wanted = np.uint32(word)
        first = int(np.searchsorted(self.words_P, wanted, "left"))
        return slice(first, int(np.searchsorted(self.words_P, wanted, "right")))


def terms_of(text: str) -> list[int]:
    """The words of a text as numbers, those of nearly every text left out."""
    return [crc32(stem(word).encode()) for word in words_of(text) if word not in COMMON]


def bm25(documents: Sequence[Postings], query: Iterable[int]) -> NDArray[np.float32]:
    """How well each passage of all ``documents``, one after the other, answers the words ``query``; 0: not at all."""
    counts = [len(document.lengths_N) for document in documents]
    total = sum(counts)
    scores_N = np.zeros(total, np.float32)
    if not total:
        return scores_N
    lengths_N = np.concatenate([document.lengths_N for document in documents]).astype(np.float32)
    norms_N = _AGAIN * (1 - _LENGTH + _LENGTH * lengths_N / max(1.0, float(lengths_N.mean())))
    starts = list(accumulate(counts, initial=0))[:-1]
    for word in dict.fromkeys(query):
        where: list[NDArray[np.int64]] = []
        how_often: list[NDArray[np.uint8]] = []
        for start, document in zip(starts, documents, strict=True):
            entries = document.entries(word)
            if entries.start < entries.stop:
                where.append(document.passages_P[entries].astype(np.int64) + start)
                how_often.append(document.counts_P[entries])
        if not where:
            continue
        at = np.concatenate(where)
        count = np.concatenate(how_often).astype(np.float32)
        rarity = np.log1p((total - len(at) + 0.5) / (len(at) + 0.5))
        scores_N[at] += rarity * count * (_AGAIN + 1) / (count + norms_N[at])
    return scores_N
