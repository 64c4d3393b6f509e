"""The process that carries out runs for others: ``python -m causette.lab.process``, its `Task` on standard input.

Training takes all of a processor that it is given: it has a process of its own, which gives way to those that serve.
Standard input stays open for as long as whoever asked lives. When it ends, this process does, at once and in the middle
of whatever it does: a run goes on from its newest checkpoint in another one. SIGTERM has it write a checkpoint first.

On standard output comes one line: an `Answer`.
"""

import fcntl
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from shutil import rmtree
from time import monotonic_ns
from typing import TYPE_CHECKING, Any, Final, Literal

import msgspec

from causette.errors import CausetteError
from causette.priority import give_way

if TYPE_CHECKING:
    from causette.lab.runs import Runs

# What of its work a killed process may leave without a cost.
_MEASURE_SECONDS: Final = 1.0

Ended = Literal["done", "stopped", "refused"]


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """A run. With a recipe, it is begun unless there is one of its name."""

    name: str | None
    recipe: dict[str, Any] | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A file that has to have records of one kind only. Errors call it ``title``, and blame ``param``."""

    path: str
    kind: str
    title: str
    param: str


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What to do: look at files, then begin the runs and, unless ``only_begin``, carry them out one after the other."""

    data: str
    threads: int
    #: How much it gives way to other processes.
    nice: int
    checks: tuple[Check, ...] = ()
    runs: tuple[Given, ...] = ()
    only_begin: bool = False
    #: What it is booked for.
    work: str = ""
    #: Where it notes what it takes of the machine; see `Measured`.
    measured: str | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """How it ended, with the names of the runs; ``refused`` has an error's parts."""

    ended: Ended
    runs: tuple[str, ...] = ()
    message: str = ""
    code: str = ""
    param: str | None = None
    status: int = 500


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """What a process has taken of its machine so far."""

    #: What it was for.
    work: str
    #: Nanoseconds of the whole machine.
    compute_ns: int


def measured_at(path: Path) -> tuple[Measured | None, bool]:
    """What the process that notes in ``path`` has taken, if it noted anything, and whether it lives."""
    with path.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            lives = False
        except BlockingIOError:
            lives = True
        # A line for each time, the last of which may be torn.
        lines = file.read().split(b"\n")[:-1]
    return (msgspec.json.decode(lines[-1], type=Measured) if lines else None), lives


def main() -> None:
    """Do what standard input says."""
    task = msgspec.json.decode(sys.stdin.buffer.readline(), type=Task)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    # Before PyTorch is imported, which asks once.
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "TOKENIZERS_PARALLELISM"):
        os.environ[name] = "false" if name == "TOKENIZERS_PARALLELISM" else str(task.threads)
    give_way(task.nice)
    with _Meter(task):
        answer = _answer(task)
    sys.stdout.write(msgspec.json.encode(answer).decode() + "\n")


def _answer(task: Task) -> Answer:
    stop = threading.Event()
    busy = threading.Event()

    def asked(*_: object) -> None:
        # What takes no steps has nothing to write a checkpoint of.
        if stop.is_set() or not busy.is_set():
            raise KeyboardInterrupt
        stop.set()

    signal.signal(signal.SIGTERM, asked)
    try:
        return Answer(ended="done", runs=_do(task, stop, busy))
    except KeyboardInterrupt:
        return Answer(ended="stopped")
    except CausetteError as error:
        if error.code == "interrupted":
            return Answer(ended="stopped")
        return Answer(
            ended="refused", message=error.message, code=error.code, param=error.param, status=error.status
        )


def _do(task: Task, stop: threading.Event, busy: threading.Event) -> tuple[str, ...]:
    from causette.lab.carrying_out import carry_out  # noqa: PLC0415 - PyTorch reads the environment
    from causette.lab.checking import check_file  # noqa: PLC0415
    from causette.lab.runs import Runs  # noqa: PLC0415
    from causette.models import open_models  # noqa: PLC0415
    from causette.settings import load_settings  # noqa: PLC0415

    runs = Runs(Path(task.data) / "runs")
    for each in task.checks:
        check_file(Path(each.path), kind=each.kind, title=each.title, param=each.param)
    names: list[str] = []
    for given in task.runs:
        name = _begun(runs, given, anew=task.only_begin)
        names.append(name)
        if task.only_begin or runs.find(name).status == "done":
            continue
        (busy.set if "training" in runs.recipe(name) else busy.clear)()
        if stop.is_set():
            raise KeyboardInterrupt
        models = open_models(load_settings(data=Path(task.data)))
        carry_out(runs, name, _Nobody(), models, should_stop=stop.is_set)
    return tuple(names)


def _begun(runs: "Runs", given: Given, *, anew: bool) -> str:
    """The name of a run that there is; unless it has to be ``anew``, there may be one."""
    from causette.lab.carrying_out import begin  # noqa: PLC0415

    if given.name is not None and not anew:
        place = runs.place(given.name)
        if (place / "run.json").is_file():
            return given.name
        # Whoever was to begin it may have been killed before there was anything of it.
        rmtree(place, ignore_errors=True)
    if given.recipe is None:
        return runs.find(given.name or "").id
    return begin(runs, given.recipe, name=given.name).id


class _Nobody:
    """What is told is in the run's folder."""

    def progress(self, done: int, total: int | None, what: str) -> None:
        pass

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        pass

    def note(self, text: str) -> None:
        pass


class _Meter:
    """Notes what this process takes, each second and at the end."""

    def __init__(self, task: Task) -> None:
        self._path = None if task.measured is None else Path(task.measured)
        self._work = task.work
        self._over = threading.Event()
        self._began = monotonic_ns()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> None:
        if self._path is not None:
            file = self._path.open("ab", buffering=0)
            # Whoever reads it knows by this that the process lives.
            fcntl.flock(file, fcntl.LOCK_EX)
            self._thread = threading.Thread(target=self._note_for_ever, args=(file,), daemon=True)
            self._thread.start()

    def __exit__(self, *_: object) -> None:
        if self._thread is not None:
            self._over.set()
            self._thread.join()

    def _note_for_ever(self, file: Any) -> None:
        while True:
            over = self._over.wait(_MEASURE_SECONDS)
            noted = Measured(work=self._work, compute_ns=self._taken())
            file.write(msgspec.json.encode(noted) + b"\n")
            if over:
                return

    def _taken(self) -> int:
        torch = sys.modules.get("torch")
        if torch is not None and hasattr(torch, "cuda") and torch.cuda.is_available():
            # Nobody else computes on the accelerator meanwhile.
            return monotonic_ns() - self._began
        used = os.times()
        seconds = used.user + used.system + used.children_user + used.children_system
        return int(seconds * 1e9) // (os.cpu_count() or 1)


def _end_with_parent() -> None:
    """End when nobody has the other end of standard input any more."""
    # Not through a buffer, whose lock would be held while the interpreter ends.
    while os.read(0, 1):
        pass
    os._exit(1)


if __name__ == "__main__":
    main()
