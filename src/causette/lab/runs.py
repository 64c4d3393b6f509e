"""Runs: each is a folder that says what was asked for, how far it is, and what it has made.

run.json      what it is, its state, versions, times, figures
recipe.json   what it was asked, defaults included
events.jsonl  figures and notes as they came, one a line
checkpoints/  what it is resumed from
artifact/     what it has made
"""

import fcntl
import os
import platform
import re
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from math import isfinite
from pathlib import Path
from shutil import rmtree
from time import sleep
from typing import Any, Final, Literal

import msgspec

from causette.clock import utc_now
from causette.errors import CausetteError, Conflict, InvalidRequest, NotFound
from causette.ids import new_id
from causette.lab.curves import read_events
from causette.lab.types import Artifact, Events

RunStatus = Literal["running", "interrupted", "failed", "done"]
# What decides about a run's figures besides its recipe.
_VERSIONS: Final = ("causette", "openvino-genai", "torch", "transformers", "tokenizers")
# Where runs are until they are whole.
_BEGINNING: Final = ".beginning"
_TRIES: Final = 20
_BETWEEN_SECONDS: Final = 0.01
# A folder of its own on every system, and no option of a command.
_NAME: Final = re.compile(r"\w[\w.-]{0,99}")
# As file systems have it.
_LONGEST_BYTES: Final = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What is known of a run."""

    id: str
    stage: str
    status: RunStatus
    created_at: datetime
    finished_at: datetime | None = None
    error: str | None = None
    #: What came out at the end.
    metrics: dict[str, float] = field(default_factory=dict[str, float])
    artifact: str | None = None
    kind: str | None = None
    versions: dict[str, str] = field(default_factory=dict[str, str])
    machine: str = ""


class Runs:
    """The runs in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def begin(self, stage: str, recipe: Mapping[str, Any], name: str | None = None) -> Run:
        """A new run, with its recipe.

        Raises:
            InvalidRequest: the name is not one that a folder can have.
            Conflict: there is one with this name.
        """
        if name is not None:
            self.check_name(name)
        run = Run(
            id=new_id("run") if name is None else name,
            stage=stage,
            status="running",
            created_at=utc_now(),
            versions=_versions(),
            machine=f"{platform.machine()}, {os.cpu_count()} cores",
        )
        # It is there as a whole or not at all, whenever its process is killed.
        beside = self.folder / _BEGINNING / new_id("run")
        beside.mkdir(parents=True)
        _write(beside / "recipe.json", dict(recipe))
        _write(beside / "run.json", msgspec.to_builtins(asdict(run)))
        try:
            beside.rename(self.place(run.id))
        except OSError:
            rmtree(beside, ignore_errors=True)
            if not self.place(run.id).exists():
                raise
            raise self._taken(run.id) from None
        return run

    def check_name(self, name: str) -> None:
        """Make sure that a new run can be called this.

        Raises:
            InvalidRequest: the name is not one that a folder can have.
            Conflict: there is one with this name.
        """
        if not _is_name(name):
            raise InvalidRequest(
                f"A run cannot be called {name!r}: use letters, digits, dots, hyphens and underscores, and begin with "
                "a letter or a digit.",
                param="name",
            )
        if self.place(name).exists():
            raise self._taken(name)

    def find(self, run_id: str) -> Run:
        """The run with this id.

        Raises:
            NotFound: there is none.
        """
        path = self.place(run_id) / "run.json"
        # A name is one folder's, and no way out of this one.
        if not _is_name(run_id) or not path.is_file():
            raise NotFound(f"There is no run {run_id} in {self.folder}. `causette lab runs` lists them.")
        if (run := _read(path)).status != "running" or self.is_held(run_id):
            return run
        # It may have ended since it was read.
        if (run := _read(path)).status != "running":
            return run
        return replace(run, status="interrupted", error="Its process has ended. It can be resumed.")

    def recipe(self, run_id: str) -> dict[str, Any]:
        """What a run was asked."""
        return msgspec.json.decode((self.place(self.find(run_id).id) / "recipe.json").read_bytes())

    def events(self, run_id: str) -> list[dict[str, Any]]:
        """What it has told; lines in which its process died are left out."""
        return read_events(self.events_file(self.find(run_id).id))

    def list(self) -> list[Run]:
        """All of them, the newest first."""
        found = [self.find(path.parent.name) for path in self.folder.glob("*/run.json")]
        return sorted(found, key=lambda run: run.created_at, reverse=True)

    def events_file(self, run_id: str) -> Path:
        """Where a run tells."""
        return self.place(run_id) / "events.jsonl"

    def place(self, run_id: str) -> Path:
        """The folder of a run."""
        return self.folder / run_id

    def put(self, run: Run) -> None:
        """Write what is known of a run."""
        _write(self.place(run.id) / "run.json", msgspec.to_builtins(asdict(run)))

    def resumed(self, run: Run) -> Run:
        """Note that a run is being carried out."""
        run = replace(run, status="running", finished_at=None, error=None)
        self.put(run)
        return run

    def done(self, run: Run, artifact: Artifact) -> Run:
        """Note what a run has made."""
        return self._ended(
            run,
            status="done",
            # JSON has no others.
            metrics={name: value for name, value in artifact.metrics.items() if isfinite(value)},
            artifact=str(artifact.path),
            kind=artifact.kind,
            error=None,
        )

    def ended(self, run: Run, status: RunStatus, error: str) -> Run:
        """Note that a run has ended without making anything, and why."""
        return self._ended(run, status=status, error=error)

    def is_held(self, run_id: str) -> bool:
        """Whether a process carries out a run that there is."""
        with (self.place(run_id) / "lock").open("w") as lock:
            try:
                # Shared: whoever else looks at the same moment does not hold the run.
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                return True
            return False

    def _taken(self, name: str) -> Conflict:
        return Conflict(
            f"There is a run {name} in {self.folder}. Resume it, or give this one another name.", param="name"
        )

    def _ended(self, run: Run, **changes: Any) -> Run:
        run = replace(run, finished_at=datetime.now(UTC), **changes)
        self.put(run)
        return run

    @contextmanager
    def held(self, run_id: str) -> Generator[None]:
        """Hold a run while it is carried out; the system lets go of it when its process ends, however it ends.

        Raises:
            Conflict: another process carries it out.
        """
        with (self.place(run_id) / "lock").open("w") as lock:
            for left in reversed(range(_TRIES)):
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if not left:
                        raise Conflict(f"The run {run_id} is being carried out by another process.") from None
                    # Whoever only looks whether it is held lets go at once.
                    sleep(_BETWEEN_SECONDS)
            yield


