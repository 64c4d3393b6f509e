"""What is released and cannot be served: who is told, what answers instead, and how it heals, with real engines."""

import os
import signal
from collections.abc import Awaitable, Callable
from os import getpid
from pathlib import Path
from socket import gethostname

import pytest

from causette.accounts import Caller
from causette.db import Database
from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine, State
from causette.gateway.versions import Versions
from causette.releases import Artifact, Release, Releases
from causette.releases.types import Lineage
from tests.releases.people import owner
from tests.releases.test_releasing import measured
from tests.stores import empty_sqlite
from tests.test_staging import following
from tests.waiting import eventually

#: An engine loads in about three seconds, on a busy machine in many more.
_LOADED = 180.0


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """On SQLite alone: the store is tested on both, and engines take seconds."""
    file = tmp_path / "causette.sqlite3"
    file.write_bytes(empty_sqlite())
    return f"sqlite:///{file}"


@pytest.fixture
def releases(database: Database, tmp_path: Path) -> Releases:
    return Releases(database, tmp_path / "artifacts")


async def released(releases: Releases, by: Caller, weights: Path, name: str) -> tuple[Artifact, Release]:
    """An artifact that is served to everybody."""
    lineage = Lineage(parent="small", run_id="run_1")
    artifact = await releases.register(by, weights, name=name, base="scripted", lineage=lineage)
    await measured(releases, artifact)
    await releases.sign(by, artifact)
    begun = await releases.begin(by, artifact, share_percent=0.01)
    return artifact, await releases.promote(by, begun)


def serves(versions: Versions, release: Release | None) -> Callable[[], bool]:
    def look() -> bool:
        stable = versions.stable
        assert isinstance(stable.engine, EmbeddedEngine)
        wanted = None if release is None else release.id
        return stable.release_id == wanted and stable.engine.state is State.READY

    return look


def told(releases: Releases, release: Release, why: str) -> Callable[[], Awaitable[tuple[str, str] | None]]:
    """That it cannot be served, for a reason with these words: the process, and what it serves instead."""

    async def look() -> tuple[str, str] | None:
        said = (await releases.unserved()).get(release.id, ())
        return next(((each.process, each.instead) for each in said if why in each.reason), None)

    return look


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("causette.staging._RETRY_SECONDS", 0.5)


@pytest.mark.usefixtures("impatient")
async def test_a_release_whose_weights_are_gone_is_told_of_and_served_once_they_are_back(
    database: Database, releases: Releases, text_config: EmbeddedConfig
):
    artifact, release = await released(releases, await owner(database), text_config.model, "gone")
    away = artifact.path.with_name("away")
    artifact.path.rename(away)
    base = EmbeddedEngine(text_config)
    base.start()
    async with following(releases, base) as versions:
        said = await eventually(told(releases, release, "are gone"), "it to be told", seconds=_LOADED)
        assert said == (f"{gethostname()}:{getpid()}", text_config.name)
        assert versions.stable is versions.base
        away.rename(artifact.path)
        await eventually(serves(versions, release), "the release", seconds=_LOADED)

        async def healed() -> bool:
            return await releases.unserved() == {}

        await eventually(healed, "nothing to be told any more")


@pytest.mark.usefixtures("impatient")
async def test_an_engine_that_ends_is_not_started_again_with_weights_that_were_changed_meanwhile(
    database: Database, releases: Releases, text_config: EmbeddedConfig
):
    artifact, release = await released(releases, await owner(database), text_config.model, "changed")
    base = EmbeddedEngine(text_config)
    base.start()
    async with following(releases, base) as versions:
        await eventually(serves(versions, release), "the release", seconds=_LOADED)
        kept = artifact.path.with_name("kept")
        artifact.path.rename(kept)
        # As good as the ones that were measured, and not they.
        artifact.path.write_bytes(kept.read_bytes() + b"\0")
        engine = versions.stable.engine
        assert isinstance(engine, EmbeddedEngine) and engine.pid is not None
        os.kill(engine.pid, signal.SIGKILL)
        said = await eventually(
            told(releases, release, "not those that were measured"), "it to be told", seconds=_LOADED
        )
        assert said is not None and said[1] == text_config.name
        await eventually(serves(versions, None), "the model that the house began with", seconds=_LOADED)
        kept.replace(artifact.path)
        await eventually(serves(versions, release), "the release", seconds=_LOADED)


async def test_what_was_undone_is_not_served_on_where_what_was_before_it_cannot_be(
    database: Database, releases: Releases, text_config: EmbeddedConfig
):
    by = await owner(database)
    first, before = await released(releases, by, text_config.model, "first")
    _, after = await released(releases, by, text_config.model, "second")
    base = EmbeddedEngine(text_config)
    base.start()
    async with following(releases, base) as versions:
        await eventually(serves(versions, after), "the second release", seconds=_LOADED)
        first.path.unlink()
        await releases.undo(by, after, "It is rude.")
        await eventually(serves(versions, None), "the model that the house began with", seconds=_LOADED)
        assert await eventually(told(releases, before, "are gone"), "it to be told")
    assert await releases.unserved() == {}
