"""From an artifact to a release: registered, measured by the gate, signed, served to some, then to all, or taken back.

There is one way, and each step asks for the one before it: a release needs somebody's word, their word needs the
gate's newest report, and the report is of these very weights. Nothing sets a step aside; who signs what did not pass
says why, and is named for it in the audit log.
"""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from causette.accounts.types import Caller
from causette.audit import AuditLog
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, Forbidden, InvalidRequest, NotFound
from causette.ids import new_id
from causette.releases.judging import judge
from causette.releases.store import ReleaseStore
from causette.releases.types import (
    Approval,
    ApprovalKind,
    Arm,
    Artifact,
    Bounds,
    Check,
    Findings,
    GateReport,
    Lineage,
    Release,
    Standing,
    Tally,
    Thumbs,
    Unserved,
)
from causette.releases.weights import check, keep

#: How people rated a canary's replies and those that were written as before meanwhile.
RatedSince = Callable[[Release], Awaitable[Mapping[Arm, Thumbs]]]

_LEAST_REASON: Final = 10
#: For how long a process is believed that it cannot serve something: it may have been killed since.
SAID_FOR: Final = timedelta(minutes=2)
#: Who acts where nobody does: a canary that is watched.
WATCH: Final = "the watch over canaries"
#: The same, of what was trained for a customer.
TUNING: Final = "fine-tuning"
#: How the names of that begin.
TUNED: Final = "ft:"


def _unfollowed() -> None:
    """Nobody serves anything."""


async def _unrated(release: Release) -> Mapping[Arm, Thumbs]:
    return {}


def _anywhere(model: str) -> bool:
    return True


