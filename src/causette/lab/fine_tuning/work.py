"""Carrying out fine-tuning jobs: the files are read and prepared, the model is trained, written, registered, charged.

It is one workflow over durable jobs: `PREPARE` ends by asking for `TRAIN`, and what was paused, cancelled or failed is
settled by `CLOSE`. Each may be killed anywhere and begun again: runs go on from checkpoints, and all else has a name
that it is known again by.
"""

import asyncio
import csv
import io
import shutil
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from causette.accounts.types import Caller
from causette.clock import utc_now
from causette.db import Database
from causette.errors import CausetteError, InvalidRequest, NotFound
from causette.ids import new_id
from causette.jobs import Jobs, Work
from causette.lab.data import HELD_OUT, TRAIN
from causette.lab.data.manifest import read_manifest
from causette.lab.fine_tuning.planning import data_recipe, left_out, plan
from causette.lab.fine_tuning.service import (
    CLOSE,
    PREPARE,
    ask_to_train,
    fail,
    message_of,
)
from causette.lab.fine_tuning.service import (
    TRAIN as TRAINING,
)
from causette.lab.fine_tuning.store import FineTuningStore
from causette.lab.fine_tuning.types import Event, Failure, FineTuningJob, Planned, Status, TrainingFiles
from causette.lab.installed import is_installed
from causette.lab.process import Check, Given
from causette.lab.releasing import Releasing
from causette.lab.running import Carrier, Tail
from causette.lab.stages import GGUF_FILE
from causette.ledger.service import Ledger
from causette.ledger.types import LASTING, Hold, Outcome, Quantities, Settlement
from causette.models import Models
from causette.plans.types import Entitlements
from causette.releases import Artifact
from causette.releases.types import Findings, GateReport, Lineage

_PREPARE_ATTEMPTS: Final = 5
_PREPARE_SECONDS: Final = 6 * 3600.0
_ATTEMPTS: Final = 20
_SECONDS: Final = 30 * 86_400.0
_CLOSE_ATTEMPTS: Final = 1000
_KIND: Final = {"supervised": "conversation", "dpo": "preference"}
_QUANTISATION: Final = "Q8_0"
_CONTEXT: Final = 2048
# The figures of a step, as they are known to the lab and to OpenAI's clients.
_FIGURES: Final = {
    "loss": "train_loss",
    "accuracy": "train_accuracy",
    "held_out_loss": "full_valid_loss",
    "held_out_accuracy": "full_valid_accuracy",
    "learning_rate": "learning_rate",
}


class CallerOf(Protocol):
    """Finds whoever a job is for, by ids that the house has kept; None where they are gone."""

    async def __call__(
        self, user_id: str, workspace_id: str | None = None, key_id: str | None = None
    ) -> Caller | None: ...


class _NotWanted(Exception):
    """The job was paused, cancelled or resumed elsewhere."""


