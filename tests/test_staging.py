"""Following what is released, where it cannot be served or nobody asks; see also tests/releases/test_serving.py."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from math import log
from pathlib import Path

import pytest

from causette.accounts import Caller
from causette.audit import AuditLog
from causette.clock import utc_now
from causette.db import Database
from causette.engines.supervisor import EmbeddedConfig, EmbeddedEngine
from causette.errors import Unavailable
from causette.gateway import Deployment, Deployments
from causette.gateway.versions import Seen, Version, Versions
from causette.releases import Artifact, Release, Releases
from causette.releases.service import WATCH
from causette.releases.types import Arm, Tally
from causette.staging import Sheet, Staging, tally_of
from tests.releases.people import owner
from tests.releases.test_releasing import measured, registered
from tests.waiting import eventually


@pytest.fixture
def releases(database: Database, tmp_path: Path) -> Releases:
    return Releases(database, tmp_path / "artifacts")


@pytest.fixture
def base(tmp_path: Path) -> EmbeddedEngine:
    """An engine that never gets ready: its model is not there."""
    return EmbeddedEngine(
        EmbeddedConfig(kind="text", name="small", model=tmp_path / "none.gguf", context=512, kv_cache_gb=1)
    )


@asynccontextmanager
async def following(releases: Releases, base: EmbeddedEngine) -> AsyncGenerator[Versions]:
    versions = Versions(Version(base))
    staging = Staging(
        releases, Deployments([Deployment(name="scripted", kind="text", engine=versions, title="Scripted")])
    )
    staging.open()
    try:
        yield versions
    finally:
        await staging.close()
        await base.stop()


async def begun(releases: Releases, by: Caller, tmp_path: Path) -> tuple[Artifact, Release]:
    artifact = await registered(releases, by, tmp_path)
    await measured(releases, artifact)
    await releases.sign(by, artifact)
    return artifact, await releases.begin(by, artifact, share_percent=100)


def rolled_back(releases: Releases, release: Release) -> Callable[[], object]:
    async def look() -> str | None:
        found = await releases.release(release.id)
        return found.reason if found.state == "rolled_back" else None

    return look


async def test_a_canary_whose_weights_were_changed_is_rolled_back(
    database: Database, releases: Releases, base: EmbeddedEngine, tmp_path: Path
):
    artifact, release = await begun(releases, await owner(database), tmp_path)
    artifact.path.chmod(0o600)
    artifact.path.write_bytes(b"GGUF of somebody else")
    base.start()
    async with following(releases, base) as versions:
        reason = await eventually(rolled_back(releases, release), "the roll-back")
        assert "not those that were measured" in str(reason)
        assert versions.canary is None
        assert versions.stable is versions.base
        audit = AuditLog(database, utc_now)

        async def noted() -> bool:
            entry = (await audit.entries(target_id=release.id))[0]
            return (entry.actor, entry.act, entry.outcome) == (WATCH, "release.roll_back", "done")

        await eventually(noted, "the entry in the audit log")


async def test_a_canary_whose_engine_does_not_start_is_rolled_back(
    database: Database, releases: Releases, base: EmbeddedEngine, tmp_path: Path
):
    _, release = await begun(releases, await owner(database), tmp_path)
    base.start()
    async with following(releases, base) as versions:
        reason = await eventually(rolled_back(releases, release), "the roll-back", seconds=60)
        assert "does not start" in str(reason)
        assert versions.canary is None


async def test_where_nobody_has_asked_for_anything_no_engine_is_started(
    database: Database,
    releases: Releases,
    base: EmbeddedEngine,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
):
    by = await owner(database)
    artifact, release = await begun(releases, by, tmp_path)
    # Whoever looked at it would roll it back.
    artifact.path.unlink()
    looks, in_force = 0, releases.in_force

    async def looked() -> Sequence[Release]:
        nonlocal looks
        looks += 1
        return await in_force()

    monkeypatch.setattr(releases, "in_force", looked)
    async with following(releases, base):
        await eventually(lambda: looks == 1, "a look")
        await releases.set_share(by, release, 20)
        await eventually(lambda: looks == 2, "another look, as something has changed", seconds=1)
    assert (await releases.release(release.id)).state == "canary"
    assert not base.started


def test_a_request_is_a_tally():
    assert tally_of(Seen(failed=True)) == Tally(requests=1, errors=1)
    seen = tally_of(Seen(first_seconds=0.5, output_tokens=7, compute_ns=9))
    assert (seen.firsts, seen.first_log, seen.first_log_squares) == (1, log(0.5), log(0.5) ** 2)
    assert (seen.requests, seen.errors, seen.output_tokens, seen.compute_ns) == (1, 0, 7, 9)
    together = seen + tally_of(Seen(first_seconds=2.0))
    assert together.first_token_seconds == pytest.approx(1.0)
    assert tally_of(Seen(first_seconds=0.0)).firsts == 1


async def test_what_was_seen_is_written_once_and_kept_while_the_database_is_away(
    database: Database, releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _, release = await begun(releases, await owner(database), tmp_path)
    sheet = Sheet()
    for _ in range(3):
        sheet.add(release, "canary", "user_1", Seen(output_tokens=2))
    sheet.add(release, "stable", "user_2", Seen(failed=True))

    async def away(release: Release, minute: datetime, tallies: object) -> None:
        raise Unavailable("The database is away.", code="database_unavailable")

    with monkeypatch.context() as patched:
        patched.setattr(releases, "saw", away)
        with pytest.raises(Unavailable):
            await sheet.flush(releases)
    sheet.add(release, "canary", "user_1", Seen(output_tokens=2))
    for _ in range(2):
        await sheet.flush(releases)
    tallies = (await releases.standing(release)).tallies
    assert tallies["canary"] == Tally(requests=4, output_tokens=8)
    assert tallies["stable"] == Tally(requests=1, errors=1)


async def test_how_long_somebody_waits_the_first_time_is_not_counted(
    database: Database, releases: Releases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    _, release = await begun(releases, await owner(database), tmp_path)
    told: list[tuple[str, Mapping[Arm, Tally]]] = []

    async def saw(release: Release, minute: datetime, tallies: Mapping[Arm, Tally]) -> None:
        told.append((release.id, tallies))

    monkeypatch.setattr(releases, "saw", saw)
    sheet = Sheet()
    asked: tuple[tuple[Arm, str, float], ...] = (
        ("canary", "user_1", 9.0),
        ("canary", "user_1", 0.5),
        ("stable", "user_2", 9.0),
        ("stable", "user_2", 2.0),
        ("canary", "user_3", 9.0),
    )
    for arm, user, seconds in asked:
        sheet.add(release, arm, user, Seen(first_seconds=seconds))
    await sheet.flush(releases)
    ((_, tallies),) = told
    assert {arm: (each.requests, each.firsts) for arm, each in tallies.items()} == {
        "canary": (3, 1),
        "stable": (2, 1),
    }
    assert tallies["canary"].first_token_seconds == pytest.approx(0.5)
    assert tallies["stable"].first_token_seconds == pytest.approx(2.0)

    # Whom one canary has met is new to the next.
    sheet.add(replace(release, id="rel_next"), "canary", "user_1", Seen(first_seconds=9.0))
    await sheet.flush(releases)
    assert told[1] == ("rel_next", {"canary": Tally(requests=1)})