class Releases:
    """Artifacts, what the gate found of them, and what is served, kept in ``database``; weights in ``folder``.

    What changes something is done by a caller who runs the house. ``deployed`` says whether a model is, so that
    what takes its place is served to somebody.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        deployed: Callable[[str], bool] = _anywhere,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._store = ReleaseStore(database)
        self._audit = AuditLog(database, now)
        self._folder = folder
        self._now = now
        self._deployed = deployed
        #: Set where feedback is.
        self.rated_since: RatedSince = _unrated
        #: Called when somebody is served something else from now on.
        self.on_change: Callable[[], object] = _unfollowed

    # Artifacts

    async def register(
        self,
        by: Caller,
        weights: Path,
        *,
        name: str,
        base: str,
        lineage: Lineage,
        metrics: Mapping[str, float] | None = None,
        cost_nano: int = 0,
    ) -> Artifact:
        """Keep a model's weights, a GGUF file, with where they come from.

        Raises:
            Forbidden: the caller does not run the house.
            Conflict: there is an artifact of this name.
            InvalidRequest: it is no GGUF file, or its name is of a fine-tuning job's kind.
            CausetteError: there is no room for it.
        """
        _check_owner(by)
        if name.startswith(TUNED):
            raise InvalidRequest(
                f"Names that begin with {TUNED!r} are those of fine-tuning jobs' models. Choose another one.",
                param="name",
            )
        return await self._register(
            by,
            weights,
            created_by=by.user.email,
            name=name,
            base=base,
            lineage=lineage,
            metrics=metrics,
            cost_nano=cost_nano,
        )

    async def register_for(
        self,
        customer: Caller,
        weights: Path,
        *,
        name: str,
        base: str,
        lineage: Lineage,
        metrics: Mapping[str, float] | None = None,
        cost_nano: int = 0,
    ) -> Artifact:
        """Keep what the house itself has trained for a customer; the audit log says for whom. See `register`.

        Once there is an artifact of this name and run, that one is given back: whoever was killed may ask again.
        """
        known = await self._store.artifact(name)
        if known is not None and known.lineage.run_id == lineage.run_id:
            return known
        return await self._register(
            TUNING,
            weights,
            created_by=customer.user.email,
            name=name,
            base=base,
            lineage=lineage,
            metrics=metrics,
            cost_nano=cost_nano,
            customer_id=customer.payer_id,
        )

    async def _register(
        self,
        actor: Caller | str,
        weights: Path,
        *,
        created_by: str,
        name: str,
        base: str,
        lineage: Lineage,
        metrics: Mapping[str, float] | None,
        cost_nano: int,
        **details: object,
    ) -> Artifact:
        if await self._store.artifact(name) is not None:
            raise _taken(name)
        artifact_id = new_id("art")
        place = self._folder / artifact_id / "model.gguf"
        async with self._audit.act(actor, "artifact.register", target_id=artifact_id, target=name, **details):
            sha256, size = await asyncio.to_thread(keep, weights, place)
            artifact = Artifact(
                id=artifact_id,
                name=name,
                path=place,
                sha256=sha256,
                size_bytes=size,
                base=base,
                lineage=lineage,
                metrics=dict(metrics or {}),
                cost_nano=cost_nano,
                created_by=created_by,
                created_at=self._now(),
            )
            if not await self._store.add_artifact(artifact):
                place.unlink()
                place.parent.rmdir()
                raise _taken(name)
        return artifact

    async def artifact(self, name: str) -> Artifact:
        """The artifact of this id or name.

        Raises:
            NotFound: there is none.
        """
        found = await self._store.artifact(name)
        if found is None:
            raise NotFound(f"There is no artifact {name!r}.", param="artifact")
        return found

    async def artifacts(
        self, *, among: Collection[str] | None = None, before: str | None = None, limit: int = 50
    ) -> Sequence[Artifact]:
        """Artifacts, the newest first: all, or those of some ids; from before an id."""
        return await self._store.artifacts(among=among, before=before, limit=limit)

    async def forget_for(self, customer: Caller | None, artifact: Artifact) -> None:
        """Forget what was trained for a customer, with its weights: by their wish, or, with None, as they are gone.

        What has been released to everybody stays.
        """
        if await self._store.was_released(artifact.id):
            return
        who = "" if customer is None else customer.payer_id
        async with self._audit.act(
            TUNING, "artifact.forget", target_id=artifact.id, target=artifact.name, customer_id=who
        ):
            await self._store.forget_artifact(artifact.id)
            await asyncio.to_thread(shutil.rmtree, artifact.path.parent, ignore_errors=True)

    async def artifact_names(self, artifact_ids: Collection[str]) -> Mapping[str, str]:
        """What artifacts are called, by id."""
        return await self._store.artifact_names(artifact_ids)

    # The gate

    async def report(
        self,
        artifact: Artifact,
        *,
        run_id: str,
        baseline: str,
        checks: Sequence[Check],
        policy: Mapping[str, Any],
        seconds: float,
        machine: str,
    ) -> GateReport:
        """Keep what a run of the gate found of an artifact, once: whoever reports it again is given the same report.

        Raises:
            WeightsChanged: they are not what was registered.
        """
        if (known := await self._store.report_of(run_id)) is not None:
            return known
        await asyncio.to_thread(check, artifact.path, artifact.sha256)
        report = GateReport(
            id=new_id("gate"),
            artifact_id=artifact.id,
            run_id=run_id,
            sha256=artifact.sha256,
            baseline=baseline,
            checks=tuple(checks),
            policy=policy,
            seconds=seconds,
            machine=machine,
            created_at=self._now(),
        )
        if not await self._store.add_report(report):
            # Another process was first.
            kept = await self._store.report_of(run_id)
            assert kept is not None, "reports are for good"
            return kept
        return report

    async def reports(self, artifact: Artifact) -> Sequence[GateReport]:
        """What the gate found of an artifact, the newest first."""
        return await self._store.reports(artifact.id)

    async def approvals(self, artifact: Artifact) -> Sequence[Approval]:
        """What people said of an artifact, the newest first."""
        return await self._store.approvals(artifact.id)

    async def findings(self, artifacts: Sequence[Artifact]) -> Mapping[str, Findings]:
        """What the gate and people said of artifacts, by their ids."""
        ids = [artifact.id for artifact in artifacts]
        reports, approvals = await self._store.reports(*ids), await self._store.approvals(*ids)
        return {
            each: Findings(
                reports=tuple(report for report in reports if report.artifact_id == each),
                approvals=tuple(approval for approval in approvals if approval.artifact_id == each),
            )
            for each in ids
        }

    async def sign(self, by: Caller, artifact: Artifact) -> Approval:
        """Say that an artifact may be released, on the gate's newest report of it, which passed.

        Raises:
            Forbidden: the caller does not run the house.
            Conflict: there is no report (``not_measured``), or the newest did not pass (``gate_not_passed``).
        """
        _check_owner(by)
        report = await self._newest(artifact)
        if not report.passed:
            failed = ", ".join(each.name for each in report.checks if not each.passed)
            raise Conflict(
                f"The gate's newest report of {artifact.name} did not pass"
                f"{f': {failed}' if failed else ', as it is not complete'}. Train it again, or override the gate with "
                "a reason.",
                code="gate_not_passed",
            )
        return await self._approve(by, artifact, report, "signed", "")

    async def override(self, by: Caller, artifact: Artifact, reason: str) -> Approval:
        """Say that an artifact may be released although the gate's newest report of it did not pass, and why.

        Raises:
            Forbidden: the caller does not run the house.
            InvalidRequest: there is no reason to speak of.
            Conflict: there is no report (``not_measured``), or it passed, and has only to be signed.
        """
        _check_owner(by)
        if len(reason.strip()) < _LEAST_REASON:
            raise InvalidRequest(
                f"Say in {_LEAST_REASON} letters or more why this may be released although the gate says no: it stays "
                "beside your name.",
                param="reason",
            )
        report = await self._newest(artifact)
        if report.passed:
            raise Conflict(f"The gate's report of {artifact.name} passed: sign it.", code="gate_passed")
        return await self._approve(by, artifact, report, "overridden", reason.strip())

    # Releases

    async def begin(
        self, by: Caller, artifact: Artifact, *, share_percent: float, bounds: Bounds | None = None
    ) -> Release:
        """Serve an artifact to some of those who ask for the model that it was made from.

        Raises:
            Forbidden: the caller does not run the house.
            InvalidRequest: the share is not more than 0 and at most 100.
            Conflict: nobody has signed the gate's newest report (``not_signed``), there is a canary already, or the
                model in whose place it is to be served is not (``not_deployed``).
            WeightsChanged: they are not what was measured.
        """
        _check_owner(by)
        _check_share(share_percent)
        if not self._deployed(artifact.base):
            raise Conflict(
                f"{artifact.name} takes the place of {artifact.base}, which is not served here: nobody would be served "
                "it. Deploy that model first.",
                code="not_deployed",
            )
        approval = await self._standing_approval(artifact)
        await asyncio.to_thread(check, artifact.path, artifact.sha256)
        release = Release(
            id=new_id("rel"),
            model=artifact.base,
            artifact_id=artifact.id,
            approval_id=approval.id,
            state="canary",
            share_percent=share_percent,
            bounds=bounds or Bounds(),
            previous_id=None,
            begun_by=by.user.email,
            begun_at=self._now(),
            promoted_at=None,
            ended_at=None,
            reason="",
        )
        async with self._audit.act(
            by, "release.begin", target_id=release.id, target=artifact.name, share_percent=share_percent
        ):
            if not await self._store.add_release(release):
                raise Conflict(
                    f"A canary of {release.model} is being served. Promote it or roll it back first.",
                    code="canary_exists",
                )
        self.on_change()
        return release

    async def set_share(self, by: Caller, release: Release, share_percent: float) -> Release:
        """Serve a canary to more or fewer.

        Raises:
            Forbidden, InvalidRequest: as for `begin`.
            Conflict: it is no canary any more.
        """
        _check_owner(by)
        _check_share(share_percent)
        async with self._acting(by, "release.share", release, share_percent=share_percent):
            if not await self._store.set_share(release.id, share_percent):
                raise _no_canary(release)
        return await self.release(release.id)

    async def promote(self, by: Caller | None, release: Release) -> Release:
        """Serve a canary to everybody. Without ``by``, the watch does it, as the canary's bounds say.

        Raises:
            Forbidden: the caller does not run the house.
            Conflict: it is no canary any more, or it does worse than what is served as before (``regressed``).
        """
        if by is not None:
            _check_owner(by)
        standing = await self.standing(release)
        async with self._acting(by, "release.promote", release):
            if standing.regressions:
                raise Conflict(
                    f"It does worse: {'; '.join(standing.regressions)}. Roll it back.", code="regressed"
                )
            if not await self._store.promote(release.id, self._now(), _by(by)):
                raise _no_canary(release)
        return await self.release(release.id)

    async def roll_back(self, by: Caller | None, release: Release, reason: str) -> Release:
        """Serve a canary to nobody any more. Without ``by``, the watch does it.

        Raises:
            Forbidden: the caller does not run the house.
            Conflict: it is no canary any more.
        """
        if by is not None:
            _check_owner(by)
        async with self._acting(by, "release.roll_back", release, reason=reason):
            if not await self._store.roll_back(release.id, self._now(), f"{_by(by)}: {reason}"):
                raise _no_canary(release)
        return await self.release(release.id)

    async def undo(self, by: Caller, release: Release, reason: str) -> Release:
        """Serve everybody what was served before a release.

        Raises:
            Forbidden: the caller does not run the house.
            Conflict: it is not in force.
        """
        _check_owner(by)
        async with self._acting(by, "release.undo", release, reason=reason):
            if not await self._store.undo(release.id, self._now(), f"{_by(by)}: {reason}"):
                raise Conflict(f"{release.id} is not released: it is {release.state}.", code="not_released")
        return await self.release(release.id)

    async def release(self, release_id: str) -> Release:
        """One release.

        Raises:
            NotFound: there is none.
        """
        found = await self._store.release(release_id)
        if found is None:
            raise NotFound(f"There is no release {release_id!r}.", param="release")
        return found

    async def releases(
        self, model: str | None = None, *, before: str | None = None, limit: int = 50
    ) -> Sequence[Release]:
        """Releases, the newest first, from before an id: all, or those of a model."""
        return await self._store.releases(model, before=before, limit=limit)

    async def in_force(self) -> Sequence[Release]:
        """Every release that somebody is served."""
        return await self._store.in_force()

    # What cannot be served

    async def cannot_serve(self, process: str, unserved: Sequence[Unserved]) -> None:
        """Keep what a process cannot serve of what is in force: all of it, and again before `SAID_FOR` is over."""
        now = self._now()
        await self._store.set_unserved(process, unserved, now, now - SAID_FOR)

    async def unserved(self) -> Mapping[str, Sequence[Unserved]]:
        """What processes cannot serve of what is in force, by the releases' ids, the longest first."""
        found: dict[str, list[Unserved]] = {}
        for each in await self._store.unserved(self._now() - SAID_FOR):
            found.setdefault(each.release_id, []).append(each)
        return found

    # Watching canaries

    async def saw(self, release: Release, minute: datetime, tallies: Mapping[Arm, Tally]) -> None:
        """Add what was seen of a canary's arms in a minute."""
        await self._store.add_tallies(release.id, minute, tallies)

    async def standing(self, release: Release) -> Standing:
        """How a canary does, or did, against what is served as before."""
        tallies = await self._store.tallies(release.id)
        return judge(release, tallies, await self.rated_since(release), self._now())

    async def watch(self) -> None:
        """Roll back the canaries that do worse, and promote those that have shown enough where that is wanted.

        Any number of processes may do so at once.
        """
        for release in await self._store.in_force():
            if release.state != "canary":
                continue
            standing = await self.standing(release)
            if not standing.regressions and (standing.missing or not release.bounds.promotes):
                continue
            try:
                if standing.regressions:
                    await self.roll_back(None, release, "; ".join(standing.regressions))
                else:
                    await self.promote(None, release)
            except Conflict:
                # Another process, or a person, was first.
                continue

    async def _findings(self, artifact: Artifact) -> Findings:
        return (await self.findings([artifact]))[artifact.id]

    async def _newest(self, artifact: Artifact) -> GateReport:
        report = (await self._findings(artifact)).measured(artifact)
        if report is None:
            raise _not_measured(artifact)
        return report

    async def _standing_approval(self, artifact: Artifact) -> Approval:
        findings = await self._findings(artifact)
        if findings.measured(artifact) is None:
            raise _not_measured(artifact)
        approval = findings.standing_approval(artifact)
        if approval is None:
            raise Conflict(
                f"Nobody has signed the gate's newest report of {artifact.name}: `causette lab sign {artifact.name}` "
                "does.",
                code="not_signed",
            )
        return approval

    async def _approve(
        self, by: Caller, artifact: Artifact, report: GateReport, kind: ApprovalKind, reason: str
    ) -> Approval:
        approval = Approval(
            id=new_id("appr"),
            artifact_id=artifact.id,
            report_id=report.id,
            kind=kind,
            actor_id=by.user.id,
            actor=by.user.email,
            reason=reason,
            created_at=self._now(),
        )
        act = "artifact.sign" if kind == "signed" else "artifact.override"
        async with self._audit.act(
            by, act, target_id=artifact.id, target=artifact.name, report_id=report.id, reason=reason
        ):
            await self._store.add_approval(approval)
        return approval

    @asynccontextmanager
    async def _acting(
        self, by: Caller | None, act: str, release: Release, **details: object
    ) -> AsyncGenerator[None]:
        artifact = await self.artifact(release.artifact_id)
        target = f"{artifact.name} as {release.model}"
        async with self._audit.act(by or WATCH, act, target_id=release.id, target=target, **details):
            yield
        self.on_change()


def _check_owner(caller: Caller) -> None:
    if caller.user.role != "owner":
        raise Forbidden("Only those who run this house release models.", code="owners_only")


def _check_share(share_percent: float) -> None:
    if not 0 < share_percent <= 100:
        raise InvalidRequest(
            f"A canary is served to more than 0 and at most 100 % of people, not {share_percent:g}.",
            param="share_percent",
        )


def _by(caller: Caller | None) -> str:
    return WATCH if caller is None else caller.user.email


def _taken(name: str) -> Conflict:
    return Conflict(f"There is an artifact called {name!r}. Give this one another name.", param="name")


def _not_measured(artifact: Artifact) -> Conflict:
    return Conflict(
        f"The gate has not measured {artifact.name}: `causette lab gate {artifact.name}` does.",
        code="not_measured",
    )


def _no_canary(release: Release) -> Conflict:
    return Conflict(f"{release.id} is no canary any more: look again.", code="no_canary")
