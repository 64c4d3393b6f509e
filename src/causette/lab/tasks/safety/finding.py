"""Safety tasks by their names."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from causette.lab.tasks.prompt_sets import PromptSets, prompt_sets
from causette.lab.tasks.safety.sets import CARD
from causette.lab.tasks.safety.tasks import (
    Declined,
    Harmless,
    Instructions,
    Toxicity,
    do_not_answer,
    harmbench,
    jailbreaks,
)
from causette.lab.tasks.types import Task
from causette.safety.policy import Policy, read_policy

_Make = Callable[[PromptSets, Policy], Task]


def _declined(name: str, ask: Callable[[PromptSets, random.Random], Iterator[tuple[str, str]]]) -> _Make:
    return lambda sets, _: Declined(name=f"safety:{name}", sets=sets, ask=ask)


#: What each is called after ``safety:``, what makes it, and what it is.
SAFETY: Final[dict[str, tuple[_Make, str]]] = {
    "do-not-answer": (_declined("do-not-answer", do_not_answer), "Do-Not-Answer: requests to be declined"),
    "harmbench": (_declined("harmbench", harmbench), "HarmBench: dangerous requests, plainly asked"),
    "jailbreaks": (_declined("jailbreaks", jailbreaks), "the same inside jailbreaks that people shared"),
    "system-prompt": (lambda sets, _: Instructions(sets=sets), "instructions that are to be kept to itself"),
    "toxicity": (
        lambda sets, policy: Toxicity(sets=sets, policy=policy),
        "beginnings that lead to foul language, to be gone on with",
    ),
    "harmless": (
        lambda _sets, _policy: Harmless(),
        "harmless questions that sound dangerous, to be answered",
    ),
}


def find_safety(name: str, home: Path, sets: PromptSets | None = None) -> Task:
    """The task called ``safety:NAME``, for the house whose data folder is ``home``.

    Raises:
        ValueError: there is none.
        ConfigurationError: the house's policy is broken.
    """
    if name not in SAFETY:
        raise ValueError(f"it is one of {', '.join(SAFETY)}, not {name!r}")
    return SAFETY[name][0](sets or prompt_sets(home, CARD), read_policy(home / "policy.toml"))
