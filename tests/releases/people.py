"""Who runs the house, and who does not."""

from causette.accounts import Accounts, Caller
from causette.accounts.passwords import Passwords
from causette.accounts.types import Role
from causette.db import Database
from tests.house import PASSWORD


async def owner(database: Database) -> Caller:
    """Somebody who runs the house."""
    return await _person(database, "ada@example.org", "owner")


async def stranger(database: Database) -> Caller:
    """Somebody who only uses it."""
    return await _person(database, "bob@example.org", "member")


async def _person(database: Database, email: str, role: Role) -> Caller:
    accounts = Accounts(database, passwords=Passwords(memory_kib=64, passes=1))
    try:
        return Caller(user=await accounts.create_user(name=email, email=email, password=PASSWORD, role=role))
    finally:
        await accounts.close()
