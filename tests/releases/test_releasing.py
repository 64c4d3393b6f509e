"""From an artifact to a release and back, on each kind of database."""

import asyncio
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from causette.accounts import Caller
from causette.audit import AuditLog
from causette.clock import utc_now
from causette.db import Database
from causette.errors import CausetteError, Conflict, Forbidden, InvalidRequest
from causette.ids import new_id
from causette.releases import Artifact, Check, Release, Releases
from causette.releases.store import unserved_releases
from causette.releases.types import CHECK_GROUPS, Bounds, Lineage, Tally, Thumbs, Unserved
from causette.releases.weights import WeightsChanged
from tests.releases.people import owner, stranger

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


class Clock:
    """The time, which passes when somebody says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def releases(database: Database, tmp_path: Path, clock: Clock) -> Releases:
    return Releases(database, tmp_path / "artifacts", now=clock)


def checks(*, failing: str | None = None) -> tuple[Check, ...]:
    return tuple(
        Check(
            name=f"{group} of sums",
            group=group,
            passed=group != failing,
            candidate=0.5,
            baseline=0.5,
            unit="share",
            asked="not worse beyond chance",
            found="as good",
        )
        for group in CHECK_GROUPS
    )


async def registered(releases: Releases, by: Caller, tmp_path: Path, name: str = "taught") -> Artifact:
    weights = tmp_path / f"{name}.gguf"
    weights.write_bytes(b"GGUF" + name.encode())
    lineage = Lineage(parent="small", run_id="run_1", recipes=({"stage": "sft"},), code={"torch": "2.13"})
    return await releases.register(
        by, weights, name=name, base="scripted", lineage=lineage, metrics={"loss": 1.5}
    )


async def measured(releases: Releases, artifact: Artifact, *, failing: str | None = None) -> None:
    await releases.report(
        artifact,
        run_id=new_id("run"),
        baseline="small",
        checks=checks(failing=failing),
        policy={},
        seconds=1.0,
        machine="here",
    )


async def begun(
    releases: Releases, by: Caller, tmp_path: Path, name: str = "taught", bounds: Bounds | None = None
) -> Release:
    artifact = await registered(releases, by, tmp_path, name)
    await measured(releases, artifact)
    await releases.sign(by, artifact)
    return await releases.begin(by, artifact, share_percent=10, bounds=bounds)


async def test_an_artifact_is_kept_with_where_it_comes_from(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    made = await registered(releases, await owner(database), tmp_path)
    found = await releases.artifact("taught")
    assert found == made == await releases.artifact(made.id)
    assert found.path.read_bytes() == b"GGUFtaught"
    assert found.lineage.recipes == ({"stage": "sft"},)


async def test_a_name_is_given_once_and_only_to_gguf(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by = await owner(database)
    await registered(releases, by, tmp_path)
    with pytest.raises(Conflict, match="another name"):
        await registered(releases, by, tmp_path)
    other = tmp_path / "other.bin"
    other.write_bytes(b"something else")
    with pytest.raises(InvalidRequest, match="no GGUF"):
        await releases.register(
            by, other, name="o", base="scripted", lineage=Lineage(parent="small", run_id="r")
        )
    assert len(list((tmp_path / "artifacts").rglob("*.gguf"))) == 1


async def test_each_step_asks_for_the_one_before_it(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by = await owner(database)
    artifact = await registered(releases, by, tmp_path)
    with pytest.raises(Conflict) as unmeasured:
        await releases.sign(by, artifact)
    with pytest.raises(Conflict) as unmeasured_too:
        await releases.begin(by, artifact, share_percent=10)
    await measured(releases, artifact)
    with pytest.raises(Conflict) as unsigned:
        await releases.begin(by, artifact, share_percent=10)
    assert [each.value.code for each in (unmeasured, unmeasured_too, unsigned)] == [
        "not_measured",
        "not_measured",
        "not_signed",
    ]
    await releases.sign(by, artifact)
    release = await releases.begin(by, artifact, share_percent=10)
    assert (release.state, release.model, release.share_percent) == ("canary", "scripted", 10)


@pytest.mark.parametrize("failing", CHECK_GROUPS)
async def test_what_fails_any_check_is_overridden_by_name_and_reason_or_not_at_all(
    releases: Releases, database: Database, tmp_path: Path, failing: str
) -> None:
    by = await owner(database)
    artifact = await registered(releases, by, tmp_path)
    await measured(releases, artifact, failing=failing)
    with pytest.raises(Conflict) as refused:
        await releases.sign(by, artifact)
    assert refused.value.code == "gate_not_passed"
    with pytest.raises(InvalidRequest, match="why"):
        await releases.override(by, artifact, " because ")
    approval = await releases.override(by, artifact, "The old one is being withdrawn today.")
    assert (approval.kind, approval.actor) == ("overridden", by.user.email)
    await releases.begin(by, artifact, share_percent=1)
    entries = await AuditLog(database, utc_now).entries(target_id=artifact.id)
    assert [(each.act, each.outcome) for each in entries] == [
        ("artifact.override", "done"),
        ("artifact.register", "done"),
    ]
    assert entries[0].details["reason"] == "The old one is being withdrawn today."


async def test_a_report_that_leaves_a_group_out_has_not_passed(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by = await owner(database)
    artifact = await registered(releases, by, tmp_path)
    await releases.report(
        artifact,
        run_id="run_1",
        baseline="small",
        checks=checks()[:-1],
        policy={},
        seconds=1.0,
        machine="here",
    )
    with pytest.raises(Conflict, match="not complete"):
        await releases.sign(by, artifact)


async def test_a_run_that_two_processes_report_at_once_has_one_report(
    releases: Releases, database: Database, database_url: str, tmp_path: Path
) -> None:
    artifact = await registered(releases, await owner(database), tmp_path)
    runs = [f"run_{number}" for number in range(30)]
    command = (
        *("-m", "tests.releases.reporting", database_url),
        str(tmp_path / "artifacts"),
        "taught",
        *runs,
    )
    reporters = [
        await asyncio.create_subprocess_exec(
            sys.executable, *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        for _ in range(2)
    ]
    for each in reporters:
        assert each.stdout is not None
        assert await each.stdout.readline() == b"ready\n"
    told = await asyncio.gather(*(each.communicate(b"\n") for each in reporters))
    reports = {each.run_id: each.id for each in await releases.reports(artifact)}
    assert len(await releases.reports(artifact)) == len(runs)
    # Both were given the one that there is.
    for ids, _ in told:
        assert ids.decode().split() == [reports[run] for run in runs]


async def test_a_signature_is_for_one_report(releases: Releases, database: Database, tmp_path: Path) -> None:
    by = await owner(database)
    artifact = await registered(releases, by, tmp_path)
    await measured(releases, artifact)
    await releases.sign(by, artifact)
    await measured(releases, artifact, failing="safety")
    with pytest.raises(Conflict) as refused:
        await releases.begin(by, artifact, share_percent=10)
    assert refused.value.code == "not_signed"


async def test_weights_that_were_changed_are_not_served(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by = await owner(database)
    artifact = await registered(releases, by, tmp_path)
    await measured(releases, artifact)
    await releases.sign(by, artifact)
    artifact.path.chmod(0o644)
    artifact.path.write_bytes(b"GGUFothers")
    with pytest.raises(WeightsChanged):
        await releases.begin(by, artifact, share_percent=10)


async def test_only_who_runs_the_house_releases(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by, other = await owner(database), await stranger(database)
    artifact = await registered(releases, by, tmp_path)
    await measured(releases, artifact)
    for act in (
        releases.sign(other, artifact),
        releases.override(other, artifact, "I would like it to be served."),
        releases.begin(other, artifact, share_percent=10),
    ):
        with pytest.raises(Forbidden):
            await act
    await releases.sign(by, artifact)
    release = await releases.begin(by, artifact, share_percent=10)
    for act in (
        releases.promote(other, release),
        releases.set_share(other, release, 50),
        releases.roll_back(other, release, "no"),
        releases.undo(other, release, "no"),
    ):
        with pytest.raises(Forbidden):
            await act


async def test_a_promotion_is_undone_to_what_was_before(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by = await owner(database)
    first = await releases.promote(by, await begun(releases, by, tmp_path, "first"))
    second = await releases.promote(by, await begun(releases, by, tmp_path, "second"))
    assert (await releases.release(first.id)).state == "superseded"
    assert [each.id for each in await releases.in_force()] == [second.id]

    await releases.undo(by, second, "It is rude.")
    assert [each.id for each in await releases.in_force()] == [first.id]
    undone = await releases.release(second.id)
    assert (undone.state, undone.reason) == ("undone", f"{by.user.email}: It is rude.")

    await releases.undo(by, await releases.release(first.id), "It is rude as well.")
    assert await releases.in_force() == []


async def test_an_undo_and_a_promotion_at_once_leave_one_release_in_force(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by = await owner(database)
    await releases.promote(by, await begun(releases, by, tmp_path, "first"))
    for number in range(5):
        second = await releases.promote(by, await begun(releases, by, tmp_path, f"second-{number}"))
        third = await begun(releases, by, tmp_path, f"third-{number}")
        done = await asyncio.gather(
            releases.undo(by, second, "It is rude."), releases.promote(by, third), return_exceptions=True
        )
        # The promotion may be first, and then there is nothing to undo.
        assert [
            each for each in done if isinstance(each, BaseException) and not isinstance(each, Conflict)
        ] == []
        assert [each.id for each in await releases.in_force()] == [third.id]


async def test_what_a_process_cannot_serve_is_told_while_it_says_so_and_it_is_in_force(
    releases: Releases, database: Database, tmp_path: Path, clock: Clock
) -> None:
    by = await owner(database)
    release = await releases.promote(by, await begun(releases, by, tmp_path))

    def unserved(process: str) -> Unserved:
        return Unserved(
            release_id=release.id, process=process, reason="They are gone.", instead="small", since=clock.now
        )

    here, there = unserved("here:1"), unserved("there:1")
    await releases.cannot_serve("here:1", [here])
    await releases.cannot_serve("there:1", [there])
    assert await releases.unserved() == {release.id: [here, there]}
    clock.now += timedelta(minutes=1)
    await releases.cannot_serve("here:1", [here])
    clock.now += timedelta(minutes=1, seconds=1)
    # The other was killed.
    assert await releases.unserved() == {release.id: [here]}
    await releases.undo(by, release, "It is not there.")
    assert await releases.unserved() == {}
    await releases.cannot_serve("here:1", [])
    async with database.read() as connection:
        assert (await connection.execute(sa.select(unserved_releases))).all() == []


async def test_there_is_one_canary_of_a_model(releases: Releases, database: Database, tmp_path: Path) -> None:
    by = await owner(database)
    first = await begun(releases, by, tmp_path, "first")
    with pytest.raises(Conflict) as refused:
        await begun(releases, by, tmp_path, "second")
    assert refused.value.code == "canary_exists"
    await releases.roll_back(by, first, "It is slow.")
    with pytest.raises(Conflict):
        await releases.promote(by, first)
    assert (await releases.begin(by, await releases.artifact("second"), share_percent=5)).state == "canary"


@pytest.mark.parametrize("share", [0, -1, 100.5])
async def test_a_share_is_of_a_hundred(
    releases: Releases, database: Database, tmp_path: Path, share: float
) -> None:
    by = await owner(database)
    release = await begun(releases, by, tmp_path)
    with pytest.raises(InvalidRequest) as refused:
        await releases.set_share(by, release, share)
    assert refused.value.param == "share_percent"


async def test_a_canary_that_fails_more_often_is_rolled_back_by_the_watch(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by = await owner(database)
    release = await begun(releases, by, tmp_path)
    await releases.saw(release, NOW, {"stable": Tally(requests=900), "canary": Tally(requests=100, errors=2)})
    await releases.watch()
    assert (await releases.release(release.id)).state == "canary"
    await releases.saw(release, NOW, {"canary": Tally(requests=10, errors=9)})
    await releases.watch()
    ended = await releases.release(release.id)
    assert ended.state == "rolled_back"
    assert "11 of 110 requests failed" in ended.reason
    assert await releases.in_force() == []


async def test_a_canary_that_is_disliked_is_rolled_back_by_the_watch(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by = await owner(database)
    release = await begun(releases, by, tmp_path)

    async def rated(_: Release) -> dict[str, Thumbs]:
        return {"stable": Thumbs(up=80, down=20), "canary": Thumbs(up=5, down=20)}

    releases.rated_since = rated  # pyright: ignore[reportAttributeAccessIssue] - both arms are named
    await releases.watch()
    assert "20 of 25 rated replies are disliked" in (await releases.release(release.id)).reason


async def test_a_canary_that_is_slower_is_not_promoted(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    by = await owner(database)
    release = await begun(releases, by, tmp_path)
    usual = Tally(requests=200, firsts=200, first_log=-200.0, first_log_squares=210.0)
    slow = Tally(requests=50, firsts=50, first_log=-20.0, first_log_squares=9.0)
    await releases.saw(release, NOW, {"stable": usual, "canary": slow})
    with pytest.raises(CausetteError) as refused:
        await releases.promote(by, release)
    assert refused.value.code == "regressed"
    assert "1.82 times as long" in refused.value.message


async def test_a_canary_is_promoted_by_the_watch_where_that_is_wanted_and_it_has_shown_enough(
    releases: Releases, database: Database, tmp_path: Path, clock: Clock
) -> None:
    by = await owner(database)
    release = await begun(releases, by, tmp_path, bounds=Bounds(requests=20, minutes=30, promotes=True))
    await releases.saw(release, NOW, {"stable": Tally(requests=100), "canary": Tally(requests=20)})
    await releases.watch()
    assert (await releases.standing(release)).missing == ("30 more minutes",)
    clock.now += timedelta(minutes=30)
    await releases.watch()
    promoted = await releases.release(release.id)
    assert (promoted.state, promoted.reason) == ("released", "the watch over canaries")
    entry = (await AuditLog(database, utc_now).entries(target_id=release.id))[0]
    assert (entry.act, entry.actor) == ("release.promote", "the watch over canaries")


async def test_tallies_of_many_processes_add_up(
    releases: Releases, database: Database, tmp_path: Path
) -> None:
    release = await begun(releases, await owner(database), tmp_path)
    part = Tally(requests=2, errors=1, firsts=1, first_log=0.5, first_log_squares=0.25, output_tokens=7)
    for minute in (NOW, NOW, NOW + timedelta(minutes=1)):
        await releases.saw(release, minute, {"canary": part})
    assert (await releases.standing(release)).tallies["canary"] == replace(part + part, requests=4) + part