class FineTuningWork:
    """Works on fine-tuning jobs, in processes of their own.

    Args:
        database, jobs, files: as those of `FineTuning`.
        carrier: what carries out runs.
        models: where the bases' contexts are known.
        releasing: registers what was trained, and keeps what the gate says of it.
        ledger, entitlements, caller_of: how it is paid for, and by whom.
        folder: where training files lie while they are read.
        cost_of: what a job has cost the house until now, in nano-dollars.
        at_once: how many are trained at once by this process; 0 leaves them to others.
    """

    def __init__(
        self,
        database: Database,
        jobs: Jobs,
        files: TrainingFiles,
        carrier: Carrier,
        models: Models,
        *,
        releasing: Releasing,
        ledger: Ledger,
        entitlements: Callable[[Caller], Awaitable[Entitlements]],
        caller_of: CallerOf,
        folder: Path,
        cost_of: Callable[[str], Awaitable[int]],
        at_once: int,
    ) -> None:
        self._database = database
        self._store = FineTuningStore(database)
        self._jobs = jobs
        self._files = files
        self._carrier = carrier
        self._models = models
        self._releasing = releasing
        self._ledger = ledger
        self._entitlements = entitlements
        self._caller_of = caller_of
        self._folder = folder
        self._cost_of = cost_of
        jobs.handle(CLOSE, self._close, attempts=_CLOSE_ATTEMPTS)
        if at_once and is_installed():
            jobs.handle(PREPARE, self._prepare, attempts=_PREPARE_ATTEMPTS, seconds=_PREPARE_SECONDS)
            jobs.handle(TRAINING, self._train, attempts=_ATTEMPTS, seconds=_SECONDS, apart=at_once)

    # Its files

    async def _prepare(self, work: Work) -> None:
        job = await self._job(work)
        if job is None or job.status is not Status.VALIDATING_FILES:
            return
        try:
            await self._prepared(job, work)
        except _NotWanted:
            return
        except CausetteError as error:
            await self._failed(job, work, error, attempts=_PREPARE_ATTEMPTS)

    async def _prepared(self, job: FineTuningJob, work: Work) -> None:
        key_id = work.job.arguments.get("key_id")
        caller = await self._caller_of(
            job.user_id, job.workspace_id, key_id if isinstance(key_id, str) else None
        )
        if caller is None:
            raise NotFound("Whoever asked for this is not there any more.")
        allowed = await self._entitlements(caller)
        checks = [await self._check(job, "training_file", job.training_file)]
        runs = [Given(name=_data(job), recipe=data_recipe(Path(checks[0].path), job.base))]
        if job.validation_file is not None:
            checks.append(await self._check(job, "validation_file", job.validation_file))
            runs.append(Given(name=_held_out(job), recipe=data_recipe(Path(checks[1].path), job.base)))

        await self._carrier.carry(runs, checks=checks, watch=lambda: self._still(job), work=job.id)
        data = self._carrier.runs.place(_data(job)) / "artifact"
        if job.validation_file is not None:
            await asyncio.to_thread(_join, data, self._carrier.runs.place(_held_out(job)) / "artifact")
        context = min(
            self._models.show(job.base).context or _CONTEXT, allowed.context or _CONTEXT * 1_000_000
        )
        planned = await asyncio.to_thread(plan, job, data, data_name=_data(job), context=context)
        if not await self._ledger.is_known(job.request_id):
            await self._ledger.reserve(
                Hold(
                    id=job.request_id,
                    payer_id=caller.payer_id,
                    user_id=caller.user.id,
                    workspace_id=caller.workspace_id,
                    key_id=caller.key_id,
                    plan_id=allowed.plan_id,
                    surface=LASTING,
                    purpose="training",
                    model=job.base,
                    engine_request_id=job.id,
                    offers=allowed.training_offers(job.base, caller, aliases=(job.model,)),
                    input_bound=planned.trained_tokens,
                    output_wanted=0,
                    output_least=0,
                )
            )
        missing = await asyncio.to_thread(left_out, data, planned)
        async with self._database.write() as connection:
            if not await self._store.change(
                job.id,
                (Status.VALIDATING_FILES,),
                connection=connection,
                status=Status.QUEUED,
                planned=msgspec.to_builtins(planned),
                result_file=new_id("file"),
            ):
                # Cancelled meanwhile: what is held now is given back by whoever closes it.
                return
            told = [
                message_of(
                    job.id,
                    "validated",
                    f"Files validated, moving job to queued state: {planned.examples:,} examples, "
                    f"{planned.trained_tokens:,} tokens in {planned.epochs} epochs, {planned.steps:,} steps.",
                ),
                *(
                    message_of(
                        job.id, f"left out {why}", f"{count:,} examples are left out: {why}.", level="warn"
                    )
                    for why, count in missing.items()
                ),
            ]
            await self._store.tell(told, connection)
            await ask_to_train(self._jobs, job, job.turn, connection)
        self._jobs.wake()

    async def _check(self, job: FineTuningJob, param: str, file_id: str) -> Check:
        """A file of a job on this machine's disk, and what it has to be."""
        place = self._folder / job.id / f"{param}.jsonl"
        try:
            async with self._files.as_path(file_id) as path:
                await asyncio.to_thread(_copy, path, place)
        except NotFound:
            raise InvalidRequest(
                f"The file {file_id} was deleted before it was read.", code="file_not_found", param=param
            ) from None
        return Check(
            path=str(place), kind=_KIND[job.method], title=f"the {param.replace('_', ' ')}", param=param
        )

    # Training

    async def _train(self, work: Work) -> None:
        job = await self._job(work)
        turn = work.job.arguments["turn"]
        if job is None or job.turn != turn or job.planned is None:
            return
        if not await self._store.change(
            job.id, (Status.QUEUED, Status.RUNNING), in_turn=job.turn, status=Status.RUNNING
        ):
            return
        try:
            await self._trained(job, job.planned, work)
        except _NotWanted:
            return
        except CausetteError as error:
            running = await self._store.find(job.id)
            await self._failed(running or job, work, error, attempts=_ATTEMPTS)

    async def _trained(self, job: FineTuningJob, planned: Planned, work: Work) -> None:
        await self._store.tell([message_of(job.id, "started", "Fine-tuning job started.")])
        watching = _Watching(self._store, self._carrier, job, planned)

        async def watch() -> None:
            await self._still(job)
            if (step := await watching.look()) != work.job.progress:
                await work.report(step, planned.steps)

        runs = (
            Given(name=_tuned(job), recipe=dict(planned.recipe)),
            Given(
                name=_export(job),
                recipe={"stage": "export", "model": _tuned(job), "quantisation": _QUANTISATION},
            ),
        )
        await self._carrier.carry(runs, watch=watch, work=job.id)
        await watching.look()
        await self._still(job)
        artifact = await self._registered(job)
        report = await self._measured(job, artifact)
        await self._finish(job, planned, artifact, report)

    async def _registered(self, job: FineTuningJob) -> Artifact:
        caller = await self._caller_of(job.user_id, job.workspace_id)
        if caller is None:
            raise NotFound("Whoever asked for this is not there any more.")
        name = _model_name(job, caller)
        runs = self._carrier.runs
        tuned = await asyncio.to_thread(runs.find, _tuned(job))
        recipes = [await asyncio.to_thread(runs.recipe, each(job)) for each in (_data, _tuned, _export)]
        manifest, _ = await asyncio.to_thread(read_manifest, runs.place(_data(job)) / "artifact" / TRAIN)
        return await self._releasing.releases.register_for(
            caller,
            runs.place(_export(job)) / "artifact" / GGUF_FILE,
            name=name,
            base=job.base,
            lineage=Lineage(
                parent=job.base,
                run_id=tuned.id,
                recipes=tuple(recipes),
                data=(msgspec.to_builtins(manifest),),
                code=tuned.versions,
            ),
            metrics=tuned.metrics,
            cost_nano=await self._cost_of(job.id),
        )

    async def _measured(self, job: FineTuningJob, artifact: Artifact) -> GateReport:
        """The gate's report of whether a model is safe. How able and how fast it is, is its owner's affair."""
        told = message_of(job.id, "measured", "Measuring whether the fine-tuned model is safe.")
        await self._store.tell([told])
        recipe = await self._releasing.gate_recipe(artifact, private=True)
        run = Given(name=_gate(job), recipe=dict(recipe))
        await self._carrier.carry([run], watch=lambda: self._still(job), work=job.id)
        await self._still(job)
        return await self._releasing.report(_gate(job))

    async def _finish(
        self, job: FineTuningJob, planned: Planned, artifact: Artifact, report: GateReport
    ) -> None:
        assert job.result_file is not None, "a job that was planned has one"
        await self._files.keep_results(
            _table(await self._store.steps(job.id)),
            file_id=job.result_file,
            user_id=job.user_id,
            workspace_id=job.workspace_id,
            name="step_metrics.csv",
        )
        await self._ledger.settle(job.request_id, _settlement("completed", planned.trained_tokens))
        async with self._database.write() as connection:
            if await self._store.change(
                job.id,
                (Status.RUNNING,),
                in_turn=job.turn,
                connection=connection,
                status=Status.SUCCEEDED,
                fine_tuned_model=artifact.name,
                artifact_id=artifact.id,
                trained_tokens=planned.trained_tokens,
                finished_at=utc_now(),
                estimated_finish=None,
            ):
                told = [
                    message_of(job.id, "model", f"New fine-tuned model created: {artifact.name}"),
                    message_of(job.id, "succeeded", "The job has successfully completed"),
                ]
                if (why := Findings(reports=(report,), approvals=()).unsafe(artifact)) is not None:
                    message = f"The model is not served, as {why}."
                    told.insert(1, message_of(job.id, "unsafe", message, level="warn"))
                await self._store.tell(told, connection)
            await self._jobs.ask(
                job.user_id, CLOSE, {"job": job.id}, key=f"{CLOSE} {job.id}", connection=connection
            )
        self._jobs.wake()

    # Its end

    async def _close(self, work: Work) -> None:
        """Settle what was trained of a job that is over, and remove what only its making needed."""
        job = await self._job(work)
        if job is None or job.settled_at is not None:
            return
        names = [each(job) for each in (_data, _held_out, _tuned, _export, _gate)]
        await self._carrier.wait_for(names)
        trained = job.trained_tokens or 0
        if await self._ledger.is_known(job.request_id):
            if job.status is Status.CANCELLED and job.planned is not None:
                step = max(
                    (int((each.data or {})["step"]) for each in await self._store.steps(job.id)), default=0
                )
                trained = job.planned.trained_after(step)
            # Of what has succeeded this is the second time, and changes nothing.
            ended = "stopped" if job.status is Status.CANCELLED else "failed"
            await self._ledger.settle(job.request_id, _settlement(ended, trained))
        await asyncio.to_thread(self._tidy, job)
        await self._store.change(job.id, tuple(Status), trained_tokens=trained, settled_at=utc_now())

    def _tidy(self, job: FineTuningJob) -> None:
        """Forget the training data, checkpoints and the copy of what was registered; the adapter and figures stay."""
        shutil.rmtree(self._folder / job.id, ignore_errors=True)
        for name in (_data(job), _held_out(job), _export(job)):
            shutil.rmtree(self._carrier.runs.place(name), ignore_errors=True)
        shutil.rmtree(self._carrier.runs.place(_tuned(job)) / "checkpoints", ignore_errors=True)

    async def _failed(self, job: FineTuningJob, work: Work, error: CausetteError, *, attempts: int) -> None:
        """Note a failure, unless it may be cured by trying again."""
        if (error.status >= 500 or error.retry_after is not None) and work.job.attempts < attempts:
            raise error
        await fail(
            self._database,
            self._store,
            self._jobs,
            job,
            Failure(code=error.code, message=error.message, param=error.param),
        )

    async def _job(self, work: Work) -> FineTuningJob | None:
        return await self._store.find(str(work.job.arguments["job"]))

    async def _still(self, job: FineTuningJob) -> None:
        """See that a job is still to be worked on in this turn.

        Raises:
            _NotWanted: it is not.
        """
        now = await self._store.find(job.id)
        if now is None or now.turn != job.turn:
            raise _NotWanted
        if now.status not in (Status.VALIDATING_FILES, Status.QUEUED, Status.RUNNING):
            raise _NotWanted


