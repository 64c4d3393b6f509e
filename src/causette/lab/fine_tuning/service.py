"""Asking for fine-tuning jobs, watching them, and pausing, resuming and calling them off.

What is asked here is a row; what works on it looks at the row while it does, so that a job that is paused or cancelled
stops wherever it runs. See `causette.lab.fine_tuning.work`.
"""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotFound, TooManyRequests
from causette.ids import new_id
from causette.jobs import Jobs
from causette.lab.fine_tuning.store import FineTuningStore
from causette.lab.fine_tuning.types import (
    Asked,
    Event,
    Failure,
    FineTuningJob,
    Level,
    Status,
    TrainingFiles,
)
from causette.lab.installed import check_installed
from causette.models import Models
from causette.plans.features import Feature
from causette.plans.types import Entitlements

#: The kinds of work that a job is, in the jobs room: reading its files, training, and settling what was broken off.
PREPARE: Final = "fine_tuning.prepare"
TRAIN: Final = "fine_tuning.train"
CLOSE: Final = "fine_tuning.close"

#: The jobs of one payer that are not over.
MOST_UNFINISHED: Final = 3

_SUFFIX: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_LARGEST_SEED: Final = 2**31 - 1
_ARCHITECTURE: Final = "llama"
_DIED: Final = Failure(
    code="job_died",
    message="Every process that worked on this ended before it did. Make a new job, or ask who runs this server.",
)


