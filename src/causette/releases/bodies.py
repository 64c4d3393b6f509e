"""The shapes of the requests and answers about artifacts and releases. Money is whole nano-dollars, named so."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from causette.releases.types import (
    ApprovalKind,
    Arm,
    Artifact,
    Bounds,
    CheckGroup,
    Findings,
    Release,
    ReleaseState,
    Standing,
    Unserved,
)

_Reason = Annotated[
    str,
    Field(min_length=3, max_length=1000, description="Why; kept with it, and in the audit log, for good"),
]
_Share = Annotated[
    float, Field(gt=0, le=100, allow_inf_nan=False, description="Of a hundred people, how many are served it")
]


_USUAL: Final = Bounds()


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class LineageOut(_Out):
    """Where a model's weights come from."""

    model_config = ConfigDict(title="Lineage", from_attributes=True)

    parent: Annotated[str, Field(description="An artifact's id, or the name of a model of the catalogue")]
    run_id: str
    recipes: Annotated[
        list[dict[str, Any]],
        Field(description="Each stage's, with its defaults, in the order of the stages"),
    ]
    data: Annotated[list[dict[str, Any]], Field(description="Manifests: files, hashes, licences")]
    code: Annotated[dict[str, str], Field(description="The versions of what made it")]


class CheckOut(_Out):
    """One thing that the gate looked at."""

    model_config = ConfigDict(title="GateCheck", from_attributes=True)

    name: str
    group: CheckGroup
    passed: bool
    candidate: Annotated[float, Field(description="What was measured of the artifact, in `unit`")]
    baseline: Annotated[float | None, Field(description="And of what it is compared with")]
    unit: str
    asked: Annotated[str, Field(description="What was asked for, in words")]
    found: str


class GateReportOut(_Out):
    """What the gate found of an artifact."""

    model_config = ConfigDict(title="GateReport", from_attributes=True)

    id: str
    run_id: Annotated[str | None, Field(description="The run that measured it; null of very old ones")]
    sha256: Annotated[str, Field(description="Of the weights that were measured")]
    baseline: Annotated[str, Field(description="What it was compared with")]
    passed: bool
    checks: list[CheckOut]
    policy: Annotated[dict[str, Any], Field(description="The bounds that were in force")]
    seconds: float
    machine: str
    created_at: datetime


class ApprovalOut(_Out):
    """Somebody's word that an artifact may be released."""

    model_config = ConfigDict(title="Approval", from_attributes=True)

    id: str
    report_id: Annotated[str, Field(description="It counts for as long as this is the newest report")]
    kind: ApprovalKind
    actor_id: str
    actor: Annotated[str, Field(description="Their address")]
    reason: Annotated[str, Field(description="Why, where the gate said no")]
    created_at: datetime


class ArtifactOut(_Out):
    """A model that can be served, with what the gate and people said of it, the newest first."""

    model_config = ConfigDict(title="Artifact", from_attributes=True)

    id: str
    name: str
    base: Annotated[str, Field(description="The model whose place it can take")]
    sha256: str
    size_bytes: int
    lineage: LineageOut
    metrics: dict[str, float]
    cost_nano: Annotated[int, Field(description="What making it cost, in nano-dollars")]
    created_by: str
    created_at: datetime
    reports: list[GateReportOut]
    approvals: list[ApprovalOut]
    releasable: Annotated[
        bool, Field(description="Whether somebody has signed or overridden the newest report")
    ]

    @classmethod
    def of(cls, artifact: Artifact, findings: Findings) -> "ArtifactOut":
        """What is shown of an artifact."""
        kept = {name: getattr(artifact, name) for name in cls.model_fields if hasattr(artifact, name)}
        return cls.model_validate(
            {
                **kept,
                "reports": findings.reports,
                "approvals": findings.approvals,
                "releasable": findings.standing_approval(artifact) is not None,
            },
            from_attributes=True,
        )


class ArtifactPage(BaseModel):
    """Artifacts, the newest first; `next` goes on from the last one."""

    items: list[ArtifactOut]
    next: Annotated[str | None, Field(description="Give it as `before`; none: that was all")]


