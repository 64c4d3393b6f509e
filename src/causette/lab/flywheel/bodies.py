"""The shapes of the requests and answers about the flywheel."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from causette.lab.flywheel.curation import MOST_AT_ONCE
from causette.lab.flywheel.types import (
    Example,
    ExampleKind,
    NightOutcome,
    Outlook,
    Settings,
    Turn,
    TurnState,
    Verdict,
)
from causette.lab.types import Role
from causette.releases.bodies import BoundsBody

_USUAL = Settings()
_LONGEST_TEXT = 100_000


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class TurnBody(_Body):
    """What a turn of the flywheel is to do; whatever is left out is as usual."""

    model: Annotated[str, Field(max_length=100, description="The model that learns")] = _USUAL.model
    least: Annotated[int, Field(ge=1, le=1_000_000, description="Examples that it needs")] = _USUAL.least
    unseen: Annotated[
        bool, Field(description="Learn from examples that nobody has looked at as well, and wait for nobody")
    ] = _USUAL.unseen
    epochs: Annotated[int, Field(ge=1, le=100)] = _USUAL.epochs
    batch: Annotated[int, Field(ge=2, le=1024)] = _USUAL.batch
    learning_rate: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = _USUAL.learning_rate
    rank: Annotated[int, Field(ge=1, le=1024, description="Of the adapter that learns")] = _USUAL.rank
    share_percent: Annotated[
        float,
        Field(
            gt=0, le=100, allow_inf_nan=False, description="Of a hundred people, who are served the canary"
        ),
    ] = _USUAL.share_percent
    bounds: BoundsBody = BoundsBody()

    def settings(self) -> Settings:
        """As the flywheel takes it."""
        fields = {name: getattr(self, name) for name in type(self).model_fields if name != "bounds"}
        return Settings(**fields, bounds=self.bounds.bounds())


class DecisionBody(_Body):
    """Which examples are kept, or left out."""

    ids: Annotated[list[Annotated[str, Field(max_length=64)]], Field(min_length=1, max_length=MOST_AT_ONCE)]
    verdict: Literal["kept", "left_out"]


class RewriteBody(_Body):
    """An example's words; what is left out stays. It is kept with them."""

    prompt: Annotated[
        list[Annotated[str, Field(max_length=_LONGEST_TEXT)]] | None,
        Field(description="The text of each message of the prompt"),
    ] = None
    chosen: Annotated[str | None, Field(max_length=_LONGEST_TEXT)] = None
    rejected: Annotated[str | None, Field(max_length=_LONGEST_TEXT)] = None


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class ExampleMessageOut(_Out):
    """A message of an example's prompt."""

    role: Role
    content: str


class FlywheelExampleOut(_Out):
    """What somebody said of a reply, without what tells who they are."""

    model_config = ConfigDict(from_attributes=True, title="FlywheelExample")

    id: str
    kind: ExampleKind
    prompt: list[ExampleMessageOut]
    chosen: Annotated[str | None, Field(description="The good reply; null of a thumb that points down")]
    rejected: Annotated[str | None, Field(description="The bad one; null of a thumb that points up")]
    reasons: list[str]
    comment: str
    scrubbed: Annotated[dict[str, int], Field(description="How often what was taken out of it")]
    verdict: Verdict
    decided_by: str | None
    decided_at: datetime | None
    created_at: datetime

    @classmethod
    def of(cls, example: Example) -> "FlywheelExampleOut":
        """The public form of an example."""
        return cls.model_validate(example)


class FlywheelExamplePage(BaseModel):
    """Examples in the order in which they were made."""

    items: list[FlywheelExampleOut]
    next: Annotated[str | None, Field(description="What `after` takes for the next page")]


class ExampleCountOut(BaseModel):
    """How many examples there are of a verdict and kind."""

    verdict: Verdict
    kind: ExampleKind
    count: int


class FlywheelTurnOut(_Out):
    """One turn of the flywheel, from feedback to a release."""

    model_config = ConfigDict(from_attributes=True, title="FlywheelTurn")

    id: str
    state: TurnState
    model: str
    least: Annotated[int, Field(description="Examples that it needs")]
    unseen: bool
    begun_by: str
    thumbs: Annotated[int, Field(description="What it learns from; 0 until that is chosen")]
    pairs: int
    runs: Annotated[dict[str, str], Field(description="By state, what its run is called")]
    artifact_id: str | None
    release_id: str | None
    reason: str
    failed_in: TurnState | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def of(cls, turn: Turn) -> "FlywheelTurnOut":
        """The public form of a turn."""
        plain = {name: getattr(turn, name) for name in Turn.__slots__ if name in cls.model_fields}
        settings = turn.settings
        return cls(
            **plain, model=settings.model, least=settings.least, unseen=settings.unseen, runs=turn.runs()
        )


class NightOut(_Out):
    """A night on which a turn was to begin by itself."""

    model_config = ConfigDict(from_attributes=True, title="FlywheelNight")

    due_at: datetime
    outcome: NightOutcome
    fresh: Annotated[int, Field(description="The examples since the last turn")]
    turn_id: str | None


class NightlyOut(BaseModel):
    """What the settings have begin by itself each night."""

    model_config = ConfigDict(title="NightlyTurns")

    next_at: Annotated[
        datetime, Field(description="When a turn begins next, if there is enough to learn from")
    ]
    least: Annotated[int, Field(description="Examples since the last turn without which none begins")]
    fresh: Annotated[int, Field(description="How many there are, as far as they are made")]
    share_percent: float
    promotes: bool
    last: Annotated[NightOut | None, Field(description="How it went last")]

    @classmethod
    def of(cls, outlook: Outlook) -> "NightlyOut":
        """The public form of an outlook."""
        plan = outlook.plan
        return cls(
            next_at=outlook.next_at,
            least=plan.least,
            fresh=outlook.fresh,
            share_percent=plan.share_percent,
            promotes=plan.promotes,
            last=None if outlook.last is None else NightOut.model_validate(outlook.last),
        )


class FlywheelOut(BaseModel):
    """The flywheel: what there is to learn from, and its turns, the newest first."""

    model_config = ConfigDict(title="Flywheel")

    examples: list[ExampleCountOut]
    turns: list[FlywheelTurnOut]
    nightly: Annotated[NightlyOut | None, Field(description="Null: turns begin when somebody begins them")]
