"""BFCL as tasks (Berkeley Function Calling Leaderboard, v4): functions are offered, and the right calls of them judged.

What it is: its Python, live and irrelevance questions of one turn, put as text to any model, with the answers as JSON;
calls are compared with the values that its data allows, as its own checker does. What differs from that checker, so
that figures are ours and not the leaderboard's:

- functions are offered in the system message and not through a server's tools, and calls are JSON, not Python;
- JSON has one kind of number, so that 5.0 is 5; where its data says the type apart, ours is the type of the value;
- what is inside objects and lists is compared at every depth, and several calls are matched as well as they can be;
- where no function fits, {"name": "none"} is as good as words.
"""

import json
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar, cast

import msgspec

from causette.lab.tasks.bfcl.matching import Call, all_made
from causette.lab.tasks.bfcl.sets import CARD
from causette.lab.tasks.prompt_sets import PromptSets, prompt_sets
from causette.lab.tasks.tools.calls import NONE, objects_in
from causette.lab.tasks.types import Problem, Split
from causette.lab.types import Events, Message, Role

#: What each category is called after ``bfcl:``, and its file.
CATEGORIES: Final = {
    "simple": "simple_python",
    "multiple": "multiple",
    "parallel": "parallel",
    "parallel-multiple": "parallel_multiple",
    "irrelevance": "irrelevance",
    "live-simple": "live_simple",
    "live-multiple": "live_multiple",
    "live-parallel": "live_parallel",
    "live-parallel-multiple": "live_parallel_multiple",
    "live-irrelevance": "live_irrelevance",
}
_SYSTEM: Final = (
    "You have the functions below. Answer with one JSON object for each call that does what the user wants, and "
    'nothing else: the function and its arguments, as in {{"name": "a_function", "arguments": {{"an_argument": 1}}}}. '
    'If no function does, answer {{"name": "none", "arguments": {{}}}}. Leave out optional arguments that the user '
    "says nothing about.\n\n{}"
)
# Types that its data names in Python's way, as JSON Schema has them.
_TYPES: Final = {"dict": "object", "float": "number", "tuple": "array", "any": "string"}


_L = TypeVar("_L", bound=msgspec.Struct)


class _Turn(msgspec.Struct, frozen=True):
    role: Role
    content: str


class _Question(msgspec.Struct, frozen=True):
    """A line of a file of questions; the first conversation is the only one of those that are taken here."""

    id: str
    question: tuple[tuple[_Turn, ...], ...]
    function: tuple[dict[str, Any], ...]


class _Answer(msgspec.Struct, frozen=True):
    """A line of a file of answers: for each call the function with the values that its arguments may have."""

    id: str
    ground_truth: tuple[dict[str, dict[str, list[Any]]], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionCalls:
    """A category of BFCL, all of it held out; a reply scores 1 where it has the right calls and no others."""

    category: str
    sets: PromptSets

    @property
    def name(self) -> str:
        """``bfcl:`` and the category."""
        return f"bfcl:{self.category}"

    def fetch(self, events: Events) -> None:
        """See `causette.lab.tasks.types.Fetched`."""
        self.sets.fetch(events)

    def problems(self, split: Split, seed: int) -> Iterator[Problem]:
        """All of them, in an order of the seed."""
        if split == "train":
            return
        file = f"BFCL_v4_{CATEGORIES[self.category]}.json"
        questions = _lines(self.sets.text(file), _Question)
        answers: dict[str, _Answer] = {}
        if not self.category.endswith("irrelevance"):
            answers = {each.id: each for each in _lines(self.sets.text(f"possible_answer/{file}"), _Answer)}
        chance = random.Random(f"{seed} {self.name}")  # noqa: S311 - nothing secret
        for question in chance.sample(questions, len(questions)):
            yield _problem(question, answers.get(question.id))

    def score(self, problem: Problem, reply: str) -> float:
        """Whether the reply has the calls that are right; what is written around them does not count."""
        made = [each for each in objects_in(reply) if each.get("name") != NONE]
        wanted: tuple[Call, ...] = problem.key
        if not wanted:
            return float(not any("name" in each for each in made))
        return float(all_made(wanted, made))


def find_bfcl(category: str, home: Path, sets: PromptSets | None = None) -> FunctionCalls:
    """The task called ``bfcl:CATEGORY``, for the house whose data folder is ``home``.

    Raises:
        ValueError: there is none.
    """
    if category not in CATEGORIES:
        raise ValueError(f"it is one of {', '.join(CATEGORIES)}, not {category!r}")
    return FunctionCalls(category=category, sets=sets or prompt_sets(home, CARD))


def _problem(question: _Question, answer: _Answer | None) -> Problem:
    said = question.question[0]
    told = [turn.content for turn in said if turn.role == "system"]
    offered = "\n".join(json.dumps(_schema(each), ensure_ascii=False) for each in question.function)
    calls = tuple(_calls(question.function, () if answer is None else answer.ground_truth))
    solution = [call.example() for call in calls] or [{"name": NONE, "arguments": {}}]
    return Problem(
        id=question.id,
        prompt=(
            Message("system", "\n\n".join([_SYSTEM.format(offered), *told])),
            *(Message(turn.role, turn.content) for turn in said if turn.role != "system"),
        ),
        solution="\n".join(json.dumps(each, ensure_ascii=False) for each in solution),
        key=calls,
    )


def _calls(
    functions: Sequence[Mapping[str, Any]], truth: Sequence[Mapping[str, dict[str, list[Any]]]]
) -> Iterator[Call]:
    required = {each["name"]: frozenset(each["parameters"].get("required", ())) for each in functions}
    for call in truth:
        for name, arguments in call.items():
            yield Call(name=name, arguments=arguments, required=required[name])


def _schema(value: Any, *, name: str = "") -> Any:
    """A function with its types as JSON Schema names them; ``name`` is what it is called where it stands."""
    if isinstance(value, dict):
        return {key: _schema(each, name=key) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_schema(each) for each in cast("list[Any]", value)]
    return _TYPES.get(value, value) if name == "type" and isinstance(value, str) else value


def _lines(text: str, kind: type[_L]) -> list[_L]:
    decoder = msgspec.json.Decoder(kind)
    # Not by splitlines, which also cuts at separators that JSON has inside of texts.
    return [decoder.decode(line) for line in text.split("\n") if line.strip()]
