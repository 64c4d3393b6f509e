"""``/api/admin/lab``: runs, what they tell, and what evaluations say of each other, for those who run the house.

Nothing here loads the lab's libraries: what is there is read without them, and what is asked for is done by a process
of its own.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

from fastapi import APIRouter, Query, Request, status

from causette.accounts.authentication import HouseOwner
from causette.accounts.types import Caller
from causette.errors import ConfigurationError, InvalidRequest, NotFound
from causette.lab.bodies import (
    ApartOut,
    ComparisonOut,
    EventsOut,
    LabRunDetails,
    LabRunOut,
    LabRunPage,
    LabStageOut,
    LabStages,
    NamedOut,
    PairOut,
    PairPage,
    ReplyOut,
    ReplyPage,
    Role,
    StartBody,
    TaskChangeOut,
    TextsApartOut,
    TextsChangeOut,
)
from causette.lab.comparing import Comparison, compared, pairs, replies_of
from causette.lab.curves import glance, told
from causette.lab.installed import INSTALL, missing_libraries
from causette.lab.recipes import as_toml, parse_recipe
from causette.lab.running import LabRun, LabRuns
from causette.lab.runs import Runs
from causette.lab.stages import STAGES
from causette.settings import Settings

_LONGEST_NAME: Final = 256
# Where a recipe may name what another run has made.
_ROLES: Final[tuple[Role, ...]] = ("model", "data", "tokenizer")

_Name = Annotated[str, Query(max_length=_LONGEST_NAME)]
_Limit = Annotated[int, Query(ge=1, le=100)]
_Offset = Annotated[int, Query(ge=0)]
_Task = Annotated[str | None, Query(max_length=_LONGEST_NAME)]


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def settings(self) -> Settings: ...
    @property
    def lab_runs(self) -> LabRuns: ...


def router() -> APIRouter:
    """All of them."""
    routes = APIRouter(prefix="/api/admin/lab", tags=["lab"])
    _reading(routes)
    _acting(routes)
    _evaluations(routes)
    return routes


def _reading(routes: APIRouter) -> None:
    @routes.get("/stages")
    async def list_stages(actor: HouseOwner) -> LabStages:
        """The stages with an example of a recipe each, and whether they can be carried out here."""
        items = [
            LabStageOut(
                name=stage.name,
                summary=stage.summary,
                example=stage.example,
                trains=stage.trains is True,
            )
            for stage in STAGES.values()
            if stage.example is not None
        ]
        return LabStages(items=items, missing=missing_libraries(), install=INSTALL)

    @routes.get("/runs")
    async def list_lab_runs(
        actor: HouseOwner,
        request: Request,
        stage: Annotated[str | None, Query(max_length=_LONGEST_NAME)] = None,
        before: Annotated[str | None, Query(max_length=_LONGEST_NAME)] = None,
        limit: _Limit = 50,
    ) -> LabRunPage:
        """Runs, the newest first, those of the command line included."""
        room = _room(request)
        found = [each for each in await room.work.list(actor) if stage in (None, each.run.stage)]
        places = {each.run.id: place for place, each in enumerate(found)}
        if before is not None and before not in places:
            raise NotFound(f"There is no run {before!r}.", param="before")
        first = 0 if before is None else places[before] + 1
        shown = found[first : first + limit]
        items = await asyncio.to_thread(lambda: [_shown(room.runs, each) for each in shown])
        return LabRunPage(items=items, next=items[-1].id if first + limit < len(found) else None)

    @routes.get("/runs/{name}")
    async def get_lab_run(name: str, actor: HouseOwner, request: Request) -> LabRunDetails:
        """A run: its recipe, its figures, what it has made, and what that was made from."""
        return await _details(_room(request), actor, name)

    @routes.get("/runs/{name}/events")
    async def get_lab_run_events(
        name: str, actor: HouseOwner, request: Request, after: _Offset = 0
    ) -> EventsOut:
        """What a run has told, or what it has told since: a curve for each figure, and notes."""
        events = await asyncio.to_thread(_room(request).runs.events, name)
        return EventsOut.of(told(events, after=after))


def _acting(routes: APIRouter) -> None:
    @routes.post("/runs", status_code=status.HTTP_201_CREATED)
    async def start_lab_run(body: StartBody, actor: HouseOwner, request: Request) -> LabRunDetails:
        """Begin a run of a recipe, which is checked first."""
        try:
            recipe = parse_recipe(body.recipe) if isinstance(body.recipe, str) else body.recipe
        except ConfigurationError as error:
            raise InvalidRequest(error.message, param=error.param) from None
        room = _room(request)
        if body.name:
            # Known at once, where the recipe is checked for seconds.
            await asyncio.to_thread(room.runs.check_name, body.name)
        begun = await room.work.start(actor, recipe, name=body.name or None)
        return await _details(room, actor, begun.run.id)

    @routes.post("/runs/{name}/stop")
    async def stop_lab_run(name: str, actor: HouseOwner, request: Request) -> LabRunDetails:
        """Have a run write a checkpoint and end."""
        room = _room(request)
        await room.work.stop(actor, name)
        return await _details(room, actor, name)

    @routes.post("/runs/{name}/resume")
    async def resume_lab_run(name: str, actor: HouseOwner, request: Request) -> LabRunDetails:
        """Have a run that was stopped, killed or failed go on from its newest checkpoint."""
        room = _room(request)
        await room.work.resume(actor, name)
        return await _details(room, actor, name)


def _evaluations(routes: APIRouter) -> None:
    @routes.get("/runs/{name}/replies")
    async def list_replies(
        name: str,
        actor: HouseOwner,
        request: Request,
        task: _Task = None,
        wrong: Annotated[bool, Query(description="Only those that are not wholly right")] = False,
        offset: _Offset = 0,
        limit: _Limit = 50,
    ) -> ReplyPage:
        """What was replied in an evaluation, and what it scored."""
        runs = _room(request).runs

        def read() -> ReplyPage:
            replies = list(replies_of(_evaluation(runs, name)))
            wanted = [
                each for each in replies if task in (None, each.task) and not (wrong and each.score >= 1)
            ]
            shown = wanted[offset : offset + limit]
            return ReplyPage(
                items=[ReplyOut.of(each) for each in shown],
                total=len(wanted),
                tasks=list(dict.fromkeys(each.task for each in replies)),
                next=_after(offset, limit, len(wanted)),
            )

        return await asyncio.to_thread(read)

    @routes.get("/compare")
    async def compare_evaluations(
        before: _Name, after: _Name, actor: HouseOwner, request: Request
    ) -> ComparisonOut:
        """How the second of two evaluations differs from the first, and of what nothing can be said."""
        folders = await asyncio.to_thread(_two, _room(request).runs, before, after)
        return _compared(await asyncio.to_thread(compared, *folders))

    @routes.get("/compare/replies")
    async def compare_replies(
        before: _Name,
        after: _Name,
        actor: HouseOwner,
        request: Request,
        task: _Task = None,
        offset: _Offset = 0,
        limit: _Limit = 50,
    ) -> PairPage:
        """What two evaluations replied to the same problems, where that is not the same."""
        runs = _room(request).runs

        def read() -> PairPage:
            found = [each for each in pairs(*_two(runs, before, after)) if task in (None, each.after.task)]
            shown = found[offset : offset + limit]
            return PairPage(
                items=[PairOut.of(each) for each in shown],
                total=len(found),
                next=_after(offset, limit, len(found)),
            )

        return await asyncio.to_thread(read)


@dataclass(frozen=True, slots=True)
class _Room:
    """The lab as routes see it: what is in its folder, and who carries runs out."""

    runs: Runs
    work: LabRuns


def _room(request: Request) -> _Room:
    house: House = request.app.state.house
    return _Room(Runs(house.settings.data / "runs"), house.lab_runs)


def _shown(runs: Runs, found: LabRun) -> LabRunOut:
    run = found.run
    recipe, at_a_glance = runs.recipe(run.id), glance(runs.events_file(run.id))
    return LabRunOut.of(run, recipe, at_a_glance, at_work=found.job is not None)


async def _details(room: _Room, actor: Caller, name: str) -> LabRunDetails:
    found = await room.work.find(actor, name)
    return await asyncio.to_thread(_read_details, room.runs, found)


def _read_details(runs: Runs, found: LabRun) -> LabRunDetails:
    run, recipe = found.run, runs.recipe(found.run.id)
    others = {other.id: other for other in runs.list()}
    made_from = [
        NamedOut(
            role=role,
            name=named,
            is_run=named in others,
            stage=others[named].stage if named in others else None,
        )
        for role, named in _named(recipe)
    ]
    used_by = [
        NamedOut(role=role, name=other.id, is_run=True, stage=other.stage)
        for other in others.values()
        for role, named in _named(runs.recipe(other.id))
        if named == run.id
    ]
    return LabRunDetails(
        **_shown(runs, found).model_dump(),
        recipe=as_toml(recipe),
        artifact=run.artifact,
        made_from=made_from,
        used_by=used_by,
        versions=run.versions,
        machine=run.machine,
    )


def _named(recipe: Mapping[str, Any]) -> list[tuple[Role, str]]:
    """What a recipe names that somebody else has made."""
    return [(role, recipe[role]) for role in _ROLES if isinstance(recipe.get(role), str)]


def _evaluation(runs: Runs, name: str) -> Path:
    """The folder of an evaluation, done or not."""
    run = runs.find(name)
    if run.stage != "evaluate":
        raise InvalidRequest(
            f"The run {name} is no evaluation: its stage is {run.stage}.", code="no_evaluation"
        )
    return Path(run.artifact) if run.artifact is not None else runs.place(name) / "artifact"


def _two(runs: Runs, before: str, after: str) -> tuple[Path, Path]:
    return _evaluation(runs, before), _evaluation(runs, after)


def _compared(found: Comparison) -> ComparisonOut:
    items = [
        TaskChangeOut(
            task=task,
            before=found.means[task][0],
            after=found.means[task][1],
            change=difference.value,
            low=difference.low,
            high=difference.high,
            p=difference.p,
            is_real=difference.is_real,
        )
        for task, difference in found.differences.items()
    ]
    texts = [
        TextsChangeOut(
            texts=name,
            before=found.fits[name][0].bits_per_byte,
            after=found.fits[name][1].bits_per_byte,
            change=difference.value,
            low=difference.low,
            high=difference.high,
            p=difference.p,
            is_real=difference.is_real,
            perplexity_before=found.fits[name][0].perplexity,
            perplexity_after=found.fits[name][1].perplexity,
        )
        for name, difference in found.texts.items()
    ]
    return ComparisonOut(
        items=items,
        apart=[ApartOut(task=task, reason=reason) for task, reason in found.apart.items()],
        texts=texts,
        texts_apart=[TextsApartOut(texts=name, reason=reason) for name, reason in found.texts_apart.items()],
    )


def _after(offset: int, limit: int, total: int) -> int | None:
    return offset + limit if offset + limit < total else None
