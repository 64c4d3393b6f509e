"""Who may do what, route by route: as nobody, as a stranger, as the owner.

Every route of the real application must have a case here; one without a case fails. That is the test against the
commonest hole of such products: an object read or changed by its id through the one route where nobody looked.
"""

from collections.abc import AsyncGenerator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

from causette.accounts import SignedIn
from causette.accounts.authentication import SESSION_COOKIE
from causette.app import openapi_document
from causette.ids import new_id
from tests.app.route_cases import CASES, Access, Case
from tests.app.world import World, open_world
from tests.house import PASSWORD, open_house


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncGenerator[World]:
    async with open_world(tmp_path) as world:
        yield world


#: Furnishing a world takes longer than most questions to it: those that change nothing are asked of one.
in_one_world = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def one_world(tmp_path_factory: pytest.TempPathFactory) -> AsyncGenerator[World]:
    """Where everybody is refused, whatever they ask for."""
    async with open_world(tmp_path_factory.mktemp("world")) as world:
        yield world


def routes_of(app: FastAPI) -> set[tuple[str, str]]:
    """Every method and path that the application answers, HEAD aside: it goes with GET."""
    found: set[tuple[str, str]] = set()
    for route in iter_route_contexts(app.routes):
        assert route.path is not None and route.methods, (
            f"{route} is no plain route: give it a case of its own"
        )
        found |= {(method, route.path) for method in route.methods if method != "HEAD"}
    return found


def of(*access: Access) -> Any:
    """The cases of these kinds, as parameters."""
    chosen = [(key, case) for key, case in CASES.items() if case.access in access]
    return pytest.mark.parametrize(
        ("method", "case"),
        [(key[0], case) for key, case in chosen],
        ids=[f"{method} {path}" for (method, path), _ in chosen],
    )


async def test_every_route_has_a_case_and_every_case_a_route(tmp_path: Path) -> None:
    async with open_house(tmp_path) as opened:
        assert routes_of(opened.app) == set(CASES)


def test_a_route_that_names_an_object_is_a_case_of_ownership() -> None:
    naming = {key for key in CASES if "{" in key[1]}
    names_nobodys = {
        ("GET", "/v1/models/{model:path}"),
        ("GET", "/api/sign-on/{provider}"),
        ("GET", "/api/sign-on/{provider}/callback"),
        ("POST", "/api/sign-on/{provider}/link"),
        # Whoever has the token of a link may read what it leads to.
        ("GET", "/api/shared/{token}"),
        ("GET", "/api/shared/{token}/pictures/{number}"),
        ("POST", "/api/shared/{token}/continue"),
        # All of the house's owners' alike.
        ("DELETE", "/api/invitations/{invitation_id}"),
    }
    names_nobodys |= {key for key in naming if key[1].startswith("/api/admin/")}
    assert {key for key in naming if CASES[key].access not in {"owned", "keyed"}} == names_nobodys
    assert {key for key, case in CASES.items() if case.access in {"owned", "keyed"}} <= naming


def test_every_route_but_the_owners_instruments_is_described() -> None:
    described = {
        (method.upper(), path)
        for path, operations in openapi_document()["paths"].items()
        for method in operations
    }
    hidden = {("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/api/openapi.json")}
    assert described == {(method, path.replace(":path", "")) for method, path in CASES} - hidden


@of("public")
async def test_what_is_public_answers_nobody(world: World, method: str, case: Case) -> None:
    answer = await world.ask(method, case, {})
    assert answer.status_code == case.ok
    assert "ada@" not in answer.text
    assert world.conversation not in answer.text


@in_one_world
@of("session", "key", "owned", "keyed")
async def test_nobody_is_told_to_sign_in(one_world: World, method: str, case: Case) -> None:
    before = await one_world.what_ada_has()
    answer = await one_world.ask(method, case, {})
    assert answer.status_code == 401
    assert await one_world.what_ada_has() == before


@in_one_world
@of("session", "owned")
async def test_a_key_opens_nothing_that_is_a_sessions(one_world: World, method: str, case: Case) -> None:
    assert (await one_world.ask(method, case, one_world.ada.bearer)).status_code == 401


@in_one_world
@of("key", "keyed")
async def test_a_session_opens_nothing_that_is_a_keys(one_world: World, method: str, case: Case) -> None:
    assert (await one_world.ask(method, case, one_world.ada.cookie)).status_code == 401