class Recorded:
    """Events that are written to a run's folder, and passed on.

    A resumed run takes its steps after the checkpoint again: what it tells of them stands after what it told before.
    """

    def __init__(self, path: Path, further: Events) -> None:
        self._further = further
        self._path = path
        self._file = path.open("ab", buffering=0)
        if self._file.tell() and not path.read_bytes().endswith(b"\n"):
            # The line that its process died in.
            self._file.write(b"\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def progress(self, done: int, total: int | None, what: str) -> None:
        """Passed on."""
        self._further.progress(done, total, what)

    def metrics(self, step: int, values: Mapping[str, float]) -> None:
        """Written and passed on."""
        self._append({"at": utc_now(), "step": step, **values})
        self._further.metrics(step, values)

    def note(self, text: str) -> None:
        """Written and passed on."""
        self._append({"at": utc_now(), "note": text})
        self._further.note(text)

    def _append(self, event: Mapping[str, object]) -> None:
        try:
            self._file.write(msgspec.json.encode(event) + b"\n")
        except OSError as error:
            raise CausetteError(
                f"What the run told could not be written to {self._path}: {error.strerror}. Resume it once there is "
                "room.",
                code="events_not_written",
            ) from error


def _read(path: Path) -> Run:
    return msgspec.json.decode(path.read_bytes(), type=Run)


def _is_name(text: str) -> bool:
    return _NAME.fullmatch(text) is not None and len(text.encode()) <= _LONGEST_BYTES


def _versions() -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _VERSIONS:
        # Who only measures what is served has no PyTorch.
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def _write(path: Path, value: Mapping[str, object]) -> None:
    beside = path.with_suffix(".writing")
    beside.write_bytes(msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n")
    beside.replace(path)