class BoundsBody(_Body):
    """What a canary may be worse by before it is rolled back, and what it needs to be promoted."""

    model_config = ConfigDict(title="Bounds", extra="forbid", from_attributes=True)

    slower: Annotated[
        float,
        Field(ge=1, le=100, allow_inf_nan=False, description="Times the mean time to the first token"),
    ] = _USUAL.slower
    requests: Annotated[int, Field(ge=1, le=10**9)] = _USUAL.requests
    minutes: Annotated[float, Field(ge=0, le=10**6, allow_inf_nan=False)] = _USUAL.minutes
    promotes: Annotated[bool, Field(description="Whether it is promoted by itself once it has them")] = (
        _USUAL.promotes
    )

    def bounds(self) -> Bounds:
        """As the room knows them."""
        return Bounds(**self.model_dump())


class ReleaseBody(_Body):
    """To whom an artifact is served at first, and how its canary is judged."""

    share_percent: _Share
    bounds: BoundsBody = BoundsBody()


class CanaryShareBody(_Body):
    """To how many a canary is served."""

    share_percent: _Share


class ReasonBody(_Body):
    """Why."""

    reason: _Reason


class TallyOut(_Out):
    """What was seen of the requests that one arm answered while the canary was one."""

    model_config = ConfigDict(title="Tally", from_attributes=True)

    requests: int
    errors: Annotated[int, Field(description="Failures of the engine")]
    first_token_seconds: Annotated[
        float | None, Field(description="The geometric mean; none where no reply began")
    ]
    output_tokens: int
    compute_ns: int


class ThumbsOut(_Out):
    """How people rated an arm's replies."""

    model_config = ConfigDict(title="Thumbs", from_attributes=True)

    up: int
    down: int


class ArmOut(BaseModel):
    """One of the two that are compared."""

    model_config = ConfigDict(title="Arm")

    tally: TallyOut
    thumbs: ThumbsOut


class StandingOut(BaseModel):
    """How a canary does against what is served as before."""

    model_config = ConfigDict(title="CanaryStanding")

    arms: dict[Arm, ArmOut]
    regressions: Annotated[
        list[str], Field(description="What speaks against it: where there is something, it is rolled back")
    ]
    missing: Annotated[list[str], Field(description="What it still needs before it is promoted by itself")]

    @classmethod
    def of(cls, standing: Standing) -> "StandingOut":
        """What is shown of how a canary does."""
        arms: Mapping[Arm, ArmOut] = {
            arm: ArmOut(
                tally=TallyOut.model_validate(standing.tallies[arm]),
                thumbs=ThumbsOut.model_validate(standing.thumbs[arm]),
            )
            for arm in standing.tallies
        }
        return cls(arms=dict(arms), regressions=list(standing.regressions), missing=list(standing.missing))


class UnservedOut(_Out):
    """A process that cannot serve a release."""

    model_config = ConfigDict(title="UnservedRelease", from_attributes=True)

    process: Annotated[str, Field(description="Its machine's name and its number there")]
    reason: str
    instead: Annotated[
        str,
        Field(
            description="What is served there instead: an artifact's name, or that of the house's own model"
        ),
    ]
    since: datetime


class ReleaseOut(_Out):
    """An artifact in the place of a model."""

    model_config = ConfigDict(title="Release", from_attributes=True)

    id: str
    model: str
    artifact_id: str
    artifact: Annotated[str, Field(description="Its name")]
    state: ReleaseState
    share_percent: float
    bounds: BoundsBody
    previous_id: Annotated[
        str | None,
        Field(description="The release that an undo brings back; none: the model the house began with"),
    ]
    begun_by: str
    begun_at: datetime
    promoted_at: datetime | None
    ended_at: datetime | None
    reason: Annotated[str, Field(description="Who changed it last, and why")]
    standing: Annotated[StandingOut | None, Field(description="In a list, of canaries that are served")] = (
        None
    )
    unserved: Annotated[
        list[UnservedOut],
        Field(description="The processes that cannot serve it, although it is in force; they try again"),
    ]

    @classmethod
    def of(
        cls, release: Release, artifact: str, standing: Standing | None, unserved: Sequence[Unserved]
    ) -> "ReleaseOut":
        """What is shown of a release of the artifact with this name."""
        kept = {name: getattr(release, name) for name in cls.model_fields if hasattr(release, name)}
        return cls.model_validate(
            {
                **kept,
                "artifact": artifact,
                "standing": None if standing is None else StandingOut.of(standing),
                "unserved": unserved,
            },
            from_attributes=True,
        )


class ReleasePage(BaseModel):
    """Releases, the newest first; `next` goes on from the last one."""

    items: list[ReleaseOut]
    next: Annotated[str | None, Field(description="Give it as `before`; none: that was all")]
