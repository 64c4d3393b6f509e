"""Serves what is released: starts the engines of artifacts, gives them their traffic, lets go of those not needed.

What is to be served is in the database, and every process follows it there. Whatever a process was doing when it was
killed, it begins again from what the database says: here is nothing that would have to be undone.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import aclosing, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from math import log
from os import getpid
from pathlib import Path
from random import Random
from socket import gethostname
from typing import Any, Final

import structlog

from causette.clock import utc_now
from causette.engines.supervisor import EmbeddedEngine, State
from causette.engines.types import ChatMessage, Engine, GenerateRequest, Sampling
from causette.errors import CausetteError, Conflict
from causette.gateway import Deployments
from causette.gateway.versions import Canary, Seen, Version, Versions, fingerprint
from causette.ids import new_id
from causette.releases import Release, Releases
from causette.releases.service import SAID_FOR
from causette.releases.types import Arm, Tally, Unserved
from causette.releases.weights import WeightsChanged, check

_log = structlog.get_logger(__name__)

# How often the database is asked what is released, and how often canaries are judged.
_FOLLOW_SECONDS: Final = 2.0
_JUDGE_SECONDS: Final = 5.0
# Processes that were started together do not ask together.
_JITTER: Final = (0.75, 1.25)
_chance: Final = Random()  # noqa: S311
# What is released and cannot be served, such as weights that are gone, is tried again.
_RETRY_SECONDS: Final = 60.0
# What cannot be served is said again before it is believed no more.
_SAY_SECONDS: Final = SAID_FOR.total_seconds() / 4
# What a new engine answers before anybody is sent to it: prompts of so many words at once, in rounds.
_WARM_ROUNDS: Final = 3
_WARM_WORDS: Final = (4, 8, 16, 32, 64, 128)
_WARM_TOKENS: Final = 8
# A first token that came in no time has no logarithm.
_LEAST_SECONDS: Final = 1e-6


class EngineFailed(CausetteError):
    """A release's engine does not start, or ends again and again."""

    default_code = "engine_failed"


