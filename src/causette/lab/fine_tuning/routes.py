"""``/v1/fine_tuning/jobs``."""

import re
from datetime import datetime
from typing import Annotated, Any, Final, Literal, Protocol

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import FineTuningKey, KeyFirst
from causette.errors import InvalidRequest
from causette.lab.fine_tuning.service import FineTuning
from causette.lab.fine_tuning.serving import FineTunedModels
from causette.lab.fine_tuning.types import Asked, Event, FineTuningJob, Hyperparameters, Level, Status

_FILTER: Final = re.compile(r"metadata\[(.{1,64})\]")
_After = Annotated[str | None, Query(max_length=64)]
_Key = Annotated[str, Field(max_length=64)]
_Value = Annotated[str, Field(max_length=512)]
_Epochs = Annotated[int, Field(ge=1, le=50)] | Literal["auto"]
_Batch = Annotated[int, Field(ge=1, le=256)] | Literal["auto"]
_Multiplier = Annotated[float, Field(gt=0, le=10)] | Literal["auto"]
_Beta = Annotated[float, Field(gt=0, le=2)] | Literal["auto"]


class ModelDeleted(BaseModel):
    """A model that is no more."""

    id: str
    object: Literal["model"] = "model"
    deleted: Literal[True] = True


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def fine_tuning(self) -> FineTuning: ...

    @property
    def fine_tuned(self) -> FineTunedModels: ...


def _jobs(request: Request) -> FineTuning:
    house: House = request.app.state.house
    return house.fine_tuning


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SupervisedHyperparameters(_Body):
    """How a model learns from conversations. ``auto`` is chosen by the number of examples."""

    n_epochs: _Epochs = "auto"
    batch_size: Annotated[_Batch, Field(description="Examples of a step, about: short ones share a row")] = (
        "auto"
    )
    learning_rate_multiplier: _Multiplier = "auto"


class DpoHyperparameters(SupervisedHyperparameters):
    """How a model learns what people prefer."""

    beta: Annotated[_Beta, Field(description="How near it stays to what it was: higher is nearer")] = "auto"


class SupervisedMethod(_Body):
    """Learning from conversations."""

    hyperparameters: SupervisedHyperparameters = SupervisedHyperparameters()


class DpoMethod(_Body):
    """Learning from preferred and other answers."""

    hyperparameters: DpoHyperparameters = DpoHyperparameters()


class Method(_Body):
    """How it is trained."""

    type: Literal["supervised", "dpo"]
    supervised: SupervisedMethod | None = None
    dpo: DpoMethod | None = None


class FineTuningBody(_Body):
    """A job to make."""

    model: Annotated[str, Field(min_length=1, max_length=256)]
    training_file: Annotated[str, Field(min_length=1, max_length=64)]
    validation_file: Annotated[str, Field(min_length=1, max_length=64)] | None = None
    suffix: Annotated[str, Field(max_length=64)] | None = None
    seed: int | None = None
    method: Method | None = None
    hyperparameters: Annotated[
        SupervisedHyperparameters | None, Field(description="Of before there was method", deprecated=True)
    ] = None
    metadata: Annotated[dict[_Key, _Value], Field(max_length=16)] | None = None
    integrations: Annotated[list[object], Field(max_length=0)] | None = None

    def asked(self) -> Asked:
        """What is asked for.

        Raises:
            InvalidRequest: there are settings of a method that is not used.
        """
        method = self.method or Method(type="supervised")
        for name, given in (("supervised", method.supervised), ("dpo", method.dpo)):
            if given is not None and name != method.type:
                raise InvalidRequest(
                    f"method.{name} is for another method than {method.type!r}; leave it out.",
                    param=f"method.{name}",
                )
        if self.hyperparameters is not None and self.method is not None:
            raise InvalidRequest(
                "hyperparameters and method both say how it is trained; leave out hyperparameters.",
                param="hyperparameters",
            )
        chosen: SupervisedHyperparameters = self.hyperparameters or SupervisedHyperparameters()
        if method.supervised is not None:
            chosen = method.supervised.hyperparameters
        if method.type == "dpo":
            chosen = DpoHyperparameters() if method.dpo is None else method.dpo.hyperparameters
        return Asked(
            model=self.model,
            training_file=self.training_file,
            validation_file=self.validation_file,
            suffix=self.suffix,
            seed=self.seed,
            method=method.type,
            hyperparameters=Hyperparameters(**chosen.model_dump()),
            metadata=self.metadata,
        )


class FineTuningError(BaseModel):
    """Why a job has failed."""

    code: str
    message: str
    param: str | None


class HyperparametersOut(BaseModel):
    """How it is trained: ``auto`` until the files have been read."""

    n_epochs: int | Literal["auto"]
    batch_size: int | Literal["auto"]
    learning_rate_multiplier: float | Literal["auto"]


class DpoHyperparametersOut(HyperparametersOut):
    """The same, of DPO."""

    beta: float | Literal["auto"]


