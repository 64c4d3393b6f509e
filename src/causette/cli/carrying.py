"""A run that is carried out on a terminal: bars and figures for people, Ctrl-C that leaves it to be resumed."""

import signal
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from causette.models import open_models
from causette.settings import load_settings

if TYPE_CHECKING:
    from causette.lab.runs import Run, Runs

# Figures that a line has room for, the first of those that there are.
_SHOWN: Final = (
    "loss",
    "reward",
    "accuracy",
    "held_out_loss",
    "held_out_score",
    "held_out_accuracy",
    "tokens_a_second",
)


def carry(runs: "Runs", run_id: str, data: Path | None) -> "Run":
    """Carry out a run, and say on standard error how it goes.

    Raises:
        Conflict: it is done, or another process carries it out.
        CausetteError: what it failed of, which is noted.
        KeyboardInterrupt: it was stopped.
    """
    from causette.lab.carrying_out import carry_out  # noqa: PLC0415 - keeps `causette --help` quick

    stop = threading.Event()
    # Other stages take no steps between which they could stop.
    has_steps = "training" in runs.recipe(run_id)

    def asked(*_: object) -> None:
        if stop.is_set() or not has_steps:
            raise KeyboardInterrupt
        stop.set()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, asked)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    # Figures and bars are for people, and go where errors go: standard output has the result.
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        bars.console.print(f"run {run_id}", highlight=False)
        models = open_models(load_settings(data=data))
        return carry_out(runs, run_id, _Terminal(bars), models, should_stop=stop.is_set)


def figures(values: Mapping[str, float]) -> str:
    """Some of them, in a line."""
    shown = [name for name in _SHOWN if name in values] or list(values)
    return "  ".join(f"{name} {values[name]:.4g}" for name in shown[:5])


class _Terminal:
    """Events on the terminal: a bar, and a line of figures for each step."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def progress(self, done: int, total: int | None, what: str) -> None:
        """Move the bar of ``what``."""
        if what not in self._tasks:
            self._tasks[what] = self._bars.add_task(what, total=total)
        self._bars.update(self._tasks[what], completed=done, total=total)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Say how it stands."""
        self._bars.console.print(f"step {step}  {figures(values)}", highlight=False)

    def note(self, text: str) -> None:
        """Say so."""
        self._bars.console.print(text, highlight=False, markup=False)
