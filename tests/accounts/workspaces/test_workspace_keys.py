"""Keys that act for a workspace, and what keys may do."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
import pytest_asyncio
from sqlalchemy import event

from causette.accounts import Accounts, Caller, KeyLimits
from causette.accounts.keys.scopes import SCOPES, opens
from causette.db import Database
from causette.errors import Conflict, Forbidden, InvalidRequest, NotFound
from tests.accounts.conftest import Clock


@pytest_asyncio.fixture
async def shared(accounts: Accounts, ada: Caller, bob: Caller) -> str:
    """A workspace that Ada owns and Bob is a member of."""
    workspace = (await accounts.workspaces.create(ada, name="Engines")).workspace.id
    made = await accounts.workspaces.invite(ada, workspace, email="bob@example.org", role="member")
    await accounts.workspaces.accept(bob, made.token)
    return workspace


async def test_a_workspaces_key_acts_for_it_in_every_process(
    accounts: Accounts, elsewhere: Accounts, bob: Caller, shared: str
) -> None:
    made = await accounts.keys.create(await accounts.workspaces.acting(bob, shared), name="shared")
    caller = await elsewhere.keys.caller(made.secret)
    assert caller is not None
    assert (caller.user, caller.workspace_id, caller.workspace_role) == (bob.user, shared, "member")
    assert caller.payer_id == shared
    own = await accounts.keys.caller((await accounts.keys.create(bob, name="own")).secret)
    assert own is not None and own.workspace_id is None
    assert own.payer_id == bob.user.id


async def test_a_workspaces_key_ends_with_its_makers_membership_for_good(
    accounts: Accounts, elsewhere: Accounts, ada: Caller, bob: Caller, shared: str
) -> None:
    shared_key = await accounts.keys.create(await accounts.workspaces.acting(bob, shared), name="shared")
    own_key = await accounts.keys.create(bob, name="own")
    await elsewhere.workspaces.remove(ada, shared, bob.user.id)
    assert await accounts.keys.caller(shared_key.secret) is None
    assert await accounts.keys.caller(own_key.secret) is not None
    again = await accounts.workspaces.invite(ada, shared, email="bob@example.org", role="member")
    await accounts.workspaces.accept(bob, again.token)
    assert await accounts.keys.caller(shared_key.secret) is None


async def test_members_manage_their_own_keys_and_admins_everybodys(
    accounts: Accounts, ada: Caller, bob: Caller, shared: str
) -> None:
    as_ada = await accounts.workspaces.acting(ada, shared)
    as_bob = await accounts.workspaces.acting(bob, shared)
    hers = (await accounts.keys.create(as_ada, name="hers")).key
    his = (await accounts.keys.create(as_bob, name="his")).key
    assert {key.id for key in await accounts.keys.list(as_ada)} == {hers.id, his.id}
    assert [key.id for key in await accounts.keys.list(as_bob)] == [his.id]
    with pytest.raises(Forbidden) as refusal:
        await accounts.keys.revoke(as_bob, hers.id)
    assert refusal.value.code == "insufficient_role"
    assert (await accounts.keys.update(as_ada, his.id, name="Bob's")).name == "Bob's"
    assert (await accounts.keys.revoke(as_bob, his.id)).revoked_at is not None


async def test_a_workspaces_keys_are_out_of_reach_for_who_does_not_act_for_it(
    accounts: Accounts, ada: Caller, bob: Caller, shared: str
) -> None:
    key = (await accounts.keys.create(await accounts.workspaces.acting(bob, shared), name="shared")).key
    assert await accounts.keys.list(bob) == ()
    for caller in (ada, bob):
        with pytest.raises(NotFound):
            await accounts.keys.revoke(caller, key.id)


async def test_what_changes_of_a_key_holds_from_the_next_request_on(
    accounts: Accounts, elsewhere: Accounts, ada: Caller, clock: Clock
) -> None:
    made = await accounts.keys.create(ada, name="laptop", scopes=["inference"], limits=KeyLimits(rpm=5))
    end = clock.now + timedelta(days=1)
    changed = await accounts.keys.update(
        ada,
        made.key.id,
        name="desk",
        scopes=["models", "embeddings"],
        limits={"rpm": None, "tpm": 7, "day_nano": 1, "month_nano": 10**18, "total_nano": 0},
        expires_at=end,
    )
    caller = await elsewhere.keys.caller(made.secret)
    assert caller is not None and caller.key == changed
    assert (changed.name, changed.scopes, changed.expires_at) == ("desk", {"models", "embeddings"}, end)
    assert changed.limits == KeyLimits(tpm=7, day_nano=1, month_nano=10**18, total_nano=0)
    same = await accounts.keys.update(ada, made.key.id)
    assert replace(same, last_used_at=None) == changed
    await accounts.keys.revoke(ada, made.key.id)
    with pytest.raises(Conflict) as refusal:
        await accounts.keys.update(ada, made.key.id, name="again")
    assert refusal.value.code == "key_revoked"


async def test_what_is_not_named_stays_whatever_another_changes_meanwhile(
    accounts: Accounts, elsewhere: Accounts, ada: Caller, database: Database
) -> None:
    key_id = (await accounts.keys.create(ada, name="laptop", limits=KeyLimits(rpm=5, tpm=50))).key.id
    written: list[str] = []
    engine = database._engines.writer.sync_engine
    event.listen(engine, "before_cursor_execute", lambda *seen: written.append(seen[2]))
    await accounts.keys.update(ada, key_id, name="desk")
    (statement,) = (said for said in written if said.startswith("UPDATE api_keys"))
    assert "rpm" not in statement and "scopes" not in statement and "expires_at" not in statement
    await asyncio.gather(
        accounts.keys.update(ada, key_id, limits={"rpm": 6}),
        elsewhere.keys.update(ada, key_id, limits={"tpm": None}),
        elsewhere.keys.update(ada, key_id, scopes=["models"]),
    )
    (key,) = await accounts.keys.list(ada)
    assert (key.name, key.scopes, key.limits) == ("desk", {"models"}, KeyLimits(rpm=6))


async def test_a_limit_that_an_admin_sets_is_lowered_by_its_member_and_never_raised(
    accounts: Accounts, ada: Caller, bob: Caller, shared: str
) -> None:
    as_ada, as_bob = [await accounts.workspaces.acting(who, shared) for who in (ada, bob)]
    made = await accounts.keys.create(as_bob, name="his", limits=KeyLimits(tpm=1000))
    key_id = made.key.id
    assert (await accounts.keys.update(as_ada, key_id, limits={"rpm": 60, "day_nano": 10**9})).imposed == {
        "rpm",
        "day_nano",
    }
    for raised in (61, None):
        with pytest.raises(Forbidden) as refusal:
            await accounts.keys.update(as_bob, key_id, name="free", limits={"rpm": raised})
        assert (refusal.value.code, refusal.value.param) == ("limit_imposed", "limits.rpm")
    assert (await accounts.keys.list(as_bob))[0].name == "his"
    # His own limit is his, and as much as he has been given he may keep.
    changed = await accounts.keys.update(as_bob, key_id, limits={"rpm": 60, "tpm": None})
    assert changed.limits == KeyLimits(rpm=60, day_nano=10**9)
    assert (await accounts.keys.update(as_bob, key_id, limits={"rpm": 10})).limits.rpm == 10
    with pytest.raises(Forbidden):
        await accounts.keys.update(as_bob, key_id, limits={"rpm": 60})
    lifted = await accounts.keys.update(as_ada, key_id, limits={"rpm": None})
    assert (lifted.imposed, lifted.limits.rpm) == ({"day_nano"}, None)
    assert (await accounts.keys.update(as_bob, key_id, limits={"rpm": 600})).limits.rpm == 600
    # As an admin he may do himself what he would have asked one for.
    await accounts.workspaces.change_role(ada, shared, bob.user.id, "admin")
    as_admin = await accounts.workspaces.acting(bob, shared)
    assert (await accounts.keys.update(as_admin, key_id, limits={"day_nano": None})).imposed == set()


@pytest.mark.parametrize("scopes", [(), ("everything",), ("inference", "")])
async def test_a_key_has_scopes_that_there_are(
    accounts: Accounts, ada: Caller, scopes: tuple[str, ...]
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.keys.create(ada, name="laptop", scopes=scopes)
    assert (refusal.value.code, refusal.value.param) == ("invalid_scope", "scopes")


@pytest.mark.parametrize("limits", [KeyLimits(rpm=-1), KeyLimits(day_nano=10**18 + 1)])
async def test_a_limit_that_cannot_be_counted_is_refused(
    accounts: Accounts, ada: Caller, limits: KeyLimits
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.keys.create(ada, name="laptop", limits=limits)
    assert refusal.value.code == "invalid_limit"
    assert await accounts.keys.list(ada) == ()


def test_a_scope_opens_itself_and_all_of_them_everything() -> None:
    for held in SCOPES:
        for needed in SCOPES:
            assert opens(frozenset({held}), needed) == (held in {needed, "all"})
