"""The lab's runs in the background: one process at a time, whoever dies."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from causette.accounts import Caller
from causette.db import Database
from causette.errors import Conflict, Forbidden, InvalidRequest, NotFound
from causette.jobs import Jobs, JobStatus
from causette.lab import installed, running
from causette.lab.installed import LabNotInstalled
from causette.lab.process import measured_at
from causette.lab.running import Carrier, LabRun, LabRuns
from causette.lab.runs import Runs
from causette.settings import Settings
from tests.lab.small import SMALL, small_lab
from tests.releases.people import owner, stranger
from tests.stores import empty_sqlite
from tests.waiting import eventually

LEASE = timedelta(seconds=1)


class Booked:
    """What was booked, the newest of each attempt."""

    def __init__(self) -> None:
        self.by_attempt: dict[str, tuple[str, int]] = {}

    async def __call__(self, attempt: str, work: str, compute_ns: int) -> None:
        before = self.by_attempt.get(attempt, (work, 0))
        assert before[0] == work and before[1] <= compute_ns
        self.by_attempt[attempt] = work, compute_ns


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with a small model, and data for it."""
    return small_lab(tmp_path_factory.mktemp("lab"))


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    """On SQLite alone: what is kept here is kept by the jobs room, and processes with PyTorch take seconds."""
    file = tmp_path / "causette.sqlite3"
    file.write_bytes(empty_sqlite())
    return f"sqlite:///{file}"


@asynccontextmanager
async def working(
    database: Database, data: Path, at_once: int = 1, book: Booked | None = None, jobs: Jobs | None = None
) -> AsyncGenerator[LabRuns]:
    jobs = jobs or Jobs(database, lease=LEASE)
    settings = Settings(data=data, lab_threads=1)
    runs = LabRuns(Carrier(settings, book=book or Booked()), jobs, at_once=at_once)
    jobs.open(1)
    try:
        yield runs
    finally:
        await jobs.close()


def sft(steps: int, **training: Any) -> dict[str, Any]:
    return {**SMALL, "training": {"steps": steps, "batch": 2, "save_every": 5, **training}}


async def over(runs: LabRuns, by: Caller, begun: LabRun) -> LabRun:
    async def ended() -> LabRun | None:
        found = await runs.find(by, begun.run.id)
        return found if found.job is None else None

    found = await eventually(ended, "the run to end", seconds=90)
    assert found is not None
    return found


async def resumed(runs: LabRuns, by: Caller, run_id: str) -> None:
    async def said() -> bool:
        return any("Resuming after step" in str(event.get("note")) for event in await runs.events(by, run_id))

    await eventually(said, "it to go on", seconds=90)


async def steps(runs: LabRuns, by: Caller, run_id: str, least: int) -> None:
    async def taken() -> bool:
        return any(event.get("step", 0) >= least for event in await runs.events(by, run_id))

    await eventually(taken, f"{least} steps", seconds=90)


async def test_a_run_is_begun_carried_out_and_booked(database: Database, data: Path) -> None:
    ada, booked, jobs = await owner(database), Booked(), Jobs(database, lease=LEASE)
    async with working(database, data, book=booked, jobs=jobs) as runs:
        begun = await runs.start(ada, sft(3), name="done")
        assert begun.job is not None and begun.job.status is JobStatus.QUEUED
        done = await over(runs, ada, begun)
        job = await jobs.find(ada, begun.job.id)
        with pytest.raises(Conflict, match="can be resumed"):
            await runs.resume(ada, done.run.id)
    assert (done.run.status, done.run.kind) == ("done", "adapter")
    assert (job.status, job.progress, job.total, job.result) == (
        JobStatus.DONE,
        3,
        3,
        {"run": done.run.id},
    )
    ((work, compute_ns),) = booked.by_attempt.values()
    assert work == done.run.id and compute_ns > 0
    assert not list((data / "lab-usage").iterdir())


async def test_a_run_that_was_only_begun_is_told_apart_from_one_that_has_ended(
    database: Database, data: Path
) -> None:
    ada = await owner(database)
    async with working(database, data, at_once=0) as runs:
        Runs(data / "runs").begin("sft", sft(3), "begun")
        begun = await runs.find(ada, "begun")
        assert (begun.run.status, begun.job, begun.asked) == ("interrupted", None, False)
        assert (await runs.resume(ada, "begun")).asked
        await runs.stop(ada, "begun")
        ended = await runs.find(ada, "begun")
        assert (ended.run.status, ended.job, ended.asked) == ("interrupted", None, True)


