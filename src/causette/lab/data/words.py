"""Words of a text as numbers, and runs of words, so that texts are compared without comparing strings.

Letters and digits make words, in lower case and however Unicode lets them be written (NFKC); where a script sets no
spaces (Chinese, Japanese), each character is one. Two different words have the same number with a probability of
2⁻⁶⁴: nothing here withstands somebody who wants a collision.
"""

import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
import numpy.typing as npt

Hashes = npt.NDArray[np.uint64]

_BASE: Final = np.uint64(0x9E3779B97F4A7C15)
_NEXT_WORD: Final = np.uint64(0xD1342543DE82EF95)
_LETTER: Final = 1
_WHOLE: Final = 2
#: Han, kana, Thai, Lao, Khmer and Burmese: scripts without spaces between words.
_UNSPACED: Final = ((0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF))


def mix(numbers: Hashes) -> Hashes:
    """Numbers whose bits all depend on all bits of the given ones, one to one (splitmix64, Steele et al. 2014)."""
    numbers = (numbers ^ (numbers >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    numbers = (numbers ^ (numbers >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return numbers ^ (numbers >> np.uint64(31))


@dataclass(frozen=True, slots=True)
class Words:
    """The N words of a text: what is the same for each, and where it is in ``text``."""

    text: str
    hashes_N: Hashes
    starts_N: npt.NDArray[np.int64]
    ends_N: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.hashes_N)

    def runs(self, length: int) -> Hashes:
        """A number for each run of ``length`` words, (N - length + 1,) or none."""
        count = len(self) - length + 1
        if count <= 0:
            return np.empty(0, np.uint64)
        run = np.zeros(count, np.uint64)
        for at in range(length):
            run *= _NEXT_WORD
            run += self.hashes_N[at : at + count]
        return mix(run)

    def quote(self, first: int, length: int) -> str:
        """The text of a run, in its normal form."""
        return self.text[self.starts_N[first] : self.ends_N[first + length - 1]]


def words_of(text: str) -> Words:
    """Find the words of a text: some 40 MB of English a second, 13 MB where texts have 600 characters."""
    text = unicodedata.normalize("NFKC", text).casefold()
    codes = np.frombuffer(text.encode("utf-32-le"), np.uint32)
    kind = _kinds()[codes]
    inside = kind > 0
    # A word begins where a letter follows none, or where either of the two is a word by itself.
    begins = inside.copy()
    begins[1:] &= ~inside[:-1] | (kind[1:] == _WHOLE) | (kind[:-1] == _WHOLE)
    letters = np.flatnonzero(inside)
    starts = np.flatnonzero(begins)
    if not len(starts):
        return Words(text, np.empty(0, np.uint64), starts, starts)
    first = np.searchsorted(letters, starts)
    lengths = np.diff(first, append=len(letters))
    within = np.arange(len(letters)) - np.repeat(first, lengths)
    powers = np.cumprod(np.full(int(lengths.max()), _BASE), dtype=np.uint64)
    terms = (codes[letters].astype(np.uint64) + np.uint64(1)) * powers[within]
    ends = letters[first + lengths - 1] + 1
    return Words(text, mix(np.add.reduceat(terms, first)), starts, ends)


@cache
def _kinds() -> npt.NDArray[np.uint8]:
    """For each code point whether it is part of a word, or one by itself."""
    kinds = np.fromiter((chr(code).isalnum() for code in range(0x110000)), np.uint8, 0x110000)
    for first, last in _UNSPACED:
        kinds[first : last + 1] *= _WHOLE
    kinds[0x20000:0x33480] *= _WHOLE
    return kinds
