"""A turn of the flywheel: feedback, examples, runs, an artifact, the gate, somebody's word, a canary, a release.

A turn is a row, and each thing that it waits for is one that any process can look up: examples, runs by their names,
reports, approvals, a release. `Flywheel.tick` looks whether what a turn waits for is there, and begins the next thing;
whatever it does it can do twice. So a turn survives every process, and any number of them may turn the wheel.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from math import ceil
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog

from causette.accounts.types import Caller
from causette.clock import utc_now
from causette.db import Database
from causette.errors import CausetteError, Conflict, Forbidden, InvalidRequest, NotFound
from causette.lab.disk import whole_file
from causette.lab.flywheel.curation import Curation, rows_of
from causette.lab.flywheel.nights import Nights
from causette.lab.flywheel.store import FlywheelStore
from causette.lab.flywheel.types import RUNS, Example, Settings, Turn, TurnState
from causette.lab.installed import check_installed, is_installed
from causette.lab.releasing import Releasing
from causette.lab.running import LabRun, LabRuns
from causette.releases import Artifact

_log = structlog.get_logger(__name__)

LICENCE: Final = "what its author said of a reply, with their consent"
_LOOK_SECONDS: Final = 5.0
_HELD_OUT: Final = 0.1
_LONGEST_REASON: Final = 1_000


class Flywheel:
    """Turns, kept in ``database``; what they learn from is written to ``folder``.

    Args:
        curation: the examples.
        lab_runs: carries out the runs.
        releasing: registers what a run has made, and has the gate measure it.
        nights: when turns begin by themselves.
        caller_of: the caller that an account is, for what is done on its behalf.
    """

    def __init__(
        self,
        database: Database,
        folder: Path,
        *,
        curation: Curation,
        lab_runs: LabRuns,
        releasing: Releasing,
        nights: Nights,
        caller_of: Callable[[str], Awaitable[Caller | None]],
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self.nights = nights
        self._store = FlywheelStore(database)
        self._folder = folder
        self._curation = curation
        self._lab_runs = lab_runs
        self._releasing = releasing
        self._releases = releasing.releases
        self._caller_of = caller_of
        self._now = now
        self._loop: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Turn the wheel from now on, where runs can be begun; else it is left to other processes."""
        if not is_installed():
            return
        self._loop = asyncio.create_task(self._turn_on(), name="flywheel")

    async def close(self) -> None:
        """Leave it to others."""
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)

    async def begin(self, by: Caller, settings: Settings) -> Turn:
        """Begin a turn.

        Raises:
            Forbidden: the caller does not run the house.
            LabNotInstalled: this installation cannot train.
            InvalidRequest: a setting is out of range, or there is no such model.
            Conflict: a turn is under way.
        """
        _check_may(by)
        _check(settings)
        turn = Turn.begun(settings, by_id=by.user.id, by=by.user.email, now=self._now())
        self._releasing.base_of(settings.model)
        if not await self._store.add_turn(turn):
            raise _under_way()
        await self._curation.collect()
        return turn

    async def find(self, turn_id: str) -> Turn:
        """One turn.

        Raises:
            NotFound: there is none.
        """
        found = await self._store.turn(turn_id)
        if found is None:
            raise NotFound(f"There is no turn {turn_id!r} of the flywheel.", param="turn")
        return found

    async def turns(self) -> Sequence[Turn]:
        """Turns, the newest first."""
        return await self._store.turns()

    async def proceed(self, by: Caller, turn: Turn) -> Turn:
        """Learn from what was kept so far, and leave out what nobody has looked at.

        Raises:
            Forbidden: the caller does not run the house.
            Conflict: it is past that, or fewer examples were kept than it needs.
        """
        _check_may(by)
        if turn.state != "curating":
            raise Conflict(f"This turn is {turn.state}: its examples are chosen.", code="not_curating")
        kept = await self._curation.examples(verdict="kept")
        if len(kept) < turn.settings.least:
            raise Conflict(
                f"{len(kept)} examples are kept, and {turn.settings.least} are needed. Keep more, or begin a turn that "
                "needs fewer.",
                code="too_few_examples",
            )
        await self._curation.leave_out_the_rest(by)
        await self.tick()
        return await self.find(turn.id)

    async def stop(self, by: Caller, turn: Turn) -> Turn:
        """End a turn. A canary of its is rolled back, and what its runs have made stays.

        Raises:
            Forbidden: the caller does not run the house.
            Conflict: it is over.
        """
        _check_may(by)
        if turn.state in RUNS:
            # It may not have begun yet.
            with suppress(NotFound):
                await self._lab_runs.stop(by, turn.run_of(turn.state))
        if turn.state == "canary" and turn.release_id is not None:
            release = await self._releases.release(turn.release_id)
            await self._releases.roll_back(by, release, "The turn of the flywheel was stopped.")
        if turn.over or not await self._store.advance(
            turn, "stopped", self._now(), reason=f"{by.user.email} stopped it."
        ):
            raise Conflict("This turn has gone on meanwhile: look again.", code="turn_went_on")
        return await self.find(turn.id)

    async def retry(self, by: Caller, turn: Turn) -> Turn:
        """Go on with a turn that failed, from the run that did.

        Raises:
            Forbidden: the caller does not run the house.
            Conflict: it did not fail, or another turn is under way.
        """
        _check_may(by)
        if turn.state != "failed" or turn.failed_in is None:
            raise Conflict(f"This turn is {turn.state}; one that failed is tried again.", code="not_failed")
        if await self._store.under_way() is not None:
            raise _under_way()
        # It may have failed before it began.
        with suppress(NotFound):
            await self._lab_runs.resume(by, turn.run_of(turn.failed_in))
        if not await self._store.advance(turn, turn.failed_in, self._now(), reason="", failed_in=None):
            raise Conflict("This turn has gone on meanwhile: look again.", code="turn_went_on")
        return await self.find(turn.id)

    async def tick(self) -> None:
        """Take the turn that is under way as far as it goes now."""
        while (turn := await self._store.under_way()) is not None:
            try:
                goes_on = await self._step(turn)
            except CausetteError as error:
                if error.retry_after is not None or error.status >= 500:
                    raise
                await self._fail(turn, error.message)
                return
            if not goes_on:
                return

    async def _step(self, turn: Turn) -> bool:
        """Do what a turn's state asks for; whether it went on to another one."""
        if turn.state == "curating":
            return await self._choose(turn)
        if turn.state in RUNS:
            return await self._carry(turn, turn.state)
        if turn.state == "signing":
            return await self._serve(turn)
        return await self._watch(turn)

    async def _choose(self, turn: Turn) -> bool:
        """Wait until somebody has looked at every example, then write what is learned from."""
        counts = await self._curation.collect()
        waiting = sum(count for (verdict, _), count in counts.items() if verdict == "pending")
        if waiting and not turn.settings.unseen:
            return False
        kept = list(await self._curation.examples(verdict="kept"))
        if turn.settings.unseen:
            kept += await self._curation.examples(verdict="pending")
        if len(kept) < turn.settings.least:
            if turn.settings.unseen:
                await self._fail(
                    turn, f"There are {len(kept)} examples, and {turn.settings.least} are needed."
                )
            return False
        pairs = sum(example.kind == "pair" for example in kept)
        await asyncio.to_thread(self._write, turn, kept, pairs * 2 >= len(kept))
        return await self._store.advance(
            turn,
            "preparing",
            self._now(),
            pairs=pairs,
            thumbs=len(kept) - pairs,
            learned_until=max(example.created_at for example in kept),
        )

    async def _carry(self, turn: Turn, state: TurnState) -> bool:
        """See a state's run through: begin it, wait for it, and take over what it has made."""
        by = await self._acting(turn.begun_by_id)
        name = turn.run_of(state)
        try:
            found = await self._lab_runs.find(by, name)
        except NotFound:
            # Another process may be as far: then it is begun.
            with suppress(Conflict):
                await self._lab_runs.start(by, await self._recipe(turn, state), name=name)
            return False
        if found.run.status != "done":
            return await self._not_done(by, turn, found)
        if state == "exporting":
            artifact = await self._registered(by, turn)
            return await self._store.advance(turn, "gating", self._now(), artifact_id=artifact.id)
        if state == "gating":
            await self._releasing.report(name)
            return await self._store.advance(turn, "signing", self._now())
        return await self._store.advance(turn, RUNS[RUNS.index(state) + 1], self._now())

    async def _not_done(self, by: Caller, turn: Turn, found: LabRun) -> bool:
        """Wait while a run waits for a worker, or works; end the turn where it ended without making anything."""
        if found.job is not None or found.run.status == "running":
            return False
        if found.asked:
            await self._fail(
                turn, found.run.error or f"The run {found.run.id} ended without making anything."
            )
        else:
            # Another process has just begun it and asks for it as well, or was killed before it could.
            with suppress(Conflict):
                await self._lab_runs.resume(by, found.run.id)
        return False

    async def _serve(self, turn: Turn) -> bool:
        """Wait for somebody's word, and begin the canary as whoever gave it."""
        artifact = await self._artifact(turn)
        reports, approvals = (
            await self._releases.reports(artifact),
            await self._releases.approvals(artifact),
        )
        standing = next((each for each in approvals if each.report_id == reports[0].id), None)
        if standing is None:
            return False
        begun = [
            each
            for each in await self._releases.releases(artifact.base)
            if each.artifact_id == artifact.id and each.in_force
        ]
        if not begun:
            try:
                begun = [
                    await self._releases.begin(
                        await self._acting(standing.actor_id),
                        artifact,
                        share_percent=turn.settings.share_percent,
                        bounds=turn.settings.bounds,
                    )
                ]
            except Conflict as error:
                if error.code != "canary_exists":
                    raise
                # Another process was first, or another model is being tried in this place: it waits for its turn.
                return False
        release = begun[0]
        return await self._store.advance(turn, "canary", self._now(), release_id=release.id)

    async def _watch(self, turn: Turn) -> bool:
        """Wait for what becomes of the canary."""
        assert turn.release_id is not None, "a turn with a canary has a release"
        release = await self._releases.release(turn.release_id)
        if release.state == "canary":
            return False
        to: TurnState = "promoted" if release.promoted_at is not None else "rolled_back"
        return await self._store.advance(turn, to, self._now(), reason=release.reason)

    async def _recipe(self, turn: Turn, state: TurnState) -> Mapping[str, Any]:
        settings = turn.settings
        if state == "preparing":
            return {
                "stage": "data",
                "tokenizer": self._releasing.base_of(settings.model),
                "sources": [{"path": str(self._examples(turn)), "licence": LICENCE}],
                # People have looked at them: what is alike was said by several.
                "near_duplicates": 0,
                "held_out": _HELD_OUT,
            }
        if state == "training":
            rows = await asyncio.to_thread(_lines, self._examples(turn))
            return {
                "stage": "prefer",
                "model": await self._releasing.serving(settings.model),
                "data": turn.run_of("preparing"),
                "adapter": {"rank": settings.rank},
                "training": {
                    "steps": max(1, ceil(rows * (1 - _HELD_OUT) * settings.epochs / settings.batch)),
                    "batch": settings.batch,
                    "optimizer": {"learning_rate": settings.learning_rate},
                },
            }
        if state == "exporting":
            return {"stage": "export", "model": turn.run_of("training")}
        return await self._releasing.gate_recipe(await self._artifact(turn))

    async def _registered(self, by: Caller, turn: Turn) -> Artifact:
        try:
            return await self._releases.artifact(turn.id)
        except NotFound:
            # Another process may be as far: then it is registered.
            with suppress(Conflict):
                return await self._releasing.register(by, turn.run_of("exporting"), name=turn.id)
            return await self._releases.artifact(turn.id)

    async def _artifact(self, turn: Turn) -> Artifact:
        assert turn.artifact_id is not None, "a turn that is past its export has an artifact"
        return await self._releases.artifact(turn.artifact_id)

    async def _acting(self, user_id: str) -> Caller:
        """Whoever something is done on behalf of, as they are now."""
        caller = await self._caller_of(user_id)
        if caller is None:
            raise NotFound(
                "Whoever this is done on behalf of has no account here any more. Begin another turn."
            )
        return caller

    async def _fail(self, turn: Turn, reason: str) -> None:
        failed_in = turn.state if turn.state in RUNS else None
        await self._store.advance(
            turn, "failed", self._now(), reason=reason[:_LONGEST_REASON], failed_in=failed_in
        )

    def _examples(self, turn: Turn) -> Path:
        return self._folder / turn.id / "examples.jsonl"

    def _write(self, turn: Turn, examples: Sequence[Example], pairs: bool) -> None:
        place = self._examples(turn)
        place.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(place) as path:
            path.write_bytes(
                b"".join(msgspec.json.encode(row) + b"\n" for row in rows_of(examples, pairs=pairs))
            )

    async def _turn_on(self) -> None:
        while True:
            try:
                await self.nights.look()
                await self.tick()
            except CausetteError as error:
                _log.warning("the flywheel waits", code=error.code, reason=error.message)
            except Exception:
                _log.exception("the flywheel waits")
            await asyncio.sleep(_LOOK_SECONDS)


def _check_may(by: Caller) -> None:
    if by.user.role != "owner":
        raise Forbidden("Only those who run this house turn its flywheel.", code="owners_only")
    check_installed()


def _check(settings: Settings) -> None:
    for name, low, high in (
        ("least", 1, 1_000_000),
        ("epochs", 1, 100),
        ("batch", 2, 1_024),
        ("rank", 1, 1_024),
    ):
        value = getattr(settings, name)
        if not low <= value <= high:
            raise InvalidRequest(f"{value} is not from {low} to {high:,}.", param=name)
    if not 0 < settings.learning_rate <= 1:
        raise InvalidRequest(
            f"{settings.learning_rate:g} is not more than 0 and at most 1.", param="learning_rate"
        )
    if not 0 < settings.share_percent <= 100:
        raise InvalidRequest(
            f"{settings.share_percent:g} is not more than 0 and at most 100.", param="share_percent"
        )


def _lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _under_way() -> Conflict:
    return Conflict(
        "A turn of the flywheel is under way, and the next one starts from what it makes. Wait for it, or stop it.",
        code="turn_under_way",
    )
