import asyncio
from dataclasses import replace
from datetime import datetime, timedelta, timezone

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import SQLAlchemyError

from causette.accounts import Accounts, ApiKey, Caller
from causette.accounts.keys.store import api_keys
from causette.accounts.tokens import new_api_key
from causette.db import Database
from causette.errors import InvalidRequest, NotFound
from causette.ids import new_id
from tests.accounts.conftest import Clock


async def written(accounts: Accounts) -> None:
    """Let what a request has left to be written be written."""
    await accounts._behind.settle()


async def the_key(accounts: Accounts, caller: Caller) -> ApiKey:
    (key,) = await accounts.keys.list(caller)
    return key


async def test_a_key_acts_as_its_owner_in_every_process(
    accounts: Accounts, elsewhere: Accounts, ada: Caller
) -> None:
    made = await accounts.keys.create(ada, name="laptop")
    assert await accounts.keys.caller(made.secret) is not None
    await written(accounts)
    made = replace(made, key=await the_key(accounts, ada))
    expected = Caller(user=ada.user, key_id=made.key.id, key=made.key)
    for process in (accounts, elsewhere):
        assert await process.keys.caller(made.secret) == expected


async def test_only_a_digest_and_a_hint_are_kept(accounts: Accounts, database: Database, ada: Caller) -> None:
    made = await accounts.keys.create(ada, name="laptop")
    assert made.key.hint == made.secret[-4:]
    async with database.read() as connection:
        kept = (await connection.execute(select(api_keys))).one()
    assert made.secret not in repr(kept)
    assert made.secret[12:-4].encode() not in repr(kept).encode()


@pytest.mark.parametrize(
    "secret",
    ["", "sk-causette-", "sk-proj-123", new_api_key(), "\x00", "\ud800", "x" * 1_000_000],
    ids=["empty", "prefix", "another maker's", "unknown", "NUL", "surrogate", "endless"],
)
async def test_another_secret_is_nobodys(accounts: Accounts, ada: Caller, secret: str) -> None:
    await accounts.keys.create(ada, name="laptop")
    assert await accounts.keys.caller(secret) is None


async def test_a_mistyped_key_does_not_reach_the_database(
    accounts: Accounts, database: Database, ada: Caller
) -> None:
    made = await accounts.keys.create(ada, name="laptop")
    # Nothing can be looked up any more, and nothing has to be.
    async with database.write() as connection:
        await connection.execute(text("ALTER TABLE api_keys RENAME TO out_of_reach"))
    assert await accounts.keys.caller(made.secret[:-1] + ("0" if made.secret[-1] != "0" else "1")) is None
    with pytest.raises(SQLAlchemyError):
        await accounts.keys.caller(made.secret)


async def test_revoking_bites_at_once_in_every_process(
    accounts: Accounts, elsewhere: Accounts, ada: Caller, clock: Clock
) -> None:
    one, other = await accounts.keys.create(ada, name="one"), await accounts.keys.create(ada, name="other")
    assert await elsewhere.keys.caller(one.secret) is not None
    revoked = await accounts.keys.revoke(ada, one.key.id)
    assert revoked.revoked_at == clock.now
    assert await elsewhere.keys.caller(one.secret) is None
    assert await accounts.keys.caller(one.secret) is None
    assert await elsewhere.keys.caller(other.secret) is not None


async def test_revoking_twice_changes_nothing(accounts: Accounts, ada: Caller, clock: Clock) -> None:
    made = await accounts.keys.create(ada, name="laptop")
    first = await accounts.keys.revoke(ada, made.key.id)
    clock.turn(timedelta(days=1))
    assert await accounts.keys.revoke(ada, made.key.id) == first


async def test_a_key_ends_when_it_was_to(accounts: Accounts, ada: Caller, clock: Clock) -> None:
    made = await accounts.keys.create(ada, name="laptop", expires_at=clock.now + timedelta(days=7))
    clock.turn(timedelta(days=7) - timedelta(microseconds=1))
    assert await accounts.keys.caller(made.secret) is not None
    clock.turn(timedelta(microseconds=1))
    assert await accounts.keys.caller(made.secret) is None


