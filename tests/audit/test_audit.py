"""The audit log, on each kind of database."""

import pytest

from causette.accounts import Accounts, Caller
from causette.accounts.passwords import Passwords
from causette.audit import AuditLog
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict
from tests.house import PASSWORD


async def actor(database: Database) -> Caller:
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    user = await accounts.create_user(name="Ada", email="ada@example.org", password=PASSWORD, role="owner")
    await accounts.close()
    return Caller(user=user)


async def test_an_act_is_on_record_before_it_is_done(database: Database) -> None:
    ada, log = await actor(database), AuditLog(database, utc_now)
    async with log.act(
        ada, "plan.assign", target_id="user_1", target="bob@example.org", plan="plus", seats=2
    ):
        (begun,) = await log.entries()
    (done,) = await log.entries()
    assert (begun.outcome, done.outcome, done.id == begun.id) == ("begun", "done", True)
    assert (done.actor, done.target, done.details) == (
        "ada@example.org",
        "bob@example.org",
        {"plan": "plus", "seats": 2},
    )


async def test_what_was_refused_says_why_and_what_broke_off_stays_begun(database: Database) -> None:
    ada, log = await actor(database), AuditLog(database, utc_now)
    with pytest.raises(Conflict):
        async with log.act(ada, "account.role", target_id="user_1", target="bob"):
            raise Conflict("No.", code="last_owner")
    with pytest.raises(RuntimeError):
        async with log.act(ada, "account.disable", target_id="user_2", target="carol"):
            raise RuntimeError
    broken, refused = await log.entries()
    assert (refused.outcome, refused.refusal, broken.outcome) == ("refused", "last_owner", "begun")
    assert [entry.id for entry in await log.entries(target_id="user_1")] == [refused.id]
    assert [entry.id for entry in await log.entries(before=broken.id, limit=1)] == [refused.id]
