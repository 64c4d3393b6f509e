"""Where what a run has made comes from: its runs back to the first, their recipes, their data, what they took."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from causette.errors import InvalidRequest, NotFound
from causette.lab.data import HELD_OUT, TRAIN
from causette.lab.data.manifest import read_manifest
from causette.lab.distilling import MANIFEST as CONVERSATIONS_MANIFEST
from causette.lab.distilling import read_manifest as read_conversations
from causette.lab.runs import Run, Runs
from causette.lab.stages import GGUF_FILE
from causette.models.disk import sha256_of
from causette.releases.types import Lineage

# What a recipe takes from other runs, in the order in which that was there.
_TAKEN: Final = ("tokenizer", "model", "data")
_CHOSEN: Final = (
    "held_out_loss",
    "held_out_accuracy",
    "held_out_score",
    "loss",
    "accuracy",
    "reward",
    "tokens",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """Weights that a run has made, and all that is known of how."""

    weights: Path
    lineage: Lineage
    metrics: Mapping[str, float]
    #: What its runs took together, back to what they began with.
    seconds: float


def trace(runs: Runs, run_id: str, *, known: Callable[[str], str | None]) -> Made:
    """How the export called ``run_id`` came about.

    ``known`` gives the name of a model that no run made, such as ``smollm2-135m-instruct`` for ``default``; None where
    there is none of that name.

    Raises:
        NotFound: there is no such run.
        InvalidRequest: it is not an export that is done, or something that it came from is gone.
    """
    run = runs.find(run_id)
    if run.status != "done" or run.artifact is None:
        raise InvalidRequest(
            f"The run {run_id} has made nothing yet: it is {run.status}. `causette lab resume {run_id}` takes it up.",
            param="run",
        )
    weights = Path(run.artifact) / GGUF_FILE
    if not weights.is_file():
        raise InvalidRequest(
            f"The run {run_id} is of the stage {run.stage}, and the engine serves GGUF: export it first, with "
            f'`causette lab export`, model = "{run_id}".',
            param="run",
        )
    walk = _Walk(runs, known)
    parent = walk.back(run_id)
    metrics = dict(run.metrics)
    # Of the run that taught it, not of the one that wrote it down.
    for each in reversed(walk.runs):
        if any(name in each.metrics for name in _CHOSEN):
            metrics |= {name: each.metrics[name] for name in _CHOSEN if name in each.metrics}
            break
    return Made(
        weights=weights,
        lineage=Lineage(
            parent=parent,
            run_id=run_id,
            recipes=tuple(
                {"run": each.id, **runs.recipe(each.id), "versions": each.versions} for each in walk.runs
            ),
            data=tuple(walk.data),
            code={**run.versions, "machine": run.machine},
        ),
        metrics=metrics,
        seconds=sum(map(_seconds, walk.runs)),
    )


class _Walk:
    """Goes back from a run to those that it took something from; ``runs`` has the first one first."""

    def __init__(self, runs: Runs, known: Callable[[str], str | None]) -> None:
        self._runs = runs
        self._known = known
        self.runs: list[Run] = []
        self.data: list[dict[str, Any]] = []

    def back(self, run_id: str) -> str:
        """The model that it all began with; empty where it began with nothing."""
        run, recipe = self._runs.find(run_id), self._runs.recipe(run_id)
        parent = ""
        for field in _TAKEN:
            name = recipe.get(field)
            # What is served at a url is nothing that is here.
            if not isinstance(name, str) or (field == "model" and recipe.get("url")):
                continue
            if self._is_run(name):
                begun = self.back(name) if all(each.id != name for each in self.runs) else ""
            else:
                begun = self._named(name, run)
            if field == "model":
                parent = begun
            if field == "data":
                self.data += (each for each in self._manifests(name) if each not in self.data)
        self._sources(run, recipe)
        if run.stage == "distill":
            self.data.append(self._distilled(run))
        self.runs.append(run)
        return parent

    def _sources(self, run: Run, recipe: Mapping[str, Any]) -> None:
        """Goes back to the runs whose conversations a run has read."""
        for source in recipe.get("sources", ()):
            name = source.get("run")
            if name is None or any(each.id == name for each in self.runs):
                continue
            if not self._is_run(name):
                raise _gone(name, run)
            self.back(name)

    def _is_run(self, name: str) -> bool:
        try:
            return Path(name).name == name and bool(self._runs.find(name))
        except NotFound:
            return False

    def _named(self, name: str, run: Run) -> str:
        path = Path(name).expanduser()
        found = str(path.absolute()) if path.exists() else self._known(name)
        if found is None:
            raise _gone(name, run)
        return found

    def _distilled(self, run: Run) -> dict[str, Any]:
        """What a teacher's conversations are: who said them, of which prompts."""
        manifest = read_conversations(Path(run.artifact or ""))
        return {
            "data": run.id,
            "part": f"replies of {manifest.model}" + (f" at {manifest.url}" if manifest.url else ""),
            "manifest_sha256": sha256_of(Path(run.artifact or "") / CONVERSATIONS_MANIFEST),
            "records": manifest.conversations,
            "licence": manifest.licence,
            "sampling": msgspec.to_builtins(manifest.sampling),
            "task": manifest.task,
            "prompts_sha256": manifest.prompts_sha256,
            "sources": [msgspec.to_builtins(each) for each in manifest.sources],
        }

    def _manifests(self, name: str) -> Iterator[dict[str, Any]]:
        place = Path(self._runs.find(name).artifact or "") if self._is_run(name) else Path(name).expanduser()
        for part in (TRAIN, HELD_OUT):
            if (place / part).is_dir():
                manifest, sha256 = read_manifest(place / part)
                yield {
                    "data": name,
                    "part": part,
                    "manifest_sha256": sha256,
                    "records": manifest.records,
                    "tokens": manifest.tokens,
                    "sources": [msgspec.to_builtins(each) for each in manifest.sources],
                }


def _gone(name: str, run: Run) -> InvalidRequest:
    return InvalidRequest(
        f"The run {run.id} was made from {name!r}, which is no run, file or model any more: where it comes from cannot "
        "be told.",
        param="run",
    )


def _seconds(run: Run) -> float:
    """What it took: its own figure, as a run that was taken up again stood still in between."""
    if "seconds" in run.metrics:
        return run.metrics["seconds"]
    return 0.0 if run.finished_at is None else (run.finished_at - run.created_at).total_seconds()
