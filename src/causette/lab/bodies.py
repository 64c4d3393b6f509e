"""The shapes of the lab's requests and answers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from causette.lab.comparing import Pair, Reason, Reply, TextsReason
from causette.lab.curves import Glance, Points, Told
from causette.lab.running import steps_of
from causette.lab.runs import Run

#: ``waiting`` is asked for and not begun by any process yet.
RunState = Literal["waiting", "running", "interrupted", "failed", "done"]

#: As what a recipe names something.
Role = Literal["model", "data", "tokenizer"]

_LONGEST_NAME = 100
_LONGEST_RECIPE = 100_000
_Point = tuple[int, float]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ProgressOut(BaseModel):
    """How far a run is."""

    model_config = ConfigDict(title="LabProgress")

    done: int
    total: int


class CurveOut(BaseModel):
    """A figure at the steps at which it was told."""

    model_config = ConfigDict(title="LabCurve")

    name: str
    points: Annotated[list[_Point], Field(description="Pairs of a step and a value, by step")]

    @classmethod
    def of(cls, name: str, points: Points) -> "CurveOut":
        """The public form of a curve."""
        return cls(name=name, points=list(points))


class LabRunOut(BaseModel):
    """A run, and how it does."""

    model_config = ConfigDict(title="LabRun")

    id: str
    stage: str
    status: RunState
    created_at: datetime
    finished_at: datetime | None
    error: str | None
    kind: Annotated[str | None, Field(description="What it has made: `model`, `evaluation`…")]
    progress: Annotated[ProgressOut | None, Field(description="Null where the stage takes no steps")]
    figures: Annotated[
        dict[str, float], Field(description="What came out; while it runs, what was told last")
    ]
    curve: Annotated[CurveOut | None, Field(description="Of what it is about, with few points")]
    can_stop: Annotated[bool, Field(description="Whether a worker of this house carries it out")]
    can_resume: bool

    @classmethod
    def of(cls, run: Run, recipe: dict[str, Any], glance: Glance, *, at_work: bool) -> "LabRunOut":
        """The public form of a run; ``at_work`` where a job of this house carries it out or waits to."""
        waiting = at_work and run.status != "running"
        status: RunState = "waiting" if waiting else run.status
        return cls(
            id=run.id,
            stage=run.stage,
            status=status,
            created_at=run.created_at,
            finished_at=None if waiting else run.finished_at,
            error=None if waiting else run.error,
            kind=run.kind,
            progress=_progress(recipe, glance),
            figures=dict(run.metrics or glance.figures),
            curve=None if glance.name is None else CurveOut.of(glance.name, glance.points),
            can_stop=at_work,
            can_resume=status in ("interrupted", "failed"),
        )


class LabRunPage(BaseModel):
    """Runs, the newest first."""

    items: list[LabRunOut]
    next: Annotated[str | None, Field(description="`before` of the page after this one")]


class NamedOut(BaseModel):
    """Something that a recipe names."""

    model_config = ConfigDict(title="LabNamed")

    role: Role
    name: str
    is_run: Annotated[bool, Field(description="Else it is a model of the catalogue, or a path")]
    stage: str | None = None


class LabRunDetails(LabRunOut):
    """A run with everything that decided what became of it."""

    recipe: Annotated[str, Field(description="TOML, with every default")]
    artifact: Annotated[str | None, Field(description="The folder of what it has made")]
    made_from: list[NamedOut]
    used_by: Annotated[list[NamedOut], Field(description="Runs whose recipes name this one")]
    versions: dict[str, str]
    machine: str


class NoteOut(_Out):
    """Something that a person should read."""

    model_config = ConfigDict(from_attributes=True, title="LabNote")

    at: datetime
    text: str


class EventsOut(BaseModel):
    """What a run has told."""

    model_config = ConfigDict(title="LabEvents")

    curves: list[CurveOut]
    notes: list[NoteOut]
    next: Annotated[int, Field(description="`after` of what it tells from now on")]

    @classmethod
    def of(cls, told: Told) -> "EventsOut":
        """The public form of what was told."""
        return cls(
            curves=[CurveOut.of(name, points) for name, points in told.curves.items()],
            notes=[NoteOut.model_validate(note) for note in told.notes],
            next=told.events,
        )


class StartBody(BaseModel):
    """A run to begin."""

    model_config = ConfigDict(extra="forbid", title="LabStart")

    recipe: Annotated[
        Annotated[str, Field(max_length=_LONGEST_RECIPE)] | dict[str, Any],
        Field(description="TOML, or the same as JSON"),
    ]
    name: Annotated[str | None, Field(max_length=_LONGEST_NAME, description="A new id by default")] = None


class LabStageOut(BaseModel):
    """A stage, and a recipe that shows what it is usually told."""

    model_config = ConfigDict(title="LabStage")

    name: str
    summary: str
    example: Annotated[str, Field(description="TOML")]
    trains: Annotated[
        bool,
        Field(
            description="Whether it takes the lab's libraries whatever its recipe says; else with `url` it does not"
        ),
    ]


class LabStages(BaseModel):
    """The stages, in the order in which a model goes through them, and whether they can be carried out here."""

    items: list[LabStageOut]
    missing: Annotated[list[str], Field(description="Libraries that this installation lacks")]
    install: Annotated[str, Field(description="The command that installs them")]


class ReplyOut(_Out):
    """A reply of an evaluation, judged."""

    model_config = ConfigDict(from_attributes=True, title="LabReply")

    task: str
    problem: str
    prompt: Annotated[str, Field(description="What was asked last; empty where it was not kept")]
    reply: str
    score: Annotated[float, Field(description="From 0 (wrong) to 1 (right)")]

    @classmethod
    def of(cls, reply: Reply) -> "ReplyOut":
        """The public form of a reply."""
        return cls.model_validate(reply)


class ReplyPage(BaseModel):
    """Replies, in the order in which they were given."""

    model_config = ConfigDict(title="LabReplyPage")

    items: list[ReplyOut]
    total: Annotated[int, Field(description="Of those that were asked for")]
    tasks: Annotated[list[str], Field(description="Of the whole evaluation")]
    next: Annotated[int | None, Field(description="`offset` of the page after this one")]


class PairOut(_Out):
    """What two evaluations replied to one problem."""

    model_config = ConfigDict(from_attributes=True, title="LabReplyPair")

    before: ReplyOut
    after: ReplyOut

    @classmethod
    def of(cls, pair: Pair) -> "PairOut":
        """The public form of a pair."""
        return cls(before=ReplyOut.of(pair.before), after=ReplyOut.of(pair.after))


class PairPage(BaseModel):
    """Replies that differ."""

    model_config = ConfigDict(title="LabReplyPairPage")

    items: list[PairOut]
    total: int
    next: Annotated[int | None, Field(description="`offset` of the page after this one")]


class TaskChangeOut(BaseModel):
    """How much higher the second of two evaluations scored in a task, of 1."""

    model_config = ConfigDict(title="LabTaskChange")

    task: str
    before: float
    after: float
    change: float
    low: Annotated[float, Field(description="The change is between this and `high`, 95 times in a hundred")]
    high: float
    p: Annotated[float, Field(description="How likely as much is by chance alone")]
    is_real: Annotated[
        bool, Field(description="Whether chance would bring as much less than once in twenty times")
    ]


class ApartOut(BaseModel):
    """A task of which nothing can be said."""

    model_config = ConfigDict(title="LabTaskApart")

    task: str
    reason: Reason


class TextsChangeOut(BaseModel):
    """How many bits per byte more the second of two evaluations took for texts: fewer are better."""

    model_config = ConfigDict(title="LabTextsChange")

    texts: str
    before: float
    after: float
    change: float
    low: Annotated[float, Field(description="The change is between this and `high`, 95 times in a hundred")]
    high: float
    p: Annotated[float, Field(description="How likely as much is by chance alone")]
    is_real: Annotated[
        bool, Field(description="Whether chance would bring as much less than once in twenty times")
    ]
    perplexity_before: Annotated[
        float, Field(description="A token's: only models with one tokenizer can be compared by it")
    ]
    perplexity_after: float


class TextsApartOut(BaseModel):
    """Texts of which nothing can be said."""

    model_config = ConfigDict(title="LabTextsApart")

    texts: str
    reason: TextsReason


class ComparisonOut(BaseModel):
    """The second of two evaluations against the first."""

    model_config = ConfigDict(title="LabComparison")

    items: list[TaskChangeOut]
    apart: list[ApartOut]
    texts: list[TextsChangeOut]
    texts_apart: list[TextsApartOut]


def _progress(recipe: dict[str, Any], glance: Glance) -> ProgressOut | None:
    total = steps_of(recipe)
    return None if total is None else ProgressOut(done=glance.step or 0, total=total)
