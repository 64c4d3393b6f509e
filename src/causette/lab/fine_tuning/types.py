"""Plain data of fine-tuning jobs, and what carrying them out needs of other rooms."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, Protocol

from causette.accounts.types import Caller

MethodType = Literal["supervised", "dpo"]
Level = Literal["info", "warn", "error"]
Auto = Literal["auto"]


class Status(StrEnum):
    """Where a job is. The last three are its end."""

    VALIDATING_FILES = "validating_files"
    QUEUED = "queued"
    RUNNING = "running"
    PAUSED = "paused"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


#: In these, something still happens or may.
UNFINISHED = (Status.VALIDATING_FILES, Status.QUEUED, Status.RUNNING, Status.PAUSED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hyperparameters:
    """How it is trained, as it was asked for. ``beta`` is DPO's."""

    n_epochs: int | Auto = "auto"
    batch_size: int | Auto = "auto"
    learning_rate_multiplier: float | Auto = "auto"
    beta: float | Auto = "auto"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What somebody wants."""

    model: str
    training_file: str
    validation_file: str | None = None
    suffix: str | None = None
    seed: int | None = None
    method: MethodType = "supervised"
    hyperparameters: Hyperparameters = Hyperparameters()
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """What training it takes, once the files have been read."""

    examples: int
    #: Of the training file, each once.
    tokens: int
    epochs: int
    #: Examples of a step, about.
    batch_size: int
    learning_rate_multiplier: float
    steps: int
    #: The recipe of the stage that trains.
    recipe: Mapping[str, Any]

    @property
    def trained_tokens(self) -> int:
        """Of all epochs."""
        return self.tokens * self.epochs

    def trained_after(self, step: int) -> int:
        """Tokens of the steps up to this one, as they are charged."""
        return self.trained_tokens * min(step, self.steps) // self.steps


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Why a job has failed."""

    code: str
    message: str
    param: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FineTuningJob:
    """A job of ``workspace_id``, or of ``user_id``, who asked for it, where there is none."""

    id: str
    user_id: str
    workspace_id: str | None
    #: What was named, and the model of the catalogue that it is.
    model: str
    base: str
    training_file: str
    validation_file: str | None
    suffix: str | None
    seed: int
    method: MethodType
    hyperparameters: Hyperparameters
    metadata: Mapping[str, str] | None
    status: Status
    #: How often it was resumed: what works for an earlier time stops.
    turn: int
    planned: Planned | None
    error: Failure | None
    trained_tokens: int | None
    fine_tuned_model: str | None
    #: What it was registered as; None once it was deleted, as well.
    artifact_id: str | None
    result_file: str | None
    #: In the books.
    request_id: str
    #: Since when nothing is held for it there; None while something may be.
    settled_at: datetime | None
    created_at: datetime
    estimated_finish: datetime | None
    finished_at: datetime | None

    @property
    def owner_id(self) -> str:
        """Whose it is."""
        return self.workspace_id or self.user_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that a job tells. ``key`` is told once."""

    id: str
    job_id: str
    key: str
    at: datetime
    level: Level
    message: str
    #: Of a step; None of a message.
    data: Mapping[str, float] | None


class TrainingFile(Protocol):
    """A file that somebody uploaded."""

    @property
    def name(self) -> str: ...

    @property
    def purpose(self) -> str: ...


class TrainingFiles(Protocol):
    """Where files come from and results go."""

    async def find(self, caller: Caller, file_id: str) -> TrainingFile:
        """One of the caller's files.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        ...

    def as_path(self, file_id: str) -> AbstractAsyncContextManager[Path]:
        """The bytes of a file that is known to be the right one's, as a file of this machine while the block lasts.

        Raises:
            NotFound: it was deleted.
        """
        ...

    async def keep_results(
        self, content: bytes, *, file_id: str, user_id: str, workspace_id: str | None, name: str
    ) -> None:
        """Keep a file; doing so again changes nothing."""
        ...
