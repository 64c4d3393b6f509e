"""Plain data of the flywheel."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from causette.ids import new_id
from causette.lab.types import Message
from causette.releases.types import Bounds
from causette.settings import NightlyTurns

#: A thumb has one reply, a pair a better and a worse one.
ExampleKind = Literal["thumb", "pair"]
#: ``pending`` until somebody has looked at it.
Verdict = Literal["pending", "kept", "left_out"]
#: What a turn of the flywheel does or waits for. The last four are its end.
TurnState = Literal[
    "curating",
    "preparing",
    "training",
    "exporting",
    "gating",
    "signing",
    "canary",
    "promoted",
    "rolled_back",
    "stopped",
    "failed",
]
#: What became of a night: a turn was ``begun``, another was ``under_way``, there were ``too_few`` new examples, or
#: ``nobody`` runs the house yet.
NightOutcome = Literal["begun", "under_way", "too_few", "nobody"]
#: The states in which a run of the lab works.
RUNS: tuple[TurnState, ...] = ("preparing", "training", "exporting", "gating")
OVER: frozenset[TurnState] = frozenset({"promoted", "rolled_back", "stopped", "failed"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """What somebody said of a reply and consented to be learned from, without what tells who they are."""

    id: str
    #: The feedback that it is made from: taken back, it takes this with it.
    feedback_id: str
    kind: ExampleKind
    prompt: tuple[Message, ...]
    #: The good reply; None of a thumb that points down.
    chosen: str | None
    #: The bad one; None of a thumb that points up.
    rejected: str | None
    reasons: tuple[str, ...]
    comment: str
    #: How often what was taken out of it.
    scrubbed: Mapping[str, int]
    verdict: Verdict
    #: Who has looked at it; None while nobody has.
    decided_by: str | None
    decided_at: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a turn of the flywheel is to do."""

    #: The model that learns: a name of the catalogue, whose released artifact is taken where there is one.
    model: str = "default"
    #: How many examples there must be.
    least: int = 50
    #: Whether the examples that nobody has looked at are learned from as well, without waiting for anybody.
    unseen: bool = False
    #: Passes over the examples.
    epochs: int = 2
    batch: int = 4
    learning_rate: float = 2e-5
    #: Of the adapter that learns.
    rank: int = 16
    #: Of a hundred people, how many are served what comes out while it is a canary.
    share_percent: float = 10.0
    bounds: Bounds = field(default_factory=Bounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """One turn of the flywheel, from feedback to a release."""

    id: str
    state: TurnState
    settings: Settings
    #: Who began it: their account, and what it was called then.
    begun_by_id: str
    begun_by: str
    #: The examples that it learns from, by kind; 0 until they are chosen.
    thumbs: int
    pairs: int
    artifact_id: str | None
    release_id: str | None
    #: When the newest example that it learns from was made; None until they are chosen.
    learned_until: datetime | None
    #: Why it ended, where it did not end well.
    reason: str
    #: The state whose run failed; None where none did.
    failed_in: TurnState | None
    created_at: datetime
    updated_at: datetime

    @classmethod
    def begun(cls, settings: Settings, *, by_id: str, by: str, now: datetime) -> "Turn":
        """A turn at its beginning."""
        return cls(
            id=new_id("turn"),
            state="curating",
            settings=settings,
            begun_by_id=by_id,
            begun_by=by,
            thumbs=0,
            pairs=0,
            artifact_id=None,
            release_id=None,
            learned_until=None,
            reason="",
            failed_in=None,
            created_at=now,
            updated_at=now,
        )

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in OVER

    def run_of(self, state: TurnState) -> str:
        """What the run of a state is called."""
        return f"{self.id}-{state}"

    def runs(self) -> dict[str, str]:
        """By state, what the runs are called that were begun so far."""
        last: TurnState = self.failed_in or self.state
        begun = RUNS[: RUNS.index(last) + 1] if last in RUNS else RUNS if self.artifact_id else ()
        return {state: self.run_of(state) for state in begun}


@dataclass(frozen=True, slots=True, kw_only=True)
class Night:
    """A night on which a turn was to begin by itself."""

    #: When it was time.
    due_at: datetime
    #: When the process that came first was there.
    looked_at: datetime
    outcome: NightOutcome
    #: The examples since the last turn.
    fresh: int
    turn_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What is to happen by itself, and how it went last."""

    plan: NightlyTurns
    next_at: datetime
    #: The examples since the last turn, as far as they are made.
    fresh: int
    last: Night | None