class _Watching:
    """Tells of a job's steps as they are taken, and when it may be over."""

    def __init__(
        self, store: FineTuningStore, carrier: Carrier, job: FineTuningJob, planned: Planned
    ) -> None:
        self._store = store
        self._tail = Tail(carrier.runs, _tuned(job))
        self._job = job
        self._planned = planned
        self._step = 0
        #: Of the first step that was taken in this turn, and when.
        self._began: tuple[int, datetime] | None = None

    async def look(self) -> int:
        """Tell what is new; the newest step."""
        told: list[Event] = []
        for event in await asyncio.to_thread(self._tail.new):
            if "step" not in event or not event["step"]:
                continue
            told.append(_step_of(self._job, self._planned, event))
            at = datetime.fromisoformat(event["at"])
            if self._began is None or event["step"] <= self._step:
                self._began = event["step"], at
            self._step = int(event["step"])
        await self._store.tell(told)
        if told and self._began is not None and self._step > self._began[0]:
            each = (told[-1].at - self._began[1]) / (self._step - self._began[0])
            await self._store.change(
                self._job.id,
                (Status.RUNNING,),
                in_turn=self._job.turn,
                estimated_finish=told[-1].at + each * (self._planned.steps - self._step),
            )
        return self._step


def _step_of(job: FineTuningJob, planned: Planned, event: dict[str, Any]) -> Event:
    data = {name: float(event[known]) for known, name in _FIGURES.items() if known in event}
    step = int(event["step"])
    loss = f"training loss={data['train_loss']:.2f}" if "train_loss" in data else "measured"
    if "full_valid_loss" in data:
        loss += f", full validation loss={data['full_valid_loss']:.2f}"
    return Event(
        id=new_id("ftevent"),
        job_id=job.id,
        key=f"step {step}",
        at=datetime.fromisoformat(event["at"]),
        level="info",
        message=f"Step {step}/{planned.steps}: {loss}",
        data={"step": step, "total_steps": planned.steps, **data},
    )


