"""Runs that are carried out in the background: asked for by whoever runs the house, done by any process that works on
jobs, each in a process of its own.

A run survives whoever works on it: `causette.jobs` has it begun again, and it goes on from its newest checkpoint. No
two processes carry out one run (`Runs.held`). What it takes of the machine is booked while it runs; see `Book`.
"""

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from time import time
from typing import Any, Final, Protocol

import msgspec
import structlog

from causette.accounts.types import Caller
from causette.errors import CausetteError, Conflict, Forbidden, InvalidRequest, NotFound, Unavailable
from causette.ids import new_id
from causette.jobs import Job, JobFailed, Jobs, Work
from causette.lab.installed import check_installed, is_installed
from causette.lab.process import Answer, Check, Given, Task, measured_at
from causette.lab.runs import Run, Runs
from causette.lab.stages import STAGES
from causette.settings import Settings

_log = structlog.get_logger(__name__)

#: What a run is carried out under, in the jobs room.
RUN: Final = "lab.run"
#: The same where it is asked for by a process without PyTorch: such a one may take it then.
MEASUREMENT: Final = "lab.measurement"

#: What has the key by which runs ask models behind an URL, unless their recipe names another variable.
_KEY: Final = "CAUSETTE_API_KEY"
_LOOK_SECONDS: Final = 0.5
_BOOK_SECONDS: Final = 30.0
_BEGUN_SECONDS: Final = 600.0
# A step and a checkpoint; what takes longer goes on from the checkpoint before.
_PATIENCE_SECONDS: Final = 30.0
_ATTEMPTS: Final = 10
_SECONDS: Final = 30 * 86_400.0

_Said = asyncio.Future[tuple[bytes, bytes]]

#: Told now and then while something runs; what it raises ends that, with a checkpoint.
Watch = Callable[[], Awaitable[None]]


class Book(Protocol):
    """Books what a process has taken of this machine so far, in nanoseconds of all of it."""

    async def __call__(self, attempt: str, work: str, compute_ns: int) -> None: ...


async def _booked_nowhere(attempt: str, work: str, compute_ns: int) -> None:
    pass


@dataclass(frozen=True, slots=True, kw_only=True)
class LabRun:
    """A run, and the job that carries it out or waits to; None where there is none."""

    run: Run
    job: Job | None
    #: Whether it was asked for in the last days: one that was not, and is not done, has only been begun.
    asked: bool


