"""``/api/admin/lab/flywheel``: examples and turns, for those who run the house."""

from typing import Annotated, Protocol

from fastapi import APIRouter, Query, Request, status

from causette.accounts.authentication import HouseOwner
from causette.lab.flywheel.bodies import (
    DecisionBody,
    ExampleCountOut,
    FlywheelExampleOut,
    FlywheelExamplePage,
    FlywheelOut,
    FlywheelTurnOut,
    NightlyOut,
    RewriteBody,
    TurnBody,
)
from causette.lab.flywheel.curation import Curation
from causette.lab.flywheel.turning import Flywheel
from causette.lab.flywheel.types import Verdict


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def curation(self) -> Curation: ...

    @property
    def flywheel(self) -> Flywheel: ...


def _house(request: Request) -> House:
    return request.app.state.house


def router() -> APIRouter:
    """All of them."""
    routes = APIRouter(prefix="/api/admin/lab/flywheel", tags=["lab"])
    _examples(routes)
    _turns(routes)
    return routes


def _examples(routes: APIRouter) -> None:
    @routes.post("/collect")
    async def collect_examples(actor: HouseOwner, request: Request) -> FlywheelOut:
        """Make examples of what was said since, and forget those whose consent was taken back."""
        await _house(request).curation.collect()
        return await _shown(request)

    @routes.get("/examples")
    async def list_examples(
        actor: HouseOwner,
        request: Request,
        verdict: Verdict | None = None,
        after: Annotated[str, Query(max_length=64)] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> FlywheelExamplePage:
        """Examples in the order in which they were made: all, or those of a verdict."""
        found = await _house(request).curation.examples(verdict=verdict, after=after, limit=limit + 1)
        items = [FlywheelExampleOut.of(each) for each in found[:limit]]
        return FlywheelExamplePage(items=items, next=items[-1].id if len(found) > limit else None)

    @routes.post("/examples/decide")
    async def decide_on_examples(body: DecisionBody, actor: HouseOwner, request: Request) -> FlywheelOut:
        """Keep examples, or leave them out."""
        await _house(request).curation.decide(actor, body.ids, body.verdict)
        return await _shown(request)

    @routes.patch("/examples/{example_id}")
    async def rewrite_example(
        example_id: str, body: RewriteBody, actor: HouseOwner, request: Request
    ) -> FlywheelExampleOut:
        """Change an example's words, and keep it."""
        rewritten = await _house(request).curation.rewrite(
            actor, example_id, prompt=body.prompt, chosen=body.chosen, rejected=body.rejected
        )
        return FlywheelExampleOut.of(rewritten)


def _turns(routes: APIRouter) -> None:
    @routes.get("")
    async def get_flywheel(actor: HouseOwner, request: Request) -> FlywheelOut:
        """What there is to learn from, and the flywheel's turns."""
        return await _shown(request)

    @routes.post("/turns", status_code=status.HTTP_201_CREATED)
    async def begin_turn(body: TurnBody, actor: HouseOwner, request: Request) -> FlywheelTurnOut:
        """Begin a turn. One at a time is under way."""
        return FlywheelTurnOut.of(await _house(request).flywheel.begin(actor, body.settings()))

    @routes.post("/turns/{turn_id}/proceed")
    async def proceed_with_turn(turn_id: str, actor: HouseOwner, request: Request) -> FlywheelTurnOut:
        """Learn from what was kept so far, and leave out what nobody has looked at."""
        flywheel = _house(request).flywheel
        return FlywheelTurnOut.of(await flywheel.proceed(actor, await flywheel.find(turn_id)))

    @routes.post("/turns/{turn_id}/stop")
    async def stop_turn(turn_id: str, actor: HouseOwner, request: Request) -> FlywheelTurnOut:
        """End a turn. A canary of its is rolled back."""
        flywheel = _house(request).flywheel
        return FlywheelTurnOut.of(await flywheel.stop(actor, await flywheel.find(turn_id)))

    @routes.post("/turns/{turn_id}/retry")
    async def retry_turn(turn_id: str, actor: HouseOwner, request: Request) -> FlywheelTurnOut:
        """Go on with a turn that failed, from the run that did."""
        flywheel = _house(request).flywheel
        return FlywheelTurnOut.of(await flywheel.retry(actor, await flywheel.find(turn_id)))


async def _shown(request: Request) -> FlywheelOut:
    house = _house(request)
    counts = await house.curation.counts()
    outlook = await house.flywheel.nights.outlook()
    return FlywheelOut(
        examples=[
            ExampleCountOut(verdict=verdict, kind=kind, count=count)
            for (verdict, kind), count in sorted(counts.items())
        ],
        turns=[FlywheelTurnOut.of(each) for each in await house.flywheel.turns()],
        nightly=None if outlook is None else NightlyOut.of(outlook),
    )