class SupervisedMethodOut(BaseModel):
    """Learning from conversations."""

    hyperparameters: HyperparametersOut


class DpoMethodOut(BaseModel):
    """Learning from preferences."""

    hyperparameters: DpoHyperparametersOut


class MethodOut(BaseModel):
    """How it is trained."""

    type: Literal["supervised", "dpo"]
    supervised: SupervisedMethodOut | None = None
    dpo: DpoMethodOut | None = None


class FineTuningJobOut(BaseModel):
    """A fine-tuning job, as OpenAI describes one."""

    model_config = ConfigDict(title="FineTuningJob")

    id: str
    object: Literal["fine_tuning.job"] = "fine_tuning.job"
    created_at: Annotated[int, Field(description="Unix seconds, as all instants here")]
    error: FineTuningError | None
    fine_tuned_model: str | None
    finished_at: int | None
    hyperparameters: HyperparametersOut
    model: Annotated[str, Field(description="The model that it begins with")]
    organization_id: Annotated[str, Field(description="Whose it is: a person or a workspace")]
    result_files: list[str]
    status: Status
    trained_tokens: Annotated[int | None, Field(description="Those that are charged; null until it is over")]
    training_file: str
    validation_file: str | None
    seed: int
    estimated_finish: int | None
    integrations: list[str]
    metadata: dict[str, str] | None
    method: MethodOut
    suffix: str | None
    user_provided_suffix: str | None

    @classmethod
    def of(cls, job: FineTuningJob) -> "FineTuningJobOut":
        """A job as it is answered."""
        asked, planned = job.hyperparameters, job.planned
        chosen: dict[str, Any] = {
            "n_epochs": asked.n_epochs if planned is None else planned.epochs,
            "batch_size": asked.batch_size if planned is None else planned.batch_size,
            "learning_rate_multiplier": (
                asked.learning_rate_multiplier if planned is None else planned.learning_rate_multiplier
            ),
        }
        hyperparameters = HyperparametersOut(**chosen)
        if job.method == "dpo":
            beta = asked.beta if planned is None else planned.recipe["beta"]
            dpo = DpoMethodOut(hyperparameters=DpoHyperparametersOut(**chosen, beta=beta))
            method = MethodOut(type="dpo", dpo=dpo)
        else:
            method = MethodOut(
                type="supervised", supervised=SupervisedMethodOut(hyperparameters=hyperparameters)
            )
        return cls(
            id=job.id,
            created_at=int(job.created_at.timestamp()),
            error=(
                None
                if job.error is None
                else FineTuningError(code=job.error.code, message=job.error.message, param=job.error.param)
            ),
            fine_tuned_model=job.fine_tuned_model,
            finished_at=_seconds(job.finished_at),
            hyperparameters=hyperparameters,
            model=job.model,
            organization_id=job.owner_id,
            result_files=[job.result_file] if job.status is Status.SUCCEEDED and job.result_file else [],
            status=job.status,
            trained_tokens=job.trained_tokens,
            training_file=job.training_file,
            validation_file=job.validation_file,
            seed=job.seed,
            estimated_finish=_seconds(job.estimated_finish),
            integrations=[],
            metadata=None if job.metadata is None else dict(job.metadata),
            method=method,
            suffix=job.suffix,
            user_provided_suffix=job.suffix,
        )


class FineTuningJobs(BaseModel):
    """Jobs, the newest first."""

    object: Literal["list"] = "list"
    data: list[FineTuningJobOut]
    has_more: bool


class FineTuningEvent(BaseModel):
    """Something that a job told."""

    id: str
    object: Literal["fine_tuning.job.event"] = "fine_tuning.job.event"
    created_at: int
    level: Level
    message: str
    type: Literal["message", "metrics"]
    data: dict[str, float]

    @classmethod
    def of(cls, event: Event) -> "FineTuningEvent":
        """An event as it is answered."""
        return cls(
            id=event.id,
            created_at=int(event.at.timestamp()),
            level=event.level,
            message=event.message,
            type="message" if event.data is None else "metrics",
            data=dict(event.data or {}),
        )


class FineTuningEvents(BaseModel):
    """What a job told, the newest first."""

    object: Literal["list"] = "list"
    data: list[FineTuningEvent]
    has_more: bool


class CheckpointMetrics(BaseModel):
    """The figures of a step."""

    step: float
    train_loss: float | None = None
    full_valid_loss: float | None = None


class FineTuningCheckpoint(BaseModel):
    """A model that a job has made."""

    id: str
    object: Literal["fine_tuning.job.checkpoint"] = "fine_tuning.job.checkpoint"
    created_at: int
    fine_tuned_model_checkpoint: str
    fine_tuning_job_id: str
    metrics: CheckpointMetrics
    step_number: int