class FineTuning:
    """Fine-tuning jobs, each its payer's: a person's or a workspace's.

    Args:
        database: where they are kept.
        files: where training files are found.
        jobs: what remembers that they are to be carried out.
        models: those that can be trained: of the catalogue, on disk, in GGUF, of an architecture that is written again.
        entitlements: says what a caller's plan includes, and how it is paid for.
    """

    def __init__(
        self,
        database: Database,
        files: TrainingFiles,
        jobs: Jobs,
        models: Models,
        entitlements: Callable[[Caller], Awaitable[Entitlements]],
    ) -> None:
        self._database = database
        self._store = FineTuningStore(database)
        self._files = files
        self._jobs = jobs
        self._models = models
        self._entitlements = entitlements

    async def create(self, caller: Caller, asked: Asked) -> FineTuningJob:
        """Begin a job. Its files are read by the job itself.

        Raises:
            LabNotInstalled: this installation cannot train.
            Forbidden: the caller's plan does not include fine-tuning (``not_in_plan``) or the model
                (``model_not_in_plan``).
            InvalidRequest: the model cannot be trained, a file is not the caller's or not for this, or the suffix or
                the seed cannot be; ``param`` names it.
            Unavailable: training would be charged, and has no price (``price_missing``).
            TooManyRequests: the payer has as many jobs that are not over as one may have (``too_many_jobs``).
        """
        check_installed()
        allowed = await self._entitlements(caller)
        allowed.require(Feature.FINE_TUNING)
        base = self._base(asked.model)
        allowed.training_offers(base, caller, aliases=(asked.model,))
        _check_suffix(asked.suffix)
        if asked.seed is not None and not 0 <= asked.seed <= _LARGEST_SEED:
            raise InvalidRequest(f"The seed is 0 to {_LARGEST_SEED}, not {asked.seed}.", param="seed")
        await self._check_file(caller, asked.training_file, "training_file")
        if asked.validation_file is not None:
            await self._check_file(caller, asked.validation_file, "validation_file")
        job = FineTuningJob(
            id=new_id("ftjob"),
            user_id=caller.user.id,
            workspace_id=caller.workspace_id,
            model=asked.model,
            base=base,
            training_file=asked.training_file,
            validation_file=asked.validation_file,
            suffix=asked.suffix,
            seed=secrets.randbelow(_LARGEST_SEED + 1) if asked.seed is None else asked.seed,
            method=asked.method,
            hyperparameters=asked.hyperparameters,
            metadata=asked.metadata,
            status=Status.VALIDATING_FILES,
            turn=0,
            planned=None,
            error=None,
            trained_tokens=None,
            fine_tuned_model=None,
            artifact_id=None,
            result_file=None,
            request_id=new_id("req"),
            settled_at=None,
            created_at=utc_now(),
            estimated_finish=None,
            finished_at=None,
        )
        async with self._database.write() as connection:
            if not await self._store.add(connection, job, most=MOST_UNFINISHED):
                raise TooManyRequests(
                    f"{MOST_UNFINISHED} jobs at a time are carried out for you. Wait until one has ended, or cancel "
                    "one.",
                    code="too_many_jobs",
                )
            told = (
                message_of(job.id, "created", f"Created fine-tuning job: {job.id}"),
                message_of(job.id, "validating", f"Validating training file: {job.training_file}"),
            )
            await self._store.tell(told, connection)
            await self._jobs.ask(
                job.user_id,
                PREPARE,
                {"job": job.id, "key_id": caller.key_id},
                key=work_key(job),
                connection=connection,
            )
        self._jobs.wake()
        return job

    async def find(self, caller: Caller, job_id: str) -> FineTuningJob:
        """One of the caller's jobs.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
        """
        return await self._mended(await owned(caller, job_id, self._store.find, what="fine-tuning job"))

    async def page(
        self,
        caller: Caller,
        *,
        after: str | None,
        limit: int,
        having: Mapping[str, str] | None = None,
        without_metadata: bool = False,
    ) -> Sequence[FineTuningJob]:
        """The jobs of the caller's payer, the newest first, from after an id; those that have this metadata."""
        return await self._store.page(
            caller.payer_id, after=after, limit=limit, having=having, without_metadata=without_metadata
        )

    async def events(self, caller: Caller, job_id: str, *, after: str | None, limit: int) -> Sequence[Event]:
        """What a job has told, the newest first, from after an id; see `find`."""
        job = await self.find(caller, job_id)
        return await self._store.events(job.id, after=after, limit=limit)

    async def figures(self, caller: Caller, job_id: str) -> tuple[FineTuningJob, Sequence[Event]]:
        """A job, and what it has told of its steps, in their order; see `find`."""
        job = await self.find(caller, job_id)
        return job, await self._store.steps(job.id)

    async def cancel(self, caller: Caller, job_id: str) -> FineTuningJob:
        """Call a job off. What it was trained until then is charged.

        Raises:
            NotFound: as for `find`.
            Conflict: it is over (``job_is_over``).
        """
        job = await self.find(caller, job_id)
        before = (Status.VALIDATING_FILES, Status.QUEUED, Status.RUNNING, Status.PAUSED)
        async with self._database.write() as connection:
            if not await self._store.change(
                job.id,
                before,
                connection=connection,
                status=Status.CANCELLED,
                finished_at=utc_now(),
                estimated_finish=None,
            ):
                raise _over(await self.find(caller, job_id), "cancelled")
            await self._store.tell([message_of(job.id, "cancelled", "The job was cancelled.")], connection)
            await self._jobs.ask(
                job.user_id, CLOSE, {"job": job.id}, key=f"{CLOSE} {job.id}", connection=connection
            )
        self._jobs.wake()
        return await self.find(caller, job_id)

    async def pause(self, caller: Caller, job_id: str) -> FineTuningJob:
        """Have a job write a checkpoint and wait until it is resumed. What is held for it stays held.

        Raises:
            NotFound: as for `find`.
            Conflict: its files are still being read, it is paused already, or over (``job_not_pausable``).
        """
        job = await self.find(caller, job_id)
        if not await self._store.change(
            job.id, (Status.QUEUED, Status.RUNNING), status=Status.PAUSED, estimated_finish=None
        ):
            raise Conflict(
                f"This job is {job.status}; only one that is queued or running can be paused.",
                code="job_not_pausable",
            )
        await self._store.tell([message_of(job.id, f"paused {job.turn}", "The job was paused.")])
        return await self.find(caller, job_id)

    async def resume(self, caller: Caller, job_id: str) -> FineTuningJob:
        """Have a paused job go on from its checkpoint.

        Raises:
            NotFound: as for `find`.
            Conflict: it is not paused (``job_not_paused``).
        """
        job = await self.find(caller, job_id)
        turn = job.turn + 1
        async with self._database.write() as connection:
            if not await self._store.change(
                job.id,
                (Status.PAUSED,),
                in_turn=job.turn,
                connection=connection,
                status=Status.QUEUED,
                turn=turn,
            ):
                raise Conflict(
                    f"This job is {job.status}; only one that is paused can be resumed.",
                    code="job_not_paused",
                )
            await self._store.tell(
                [message_of(job.id, f"resumed {turn}", "The job was resumed.")], connection
            )
            await ask_to_train(self._jobs, job, turn, connection)
        self._jobs.wake()
        return await self.find(caller, job_id)

    async def hold_back(self, payer_id: str) -> None:
        """Keep an account or a workspace from being deleted while its jobs hold or take something.

        Raises:
            Conflict: there is one.
        """
        if await self._store.open_of(payer_id):
            raise Conflict(
                "There are fine-tuning jobs that have not ended. Cancel them first, and wait a moment.",
                code="fine_tuning_open",
            )

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """The jobs that the caller asked for themselves, under the key ``fine_tuning_jobs``: for an export."""
        found = await self._store.page(caller.user.id, after=None, limit=1_000_000)
        return {
            "fine_tuning_jobs": [
                {
                    "id": job.id,
                    "model": job.model,
                    "status": job.status,
                    "fine_tuned_model": job.fine_tuned_model,
                    "created_at": job.created_at,
                }
                for job in found
            ]
        }

    def _base(self, name: str) -> str:
        try:
            card = self._models.show(name)
            weights = self._models.path(name)
        except NotFound:
            card, weights = None, None
        if (
            card is None
            or weights is None
            or card.kind != "text"
            or weights.suffix != ".gguf"
            or card.architecture != _ARCHITECTURE
        ):
            raise InvalidRequest(
                f"The model {name[:100]!r} cannot be fine-tuned: it has to be a Llama in GGUF that is on this server's "
                "disk, such as 'default' may be.",
                code="model_not_available",
                param="model",
            )
        return card.name

    async def _check_file(self, caller: Caller, file_id: str, param: str) -> None:
        try:
            file = await self._files.find(caller, file_id)
        except NotFound as error:
            raise InvalidRequest(error.message, code="file_not_found", param=param) from None
        if file.purpose != "fine-tune":
            raise InvalidRequest(
                f"The file {file_id} has the purpose {file.purpose!r}; a file for training has 'fine-tune'.",
                code="invalid_file_purpose",
                param=param,
            )

    async def _mended(self, job: FineTuningJob) -> FineTuningJob:
        """A job as it is; one that nobody works on though somebody should is over."""
        if job.status not in (Status.VALIDATING_FILES, Status.QUEUED, Status.RUNNING):
            return job
        if await self._jobs.unfinished([work_key(job)]):
            return job
        await fail(self._database, self._store, self._jobs, job, _DIED)
        return await self._store.find(job.id) or job