async def test_a_key_cannot_have_ended_before_it_is_made(
    accounts: Accounts, ada: Caller, clock: Clock
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.keys.create(ada, name="laptop", expires_at=clock.now)
    assert refusal.value.param == "expires_at"
    assert await accounts.keys.list(ada) == ()


@pytest.mark.parametrize(
    "end",
    [
        datetime(9999, 12, 31, 23, 59, tzinfo=timezone(timedelta(hours=-14))),
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=14))),
    ],
)
async def test_a_key_ends_in_a_year_that_can_be_written(
    accounts: Accounts, ada: Caller, end: datetime
) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.keys.create(ada, name="laptop", expires_at=end)
    assert refusal.value.param == "expires_at"


async def test_a_key_has_a_name(accounts: Accounts, ada: Caller) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        await accounts.keys.create(ada, name=" ")
    assert refusal.value.param == "name"


async def test_people_see_and_end_their_own_keys_only(accounts: Accounts, ada: Caller, bob: Caller) -> None:
    hers, his = await accounts.keys.create(ada, name="hers"), await accounts.keys.create(bob, name="his")
    assert await accounts.keys.list(ada) == (hers.key,)
    refusals: set[str] = set()
    for key_id in (his.key.id, new_id("key"), "key_", "x" * 1_000_000):
        with pytest.raises(NotFound) as refusal:
            await accounts.keys.revoke(ada, key_id)
        refusals.add(refusal.value.message)
    assert len(refusals) == 1
    assert await accounts.keys.caller(his.secret) is not None


async def test_who_runs_the_house_sees_all_keys_the_newest_first(
    accounts: Accounts, ada: Caller, bob: Caller, clock: Clock
) -> None:
    first = await accounts.keys.create(ada, name="first")
    clock.turn(timedelta(seconds=1))
    second = await accounts.keys.create(bob, name="second")
    assert await accounts.keys.list_all() == ((second.key, bob.user), (first.key, ada.user))


async def test_use_is_written_at_most_once_a_minute(accounts: Accounts, ada: Caller, clock: Clock) -> None:
    made = await accounts.keys.create(ada, name="laptop")
    start = clock.now
    assert (await the_key(accounts, ada)).last_used_at is None
    for seconds, expected in ((0, 0), (59, 0), (60, 60), (119, 60), (120, 120)):
        clock.now = start + timedelta(seconds=seconds)
        await asyncio.gather(*(accounts.keys.caller(made.secret) for _ in range(5)))
        await written(accounts)
        assert (await the_key(accounts, ada)).last_used_at == start + timedelta(seconds=expected)


async def test_a_busy_key_writes_nothing_between(accounts: Accounts, database: Database, ada: Caller) -> None:
    made = await accounts.keys.create(ada, name="laptop")
    await accounts.keys.caller(made.secret)
    await written(accounts)
    statements: list[str] = []
    writer = database._engines.writer.sync_engine
    event.listen(writer, "before_cursor_execute", lambda *seen: statements.append(seen[2]))
    for _ in range(5):
        assert await accounts.keys.caller(made.secret) is not None
        await written(accounts)
    assert not any("UPDATE" in statement for statement in statements)


async def test_a_request_does_not_wait_for_its_use_to_be_written(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    url = f"sqlite:///{tmp_path_factory.mktemp('data') / 'causette.sqlite3'}"
    async with Database.from_url(url) as database, Database.from_url(url) as holder:
        await database.upgrade()
        accounts = Accounts(database)
        user = await accounts.create_user(name="Ada", email="ada@example.org", password="seven quiet otters")
        made = await accounts.keys.create(Caller(user=user), name="laptop")
        async with holder.write():
            for _ in range(3):
                assert await accounts.keys.caller(made.secret) is not None
        await accounts.close()
        assert (await the_key(accounts, Caller(user=user))).last_used_at is not None
