"""Sums and differences of whole numbers."""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from causette.lab.tasks.types import Problem, Split, split_of
from causette.lab.types import Message

_NUMBER: Final = re.compile(r"-?\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Arithmetic:
    """``What is 47 + 38?``, with numbers of up to ``digits`` digits; the last number of the reply is the answer."""

    digits: int = 2

    @property
    def name(self) -> str:
        """``arithmetic`` and the digits."""
        return f"arithmetic-{self.digits}"

    def problems(self, split: Split, seed: int) -> Iterator[Problem]:
        """Sums and differences, none of them negative."""
        chance = random.Random(f"{seed} {self.name}")  # noqa: S311 - nothing secret
        while True:
            left, right = (chance.randrange(10**self.digits) for _ in range(2))
            plus = chance.random() < 0.5
            if not plus and left < right:
                left, right = right, left
            problem = _problem(left, right, plus=plus)
            if split_of(problem.id) == split:
                yield problem

    def score(self, problem: Problem, reply: str) -> float:
        """1 where the last number is the answer."""
        numbers = _NUMBER.findall(reply.replace(",", ""))
        try:
            return float(bool(numbers) and int(numbers[-1]) == problem.key)
        except ValueError:
            # Python reads no number of thousands of digits.
            return 0.0


def _problem(left: int, right: int, *, plus: bool) -> Problem:
    sign, answer = ("+", left + right) if plus else ("-", left - right)
    return Problem(
        id=f"{left}{sign}{right}",
        prompt=(Message("user", f"What is {left} {sign} {right}?"),),
        solution=f"{left} {sign} {right} = {answer}",
        key=answer,
    )
