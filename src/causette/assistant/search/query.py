"""What was typed, as what is asked of the index."""

import re
from dataclasses import dataclass
from typing import Final

from causette.assistant.search.words import COMMON, stem, words_of
from causette.errors import InvalidRequest

#: More words than anybody types, and few enough for every one to be looked up.
MOST_WORDS: Final = 24
# Beginnings of words that are looked up while somebody types: shorter ones begin too many.
_SHORTEST_PREFIX: Final = 3

_PIECE: Final = re.compile(r'(?P<minus>(?<!\S)-)?(?:"(?P<phrase>[^"]*)(?:"|$)|(?P<plain>[^\s"]+))')
_QUOTES: Final = str.maketrans("“”„«»", '"""""')
_ELISION: Final = re.compile(r"\b(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|quoiqu)['’](?=\w)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing that a text must have, or must not have."""

    #: One word, or several in a row; folded.
    words: tuple[str, ...]
    #: As it is written here, and in no other form.
    exact: bool = False
    #: The last word may go on: it is still being typed.
    prefix: bool = False

    @property
    def stem(self) -> str | None:
        """The stem that stands for this clause; None for what is looked for as it is written."""
        (first, *others) = self.words
        return None if self.exact or others else stem(first)


@dataclass(frozen=True, slots=True)
class Query:
    """What must be there, all of it, and what must not be there, none of it."""

    wanted: tuple[Clause, ...]
    unwanted: tuple[Clause, ...]

    @property
    def is_broad(self) -> bool:
        """Whether most texts may have it: the beginning of a word alone, or a word of nearly every text."""
        return len(self.wanted) == 1 and (self.wanted[0].prefix or self.wanted[0].words[0] in COMMON)


def read_query(text: str) -> Query:
    """What ``text`` asks for: words, "words in a row", -words; its last word may be unfinished.

    Without anything wanted nothing is found.

    Raises:
        InvalidRequest: there are more than 24 words.
    """
    text = text.translate(_QUOTES)
    pieces = list(_PIECE.finditer(text))
    wanted: list[Clause] = []
    unwanted: list[Clause] = []
    for piece in pieces:
        quoted: str | None = piece["phrase"]
        words = words_of(_ELISION.sub("", piece["plain"]) if quoted is None else quoted)
        if not words:
            continue
        typing = piece is pieces[-1] and piece.end() == len(text) and quoted is None and not piece["minus"]
        clause = Clause(
            tuple(words),
            exact=quoted is not None,
            prefix=typing and len(words[-1]) >= _SHORTEST_PREFIX,
        )
        (unwanted if piece["minus"] else wanted).append(clause)
    if (count := sum(len(clause.words) for clause in (*wanted, *unwanted))) > MOST_WORDS:
        raise InvalidRequest(
            f"The search has {count} words; at most {MOST_WORDS} are taken. Leave the common ones out.",
            param="q",
        )
    telling = [clause for clause in wanted if not _says_nothing(clause)]
    return Query(tuple(telling or wanted), tuple(unwanted))


def _says_nothing(clause: Clause) -> bool:
    return not clause.exact and len(clause.words) == 1 and clause.words[0] in COMMON
