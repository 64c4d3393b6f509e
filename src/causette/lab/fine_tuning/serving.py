"""Serving what was fine-tuned, to whom it belongs and to nobody else.

A model's engine runs while somebody asks it, a few of them at a time; what nobody asks takes nothing but its file. In
plans, prices and limits such a model is the one that it was made from. Whether it is safe was measured by the gate
before it had a name; a model that is not is refused.
"""

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.clock import utc_now
from causette.db import Database
from causette.engines.pool import EnginePool, PooledEngine
from causette.errors import CausetteError, Forbidden, NotFound, Unavailable
from causette.fleet import best_sampling, engine_config
from causette.gateway import Deployment, Deployments
from causette.gateway.versions import Version, Versions, fingerprint
from causette.lab.fine_tuning.store import FineTuningStore
from causette.lab.fine_tuning.types import FineTuningJob
from causette.lab.runs import Runs
from causette.models import Models
from causette.releases import Artifact, Releases
from causette.releases.service import TUNED
from causette.releases.weights import WeightsChanged, check
from causette.settings import Settings

_log = structlog.get_logger(__name__)

# What one customer asks at once is little beside what the house's own model is asked.
_KV_CACHE_GB: Final = 1
_SWEEP_SECONDS: Final = 3600.0
# A job has its model a moment after it is registered; what has none for longer belongs to nobody any more.
_UNKNOWN_FOR: Final = timedelta(hours=24)
_MOST: Final = 100