class Carrier:
    """Carries out the runs of the data folder, each time in a process of its own that ends with this one.

    Args:
        settings: say where the runs and the models are, and how many threads that process has.
        book: see `Book`.
    """

    def __init__(self, settings: Settings, *, book: Book = _booked_nowhere) -> None:
        self.runs = Runs(settings.data / "runs")
        self._settings = settings
        self._measured = settings.data / "lab-usage"
        self._threads = settings.lab_threads or max(1, (os.cpu_count() or 1) // 2)
        self._book = book

    async def carry(
        self,
        runs: Sequence[Given],
        *,
        checks: Sequence[Check] = (),
        watch: Watch | None = None,
        only_begin: bool = False,
        work: str | None = None,
    ) -> tuple[str, ...]:
        """Look at files, then begin what is not begun and carry out what is not done; the runs' names.

        It is booked for ``work``, or for the first run where that is not given.

        Raises:
            JobFailed: a file, a recipe or a run says why it cannot be (its code and its param).
            Unavailable: the process was killed or stopped by somebody else; it may be tried again.
        """
        names = [each.name for each in runs if each.name is not None]
        await self.wait_for(names)
        attempt = new_id("try")
        task = Task(
            data=str(self._settings.data),
            threads=self._threads,
            nice=self._settings.lab_nice,
            checks=tuple(checks),
            runs=tuple(runs),
            only_begin=only_begin,
            work=work or next(iter(names), ""),
            measured=None if only_begin else str(self._measured / attempt),
        )
        await asyncio.to_thread(self._measured.mkdir, parents=True, exist_ok=True)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", "causette.lab.process"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=_environment(self._settings),
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None and process.stderr is not None
        said = asyncio.gather(process.stdout.read(), process.stderr.read())
        try:
            process.stdin.write(msgspec.json.encode(task) + b"\n")
            await self._until(said, watch)
            await process.wait()
        finally:
            await _to_its_end(self._end(process, said))
        return _names(said.result(), process.returncode)

    async def book_all(self) -> None:
        """Book what is not booked yet of what this machine's processes have taken, those that were killed included."""
        if not self._measured.is_dir():
            return
        for path in sorted(self._measured.iterdir()):
            try:
                measured, lives = await asyncio.to_thread(measured_at, path)
                age = time() - path.stat().st_mtime
            except FileNotFoundError:
                # Another process was faster.
                continue
            if measured is not None:
                await self._book(path.name, measured.work, measured.compute_ns)
            # One that has noted nothing yet may be about to begin.
            if not lives and (measured is not None or age > _BEGUN_SECONDS):
                await asyncio.to_thread(path.unlink, missing_ok=True)

    async def wait_for(self, names: Sequence[str]) -> None:
        """Wait until nobody carries out one of these runs: a worker that ends needs a moment for its checkpoint."""
        while True:
            begun = [name for name in names if (self.runs.place(name) / "run.json").is_file()]
            if not any(map(self.runs.is_held, begun)):
                return
            await asyncio.sleep(_LOOK_SECONDS)

    async def _until(self, said: _Said, watch: Watch | None) -> None:
        looks = 0
        while True:
            done, _ = await asyncio.wait((said,), timeout=_LOOK_SECONDS)
            if done:
                return
            if watch is not None:
                await watch()
            looks += 1
            if looks % int(_BOOK_SECONDS / _LOOK_SECONDS) == 0:
                await self._booked()

    async def _end(self, process: asyncio.subprocess.Process, said: _Said) -> None:
        """Have a process end, with a checkpoint if it is still at work."""
        if process.returncode is None:
            process.terminate()
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    await process.wait()
            except TimeoutError:
                process.kill()
                await process.wait()
        await asyncio.gather(said, return_exceptions=True)
        await self._booked()

    async def _booked(self) -> None:
        try:
            await self.book_all()
        except CausetteError as error:
            # It is noted, and booked with what comes next.
            _log.warning("a run's cost is not booked yet", code=error.code, reason=error.message)


class Tail:
    """What a run tells, as it comes."""

    def __init__(self, runs: Runs, name: str) -> None:
        self._path = runs.place(name) / "events.jsonl"
        self._read = 0

    def new(self) -> list[dict[str, Any]]:
        """The events since the last time; a line that is not whole yet is left for the next."""
        try:
            with self._path.open("rb") as file:
                file.seek(self._read)
                whole = file.read().rpartition(b"\n")[0]
        except FileNotFoundError:
            return []
        self._read += len(whole) + 1 if whole else 0
        found: list[dict[str, Any]] = []
        for line in whole.splitlines():
            try:
                found.append(msgspec.json.decode(line))
            except msgspec.DecodeError:
                # What its process was killed in.
                continue
        return found


class LabRuns:
    """The lab's runs, for whoever runs the house. One run of this kind at a time is carried out by each process.

    Args:
        carrier: what carries them out.
        jobs: what remembers that they are to be.
        at_once: how many of them a process carries out at once; 0 leaves them to others.
    """

    def __init__(self, carrier: Carrier, jobs: Jobs, *, at_once: int = 1) -> None:
        self._carrier = carrier
        self._jobs = jobs
        self._runs = carrier.runs
        if at_once:
            jobs.handle(MEASUREMENT, self._carry, attempts=_ATTEMPTS, seconds=_SECONDS, apart=at_once)
        if at_once and is_installed():
            jobs.handle(RUN, self._carry, attempts=_ATTEMPTS, seconds=_SECONDS, apart=at_once)

    async def open(self) -> None:
        """Book what processes took that were killed with whoever began them."""
        await self._carrier.book_all()

    async def start(self, by: Caller, recipe: Mapping[str, Any], *, name: str | None = None) -> LabRun:
        """Begin a run, whose recipe has been checked, and have it carried out.

        Raises:
            Forbidden: the caller does not run the house.
            LabNotInstalled: it takes libraries that this installation lacks.
            InvalidRequest: the recipe, or the name, is wrong; the message names the field.
            Conflict: there is a run of this name.
        """
        _check_owner(by)
        if not isinstance(recipe.get("stage"), str):
            raise InvalidRequest('The recipe does not say its stage: add "stage": "sft".', param="stage")
        _check_installed(recipe)
        try:
            (run_id,) = await self._carrier.carry([Given(name=name, recipe=dict(recipe))], only_begin=True)
        except JobFailed as error:
            kind = Conflict if error.code == Conflict.default_code else InvalidRequest
            raise kind(error.message, code=error.code, param=error.param) from None
        return await self._asked(by, run_id)

    async def resume(self, by: Caller, run_id: str) -> LabRun:
        """Have a run that was stopped, killed or failed carried out from its newest checkpoint.

        Raises:
            Forbidden: the caller does not run the house.
            LabNotInstalled: it takes libraries that this installation lacks.
            NotFound: there is no such run.
            Conflict: it is done, or it is being carried out.
        """
        found = await self.find(by, run_id)
        _check_installed(await asyncio.to_thread(self._runs.recipe, run_id))
        if found.run.status == "done" or found.job is not None or found.run.status == "running":
            raise Conflict(
                f"The run {run_id} is {found.run.status}; only one that has ended without making "
                "anything can be resumed.",
                code="not_resumable",
            )
        return await self._asked(by, run_id)

    async def stop(self, by: Caller, run_id: str) -> LabRun:
        """Have a run write a checkpoint and end; it can be resumed. One that nobody carries out stays as it is.

        Raises:
            Forbidden: the caller does not run the house.
            NotFound: there is no such run.
        """
        found = await self.find(by, run_id)
        await self._jobs.call_off(_key(found.run.id))
        return await self.find(by, run_id)

    async def find(self, by: Caller, run_id: str) -> LabRun:
        """One run.

        Raises:
            Forbidden: the caller does not run the house.
            NotFound: there is no such run.
        """
        _check_owner(by)
        # Before the run is looked at: where the job is over, the run says how it ended.
        jobs = await self._jobs.newest([_key(run_id)])
        return _with_job(await asyncio.to_thread(self._runs.find, run_id), jobs)

    async def list(self, by: Caller) -> Sequence[LabRun]:
        """All runs of the data folder, the newest first, those of the command line included.

        Raises:
            Forbidden: the caller does not run the house.
        """
        _check_owner(by)
        found = await asyncio.to_thread(self._runs.list)
        jobs = await self._jobs.newest([_key(run.id) for run in found])
        return [_with_job(run, jobs) for run in found]

    async def recipe(self, by: Caller, run_id: str) -> dict[str, Any]:
        """What a run was asked; see `find`."""
        found = await self.find(by, run_id)
        return await asyncio.to_thread(self._runs.recipe, found.run.id)

    async def events(self, by: Caller, run_id: str) -> Sequence[dict[str, Any]]:
        """What a run has told, in the order in which it did; see `find`."""
        found = await self.find(by, run_id)
        return await asyncio.to_thread(self._runs.events, found.run.id)

    async def _asked(self, by: Caller, run_id: str) -> LabRun:
        kind = RUN if is_installed() else MEASUREMENT
        job = await self._jobs.ask(by.user.id, kind, {"run": run_id}, key=_key(run_id))
        return LabRun(run=await asyncio.to_thread(self._runs.find, run_id), job=job, asked=True)

    async def _carry(self, work: Work) -> dict[str, object]:
        run_id = str(work.job.arguments["run"])
        try:
            recipe = await asyncio.to_thread(self._runs.recipe, run_id)
        except NotFound as error:
            raise JobFailed(error.message, code=error.code) from None
        total = steps_of(recipe)
        tail = Tail(self._runs, run_id)

        async def watch() -> None:
            if steps := [
                int(event["step"]) for event in await asyncio.to_thread(tail.new) if "step" in event
            ]:
                await work.report(steps[-1], total)

        await self._carrier.carry([Given(name=run_id)], watch=watch)
        return {"run": run_id}


def steps_of(recipe: Mapping[str, Any]) -> int | None:
    """The steps that a run takes; None where its stage takes none."""
    training: dict[str, Any] | None = recipe.get("training")
    return None if training is None else int(training["steps"])


def _with_job(run: Run, jobs: Mapping[str, Job]) -> LabRun:
    job = jobs.get(_key(run.id))
    return LabRun(
        run=run, job=job if job is not None and job.finished_at is None else None, asked=job is not None
    )


def _key(run_id: str) -> str:
    return f"{RUN} {run_id}"


def _check_installed(recipe: Mapping[str, Any]) -> None:
    stage = STAGES.get(recipe["stage"])
    # One that there is not is refused by whoever reads the recipe.
    if stage is not None and stage.takes_pytorch(recipe):
        check_installed()


def _check_owner(by: Caller) -> None:
    if by.user.role != "owner":
        raise Forbidden("Only those who run this house use its lab.", code="owners_only")


async def _to_its_end(work: Coroutine[Any, Any, None]) -> None:
    """Wait until something is done, however often this is called off meanwhile."""
    doing, called_off = asyncio.ensure_future(work), False
    while not doing.done():
        try:
            await asyncio.shield(doing)
        except asyncio.CancelledError:
            called_off = True
    doing.result()
    if called_off:
        raise asyncio.CancelledError


def _environment(settings: Settings) -> dict[str, str]:
    """What the process needs to know of this one's world: not the house's secrets, but the key that it asks with."""
    others = {
        name: value for name, value in os.environ.items() if name == _KEY or not name.startswith("CAUSETTE_")
    }
    return others | {
        "CAUSETTE_MODELS": str(settings.models_folder),
        "CAUSETTE_MODEL": settings.model,
        "CAUSETTE_EMBEDDING_MODEL": settings.embedding_model,
    }


def _names(said: Sequence[bytes], code: int | None) -> tuple[str, ...]:
    stdout, stderr = said
    lines = stdout.strip().splitlines()
    try:
        answer = msgspec.json.decode(lines[-1] if lines else b"", type=Answer)
    except msgspec.DecodeError:
        why = stderr.decode("utf-8", "replace").strip().rpartition("\n")[2][-500:]
        _log.warning("a lab process died", code=code, said=stderr[-4000:].decode("utf-8", "replace"))
        raise Unavailable(
            f"The process that trains has ended ({code}){f': {why}' if why else '; the machine may lack memory'}.",
            code="lab_process_died",
            retry_after=1.0,
        ) from None
    if answer.ended == "stopped":
        raise Unavailable("The run was stopped; it can be resumed.", code="stopped", retry_after=1.0)
    if answer.ended == "refused":
        raise JobFailed(answer.message, code=answer.code, param=answer.param)
    return answer.runs