@in_one_world
@of("owned", "keyed")
async def test_a_stranger_finds_nothing_and_changes_nothing(
    one_world: World, method: str, case: Case
) -> None:
    before = await one_world.what_ada_has()
    bobs = one_world.bob.bearer if case.access == "keyed" else one_world.bob.cookie
    theirs = await one_world.ask(method, case, bobs)
    assert theirs.status_code == 404
    made_up = replace(
        one_world,
        conversation=new_id("conv"),
        question=new_id("msg"),
        reply=new_id("msg"),
        generation=new_id("gen"),
        project=new_id("proj"),
        invoice=new_id("inv"),
        workspace=new_id("ws"),
        member=new_id("user"),
        invitation=new_id("winv"),
        key=new_id("key"),
        passkey=new_id("pk"),
        identity=new_id("ident"),
        other_session=new_id("sess"),
        correction=new_id("msg"),
        feedback=new_id("fb"),
        job=new_id("job"),
        file=new_id("file"),
        assistant=new_id("asst"),
        share=new_id("share"),
        brought=new_id("imp"),
        memory=new_id("mem"),
        rows=new_id("file"),
        tuning=new_id("ftjob"),
        tuned=f"ft:default:nobody::{new_id('ftjob').removeprefix('ftjob_')}",
    )
    nothing = await made_up.ask(method, case, bobs)
    # What is somebody else's and what does not exist are told apart by nothing.
    assert (nothing.status_code, nothing.json()) == (theirs.status_code, theirs.json())
    assert await one_world.what_ada_has() == before


@of("session")
async def test_a_stranger_sees_only_their_own(world: World, method: str, case: Case) -> None:
    before = await world.what_ada_has()
    answer = await world.ask(method, case, world.bob.cookie)
    assert answer.status_code == case.ok
    for known in (world.conversation, world.reply, "ada@example.org"):
        assert known not in answer.text
    assert await world.what_ada_has() == before


@of("session", "owned")
async def test_the_owner_may(world: World, method: str, case: Case) -> None:
    expected = case.ok if case.hers is None else case.hers
    assert (await world.ask(method, case, world.ada.cookie)).status_code == expected


@of("key", "keyed")
async def test_the_holder_of_a_key_may(world: World, method: str, case: Case) -> None:
    assert (await world.ask(method, case, world.ada.bearer)).status_code == case.ok


@in_one_world
@of("keyed")
async def test_neither_a_members_workspace_nor_a_revoked_key_finds_it(
    one_world: World, method: str, case: Case
) -> None:
    accounts, before = one_world.open.house.accounts, await one_world.what_ada_has()
    # Her own key, made for her workspace, reaches the workspace's alone.
    acting = await accounts.workspaces.acting(one_world.ada.caller, one_world.workspace)
    theirs = await accounts.keys.create(acting, name="theirs")
    bearer = {"authorization": f"Bearer {theirs.secret}"}
    assert (await one_world.ask(method, case, bearer)).status_code == 404
    await accounts.keys.revoke(acting, theirs.key.id)
    assert (await one_world.ask(method, case, bearer)).status_code == 401
    assert await one_world.what_ada_has() == before


@in_one_world
@of("session", "owned")
async def test_who_has_signed_out_is_nobody_from_then_on(one_world: World, method: str, case: Case) -> None:
    accounts = one_world.open.house.accounts
    left = await accounts.sign_in(one_world.ada.email, PASSWORD, address="elsewhere")
    assert isinstance(left, SignedIn)
    await accounts.sign_out(left.token)
    answer = await one_world.ask(method, case, {"cookie": f"{SESSION_COOKIE}={left.token}"})
    assert answer.status_code == 401


async def test_a_parent_or_shown_message_of_somebody_elses_is_not_found(world: World) -> None:
    started = await world.open.client.post(
        "/api/conversations", json={"content": "Mine"}, headers=world.bob.cookie
    )
    bobs = started.json()["conversation"]["id"]
    for method, path, body in (
        ("POST", f"/api/conversations/{bobs}/messages", {"parent_id": world.reply, "content": "x"}),
        ("PATCH", f"/api/conversations/{bobs}", {"current_message_id": world.reply}),
    ):
        answer = await world.open.client.request(method, path, json=body, headers=world.bob.cookie)
        assert answer.status_code == 404