class Staging:
    """Follows ``releases`` for the text models that this machine's own engines serve, from `open` to `close`.

    An engine that nobody has asked for anything yet is left alone: so it is in processes for background work.
    """

    def __init__(self, releases: Releases, deployments: Deployments) -> None:
        self._releases = releases
        self._sheet = Sheet()
        self._stages = {
            deployment.name: _Stage(deployment.engine, releases, self._sheet, self.look_again)
            for deployment in deployments
            if isinstance(deployment.engine, Versions)
            and isinstance(deployment.engine.base.engine, EmbeddedEngine)
        }
        self._changed = asyncio.Event()
        self._following: asyncio.Task[None] | None = None
        self._judged = 0.0
        self._process = f"{gethostname()}:{getpid()}"
        #: What was said last of what cannot be served, and when, in the loop's seconds.
        self._said: tuple[Unserved, ...] = ()
        self._said_at = 0.0
        releases.on_change = self.look_again

    def open(self) -> None:
        """Begin to follow."""
        if self._stages:
            self._following = asyncio.get_running_loop().create_task(self._follow(), name="releases")

    async def close(self) -> None:
        """Follow no more, end the engines that were started here, write what was seen. No request may be under way."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.gather(self._following, return_exceptions=True)
        await asyncio.gather(*(stage.close() for stage in self._stages.values()))
        try:
            await self._sheet.flush(self._releases)
            if self._said:
                await self._releases.cannot_serve(self._process, ())
        except CausetteError as error:
            _log.warning("what was seen of a canary last is lost", reason=error.message)

    def look_again(self) -> None:
        """Something has changed: look at once."""
        self._changed.set()

    def unserved(self) -> Mapping[str, int]:
        """How many releases in force this process cannot serve, by the model in whose place they are."""
        return {name: len(stage.unserved) for name, stage in self._stages.items()}

    async def _follow(self) -> None:
        while True:
            self._changed.clear()
            try:
                await self._look()
            except CausetteError as error:
                _log.warning("what is released is asked again", reason=error.message)
            except Exception:
                _log.exception("what is released could not be followed")
            with suppress(TimeoutError):
                async with asyncio.timeout(_FOLLOW_SECONDS * _chance.uniform(*_JITTER)):
                    await self._changed.wait()

    async def _look(self) -> None:
        in_force = await self._releases.in_force()
        for name, stage in self._stages.items():
            await stage.follow([release for release in in_force if release.model == name])
        now = asyncio.get_running_loop().time()
        await self._say(now)
        if now - self._judged < _JUDGE_SECONDS:
            return
        self._judged = now
        await self._sheet.flush(self._releases)
        if any(release.state == "canary" for release in in_force):
            await self._releases.watch()

    async def _say(self, now: float) -> None:
        """Say what cannot be served here, for the owner to see: when it changes, and now and then what is still so."""
        unserved = tuple(
            Unserved(
                release_id=release_id,
                process=self._process,
                reason=trouble.reason,
                instead=stage.serves_instead_of(release_id),
                since=trouble.since,
            )
            for stage in self._stages.values()
            for release_id, trouble in stage.unserved.items()
        )
        if unserved != self._said or (unserved and now - self._said_at > _SAY_SECONDS):
            await self._releases.cannot_serve(self._process, unserved)
            self._said, self._said_at = unserved, now


class _Stage:
    """The versions of one deployment in this process: those that are served, and those that come and go."""

    def __init__(
        self, versions: Versions, releases: Releases, sheet: "Sheet", look_again: Callable[[], object]
    ) -> None:
        self._versions = versions
        self._releases = releases
        self._sheet = sheet
        self._look_again = look_again
        #: The releases whose engines are here, or are being started.
        self._staged: dict[str, _Staged] = {}
        #: The releases in force that cannot be served, until they can.
        self.unserved: dict[str, _Trouble] = {}
        #: What the artifacts of releases are called.
        self._names: dict[str, str] = {}
        #: The engines that were made here and are not stopped yet.
        self._engines: set[EmbeddedEngine] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def follow(self, in_force: Sequence[Release]) -> None:
        """Bring what is served closer to what is in force. What takes time goes on meanwhile, and is seen next time."""
        if not (self._staged or self._base.started):
            return
        for release in in_force:
            self._note(release)
            await self._see_to(release)
        released = next((each for each in in_force if each.state == "released"), None)
        canary = next((each for each in in_force if each.state == "canary"), None)
        goes_on = released is not None and await self._goes_on(released)
        self._serve(self._stable(released if goes_on else None), self._canary(canary))
        if goes_on:
            self._rest_base()
        self._clear({release.id for release in in_force})

    def serves_instead_of(self, release_id: str) -> str:
        """The name of what is served to those whom this release would answer, which cannot be served."""
        stable = self._versions.stable
        if stable.release_id in (None, release_id) or _engine_of(stable).state is not State.READY:
            return self._base.config.name
        return self._names[str(stable.release_id)]

    async def close(self) -> None:
        """End the engines that were made here."""
        tasks: list[asyncio.Task[Any]] = [*self._tasks]
        tasks += (staged.preparing for staged in self._staged.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(engine.stop() for engine in self._engines))

    @property
    def _base(self) -> EmbeddedEngine:
        return _engine_of(self._versions.base)

    def _note(self, release: Release) -> None:
        """Note whether a release cannot be served; while it is tried again, nothing is known that is newer."""
        staged = self._staged.get(release.id)
        if staged is None or not staged.preparing.done():
            return
        failure = staged.failure
        if failure is None:
            self.unserved.pop(release.id, None)
            return
        reason = failure.message if isinstance(failure, CausetteError) else repr(failure)
        known = self.unserved.get(release.id)
        since = utc_now() if known is None else known.since
        self.unserved[release.id] = _Trouble(reason=reason, since=since)

    async def _goes_on(self, released: Release) -> bool:
        """Whether what is served goes on until what is released is ready.

        What was undone does not where that cannot be served, and neither does what is away itself.
        """
        served = self._versions.stable
        staged = self._staged[released.id]
        if served is self._versions.base or staged.version is not None or released.id not in self.unserved:
            return True
        if _engine_of(served).state is State.DOWN:
            return False
        return (await self._releases.release(str(served.release_id))).state != "undone"

    async def _see_to(self, release: Release) -> None:
        """Have the engine of a release started. A canary that cannot be served is taken back."""
        now = asyncio.get_running_loop().time()
        staged = self._staged.get(release.id)
        failure = None if staged is None else staged.failure
        if release.state == "canary" and isinstance(failure, WeightsChanged | EngineFailed):
            # Another process, or a person, may be first.
            with suppress(Conflict):
                await self._releases.roll_back(None, release, failure.message)
        elif (
            staged is None
            or (failure is not None and staged.version is not None)
            or (staged.given_up and now - staged.since > _RETRY_SECONDS)
        ):
            if staged is not None and staged.version is not None:
                # What its weights are now says why it ended.
                self._meanwhile(self._retire(staged.version))
            task = asyncio.create_task(self._prepare(release), name=f"release {release.id}")
            task.add_done_callback(partial(self._prepared, release))
            self._staged[release.id] = _Staged(preparing=task, since=now)

    async def _prepare(self, release: Release) -> Version:
        """The version that a release is, once its engine is ready.

        Raises:
            WeightsChanged: its weights are not those that were measured.
            EngineFailed: its engine does not start.
        """
        artifact = await self._releases.artifact(release.artifact_id)
        await asyncio.to_thread(check, artifact.path, artifact.sha256)
        self._names[release.id] = artifact.name
        engine, ready = self._new_engine(artifact.path), False
        engine.before_restart = partial(check, artifact.path, artifact.sha256)
        engine.start()
        try:
            if await engine.settled() is State.READY:
                await _warm(engine)
                ready = True
        finally:
            if not ready:
                self._meanwhile(self._stop(engine))
        if not ready:
            raise EngineFailed("Its engine does not start; the server's log says why.")
        return Version(engine, release_id=release.id, fingerprint=fingerprint(release.id, artifact.sha256))

    def _prepared(self, release: Release, task: asyncio.Task[Version]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("a release cannot be served", release=release.id, reason=str(error))
        self._look_again()

    def _stable(self, released: Release | None) -> Version:
        """What is to be served to all, if it is ready; what is served now until then."""
        versions, wanted = self._versions, None
        if released is not None:
            wanted = self._staged[released.id].version
        elif versions.stable is versions.base or self._base.state is State.READY:
            wanted = versions.base
        elif not self._base.started:
            self._base.start()
            self._meanwhile(self._tell_when_settled(self._base))
        return wanted or versions.stable

    def _canary(self, release: Release | None) -> Canary | None:
        version = None if release is None else self._staged[release.id].version
        if release is None or version is None:
            return None
        return Canary(
            version=version,
            release_id=release.id,
            share_percent=release.share_percent,
            tell=partial(self._sheet.add, release),
        )

    def _serve(self, stable: Version, canary: Canary | None) -> None:
        versions = self._versions
        if stable is not versions.stable:
            _log.info("everybody is served another version", release=stable.release_id)
        versions.serve(base=versions.base, stable=stable, canary=canary)

    def _rest_base(self) -> None:
        """Let go of the base while something else is there for all: its memory is wanted.

        The one in its place starts when it is asked, which is when all others are away.
        """
        versions, old = self._versions, self._versions.base
        resting = versions.stable is old or not self._base.started
        if resting or _engine_of(versions.stable).state is not State.READY:
            return
        fresh = Version(self._new_engine(self._base.config.model), fingerprint=old.fingerprint)
        versions.serve(base=fresh, stable=versions.stable, canary=versions.canary)
        self._meanwhile(self._retire(old))

    def _clear(self, wanted: set[str]) -> None:
        """Let go of releases that are in force no more, as soon as nobody is served them."""
        for release_id in self.unserved.keys() - wanted:
            del self.unserved[release_id]
        canary = self._versions.canary
        served = {self._versions.stable, None if canary is None else canary.version}
        for release_id, staged in list(self._staged.items()):
            if release_id in wanted:
                continue
            if not staged.preparing.done():
                staged.preparing.cancel()
            elif staged.version is not None:
                if staged.version in served:
                    continue
                self._meanwhile(self._retire(staged.version))
            del self._staged[release_id]

    def _new_engine(self, weights: Path) -> EmbeddedEngine:
        """One like the base, with these weights. What the requests of any of them took is kept in one file."""
        engine = EmbeddedEngine(replace(self._base.config, model=weights))
        engine.on_restart = self._base.on_restart
        self._engines.add(engine)
        return engine

    async def _retire(self, version: Version) -> None:
        """Stop a version's engine when the last request has ended that may need it."""
        await version.idle()
        await self._stop(_engine_of(version))

    async def _stop(self, engine: EmbeddedEngine) -> None:
        await engine.stop()
        self._engines.discard(engine)

    async def _tell_when_settled(self, engine: EmbeddedEngine) -> None:
        await engine.settled()
        self._look_again()

    def _meanwhile(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Trouble:
    """Why a release cannot be served."""

    reason: str
    since: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Staged:
    """A release's engine in this process."""

    preparing: asyncio.Task[Version]
    #: When it was begun, in the loop's seconds.
    since: float

    @property
    def version(self) -> Version | None:
        """What it is served by; None before its engine is ready, and when it cannot be."""
        task = self.preparing
        return task.result() if task.done() and not task.cancelled() and task.exception() is None else None

    @property
    def given_up(self) -> bool:
        """Whether nothing comes of it any more."""
        return self.preparing.done() and self.version is None

    @property
    def failure(self) -> BaseException | None:
        """Why it cannot be served; None when it can be, or may yet be."""
        if self.given_up:
            return None if self.preparing.cancelled() else self.preparing.exception()
        if (version := self.version) is not None and _engine_of(version).state is State.DOWN:
            return EngineFailed("Its engine ends again and again; the server's log says why.")
        return None


class Sheet:
    """What was seen of canaries and is not in the database yet, by minute. It is lost with a process that is killed."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, datetime], tuple[Release, dict[Arm, Tally]]] = {}
        #: By model, its canary and who has asked since that began.
        self._met: dict[str, tuple[str, set[str]]] = {}

    def add(self, release: Release, arm: Arm, user_id: str, seen: Seen) -> None:
        """Count a request that ended just now.

        How long somebody waits the first time is not counted, in either arm: what they have said before is in the
        cache of the engine that has answered them so far, and would speak against the other one.
        """
        if self._met.get(release.model, ("",))[0] != release.id:
            self._met[release.model] = (release.id, set())
        _, met = self._met[release.model]
        if user_id not in met:
            met.add(user_id)
            seen = replace(seen, first_seconds=None)
        self._count(release, utc_now().replace(second=0, microsecond=0), {arm: tally_of(seen)})

    async def flush(self, releases: Releases) -> None:
        """Write all of it.

        Raises:
            Unavailable: the database is away; it is kept for later.
        """
        while self._seen:
            (_, minute), (release, tallies) = self._seen.popitem()
            try:
                await releases.saw(release, minute, tallies)
            except CausetteError:
                self._count(release, minute, tallies)
                raise

    def _count(self, release: Release, minute: datetime, tallies: dict[Arm, Tally]) -> None:
        _, known = self._seen.setdefault((release.id, minute), (release, {}))
        for arm, tally in tallies.items():
            known[arm] = known.get(arm, Tally()) + tally


def tally_of(seen: Seen) -> Tally:
    """One request's tally."""
    first_log = 0.0 if seen.first_seconds is None else log(max(seen.first_seconds, _LEAST_SECONDS))
    return Tally(
        requests=1,
        errors=int(seen.failed),
        firsts=int(seen.first_seconds is not None),
        first_log=first_log,
        first_log_squares=first_log * first_log,
        output_tokens=seen.output_tokens,
        compute_ns=seen.compute_ns,
    )


async def _warm(engine: Engine) -> None:
    """Ask an engine a little, so that the first people do not wait longer, which would speak against what it serves.

    What it fails to answer, it will fail to answer them, and be judged for.
    """
    for _ in range(_WARM_ROUNDS):
        await asyncio.gather(*(_answer(engine, words) for words in _WARM_WORDS), return_exceptions=True)


async def _answer(engine: Engine, words: int) -> None:
    request = GenerateRequest(
        id=new_id("req"),
        model="",
        prompt=(ChatMessage("user", "Say it again: " + "hello " * words),),
        sampling=Sampling(max_tokens=_WARM_TOKENS, ignore_eos=True),
    )
    async with aclosing(engine.generate(request)) as items:
        async for _ in items:
            pass


def _engine_of(version: Version) -> EmbeddedEngine:
    assert isinstance(version.engine, EmbeddedEngine)
    return version.engine
