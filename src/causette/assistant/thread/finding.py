"""Finding a text in messages as a person who reads them would: as it is shown, whatever its case and accents."""

import re
from typing import Final

from causette.assistant.search.words import fold
from causette.assistant.thread.shown import LINK, shown

_SPACE: Final = re.compile(r"\s+")
# Typed straight, written curved: nobody tells them apart when looking for a word.
_QUOTES: Final = str.maketrans("‘’‛“”„", "'''\"\"\"")
# What can stand between two letters that are shown beside each other, and what is no letter where one is shown.
_MARKS: Final = re.compile(r"[*_`~\\]+")
_JOINS: Final = re.compile(r"[&$]|\\[(\[]")
_WORD: Final = re.compile(r"\w+")


def as_looked_for(text: str) -> str:
    """The text in small letters without accents, with straight quotes and single spaces."""
    return _SPACE.sub(" ", fold(text.translate(_QUOTES)))


def occurrences(wanted: str, content: str, *, markdown: bool) -> int:
    """How often a message shows ``wanted``, which is as :func:`as_looked_for` gives it.

    Of ``markdown`` what its reader does not see (marks, addresses of links) is not looked at.
    """
    if not markdown:
        return as_looked_for(content).count(wanted)
    if not _JOINS.search(content):
        # Most messages do not have the words at all, and need not be read as Markdown to know it.
        words = _MARKS.sub("", as_looked_for(LINK.sub(r"\1", content) if "](" in content else content))
        if not all(word in words for word in _WORD.findall(wanted.replace("_", " "))):
            return 0
    return as_looked_for(shown(content)).count(wanted)
