"""Artifacts and releases over HTTP, for those who run the house."""

from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

import pytest_asyncio

from causette.accounts import Caller
from causette.releases import Artifact
from causette.releases.types import Tally, Unserved
from tests.house import OpenHouse, Person, open_house
from tests.releases.test_releasing import NOW, measured, registered

LAB = "/api/admin/lab"


class Lab:
    """A house, and somebody who runs it."""

    def __init__(self, opened: OpenHouse, person: Person, by: Caller, folder: Path) -> None:
        self.releases = opened.house.releases
        self.by = by
        self._opened = opened
        self._person = person
        self._folder = folder

    async def artifact(self, name: str = "taught") -> Artifact:
        return await registered(self.releases, self.by, self._folder, name)

    async def get(self, path: str, expect: int = 200) -> Any:
        return await self._ask("GET", path, None, expect)

    async def post(self, path: str, body: object = None, expect: int = 200) -> Any:
        return await self._ask("POST", path, body, expect)

    async def _ask(self, method: str, path: str, body: object, expect: int) -> Any:
        answer = await self._opened.client.request(
            method, f"{LAB}{path}", json=body, headers=self._person.cookie
        )
        assert answer.status_code == expect, answer.text
        return answer.json()


@pytest_asyncio.fixture
async def lab(tmp_path: Path) -> AsyncGenerator[Lab]:
    async with open_house(tmp_path) as opened:
        person = await opened.person("ada")
        await opened.house.accounts.set_role(person.caller.user.id, "owner")
        by = await opened.house.accounts.session_caller(person.session)
        assert by is not None
        yield Lab(opened, person, by, tmp_path)


async def test_artifacts_are_shown_with_what_was_said_of_them(lab: Lab) -> None:
    first, second = await lab.artifact("first"), await lab.artifact("second")
    await measured(lab.releases, first, failing="safety")
    page = await lab.get("/artifacts?limit=1")
    assert [each["name"] for each in page["items"]] == ["second"]
    assert page["items"][0]["reports"] == []
    page = await lab.get(f"/artifacts?before={page['next']}")
    assert [each["name"] for each in page["items"]] == ["first"]
    assert page["next"] is None
    (report,) = page["items"][0]["reports"]
    assert not report["passed"]
    assert {check["group"] for check in report["checks"] if not check["passed"]} == {"safety"}
    assert (await lab.get("/artifacts/second"))["id"] == second.id


async def test_an_artifact_is_signed_served_and_promoted(lab: Lab) -> None:
    artifact = await lab.artifact()
    refused = await lab.post(f"/artifacts/{artifact.id}/sign", expect=409)
    assert refused["code"] == "not_measured"
    await measured(lab.releases, artifact)
    signed = await lab.post(f"/artifacts/{artifact.id}/sign")
    assert signed["releasable"] is True
    assert [each["kind"] for each in signed["approvals"]] == ["signed"]
    begun = await lab.post(
        f"/artifacts/{artifact.id}/release", {"share_percent": 5, "bounds": {"slower": 1.5}}, expect=201
    )
    assert (begun["state"], begun["share_percent"], begun["artifact"]) == ("canary", 5, "taught")
    assert begun["bounds"] == {"slower": 1.5, "requests": 50, "minutes": 60, "promotes": False}
    release = await lab.releases.release(begun["id"])
    await lab.releases.saw(release, NOW, {"canary": Tally(requests=3, firsts=3, output_tokens=30)})
    (listed,) = (await lab.get("/releases"))["items"]
    tally = listed["standing"]["arms"]["canary"]["tally"]
    assert (tally["requests"], tally["first_token_seconds"], tally["output_tokens"]) == (3, 1.0, 30)
    assert listed["standing"]["missing"]
    shared = await lab.post(f"/releases/{release.id}/share", {"share_percent": 20})
    assert shared["share_percent"] == 20
    assert (await lab.post(f"/releases/{release.id}/promote"))["state"] == "released"
    unserved = Unserved(
        release_id=release.id, process="here:1", reason="They are gone.", instead="small", since=NOW
    )
    await lab.releases.cannot_serve("here:1", [unserved])
    (listed,) = (await lab.get("/releases"))["items"]
    (told,) = listed["unserved"]
    assert (told["process"], told["reason"], told["instead"]) == ("here:1", "They are gone.", "small")
    assert (await lab.get(f"/releases/{release.id}"))["unserved"] == [told]
    undone = await lab.post(f"/releases/{release.id}/undo", {"reason": "It is rude."})
    assert (undone["state"], undone["reason"]) == ("undone", "ada@example.org: It is rude.")
    assert (await lab.get(f"/releases/{release.id}"))["ended_at"] is not None


async def test_what_failed_is_overridden_with_a_reason_and_rolled_back(lab: Lab) -> None:
    artifact = await lab.artifact()
    await measured(lab.releases, artifact, failing="speed")
    path = f"/artifacts/{artifact.id}"
    assert (await lab.post(f"{path}/sign", expect=409))["code"] == "gate_not_passed"
    overridden = await lab.post(f"{path}/override", {"reason": "The machine was busy with a backup."})
    assert overridden["releasable"] is True
    begun = await lab.post(f"{path}/release", {"share_percent": 100}, expect=201)
    again = await lab.post(f"{path}/release", {"share_percent": 100}, expect=409)
    assert again["code"] == "canary_exists"
    back = await lab.post(f"/releases/{begun['id']}/roll-back", {"reason": "It is rude."})
    assert back["state"] == "rolled_back"


async def test_what_makes_no_sense_is_refused_by_its_name(lab: Lab) -> None:
    artifact = await lab.artifact()
    for body, field in (
        ({"share_percent": 0}, "share_percent"),
        ({"share_percent": 101}, "share_percent"),
        ({"share_percent": 5, "bounds": {"slower": 0.5}}, "bounds.slower"),
        ({"share_percent": 5, "bounds": {"quicker": 2}}, "bounds.quicker"),
    ):
        refused = await lab.post(f"/artifacts/{artifact.id}/release", body, expect=422)
        assert [each["field"] for each in refused["errors"]] == [field]
    assert (await lab.get("/artifacts/none", expect=404))["code"] == "not_found"
    assert (await lab.get("/releases/none", expect=404))["code"] == "not_found"