class FineTunedModels:
    """The `causette.gateway.deployments.OwnModels` that fine-tuning jobs have made.

    Args:
        models: the catalogue, which says how what a model was made from is served.
        deployments: the house's own.
    """

    def __init__(
        self,
        settings: Settings,
        database: Database,
        releases: Releases,
        models: Models,
        deployments: Deployments,
    ) -> None:
        self._settings = settings
        self._store = FineTuningStore(database)
        self._releases = releases
        self._models = models
        self._deployments = deployments
        self._runs = Runs(settings.data / "runs")
        self._pool = EnginePool(
            settings.fine_tuned_at_once, idle_seconds=60.0 * settings.fine_tuned_idle_minutes
        )
        self._sweeper: asyncio.Task[None] | None = None

    def open(self) -> None:
        """Begin to end engines that nobody asks, and to forget models that are nobody's any more."""
        self._pool.open()
        self._sweeper = asyncio.get_running_loop().create_task(
            self._keep_sweeping(), name="fine-tuned models"
        )

    async def close(self) -> None:
        """End every engine. No request may be under way."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        await self._pool.close()

    async def find(self, caller: Caller, name: str) -> Deployment | None:
        """See `causette.gateway.deployments.OwnModels`."""
        try:
            _, artifact = await self._owned(caller, name)
        except NotFound:
            return None
        if (why := await self._unsafe(artifact)) is not None:
            raise Forbidden(
                f"The model {name!r} is not served, as {why}. Train it on other examples, or ask who runs this server.",
                code="model_not_safe",
                param="model",
            )
        return self._deployed(artifact)

    async def of(self, caller: Caller) -> Sequence[Deployment]:
        """See `causette.gateway.deployments.OwnModels`."""
        made = await self._store.models_of(caller.payer_id)
        if not made:
            return ()
        # Those that are deleted meanwhile are not there, and the others are.
        artifacts = await self._releases.artifacts(among=made, limit=_MOST)
        findings = await self._releases.findings(artifacts)
        return [self._deployed(each) for each in artifacts if findings[each.id].unsafe(each) is None]

    async def called(self, name: str) -> Deployment | None:
        """See `causette.gateway.deployments.OwnModels`."""
        if not name.startswith(TUNED):
            return None
        try:
            return self._deployed(await self._releases.artifact(name))
        except NotFound:
            return None

    async def delete(self, caller: Caller, name: str) -> None:
        """Forget one of the caller's models, with its weights. What is being written by it has its grace.

        Raises:
            NotFound: there is none of this name, or it is somebody else's (``model_not_found``).
        """
        job, artifact = await self._owned(caller, name)
        await self._store.change(job.id, (job.status,), artifact_id=None)
        await self._pool.forget(name)
        await self._forget(job.id, artifact, caller)

    async def sweep(self) -> int:
        """Forget the models of accounts that are gone; how many there were."""
        known, before, gone = await self._store.known_models(), None, 0
        while page := await self._releases.artifacts(before=before):
            before = page[-1].id
            for artifact in page:
                if not artifact.name.startswith(TUNED) or artifact.id in known:
                    continue
                if artifact.created_at > utc_now() - _UNKNOWN_FOR:
                    continue
                await self._pool.forget(artifact.name)
                await self._forget(_job_of(artifact.name), artifact, None)
                gone += 1
        return gone

    async def _owned(self, caller: Caller, name: str) -> tuple[FineTuningJob, Artifact]:
        """One of the caller's models, whether it may be served or not.

        Raises:
            NotFound: there is none of this name, or it is somebody else's.
        """
        unknown = NotFound(
            "There is no such model, or it is not yours.", code="model_not_found", param="model"
        )
        if not name.startswith(TUNED):
            raise unknown
        try:
            job = await owned(caller, _job_of(name), self._store.find, what="model")
        except NotFound:
            raise unknown from None
        if job.artifact_id is None or job.fine_tuned_model != name:
            raise unknown
        return job, await self._releases.artifact(job.artifact_id)

    async def _unsafe(self, artifact: Artifact) -> str | None:
        return (await self._releases.findings([artifact]))[artifact.id].unsafe(artifact)

    async def _forget(self, job_id: str, artifact: Artifact, by: Caller | None) -> None:
        await self._releases.forget_for(by, artifact)
        for run in ("tuned", "gate"):
            await asyncio.to_thread(shutil.rmtree, self._runs.place(f"{job_id}-{run}"), ignore_errors=True)

    def _deployed(self, artifact: Artifact) -> Deployment:
        card = self._models.show(artifact.base)
        config = engine_config(self._settings, card, "text", name=artifact.name, model=artifact.path)
        config = replace(config, kv_cache_gb=min(_KV_CACHE_GB, config.kv_cache_gb))
        engine = PooledEngine(self._pool, config, partial(_check, artifact))
        suffix = artifact.name.split(":")[3]
        house = next((each for each in self._deployments if each.name == artifact.base), None)
        return Deployment(
            name=artifact.name,
            kind="text",
            engine=Versions(Version(engine, fingerprint=fingerprint(artifact.name, artifact.sha256))),
            title=f"{suffix or card.title} ({artifact.created_at:%Y-%m-%d})",
            description={
                "en": f"Your own, fine-tuned from {card.title}.",
                "fr": f"Le vôtre, affiné à partir de {card.title}.",
            },
            sampling=best_sampling(card),
            slots=self._settings.max_running,
            machine=self._settings.machine.name,
            thinks=card.thinks,
            made_from=(artifact.base,) if house is None else (house.name, *house.aliases),
            owner_id=artifact.name.split(":")[2],
            created=int(artifact.created_at.timestamp()),
        )

    async def _keep_sweeping(self) -> None:
        while True:
            try:
                if gone := await self.sweep():
                    _log.info("forgot fine-tuned models that are nobody's any more", count=gone)
            except CausetteError as error:
                _log.warning("cannot sweep fine-tuned models", code=error.code, reason=error.message)
            except Exception:
                _log.exception("cannot sweep fine-tuned models")
            await asyncio.sleep(_SWEEP_SECONDS)


def _job_of(name: str) -> str:
    """The job that has made a model of this name, which ends with its id."""
    return f"ftjob_{name.rpartition(':')[2]}"


async def _check(artifact: Artifact) -> None:
    """Make sure that what is loaded is what was trained and measured.

    Raises:
        Unavailable: it is not, or it is gone.
    """
    try:
        await asyncio.to_thread(check, artifact.path, artifact.sha256)
    except WeightsChanged as error:
        _log.error("a fine-tuned model is not served", model=artifact.name, reason=error.message)
        raise Unavailable(
            f"The weights of {artifact.name!r} are not those that were trained. Ask who runs this server.",
            code="weights_changed",
        ) from error
