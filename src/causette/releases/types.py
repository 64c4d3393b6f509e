"""Plain data of artifacts, the gate and releases."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import exp
from pathlib import Path
from typing import Any, Final, Literal

#: What a check is about. A report that says nothing of one of them has not passed.
CheckGroup = Literal["capability", "safety", "speed", "cost"]
CHECK_GROUPS: Final[tuple[CheckGroup, ...]] = ("capability", "safety", "speed", "cost")

#: ``signed`` a report that passed; ``overridden`` one that did not, with a reason.
ApprovalKind = Literal["signed", "overridden"]

#: ``canary`` is served to some, ``released`` to everybody. ``superseded`` was released until the next one was,
#: ``rolled_back`` ended as a canary, and ``undone`` ended after it was released.
ReleaseState = Literal["canary", "released", "superseded", "rolled_back", "undone"]

#: Whom a figure is of: those who are served as before, or those who are served the canary.
Arm = Literal["stable", "canary"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Lineage:
    """Where a model's weights come from: everything that decided what they are."""

    #: The artifact that it was trained from, or the name of a model of the catalogue.
    parent: str
    #: The run that made it.
    run_id: str
    #: Each stage's recipe with its defaults, in the order in which they were carried out.
    recipes: tuple[Mapping[str, Any], ...] = ()
    #: The data's manifests: files with their hashes and licences.
    data: tuple[Mapping[str, Any], ...] = ()
    #: The versions of causette, torch and what else decided.
    code: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact:
    """A model that can be served: one file of weights, which never changes again."""

    id: str
    #: What people call it; no two have the same.
    name: str
    path: Path
    sha256: str
    size_bytes: int
    #: The model of the catalogue whose place it can take: its architecture, context and way of sampling are that one's.
    base: str
    lineage: Lineage
    #: What came out of its training.
    metrics: Mapping[str, float]
    #: What making it cost, its parents' training not counted, in nano-dollars.
    cost_nano: int
    created_by: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One thing that the gate looked at."""

    name: str
    group: CheckGroup
    passed: bool
    #: What was measured of the candidate and of what it is compared with, in ``unit``.
    candidate: float
    baseline: float | None
    unit: str
    #: What was asked for, in words, and what was found.
    asked: str
    found: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GateReport:
    """What the gate found of an artifact against what is served now."""

    id: str
    artifact_id: str
    #: The run that measured it, of which there is one report; None of what was reported before that was so.
    run_id: str | None
    #: Of the weights that were measured.
    sha256: str
    #: The artifact or the model of the catalogue that it was compared with.
    baseline: str
    checks: tuple[Check, ...]
    #: The bounds that were in force.
    policy: Mapping[str, Any]
    seconds: float
    machine: str
    created_at: datetime

    @property
    def passed(self) -> bool:
        """Whether every check passed, and there is one of each group at least."""
        groups = {check.group for check in self.checks}
        return groups.issuperset(CHECK_GROUPS) and all(check.passed for check in self.checks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A named person's word that an artifact may be released, on one report."""

    id: str
    artifact_id: str
    report_id: str
    kind: ApprovalKind
    actor_id: str
    actor: str
    #: Why it may be released although it did not pass; empty where it did.
    reason: str
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What the gate and people said of an artifact, each the newest first."""

    reports: tuple[GateReport, ...]
    approvals: tuple[Approval, ...]

    def measured(self, artifact: Artifact) -> GateReport | None:
        """The gate's newest report, where it is of the weights that there are."""
        newest = self.reports[0] if self.reports else None
        return newest if newest is not None and newest.sha256 == artifact.sha256 else None

    def standing_approval(self, artifact: Artifact) -> Approval | None:
        """Somebody's word on the newest report: what was said of earlier ones does not count."""
        report = self.measured(artifact)
        if report is None:
            return None
        return next((each for each in self.approvals if each.report_id == report.id), None)

    def unsafe(self, artifact: Artifact) -> str | None:
        """Why an artifact is served to nobody, not even to whom alone it belongs; None where nothing speaks against it.

        What somebody has for themselves need be neither able nor fast. Safe it has to be: every check of safety in the
        newest report has passed, or a named person has said why it may be served nonetheless.
        """
        report = self.measured(artifact)
        checks = () if report is None else [each for each in report.checks if each.group == "safety"]
        if not checks:
            return "the gate has not measured whether it is safe"
        if self.standing_approval(artifact) is not None:
            return None
        failed = [f"{each.name}, {each.found}" for each in checks if not each.passed]
        return (
            f"the gate found it less safe than what it was made from ({'; '.join(failed)})"
            if failed
            else None
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounds:
    """What a canary may be worse by before it is rolled back, and what it needs to be promoted."""

    #: Times the mean time to the first token.
    slower: float = 1.25
    #: Requests and minutes of the canary before it can be promoted.
    requests: int = 50
    minutes: float = 60.0
    #: Whether it is promoted once it has them, and nothing speaks against it.
    promotes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """An artifact in the place of a model."""

    id: str
    #: The deployment in whose place it is served.
    model: str
    artifact_id: str
    approval_id: str
    state: ReleaseState
    #: Of a hundred people, how many are served it while it is a canary.
    share_percent: float
    bounds: Bounds
    #: The release that was in force when this one was promoted; None for the model that the house began with.
    previous_id: str | None
    begun_by: str
    begun_at: datetime
    promoted_at: datetime | None
    ended_at: datetime | None
    #: Why its state is what it is.
    reason: str

    @property
    def in_force(self) -> bool:
        """Whether somebody is served it."""
        return self.state in ("canary", "released")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unserved:
    """A release in force that a process cannot serve."""

    release_id: str
    #: The process: its machine's name and its number there.
    process: str
    #: Why.
    reason: str
    #: What those are served there whom it would answer: an artifact's name, or that of the model the house began with.
    instead: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What was seen of the requests that one arm of a canary answered, so that sums of tallies are tallies."""

    requests: int = 0
    #: Those that failed of the engine: not what was refused, and not what its reader left.
    errors: int = 0
    #: Of the logarithms of the seconds to the first token: how many, their sum and that of their squares.
    firsts: int = 0
    first_log: float = 0.0
    first_log_squares: float = 0.0
    output_tokens: int = 0
    compute_ns: int = 0

    @property
    def first_token_seconds(self) -> float | None:
        """The geometric mean; None where no reply began."""
        return exp(self.first_log / self.firsts) if self.firsts else None

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(**{name: getattr(self, name) + getattr(other, name) for name in Tally.__slots__})


@dataclass(frozen=True, slots=True, kw_only=True)
class Thumbs:
    """How people rated an arm's replies."""

    up: int = 0
    down: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a canary does against what is served as before."""

    release: Release
    tallies: Mapping[Arm, Tally]
    thumbs: Mapping[Arm, Thumbs]
    #: What speaks against it; where there is something, it is rolled back.
    regressions: tuple[str, ...]
    #: What is still missing before it can be promoted.
    missing: tuple[str, ...]
