"""Self-consistency: of several answers to one question, the one that most of them agree on (arXiv 2203.11171)."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

_BOXED: Final = re.compile(r"\\boxed\{([^{}]+)\}")
_SAID: Final = re.compile(
    r"\b(?:final answer|answer|réponse finale|réponse|result|résultat)\b\W*(?:(?:is|est|are|sont|:)\s*)+(.+)",
    re.IGNORECASE,
)
_NUMBER: Final = re.compile(r"[-+]?\d[\d\s,.\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}']*")
_GROUPS: Final = re.compile(r"(?<=\d)[,\s\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}'](?=\d{3}(?!\d))")
_WORD: Final = re.compile(r"[\w.%+-]+")


def final_answer(text: str) -> str:
    """What an answer comes down to, in a form that can be compared.

    That is what it puts in a box, or calls its answer, or its last line; a number alone when there is one in it.
    """
    if boxed := _BOXED.findall(text):
        found = boxed[-1]
    elif said := _SAID.findall(text):
        found = said[-1]
    else:
        lines = [line for line in text.splitlines() if line.strip()]
        found = lines[-1] if lines else ""
    return _normal(found)


def commonest(answers: Sequence[str]) -> tuple[int, int]:
    """The index of the first answer that most agree with, and how many those are. Empty answers have no say."""
    votes: defaultdict[str, list[int]] = defaultdict(list)
    for index, answer in enumerate(answers):
        if key := final_answer(answer):
            votes[key].append(index)
    if not votes:
        return 0, 0
    best = max(votes.values(), key=lambda indices: (len(indices), -indices[0]))
    return best[0], len(best)


def _normal(text: str) -> str:
    numbers = {number for found in _NUMBER.findall(text) if (number := _number(found)) is not None}
    if len(numbers) == 1:
        return str(numbers.pop())
    plain = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(word.strip(".") for word in _WORD.findall(plain) if word.strip("."))


def _number(found: str) -> Decimal | None:
    digits = _GROUPS.sub("", found.strip().rstrip(".,'")).replace(",", ".")
    try:
        value = Decimal(digits)
    except InvalidOperation:
        return None
    return value.normalize() + 0
