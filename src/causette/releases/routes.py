"""``/api/admin/lab``: artifacts, what the gate and people say of them, and releases, for those who run the house."""

from typing import Annotated, Final, Protocol

from fastapi import APIRouter, Query, Request, status

from causette.accounts.authentication import HouseOwner
from causette.releases.bodies import (
    ArtifactOut,
    ArtifactPage,
    CanaryShareBody,
    ReasonBody,
    ReleaseBody,
    ReleaseOut,
    ReleasePage,
)
from causette.releases.service import Releases
from causette.releases.types import Release

_LONGEST_NAME: Final = 128

_Before = Annotated[str | None, Query(max_length=_LONGEST_NAME)]
_Limit = Annotated[int, Query(ge=1, le=100)]


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def releases(self) -> Releases: ...


def _room(request: Request) -> Releases:
    house: House = request.app.state.house
    return house.releases


def router() -> APIRouter:
    """All of them."""
    routes = APIRouter(prefix="/api/admin/lab", tags=["releases"])
    _artifacts(routes)
    _releases(routes)
    return routes


def _artifacts(routes: APIRouter) -> None:
    @routes.get("/artifacts")
    async def list_artifacts(
        actor: HouseOwner, request: Request, before: _Before = None, limit: _Limit = 50
    ) -> ArtifactPage:
        """Artifacts, the newest first."""
        room = _room(request)
        found = await room.artifacts(before=before, limit=limit + 1)
        shown = found[:limit]
        findings = await room.findings(shown)
        items = [ArtifactOut.of(each, findings[each.id]) for each in shown]
        return ArtifactPage(items=items, next=items[-1].id if len(found) > limit else None)

    @routes.get("/artifacts/{artifact_id}")
    async def get_artifact(artifact_id: str, actor: HouseOwner, request: Request) -> ArtifactOut:
        """One artifact, by its id or its name."""
        return await _shown(_room(request), artifact_id)

    @routes.post("/artifacts/{artifact_id}/sign")
    async def sign_artifact(artifact_id: str, actor: HouseOwner, request: Request) -> ArtifactOut:
        """Say that it may be released, on the gate's newest report, which passed."""
        room = _room(request)
        await room.sign(actor, await room.artifact(artifact_id))
        return await _shown(room, artifact_id)

    @routes.post("/artifacts/{artifact_id}/override")
    async def override_gate(
        artifact_id: str, body: ReasonBody, actor: HouseOwner, request: Request
    ) -> ArtifactOut:
        """Say that it may be released although the gate's newest report did not pass, and why."""
        room = _room(request)
        await room.override(actor, await room.artifact(artifact_id), body.reason)
        return await _shown(room, artifact_id)

    @routes.post("/artifacts/{artifact_id}/release", status_code=status.HTTP_201_CREATED)
    async def begin_release(
        artifact_id: str, body: ReleaseBody, actor: HouseOwner, request: Request
    ) -> ReleaseOut:
        """Serve it to some of those who ask for the model in whose place it is."""
        room = _room(request)
        artifact = await room.artifact(artifact_id)
        release = await room.begin(
            actor, artifact, share_percent=body.share_percent, bounds=body.bounds.bounds()
        )
        return await _with_standing(room, release)


def _releases(routes: APIRouter) -> None:
    @routes.get("/releases")
    async def list_releases(
        actor: HouseOwner,
        request: Request,
        model: _Before = None,
        before: _Before = None,
        limit: _Limit = 50,
    ) -> ReleasePage:
        """Releases, the newest first: all, or those of a model. Canaries with how they do."""
        room = _room(request)
        found = await room.releases(model, before=before, limit=limit + 1)
        names = await room.artifact_names({each.artifact_id for each in found})
        unserved = await room.unserved()
        items = [
            ReleaseOut.of(
                each,
                names[each.artifact_id],
                await room.standing(each) if each.state == "canary" else None,
                unserved.get(each.id, ()),
            )
            for each in found[:limit]
        ]
        return ReleasePage(items=items, next=items[-1].id if len(found) > limit else None)

    @routes.get("/releases/{release_id}")
    async def get_release(release_id: str, actor: HouseOwner, request: Request) -> ReleaseOut:
        """One release, with how its canary does, or did."""
        room = _room(request)
        return await _with_standing(room, await room.release(release_id))

    @routes.post("/releases/{release_id}/share")
    async def set_share(
        release_id: str, body: CanaryShareBody, actor: HouseOwner, request: Request
    ) -> ReleaseOut:
        """Serve a canary to more or fewer."""
        room = _room(request)
        release = await room.release(release_id)
        return await _with_standing(room, await room.set_share(actor, release, body.share_percent))

    @routes.post("/releases/{release_id}/promote")
    async def promote_release(release_id: str, actor: HouseOwner, request: Request) -> ReleaseOut:
        """Serve a canary to everybody."""
        room = _room(request)
        return await _with_standing(room, await room.promote(actor, await room.release(release_id)))

    @routes.post("/releases/{release_id}/roll-back")
    async def roll_back_release(
        release_id: str, body: ReasonBody, actor: HouseOwner, request: Request
    ) -> ReleaseOut:
        """Serve a canary to nobody any more."""
        room = _room(request)
        release = await room.release(release_id)
        return await _with_standing(room, await room.roll_back(actor, release, body.reason))

    @routes.post("/releases/{release_id}/undo")
    async def undo_release(
        release_id: str, body: ReasonBody, actor: HouseOwner, request: Request
    ) -> ReleaseOut:
        """Serve everybody what was served before a release."""
        room = _room(request)
        release = await room.release(release_id)
        return await _with_standing(room, await room.undo(actor, release, body.reason))


async def _shown(room: Releases, artifact_id: str) -> ArtifactOut:
    artifact = await room.artifact(artifact_id)
    return ArtifactOut.of(artifact, (await room.findings([artifact]))[artifact.id])


async def _with_standing(room: Releases, release: Release) -> ReleaseOut:
    names = await room.artifact_names({release.artifact_id})
    unserved = (await room.unserved()).get(release.id, ())
    return ReleaseOut.of(release, names[release.artifact_id], await room.standing(release), unserved)
