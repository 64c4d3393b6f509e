"""Single calls of tools, judged by what is called and with what."""

import json
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from string import Template as Blank
from typing import Any, Final, cast

from causette.lab.tasks.tools.catalogue import ANYTHING, TOOLS
from causette.lab.tasks.tools.definitions import Question, Tool, Value
from causette.lab.tasks.types import Problem, Split, split_of
from causette.lab.types import Message

# Tools to choose from, and how many questions there are for each that none of them fits.
_OFFERED: Final = 4
_FITTING: Final = 6
#: The name that stands for no tool.
NONE: Final = "none"
_SYSTEM: Final = (
    "You have the tools below. Answer with one JSON object and nothing else: the tool that does what the user wants, "
    'and its arguments, as in {{"name": "a_tool", "arguments": {{"an_argument": 1}}}}. If no tool does, answer '
    '{{"name": "none", "arguments": {{}}}}. Leave out optional arguments that the user says nothing about.\n\n{}'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """The call that is right."""

    #: None where no tool fits.
    tool: Tool | None
    arguments: Mapping[str, Value]

    def matches(self, call: Mapping[str, Any]) -> bool:
        """Whether ``call`` is the same: an optional argument may be left out where it has its default."""
        arguments: Any = call.get("arguments", {} if self.tool is None else None)
        if call.keys() - {"name", "arguments"} or not isinstance(arguments, dict):
            return False
        if self.tool is None:
            return call.get("name") == NONE and not arguments
        given = cast("dict[str, Any]", arguments)
        defaults = {each.name: each.default for each in self.tool.parameters if each.default is not None}
        wanted: dict[str, Value] = {**defaults, **self.arguments}
        return (
            call.get("name") == self.tool.name
            and not given.keys() - wanted.keys()
            and all(_same(value, given.get(name, defaults.get(name))) for name, value in wanted.items())
        )


@dataclass(frozen=True, slots=True)
class ToolCalls:
    """``What is the weather like in Oslo right now?`` with tools to choose from; a reply scores 1 or 0."""

    @property
    def name(self) -> str:
        """``tools``."""
        return "tools"

    def problems(self, split: Split, seed: int) -> Iterator[Problem]:
        """Each tool as often as any other. The question decides which tools are there, whatever the seed."""
        chance = random.Random(f"{seed} {self.name}")  # noqa: S311 - nothing secret
        while True:
            tool = chance.choice(TOOLS)
            question = chance.choice(tool.questions)
            values = {each.name: chance.choice(each.values) for each in tool.parameters}
            asked = Blank(question.words).substitute(values)
            if split_of(asked) == split:
                yield _problem(tool, asked, _arguments(question, values))

    def score(self, problem: Problem, reply: str) -> float:
        """Whether the reply has one call, the right one; what is written around it does not count."""
        call: Call = problem.key
        calls = list(objects_in(reply))
        return float(len(calls) == 1 and call.matches(calls[0]))


def _problem(tool: Tool, asked: str, arguments: Mapping[str, Value]) -> Problem:
    chance = random.Random(asked)  # noqa: S311 - nothing secret
    fits = chance.randrange(_FITTING) > 0
    others = [
        other
        for other in TOOLS
        # Where none is to fit, none may stand in.
        if other is not tool and (fits or other.topic not in {tool.topic, ANYTHING})
    ]
    offered = chance.sample(others, _OFFERED - fits) + [tool] * fits
    chance.shuffle(offered)
    call = Call(tool=tool, arguments=arguments) if fits else Call(tool=None, arguments={})
    return Problem(
        id=asked,
        prompt=(
            Message("system", _SYSTEM.format("\n".join(_json(each.schema) for each in offered))),
            Message("user", asked),
        ),
        solution=_json({"name": call.tool.name if call.tool else NONE, "arguments": call.arguments}),
        key=call,
    )


def _arguments(question: Question, values: Mapping[str, Value]) -> dict[str, Value]:
    named = Blank(question.words).get_identifiers()
    return {name: value for name, value in values.items() if name in named} | dict(question.meant)


def _same(wanted: Value, given: object) -> bool:
    if isinstance(wanted, bool) or isinstance(given, bool):
        return wanted is given
    if isinstance(wanted, str):
        return isinstance(given, str) and _plain(wanted) == _plain(given)
    return isinstance(given, int | float) and wanted == given


def _plain(text: str) -> str:
    return " ".join(text.casefold().split())


def objects_in(reply: str) -> Iterator[dict[str, Any]]:
    """The JSON objects in a text that are in no other."""
    decoder = json.JSONDecoder()
    at = reply.find("{")
    while at >= 0:
        try:
            found, end = decoder.raw_decode(reply, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            yield found
        at = reply.find("{", end)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)