class FineTuningCheckpoints(BaseModel):
    """The models that a job has made: the last step's, once it has succeeded."""

    object: Literal["list"] = "list"
    data: list[FineTuningCheckpoint]
    first_id: str | None
    last_id: str | None
    has_more: bool


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/v1", tags=["platform"], route_class=KeyFirst)
    routes.include_router(_job_routes())

    @routes.delete("/models/{model:path}")
    async def delete_model(model: str, caller: FineTuningKey, request: Request) -> ModelDeleted:
        """Delete a model that one has trained, with its weights. Its job and the data it was trained on stay."""
        house: House = request.app.state.house
        await house.fine_tuned.delete(caller, model)
        return ModelDeleted(id=model)

    return routes


def _job_routes() -> APIRouter:
    routes = APIRouter(prefix="/fine_tuning/jobs", route_class=KeyFirst)

    @routes.post("")
    async def create_fine_tuning_job(
        body: FineTuningBody, caller: FineTuningKey, request: Request
    ) -> FineTuningJobOut:
        """Have a model trained on a file that was uploaded."""
        return FineTuningJobOut.of(await _jobs(request).create(caller, body.asked()))

    @routes.get("")
    async def list_fine_tuning_jobs(
        caller: FineTuningKey,
        request: Request,
        after: _After = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 20,
        metadata: Annotated[
            Literal["null"] | None,
            Query(description="null: those without any; metadata[name]=value: those that have this"),
        ] = None,
    ) -> FineTuningJobs:
        """One's jobs, the newest first."""
        having = {
            found[1]: value
            for name, value in request.query_params.multi_items()
            if (found := _FILTER.fullmatch(name)) is not None
        }
        if having and metadata is not None:
            raise InvalidRequest("metadata=null and metadata[name]=value cannot both be.", param="metadata")
        found = await _jobs(request).page(
            caller, after=after, limit=limit + 1, having=having, without_metadata=metadata is not None
        )
        return FineTuningJobs(
            data=[FineTuningJobOut.of(job) for job in found[:limit]], has_more=len(found) > limit
        )

    @routes.get("/{job_id}")
    async def get_fine_tuning_job(job_id: str, caller: FineTuningKey, request: Request) -> FineTuningJobOut:
        """One job, and how far it is."""
        return FineTuningJobOut.of(await _jobs(request).find(caller, job_id))

    @routes.post("/{job_id}/cancel")
    async def cancel_fine_tuning_job(
        job_id: str, caller: FineTuningKey, request: Request
    ) -> FineTuningJobOut:
        """Call a job off. What it was trained until then is charged."""
        return FineTuningJobOut.of(await _jobs(request).cancel(caller, job_id))

    @routes.post("/{job_id}/pause")
    async def pause_fine_tuning_job(job_id: str, caller: FineTuningKey, request: Request) -> FineTuningJobOut:
        """Have a job that is queued or running wait, with a checkpoint."""
        return FineTuningJobOut.of(await _jobs(request).pause(caller, job_id))

    @routes.post("/{job_id}/resume")
    async def resume_fine_tuning_job(
        job_id: str, caller: FineTuningKey, request: Request
    ) -> FineTuningJobOut:
        """Have a paused job go on."""
        return FineTuningJobOut.of(await _jobs(request).resume(caller, job_id))

    @routes.get("/{job_id}/events")
    async def list_fine_tuning_events(
        job_id: str,
        caller: FineTuningKey,
        request: Request,
        after: _After = None,
        limit: Annotated[int, Query(ge=1, le=1000)] = 20,
    ) -> FineTuningEvents:
        """What a job told, the newest first: messages, and the figures of each step."""
        found = await _jobs(request).events(caller, job_id, after=after, limit=limit + 1)
        return FineTuningEvents(
            data=[FineTuningEvent.of(event) for event in found[:limit]], has_more=len(found) > limit
        )

    @routes.get("/{job_id}/checkpoints")
    async def list_fine_tuning_checkpoints(
        job_id: str,
        caller: FineTuningKey,
        request: Request,
        after: _After = None,
        limit: Annotated[int, Query(ge=1, le=100)] = 10,
    ) -> FineTuningCheckpoints:
        """The models that a job has made. There is one, of its last step, once it has succeeded."""
        job, steps = await _jobs(request).figures(caller, job_id)
        made: list[FineTuningCheckpoint] = []
        if job.fine_tuned_model is not None and steps and after is None:
            figures = dict(steps[-1].data or {})
            made.append(
                FineTuningCheckpoint(
                    id=f"ftckpt_{job.id.partition('_')[2]}",
                    created_at=int((job.finished_at or steps[-1].at).timestamp()),
                    fine_tuned_model_checkpoint=job.fine_tuned_model,
                    fine_tuning_job_id=job.id,
                    metrics=CheckpointMetrics.model_validate(figures),
                    step_number=int(figures["step"]),
                )
            )
        return FineTuningCheckpoints(
            data=made[:limit],
            first_id=made[0].id if made else None,
            last_id=made[-1].id if made else None,
            has_more=False,
        )

    return routes


def _seconds(at: datetime | None) -> int | None:
    return None if at is None else int(at.timestamp())