def _table(steps: Sequence[Event]) -> bytes:
    """The figures of each step, as a table with a line for each."""
    rows = [dict(event.data or {}) for event in steps]
    columns = ["step", *(name for name in _FIGURES.values() if any(name in row for row in rows))]
    written = io.StringIO()
    table = csv.DictWriter(written, columns, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows(row | {"step": int(row["step"])} for row in rows)
    return written.getvalue().encode()


def _settlement(outcome: Outcome, tokens: int) -> Settlement:
    # What it cost is booked as the machine's training.
    return Settlement(outcome=outcome, quantities=Quantities(input_tokens=tokens))


def _model_name(job: FineTuningJob, caller: Caller) -> str:
    parts = ("ft", job.base, caller.payer_id, job.suffix or "", job.id.partition("_")[2])
    return ":".join(parts)


def _data(job: FineTuningJob) -> str:
    return f"{job.id}-data"


def _held_out(job: FineTuningJob) -> str:
    return f"{job.id}-validation"


def _tuned(job: FineTuningJob) -> str:
    return f"{job.id}-tuned"


def _export(job: FineTuningJob) -> str:
    return f"{job.id}-export"


def _gate(job: FineTuningJob) -> str:
    return f"{job.id}-gate"


def _copy(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = place.with_suffix(".writing")
    shutil.copyfile(source, beside)
    beside.replace(place)


def _join(data: Path, held_out: Path) -> None:
    """Have what was prepared for validation be held out of what is trained on."""
    if not (data / HELD_OUT).is_dir():
        (held_out / TRAIN).rename(data / HELD_OUT)
