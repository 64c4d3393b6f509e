import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select

from causette.accounts import Accounts, Caller, SignedIn
from causette.accounts.passwords import Passwords
from causette.accounts.service import SESSION_LIFETIME
from causette.accounts.store import extend_session, sessions, users
from causette.db import Database
from causette.errors import NotAuthenticated, NotFound
from causette.ids import new_id
from tests.accounts.conftest import PASSWORD, Clock


async def sign_in(accounts: Accounts, email: str = "ada@example.org") -> SignedIn:
    return await accounts.sign_in(email, PASSWORD, address="192.0.2.1")


async def test_a_session_says_who_is_there_in_every_process(
    accounts: Accounts, elsewhere: Accounts, ada: Caller
) -> None:
    fresh = await sign_in(accounts)
    expected = Caller(user=ada.user, session_id=fresh.session.id)
    assert await accounts.session_caller(fresh.token) == expected
    assert await elsewhere.session_caller(fresh.token) == expected


async def test_an_unknown_address_and_a_wrong_password_are_refused_in_the_same_words(
    accounts: Accounts, ada: Caller
) -> None:
    refusals: list[tuple[str, str, str | None]] = []
    for email, password in (
        ("ada@example.org", "not the password"),
        ("eve@example.org", PASSWORD),
        ("no address", PASSWORD),
        ("ada@example.org\x00", PASSWORD),
    ):
        with pytest.raises(NotAuthenticated) as refusal:
            await accounts.sign_in(email, password, address="192.0.2.1")
        refusals.append((refusal.value.message, refusal.value.code, refusal.value.param))
    assert len(set(refusals)) == 1
    assert refusals[0][1] == "wrong_credentials"


async def test_neither_token_nor_password_is_kept(
    accounts: Accounts, database: Database, ada: Caller
) -> None:
    fresh = await sign_in(accounts)
    async with database.read() as connection:
        kept = (await connection.execute(select(sessions, users).join(users))).one()
    assert fresh.token not in repr(kept)
    assert fresh.token.encode() not in list(kept)
    assert PASSWORD not in repr(kept)


@pytest.mark.parametrize("token", ["", "x", "x" * 43, "\x00" * 43, "\ud800" * 43, "x" * 1_000_000])
async def test_another_token_is_nobodys(accounts: Accounts, ada: Caller, token: str) -> None:
    await sign_in(accounts)
    assert await accounts.session_caller(token) is None
    await accounts.sign_out(token)
    assert len(await accounts.list_sessions(ada)) == 1


async def test_signing_out_bites_at_once_in_every_process(
    accounts: Accounts, elsewhere: Accounts, ada: Caller
) -> None:
    one, other = await sign_in(accounts), await sign_in(accounts)
    assert await elsewhere.session_caller(one.token) is not None
    await accounts.sign_out(one.token)
    assert await elsewhere.session_caller(one.token) is None
    assert await accounts.session_caller(one.token) is None
    assert await elsewhere.session_caller(other.token) is not None


async def test_an_unused_session_is_over_after_thirty_days(
    accounts: Accounts, ada: Caller, clock: Clock
) -> None:
    fresh = await sign_in(accounts)
    clock.turn(SESSION_LIFETIME)
    assert await accounts.session_caller(fresh.token) is None
    assert await accounts.list_sessions(ada) == ()


async def test_a_session_in_use_goes_on(accounts: Accounts, ada: Caller, clock: Clock) -> None:
    fresh = await sign_in(accounts)
    for _ in range(4):
        clock.turn(SESSION_LIFETIME - timedelta(days=1))
        assert await accounts.session_caller(fresh.token) is not None
        await written(accounts)
    clock.turn(SESSION_LIFETIME)
    assert await accounts.session_caller(fresh.token) is None


async def written(accounts: Accounts) -> None:
    """Let what a request has left to be written be written."""
    await accounts._behind.settle()


async def test_use_is_written_at_most_every_five_minutes(
    accounts: Accounts, ada: Caller, clock: Clock
) -> None:
    fresh = await sign_in(accounts)
    seen = fresh.session.last_seen_at
    for minutes, expected in ((4, 0), (5, 5), (9, 5), (11, 11)):
        clock.now = seen + timedelta(minutes=minutes)
        await asyncio.gather(*(accounts.session_caller(fresh.token) for _ in range(5)))
        await written(accounts)
        (session,) = await accounts.list_sessions(ada)
        assert session.last_seen_at == seen + timedelta(minutes=expected)
        assert session.expires_at == session.last_seen_at + SESSION_LIFETIME


async def test_use_noted_late_does_not_revive_a_revoked_session(
    accounts: Accounts, ada: Caller, clock: Clock
) -> None:
    fresh = await sign_in(accounts)
    clock.turn(timedelta(minutes=10))
    await accounts.session_caller(fresh.token)
    await accounts.sign_out(fresh.token)
    await written(accounts)
    assert await accounts.session_caller(fresh.token) is None


async def test_an_earlier_use_noted_late_changes_nothing(
    accounts: Accounts, database: Database, ada: Caller
) -> None:
    session = (await sign_in(accounts)).session
    async with database.write() as connection:
        await extend_session(
            connection,
            session.id,
            seen_at=session.last_seen_at - timedelta(minutes=6),
            expires_at=session.expires_at - timedelta(minutes=6),
        )
    assert await accounts.list_sessions(ada) == (session,)


async def test_expired_sessions_are_forgotten_at_the_next_sign_in(
    accounts: Accounts, database: Database, ada: Caller, clock: Clock
) -> None:
    await sign_in(accounts)
    clock.turn(SESSION_LIFETIME)
    fresh = await sign_in(accounts)
    async with database.read() as connection:
        assert (await connection.execute(select(sessions.c.id))).scalars().all() == [fresh.session.id]


async def test_people_see_and_end_their_own_sessions_only(
    accounts: Accounts, ada: Caller, bob: Caller
) -> None:
    hers, his = await sign_in(accounts), await sign_in(accounts, "bob@example.org")
    assert await accounts.list_sessions(ada) == (hers.session,)
    with pytest.raises(NotFound) as strangers:
        await accounts.revoke_session(ada, his.session.id)
    with pytest.raises(NotFound) as nobodys:
        await accounts.revoke_session(ada, new_id("sess"))
    assert strangers.value.message == nobodys.value.message
    assert await accounts.session_caller(his.token) is not None
    await accounts.revoke_session(ada, hers.session.id)
    assert await accounts.session_caller(hers.token) is None


async def test_signing_in_renews_a_hash_that_has_become_too_cheap(
    accounts: Accounts, database: Database, ada: Caller
) -> None:
    async def kept() -> str:
        async with database.read() as connection:
            return (await connection.execute(select(users.c.password_hash))).scalar_one()

    before = await kept()
    await sign_in(accounts)
    assert await kept() == before
    dearer = Accounts(database, passwords=Passwords(memory_kib=128, passes=1))
    await sign_in(dearer)
    assert "m=128," in await kept()
    await sign_in(dearer)
    await dearer.close()


async def test_a_changed_name_is_seen_by_the_next_request(
    accounts: Accounts, elsewhere: Accounts, ada: Caller
) -> None:
    fresh = await sign_in(accounts)
    await elsewhere.update_user(ada, name="Countess")
    caller = await accounts.session_caller(fresh.token)
    assert caller is not None
    assert caller.user.name == "Countess"
