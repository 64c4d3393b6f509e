"""From a recipe to an artifact: a run is begun, carried out and noted, or taken up again where it was left."""

import os
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path
from shutil import rmtree
from typing import Any

from causette.errors import CausetteError, ConfigurationError, Conflict, NotFound
from causette.lab.recipes import configured, written
from causette.lab.runs import Recorded, Run, Runs
from causette.lab.stages import GGUF_FILE, SHARED, STAGES, StageName
from causette.lab.stages.workbench import Workbench
from causette.lab.types import Events
from causette.models import Models


def begin(runs: Runs, recipe: Mapping[str, Any], *, name: str | None = None) -> Run:
    """A run of a recipe, whose every field has been checked.

    Raises:
        ConfigurationError: a field is wrong, or there is no such stage.
        Conflict: there is a run with this name.
    """
    stage = _stage(str(recipe["stage"]))
    config = configured(recipe, stage.load().config)
    return runs.begin(stage.name, {"stage": stage.name, **written(config)}, name)


def carry_out(
    runs: Runs,
    run_id: str,
    events: Events,
    models: Models,
    *,
    should_stop: Callable[[], bool] = lambda: False,
) -> Run:
    """Carry out a run, from its newest checkpoint where it has one.

    Raises:
        Conflict: it is done, or another process carries it out.
        CausetteError: what it failed of, which is noted.
    """
    run = runs.find(run_id)
    if run.status == "done":
        raise Conflict(f"The run {run_id} is done: its artifact is in {run.artifact}.")
    recipe = runs.recipe(run_id)
    stage = _stage(run.stage).load()
    folder = runs.place(run_id)
    workbench = Workbench(
        folder=folder, home=runs.folder.parent, find=finder(runs, models), should_stop=should_stop
    )
    # As torchrun says it.
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and run.stage not in SHARED:
        raise ConfigurationError(
            f"The stage {run.stage} is one process's; torchrun is for {' and '.join(SHARED)}.", param="stage"
        )
    if int(os.environ.get("RANK", "0")) > 0:
        stage.run(configured(recipe, stage.config), events, workbench)
        return run
    with runs.held(run_id), closing(Recorded(folder / "events.jsonl", events)) as recorded:
        # Of a run that is taken up again it said how it had ended.
        run = runs.resumed(run)
        if not workbench.checkpoints.exists():
            # It died after it had written this and before it was noted; from nothing, it is made again.
            rmtree(workbench.artifact, ignore_errors=True)
        try:
            artifact = stage.run(configured(recipe, stage.config), recorded, workbench)
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt) or getattr(error, "code", None) == "interrupted"
            # What it ended of is what is told, even where the disk is too full to note it.
            with suppress(OSError):
                runs.ended(run, "interrupted" if stopped else "failed", _reason(error))
            raise
        return runs.done(run, artifact)


def finder(runs: Runs, models: Models) -> Callable[[str], Path | None]:
    """Finds a run's artifact, or a model of the catalogue that is on disk, by its name."""

    def find(name: str) -> Path | None:
        if Path(name).name == name and (runs.place(name) / "run.json").is_file():
            run = runs.find(name)
            if run.artifact is None:
                raise ConfigurationError(
                    f"The run {name} has made nothing yet: it is {run.status}.", param="model"
                )
            path = Path(run.artifact)
            return path / GGUF_FILE if (path / GGUF_FILE).is_file() else path
        try:
            weights = models.path(name)
        except NotFound:
            return None
        return weights if weights is None or weights.suffix == ".gguf" else weights.parent

    return find


def _reason(error: BaseException) -> str:
    if isinstance(error, KeyboardInterrupt):
        return "It was stopped. It can be resumed."
    return error.message if isinstance(error, CausetteError) else repr(error)


def _stage(name: str) -> StageName:
    if name not in STAGES:
        raise ConfigurationError(f"There is no stage {name!r}: there are {', '.join(STAGES)}.", param="stage")
    return STAGES[name]