async def fail(
    database: Database, store: FineTuningStore, jobs: Jobs, job: FineTuningJob, failure: Failure
) -> None:
    """Note why a job has failed, and have what is held for it given back. One that is over stays as it is."""
    async with database.write() as connection:
        if await store.change(
            job.id,
            (job.status,),
            in_turn=job.turn,
            connection=connection,
            status=Status.FAILED,
            error={"code": failure.code, "message": failure.message, "param": failure.param},
            finished_at=utc_now(),
            estimated_finish=None,
        ):
            told = message_of(job.id, "failed", f"The job failed: {failure.message}", level="error")
            await store.tell([told], connection)
            await jobs.ask(
                job.user_id, CLOSE, {"job": job.id}, key=f"{CLOSE} {job.id}", connection=connection
            )
    jobs.wake()


async def ask_to_train(jobs: Jobs, job: FineTuningJob, turn: int, connection: AsyncConnection) -> None:
    """Have a job trained in its ``turn``."""
    await jobs.ask(
        job.user_id,
        TRAIN,
        {"job": job.id, "turn": turn},
        key=f"{TRAIN} {job.id} {turn}",
        connection=connection,
    )


def work_key(job: FineTuningJob) -> str:
    """The key of the work that there is for a job in its status."""
    if job.status is Status.VALIDATING_FILES:
        return f"{PREPARE} {job.id}"
    return f"{TRAIN} {job.id} {job.turn}"


def message_of(job_id: str, key: str, message: str, *, level: Level = "info") -> Event:
    """Something to tell of a job, once for each ``key``."""
    return Event(
        id=new_id("ftevent"), job_id=job_id, key=key, at=utc_now(), level=level, message=message, data=None
    )


def _check_suffix(suffix: str | None) -> None:
    if suffix is not None and not _SUFFIX.fullmatch(suffix):
        raise InvalidRequest(
            "A suffix has 1 to 64 letters, digits, dots, hyphens and underscores, and begins with a letter or a digit.",
            param="suffix",
        )


def _over(job: FineTuningJob, wanted: str) -> Conflict:
    return Conflict(f"This job is {job.status}, and cannot be {wanted} any more.", code="job_is_over")
