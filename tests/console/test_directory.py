"""The queries that the console reads by, on each kind of database."""

from datetime import timedelta

from causette.accounts import Accounts, Caller
from causette.accounts.passwords import Passwords
from causette.db import Database
from causette.ledger.usage import UsageReports
from tests.house import PASSWORD
from tests.ledger.books import open_books


async def test_people_workspaces_and_keys_have_names_and_the_gone_have_none(database: Database) -> None:
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    ada = Caller(user=await accounts.create_user(name="Ada", email="ada@example.org", password=PASSWORD))
    workspace = (await accounts.workspaces.create(ada, name="Otters")).workspace.id
    keys = [(await accounts.keys.create(ada, name=name)).key for name in ("one", "two", "three")]
    names = await accounts.names_of((ada.user.id, workspace, keys[0].id, "user_gone"))
    assert names == {ada.user.id: "ada@example.org", workspace: "Otters", keys[0].id: "one"}
    found = await accounts.members_of(workspace)
    assert found is not None and [member.email for member in found[1]] == ["ada@example.org"]
    assert await accounts.members_of("ws_gone") is None
    newest = await accounts.keys.list_all(limit=2)
    assert [key.name for key, _ in newest] == ["three", "two"]
    assert [key.name for key, _ in await accounts.keys.list_all(before=newest[-1][0].id)] == ["one"]
    assert [key.name for key, _ in await accounts.keys.list_all("TW")] == ["two"]
    assert (await accounts.keys.end(keys[1].id)).revoked_at is not None
    await accounts.close()


async def test_one_request_is_told_whole_and_machines_are_summed(database: Database) -> None:
    async with open_books(database) as books:
        await books.meter.open()
        request_id = await books.ask()
        books.clock.pass_(minutes=1)
        await books.meter.close()
        reports = UsageReports(database)
        found = await reports.request(request_id)
        assert found is not None
        assert (found.deployment, found.machine, found.cost_nano) == ("smol", "this machine", 55_555)
        assert found.price["input"] == 150_000_001
        for book in ("charge", "cost"):
            assert sum(posting.amount_nano for posting in found.postings if posting.book == book) == 0
        assert await reports.request("req_nothing") is None
        end = books.clock.now
        (machine,) = await reports.machines(end - timedelta(hours=1), end)
        assert machine.bill_nano == machine.allocated_nano + machine.idle_nano
        assert machine.allocated_nano == found.cost_nano
        assert await reports.machines(end, end + timedelta(hours=1)) == ()
