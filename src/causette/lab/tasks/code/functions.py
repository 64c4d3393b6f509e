"""Small functions of numbers, lists, texts and dictionaries, with tests that are not shown."""

import random
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from string import Template as Blank
from textwrap import indent
from typing import Any, Final

from causette.lab.sandbox import Failed, Program
from causette.lab.tasks.code.blocks import code_of
from causette.lab.tasks.code.templates import OF_NUMBERS, Template
from causette.lab.tasks.code.text_templates import OF_TEXTS
from causette.lab.tasks.judging import PROCESSORS
from causette.lab.tasks.types import Problem, Split, split_of
from causette.lab.types import Message

#: All kinds of functions.
TEMPLATES: Final = OF_NUMBERS + OF_TEXTS
# Tests of a problem, and calls that they are chosen from.
_TESTS: Final = 8
_TRIED: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Tests:
    """What a function is called with, and what it has to return."""

    function: str
    calls: tuple[tuple[tuple[Any, ...], Any], ...]


@dataclass(frozen=True, slots=True)
class Functions:
    """``Write a Python function `count_above(numbers)` that …``; the score is the share of tests that it passes."""

    at_once: int = PROCESSORS

    @property
    def name(self) -> str:
        """``code``."""
        return "code"

    def problems(self, split: Split, seed: int) -> Iterator[Problem]:
        """Each kind of function as often as any other. What is asked decides the tests, whatever the seed."""
        chance = random.Random(f"{seed} {self.name}")  # noqa: S311 - nothing secret
        while True:
            template = chance.choice(TEMPLATES)
            chosen = {name: chance.choice(choices) for name, choices in template.choices.items()}
            if split_of(_question(template, chosen)) == split:
                yield problem_of(template, chosen)

    def score(self, problem: Problem, reply: str) -> float:
        """The share of the tests that the reply's code passes.

        Raises:
            ConfigurationError: code cannot be confined here.
        """
        tests: Tests = problem.key
        passed = 0
        try:
            with Program(code_of(reply, tests.function), tests.function) as function:
                for arguments, expected in tests.calls:
                    passed += _gives(function, arguments, expected)
        except Failed:
            return 0.0
        return passed / len(tests.calls)


def problem_of(template: Template, chosen: Mapping[str, int | str]) -> Problem:
    """The problem that ``template`` is with what was chosen."""
    question = _question(template, chosen)
    function, _, _ = template.signature.partition("(")
    body = Blank(template.body).substitute(chosen)
    code = f"def {template.signature}:\n{indent(body, '    ')}\n"
    here: dict[str, Any] = {}
    exec(code, here)  # noqa: S102 - a template above
    (shown, result), *calls = _varied(template, question, here[function])
    example = f"`{function}({', '.join(map(repr, shown))})` returns `{result!r}`"
    return Problem(
        id=question,
        prompt=(Message("user", f"{question}\n\nFor example, {example}."),),
        solution=f"```python\n{code}```",
        key=Tests(function=function, calls=tuple(calls)),
    )


def chosen_of(template: Template) -> Iterator[dict[str, int | str]]:
    """All that can be chosen for ``template``."""
    for values in product(*template.choices.values()):
        yield dict(zip(template.choices, values, strict=True))


def _question(template: Template, chosen: Mapping[str, int | str]) -> str:
    return f"Write a Python function `{template.signature}` that {Blank(template.asks).substitute(chosen)}."


def _varied(template: Template, question: str, solution: Any) -> list[tuple[tuple[Any, ...], Any]]:
    """Calls of which as few as can be have the same result, so that one answer to all of them scores little."""
    chance = random.Random(question)  # noqa: S311 - nothing secret
    arguments = {repr(each): each for each in (template.arguments(chance) for _ in range(_TRIED))}
    by_result: dict[str, deque[tuple[tuple[Any, ...], Any]]] = {}
    for each in arguments.values():
        result = solution(*each)
        by_result.setdefault(repr(result), deque()).append((each, result))
    groups = deque(by_result.values())
    calls: list[tuple[tuple[Any, ...], Any]] = []
    while groups and len(calls) <= _TESTS:
        group = groups.popleft()
        calls.append(group.popleft())
        if group:
            groups.append(group)
    return calls


def _gives(function: Program, arguments: tuple[Any, ...], expected: Any) -> bool:
    try:
        found = function(*arguments)
    except Failed:
        return False
    return type(found) is type(expected) and found == expected