async def test_what_cannot_be_begun_is_refused_at_once(
    database: Database, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await owner(database)
    async with working(database, data, at_once=0) as runs:
        with pytest.raises(InvalidRequest, match=r"training\.steps: Expected `int`"):
            await runs.start(ada, {"stage": "sft", "data": "x", "training": {"steps": "many"}})
        with pytest.raises(InvalidRequest, match="There is no stage 'teach'"):
            await runs.start(ada, {"stage": "teach"})
        with pytest.raises(InvalidRequest, match="does not say its stage") as said:
            await runs.start(ada, {})
        assert said.value.param == "stage"
        with pytest.raises(Conflict, match="There is a run base"):
            await runs.start(ada, sft(3), name="base")
        with pytest.raises(NotFound):
            await runs.find(ada, "../base")
        bob = await stranger(database)
        for refused in (
            runs.start(bob, sft(3)),
            runs.list(bob),
            runs.find(bob, "base"),
            runs.stop(bob, "base"),
        ):
            with pytest.raises(Forbidden):
                await refused
        monkeypatch.setattr(installed, "_NEEDED", ("torch", "no_such_library"))
        with pytest.raises(LabNotInstalled, match=r"needs no_such_library.*pip install 'causette\[lab\]'"):
            await runs.start(ada, sft(3))


async def test_a_run_that_fails_says_why(database: Database, data: Path) -> None:
    ada, jobs = await owner(database), Jobs(database, lease=LEASE)
    async with working(database, data, jobs=jobs) as runs:
        begun = await runs.start(ada, {**sft(3), "data": "nothing"}, name="fails")
        assert begun.job is not None
        done = await over(runs, ada, begun)
        job = await jobs.find(ada, begun.job.id)
    assert (job.status, job.attempts) == (JobStatus.FAILED, 1)
    assert done.run.status == "failed"
    assert job.error_message == done.run.error and "no prepared data 'nothing'" in (done.run.error or "")


async def test_a_stopped_run_writes_a_checkpoint_and_is_resumed(database: Database, data: Path) -> None:
    ada, name = await owner(database), "stopped"
    async with working(database, data) as runs:
        begun = await runs.start(ada, sft(400, save_every=10_000), name=name)
        await steps(runs, ada, name, 2)
        stopped = await runs.stop(ada, name)
        stopped = await over(runs, ada, begun)
        assert stopped.run.status == "interrupted"
        assert list((data / "runs" / name / "checkpoints").glob("step-*.pt"))
        again = await runs.resume(ada, name)
        with pytest.raises(Conflict):
            await runs.resume(ada, name)
        await resumed(runs, ada, name)
        await runs.stop(ada, name)
        await over(runs, ada, again)


async def test_a_run_outlives_the_sigkill_of_its_worker(
    database: Database, database_url: str, data: Path
) -> None:
    ada, name, booked = await owner(database), "killed", Booked()
    async with working(database, data, at_once=0, book=booked) as idle:
        await idle.start(ada, sft(60), name=name)
        worker = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "tests.lab.killed_worker", database_url, str(data)),
            cwd=Path(__file__).parents[2],
            env=os.environ | {"PYTHONPATH": ":".join(filter(None, sys.path))},
        )
        await steps(idle, ada, name, 12)
        worker.send_signal(signal.SIGKILL)
        await worker.wait()
        (left,) = (data / "lab-usage").iterdir()

        async def dead() -> bool:
            return not measured_at(left)[1]

        # Its process ends with it, in the middle of a step.
        await eventually(dead, "the process to end", seconds=20)
        assert (await idle.find(ada, name)).run.status == "interrupted"
    async with working(database, data, book=booked) as runs:
        done = await over(runs, ada, await runs.find(ada, name))
        told = await runs.events(ada, name)
    assert (done.run.status, done.run.metrics["steps"]) == ("done", 60)
    assert any("Resuming after step" in str(event.get("note")) for event in told)
    assert [work for work, _ in booked.by_attempt.values()] == [name, name]
    assert all(compute_ns > 0 for _, compute_ns in booked.by_attempt.values())


def test_a_run_knows_the_key_it_asks_with_and_no_secret_of_the_house(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAUSETTE_API_KEY", "sk-somewhere")
    monkeypatch.setenv("CAUSETTE_SECRET_KEY", "hidden" * 6)
    monkeypatch.setenv("TEACHERS_KEY", "sk-teacher")
    told = running._environment(Settings(data=tmp_path))  # pyright: ignore[reportPrivateUsage]
    assert (told["CAUSETTE_API_KEY"], told["TEACHERS_KEY"]) == ("sk-somewhere", "sk-teacher")
    assert "CAUSETTE_SECRET_KEY" not in told
