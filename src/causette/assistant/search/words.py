"""From a text to the words it is found by: the same for what is indexed and for what is looked for.

Words are folded in Python and not in the database, so that both databases find the same: small letters, no accents,
ligatures taken apart. A word is then cut down by the French and the English stemmer in turn until neither changes it.
One stem a word serves both languages, without a guess at the language of a text that often has two: of pairs like
*chevaux* and *cheval*, *cities* and *city*, it joins as many as each stemmer alone does in its own language (see
``tests/assistant/search/test_words.py``). Folding comes before stemming, or *eleve* would not find *élève*.
"""

import re
import unicodedata
from functools import lru_cache
from typing import Final, Protocol, cast

import snowballstemmer  # pyright: ignore[reportMissingTypeStubs]

#: Longer words (hashes, base64) are found by their beginning.
LONGEST_WORD: Final = 64
_KNOWN_WORDS: Final = 200_000
# Words settle after two or three; nothing says that the two stemmers cannot go round in a circle.
_MOST_CUTS: Final = 6
_LIGATURES: Final = {"œ": "oe", "æ": "ae", "ß": "ss", "ø": "o", "ł": "l", "đ": "d", "ı": "i"}
# Writings without spaces are found by their characters, in a row.
_UNSPACED: Final = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\u0e00-\u0e7f"
WORD: Final = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")


class _Stemmer(Protocol):
    def stemWord(self, word: str) -> str: ...


_french = cast(_Stemmer, snowballstemmer.stemmer("french"))
_english = cast(_Stemmer, snowballstemmer.stemmer("english"))


class _Folding(dict[int, str]):
    """What each character is folded to, worked out when it is first met."""

    def __init__(self) -> None:
        super().__init__()
        #: The characters met that are not folded to one.
        self.uneven: set[str] = set()

    def __missing__(self, code: int) -> str:
        plain = unicodedata.normalize("NFKD", chr(code).lower())
        folded = "".join(_LIGATURES.get(item, item) for item in plain if unicodedata.category(item)[0] != "M")
        if len(folded) != 1:
            self.uneven.add(chr(code))
        self[code] = folded
        return folded


_FOLDING: Final = _Folding()


def fold(text: str) -> str:
    """Small letters without accents."""
    return text.lower() if text.isascii() else text.translate(_FOLDING)


def fold_with_places(text: str) -> tuple[str, list[int] | range]:
    """The folded text, and for each of its characters, and for its end, the place in ``text``."""
    folded = fold(text)
    if text.isascii() or _FOLDING.uneven.isdisjoint(text):
        return folded, range(len(text) + 1)
    places: list[int] = []
    for index, character in enumerate(text):
        places.extend([index] * len(_FOLDING[ord(character)]))
    places.append(len(text))
    return folded, places


def words_of(text: str) -> list[str]:
    """The folded words of a text, in order."""
    return [word[:LONGEST_WORD] for word in WORD.findall(fold(text))]


@lru_cache(_KNOWN_WORDS)
def stem(word: str) -> str:
    """What a folded word shares with its other forms, in French and in English."""
    for _ in range(_MOST_CUTS):
        shorter = _english.stemWord(_french.stemWord(word))
        if shorter == word:
            break
        word = shorter
    return word


_COMMON: Final = """
    a an and are as at be been but by can do does for from had has have how i if in into is it its me my no not of on
    or our so than that the their them then there these they this to was we were what when where which who why will
    with would you your
    ai au aux avec ce ces cet cette ci comme comment dans de des dont du elle elles en est et etre eux il ils
    je la le les leur leurs lui ma mais me mes moi mon ne nos notre nous on ou par pas pour pourquoi quand que
    quel quelle quels qui quoi sa sans se ses si son sont sur ta te tes toi ton tu un une vos votre vous y
    """
#: Words of nearly every text: they say nothing of what is looked for, unless they are all there is.
COMMON: Final = frozenset(_COMMON.split())
