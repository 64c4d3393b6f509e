"""Background work is done once it was asked for, whoever dies meanwhile, and by one worker at a time."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from causette.accounts import Accounts, Caller
from causette.accounts.passwords import Passwords
from causette.db import Database
from causette.errors import InvalidRequest, NotFound, Unavailable
from causette.jobs import Handler, Job, Jobs, JobStatus, Work
from causette.jobs import worker as worker_module
from causette.jobs.store import JobStore
from tests.waiting import eventually

LEASE = timedelta(seconds=1)


async def person(database: Database, name: str = "ada") -> Caller:
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    user = await accounts.create_user(name=name, email=f"{name}@example.org", password="seven quiet otters")
    return Caller(user=user)


@asynccontextmanager
async def working(
    database: Database, handler: Handler, at_once: int = 2, **limits: Any
) -> AsyncGenerator[Jobs]:
    jobs = Jobs(database, lease=LEASE)
    jobs.handle("count", handler, **limits)
    jobs.open(at_once)
    try:
        yield jobs
    finally:
        await jobs.close()


async def over(jobs: Jobs, caller: Caller, job: Job) -> Job:
    async def ended() -> Job | None:
        found = await jobs.find(caller, job.id)
        return found if found.status.over else None

    found = await eventually(ended, "the job to end", seconds=30)
    assert found is not None
    return found


def answering(result: dict[str, object]) -> Handler:
    async def handler(work: Work) -> dict[str, object]:
        return {**result, **work.job.arguments}

    return handler


async def test_a_job_is_done_and_its_result_kept(database: Database) -> None:
    ada = await person(database)
    async with working(database, answering({"sum": 3})) as jobs:
        job = await jobs.ask(ada.user.id, "count", {"of": [1, 2]})
        done = await over(jobs, ada, job)

    assert (done.status, done.result, done.attempts) == (JobStatus.DONE, {"sum": 3, "of": [1, 2]}, 1)
    assert done.finished_at is not None


async def test_progress_is_seen_while_it_runs(database: Database) -> None:
    ada, go_on = await person(database), asyncio.Event()

    async def handler(work: Work) -> None:
        await work.report(3, 10)
        await go_on.wait()

    async with working(database, handler) as jobs:
        job = await jobs.ask(ada.user.id, "count", {})

        async def third() -> bool:
            found = await jobs.find(ada, job.id)
            return (found.status, found.progress, found.total) == (JobStatus.RUNNING, 3, 10)

        await eventually(third, "the progress")
        go_on.set()
        assert (await over(jobs, ada, job)).status is JobStatus.DONE


async def test_what_fails_is_tried_again_and_gets_back_its_state(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "_FIRST_PAUSE", timedelta(0))
    ada, seen = await person(database), list[dict[str, object]]()

    async def handler(work: Work) -> dict[str, object]:
        seen.append(work.job.state)
        await work.report(1, state={"reached": len(seen)})
        if len(seen) < 3:
            raise Unavailable("The engine is starting.")
        return {"after": work.job.attempts}

    async with working(database, handler) as jobs:
        done = await over(jobs, ada, await jobs.ask(ada.user.id, "count", {}))

    assert (done.status, done.result) == (JobStatus.DONE, {"after": 3})
    assert seen == [{}, {"reached": 1}, {"reached": 2}]


@pytest.mark.parametrize(
    ("error", "attempts", "code"),
    [
        (InvalidRequest("Not like this.", code="wrong_shape"), 1, "wrong_shape"),
        (Unavailable("Away.", code="engine_lost"), 2, "engine_lost"),
        (RuntimeError("a bug"), 2, "internal_error"),
    ],
)
async def test_it_ends_as_failed_when_trying_again_would_not_help(
    database: Database, monkeypatch: pytest.MonkeyPatch, error: Exception, attempts: int, code: str
) -> None:
    monkeypatch.setattr(worker_module, "_FIRST_PAUSE", timedelta(0))
    ada = await person(database)

    async def handler(work: Work) -> None:
        raise error

    async with working(database, handler, attempts=2) as jobs:
        failed = await over(jobs, ada, await jobs.ask(ada.user.id, "count", {}))

    assert (failed.status, failed.attempts, failed.error_code) == (JobStatus.FAILED, attempts, code)
    assert "a bug" not in (failed.error_message or "")


async def test_what_takes_too_long_is_ended(database: Database) -> None:
    ada = await person(database)

    async def handler(work: Work) -> None:
        await asyncio.Event().wait()

    async with working(database, handler, attempts=1, seconds=0.05) as jobs:
        failed = await over(jobs, ada, await jobs.ask(ada.user.id, "count", {}))

    assert (failed.status, failed.error_code) == (JobStatus.FAILED, "job_timeout")


async def test_each_of_many_jobs_is_done_by_one_of_two_processes(database: Database) -> None:
    ada, done = await person(database), list[object]()

    async def handler(work: Work) -> None:
        done.append(work.job.arguments["number"])

    async with working(database, handler) as one, working(database, handler):
        asked = [await one.ask(ada.user.id, "count", {"number": number}) for number in range(30)]
        for job in asked:
            assert (await over(one, ada, job)).attempts == 1

    assert sorted(done) == list(range(30))


async def test_a_job_outlives_the_sigkill_of_its_worker(database: Database, database_url: str) -> None:
    ada = await person(database)
    idle = Jobs(database, lease=LEASE)
    job = await idle.ask(ada.user.id, "count", {})
    process = await asyncio.to_thread(
        subprocess.Popen,
        [sys.executable, "-m", "tests.jobs.killed_worker", database_url],
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"begun\n"
    finally:
        process.kill()
        process.wait()
    assert (await idle.find(ada, job.id)).status is JobStatus.RUNNING

    async def handler(work: Work) -> dict[str, object]:
        return {"found": work.job.state}

    async with working(database, handler) as jobs:
        done = await over(jobs, ada, job)
    assert (done.status, done.attempts, done.result) == (JobStatus.DONE, 2, {"found": {"half": True}})


async def test_a_job_whose_workers_all_die_ends_as_failed(database: Database) -> None:
    ada = await person(database)
    async with working(database, answering({}), attempts=2) as jobs:
        await jobs.close()
        job = await jobs.ask(ada.user.id, "count", {})
        for _ in range(2):
            assert await jobs._store.claim("proc_dead", {"count"}, timedelta(0))
        jobs.open(1)
        failed = await over(jobs, ada, job)
    assert (failed.status, failed.error_code) == (JobStatus.FAILED, "job_died")


async def test_who_slept_too_long_changes_nothing_for_its_successor(database: Database) -> None:
    ada = await person(database)
    jobs = Jobs(database, lease=LEASE)
    job = await jobs.ask(ada.user.id, "count", {})
    slept = await jobs._store.claim("proc_one", {"count"}, timedelta(0))
    taken = await jobs._store.claim("proc_two", {"count"}, LEASE)
    assert slept is not None and taken is not None

    assert not await jobs._store.change(slept, progress=99)
    assert await jobs._store.renew(slept, LEASE) is None
    assert await jobs._store.change(taken, progress=1)
    assert (await jobs.find(ada, job.id)).progress == 1


async def test_a_process_that_ends_gives_its_jobs_back_at_once(database: Database) -> None:
    ada, begun = await person(database), asyncio.Event()

    async def handler(work: Work) -> None:
        begun.set()
        await asyncio.Event().wait()

    async with working(database, handler) as jobs:
        job = await jobs.ask(ada.user.id, "count", {})
        await begun.wait()
    given_back = await jobs.find(ada, job.id)
    assert (given_back.status, given_back.attempts) == (JobStatus.QUEUED, 0)


async def _begun(jobs: Jobs, caller: Caller, job: Job) -> None:
    async def running() -> bool:
        return (await jobs.find(caller, job.id)).status is JobStatus.RUNNING

    await eventually(running, "the job to begin")


async def test_what_is_done_while_its_process_ends_is_not_done_again(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await person(database)
    noting = asyncio.Event()
    change = JobStore.change

    async def slowly(store: JobStore, job: Job, **columns: object) -> bool:
        noting.set()
        await asyncio.sleep(0.2)
        return await change(store, job, **columns)

    monkeypatch.setattr(JobStore, "change", slowly)
    async with working(database, answering({"ok": True})) as jobs:
        asked = await jobs.ask(ada.user.id, "count", {})
        await noting.wait()
    assert (await jobs.find(ada, asked.id)).status is JobStatus.DONE


@pytest.mark.parametrize("where", ["here", "elsewhere"])
async def test_a_running_job_is_called_off_from_any_process(database: Database, where: str) -> None:
    ada, ended = await person(database), asyncio.Event()

    async def handler(work: Work) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with working(database, handler) as jobs:
        job = await jobs.ask(ada.user.id, "count", {})
        await _begun(jobs, ada, job)
        await (jobs if where == "here" else Jobs(database)).cancel(ada, job.id)
        assert (await over(jobs, ada, job)).status is JobStatus.CANCELLED
        assert ended.is_set()


async def test_a_waiting_job_is_called_off_and_never_begun(database: Database) -> None:
    ada, idle = await person(database), Jobs(database)
    job = await idle.ask(ada.user.id, "count", {})
    assert (await idle.cancel(ada, job.id)).status is JobStatus.CANCELLED
    assert await idle._store.claim("proc_one", {"count"}, LEASE) is None
    assert (await idle.cancel(ada, job.id)).status is JobStatus.CANCELLED


async def test_asking_twice_under_one_key_is_one_job_until_it_is_over(database: Database) -> None:
    ada, idle = await person(database), Jobs(database)
    asked = await asyncio.gather(*(idle.ask(ada.user.id, "count", {}, key="file_1") for _ in range(5)))
    assert len({job.id for job in asked}) == 1
    await idle.cancel(ada, asked[0].id)
    assert (await idle.ask(ada.user.id, "count", {}, key="file_1")).id != asked[0].id


async def test_what_is_asked_for_in_a_transaction_is_there_with_it_or_not_at_all(database: Database) -> None:
    ada, idle = await person(database), Jobs(database)
    job: Job | None = None
    with pytest.raises(RuntimeError):
        async with database.write() as connection:
            job = await idle.ask(ada.user.id, "count", {}, connection=connection)
            raise RuntimeError
    assert job is not None
    with pytest.raises(NotFound):
        await idle.find(ada, job.id)


async def test_a_job_is_nobody_elses_and_goes_with_its_account(database: Database) -> None:
    ada, eve = await person(database), await person(database, "eve")
    idle = Jobs(database)
    job = await idle.ask(ada.user.id, "count", {})
    for ask in (idle.find, idle.cancel):
        with pytest.raises(NotFound):
            await ask(eve, job.id)
    exported = (await idle.personal_data(ada))["jobs"]
    assert isinstance(exported, list) and len(exported) == 1
    async with database.write() as connection:
        await connection.execute(sa.text("DELETE FROM users WHERE id = :id"), {"id": ada.user.id})
    with pytest.raises(NotFound):
        await idle.find(ada, job.id)
