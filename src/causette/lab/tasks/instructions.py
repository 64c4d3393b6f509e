"""Instructions whose keeping a program can check, in the way of IFEval (arXiv 2311.07911): forms, lengths, words."""

import json
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from causette.lab.tasks.types import Problem, Split, split_of
from causette.lab.types import Message

_TOPICS: Final = (
    "tea",
    "bicycles",
    "the moon",
    "bread",
    "rivers",
    "chess",
    "winter",
    "lighthouses",
    "bees",
    "maps",
    "trains",
    "gardens",
    "the sea",
    "clocks",
    "rain",
    "libraries",
    "mountains",
    "markets",
    "bridges",
    "music",
)
_WORDS: Final = (
    "always",
    "perhaps",
    "together",
    "morning",
    "simple",
    "water",
    "old",
    "bright",
    "slow",
    "people",
)


@dataclass(frozen=True, slots=True)
class _Rule:
    """What is asked, with a number or a word, and whether a reply keeps it."""

    asks: str
    choose: Callable[[random.Random], Any]
    keeps: Callable[[str, Any], bool]


def _nothing(_: random.Random) -> None:
    return None


def _words(reply: str) -> list[str]:
    return re.findall(r"[\w'’-]+", reply)


def _is_json(reply: str, _: Any) -> bool:
    try:
        json.loads(reply.strip().removeprefix("```json").removesuffix("```"))
    except (ValueError, RecursionError):
        # Besides what is no JSON: thousands of digits, or of brackets.
        return False
    return True


_RULES: Final[dict[str, _Rule]] = {
    "most_words": _Rule(
        "Use at most {} words.",
        lambda chance: chance.randrange(10, 40, 5),
        lambda reply, most: 0 < len(_words(reply)) <= most,
    ),
    "bullets": _Rule(
        "Answer with exactly {} bullet points, each on a line that begins with *.",
        lambda chance: chance.randint(2, 5),
        lambda reply, count: len(re.findall(r"^\s*\* ", reply, re.MULTILINE)) == count,
    ),
    "word": _Rule(
        'Use the word "{}".',
        lambda chance: chance.choice(_WORDS),
        lambda reply, word: word in [each.lower() for each in _words(reply)],
    ),
    "without": _Rule(
        'Do not use the word "{}".',
        lambda chance: chance.choice(("the", "and", "is", "of")),
        lambda reply, word: bool(_words(reply)) and word not in [each.lower() for each in _words(reply)],
    ),
    "lower": _Rule(
        "Write in lowercase letters only.",
        _nothing,
        lambda reply, _: bool(_words(reply)) and reply == reply.lower(),
    ),
    "upper": _Rule(
        "Write in capital letters only.",
        _nothing,
        lambda reply, _: bool(_words(reply)) and reply == reply.upper(),
    ),
    "no_comma": _Rule(
        "Do not use any commas.", _nothing, lambda reply, _: bool(_words(reply)) and "," not in reply
    ),
    "ends": _Rule(
        'End with the words "{}", and nothing after them.',
        lambda chance: chance.choice(("That is all.", "Ask me more.", "And so it goes.")),
        lambda reply, end: reply.rstrip().endswith(end),
    ),
    "json": _Rule("Answer with valid JSON, and nothing else.", _nothing, _is_json),
}


@dataclass(frozen=True, slots=True)
class Instructions:
    """``Write about bees. Do not use any commas.``; the score is the share of the rules that are kept."""

    @property
    def name(self) -> str:
        """``instructions``."""
        return "instructions"

    def problems(self, split: Split, seed: int) -> Iterator[Problem]:
        """One or two rules, about something."""
        chance = random.Random(f"{seed} {self.name}")  # noqa: S311 - nothing secret
        while True:
            topic = chance.choice(_TOPICS)
            names = chance.sample(sorted(_RULES), chance.randint(1, 2))
            if {"lower", "upper"} <= set(names):
                continue
            asked = [(name, _RULES[name].choose(chance)) for name in names]
            rules = " ".join(_RULES[name].asks.format(value) for name, value in asked)
            question = f"Write a short text about {topic}. {rules}"
            if split_of(question) == split:
                yield Problem(id=question, prompt=(Message("user", question),), solution=None, key=asked)

    def score(self, problem: Problem, reply: str) -> float:
        """The share of the rules that are kept."""
        kept = [_RULES[name].keeps(reply, value) for name, value in problem.key]
        return sum(kept) / len(kept)
