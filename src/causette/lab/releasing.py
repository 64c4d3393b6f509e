"""From a run to an artifact and to the gate's report of it, for the command line and the flywheel alike."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import msgspec

from causette.accounts.types import Caller
from causette.amounts import nano_of
from causette.errors import InvalidRequest, NotFound
from causette.lab.gate.policy import for_its_owner, read_policy
from causette.lab.lineage import trace
from causette.lab.runs import Runs
from causette.lab.stages.gate import read_checks
from causette.models import Models
from causette.releases import Artifact, GateReport, Releases
from causette.releases.weights import digest
from causette.settings import Settings

_MILLISECONDS_AN_HOUR: Final = 3_600_000


class Releasing:
    """Registers what ``runs`` have made with ``releases``, and has the gate measure it, as ``settings`` say."""

    def __init__(self, settings: Settings, models: Models, releases: Releases) -> None:
        self.releases = releases
        self.runs = Runs(settings.data / "runs")
        self._settings = settings
        self._models = models

    def base_of(self, model: str) -> str:
        """The catalogue's name of a model, such as that of ``default``.

        Raises:
            NotFound: there is none.
        """
        return self._models.show(model).name

    async def serving(self, model: str) -> str:
        """What a recipe names to begin with what is released in the place of ``model``: its weights, or the model.

        Raises:
            NotFound: there is no such model.
        """
        base = self.base_of(model)
        released = await self._released(base)
        return base if released is None else str(released.path)

    async def register(self, by: Caller, run_id: str, *, name: str, base: str | None = None) -> Artifact:
        """Keep what a run has made, with where it comes from: its runs back to the first.

        Args:
            base: the model of the catalogue whose place it can take; the one that it was made from, else the default.

        Raises:
            NotFound: there is no such run, or no such model.
            InvalidRequest: it is no export that is done, or something that it came from is gone.
            Forbidden, Conflict, CausetteError: as for `Releases.register`.
        """
        made = await asyncio.to_thread(trace, self.runs, run_id, known=self._known)
        lineage = made.lineage
        parent = await self._of_weights(lineage.parent)
        if parent is not None:
            lineage = replace(lineage, parent=parent.name)
        place = base or (parent.base if parent else self._known(lineage.parent)) or "default"
        return await self.releases.register(
            by,
            made.weights,
            name=name,
            base=self.base_of(place),
            lineage=lineage,
            metrics=made.metrics,
            cost_nano=int(made.seconds * 1_000) * self._nano_an_hour // _MILLISECONDS_AN_HOUR,
        )

    async def gate_recipe(
        self, artifact: Artifact, against: str | None = None, *, private: bool = False
    ) -> Mapping[str, Any]:
        """The recipe by which the gate measures an artifact.

        Args:
            against: an artifact or a model of the catalogue; what is served now.
            private: it is for its owner alone, and only has to be safe. Such a report releases nothing to everybody.

        Raises:
            NotFound: there is no such model.
            InvalidRequest: its weights are not on disk.
            ConfigurationError: the policy is broken.
        """
        baseline, weights = await self._baseline(artifact, against)
        policy = read_policy(self._settings.data / "gate.toml")
        card = self._models.show(artifact.base)
        return {
            "stage": "gate",
            "candidate": _arm(artifact.name, artifact.path, artifact.sha256),
            "baseline": _arm(baseline, weights, await asyncio.to_thread(digest, weights)),
            "policy": msgspec.to_builtins(for_its_owner(policy) if private else policy),
            "context": card.context or 4096,
            "thinking": "tagged" if card.thinks else "none",
            "kv_cache_gb": self._settings.kv_cache_gb,
            "nano_an_hour": self._nano_an_hour,
            "private": private,
        }

    async def report(self, run_id: str) -> GateReport:
        """Keep what a gate's run has found, once: asked again, the same report.

        Raises:
            NotFound: there is no such run, or its artifact is gone.
            InvalidRequest: it is no gate's run that is done.
            WeightsChanged: the artifact is not what was measured.
        """
        run, recipe = self.runs.find(run_id), self.runs.recipe(run_id)
        if run.stage != "gate" or run.artifact is None:
            raise InvalidRequest(f"{run_id} is no run of the gate that is done.", param="run")
        found = read_checks(Path(run.artifact))
        artifact = await self.releases.artifact(recipe["candidate"]["name"])
        return await self.releases.report(
            artifact,
            run_id=run_id,
            baseline=recipe["baseline"]["name"],
            checks=found.checks,
            policy=recipe["policy"],
            seconds=found.seconds,
            machine=run.machine,
        )

    async def _baseline(self, artifact: Artifact, against: str | None) -> tuple[str, Path]:
        """What a candidate is compared with: its name and weights."""
        if against is None:
            released = await self._released(artifact.base)
            if released is not None:
                return released.name, released.path
            against = artifact.base
        try:
            before = await self.releases.artifact(against)
        except NotFound:
            weights = self._models.path(against)
            if weights is None:
                raise InvalidRequest(
                    f"The weights of {against} are not on disk, and the gate compares with them: `causette models pull "
                    f"{against}` fetches them.",
                    param="against",
                ) from None
            return self.base_of(against), weights
        return before.name, before.path

    async def _released(self, base: str) -> Artifact | None:
        """What is released to everybody in the place of a model; None where nothing is."""
        for each in await self.releases.in_force():
            if each.model == base and each.state == "released":
                return await self.releases.artifact(each.artifact_id)
        return None

    async def _of_weights(self, path: str) -> Artifact | None:
        """The artifact that has its weights at ``path``."""
        before = None
        while page := await self.releases.artifacts(before=before):
            for each in page:
                if str(each.path) == path:
                    return each
            before = page[-1].id
        return None

    def _known(self, model: str) -> str | None:
        try:
            return self.base_of(model)
        except NotFound:
            return None

    @property
    def _nano_an_hour(self) -> int:
        return nano_of(f"{self._settings.machine.usd_per_hour:f}")


def _arm(name: str, weights: Path, sha256: str) -> dict[str, str]:
    return {"name": name, "weights": str(weights), "sha256": sha256}
