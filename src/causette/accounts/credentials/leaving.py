"""Taking one's data along, and leaving."""

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

from causette.accounts import store as people
from causette.accounts.credentials import store
from causette.accounts.keys import store as keys
from causette.accounts.service import Accounts
from causette.accounts.types import Caller
from causette.accounts.workspaces import store as workspaces
from causette.db import Database
from causette.errors import Conflict


class Leaving:
    """What the house knows of somebody, and the end of it."""

    def __init__(self, database: Database, accounts: Accounts, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._accounts = accounts
        self._now = now

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """All that this room keeps of the caller, without secrets and what is kept of them.

        It has the keys ``user``, ``sessions``, ``second_factor`` (since when, or None), ``passkeys``, ``workspaces``
        with what they are in each, and ``keys``, those that they have made for workspaces included.
        """
        async with self._database.read() as connection:
            sessions = await people.sessions_of(connection, caller.user.id, at=self._now())
            passkeys = await store.passkeys_of(connection, caller.user.id)
            totp = await store.totp_of(connection, caller.user.id)
            memberships = await workspaces.memberships_of(connection, caller.user.id)
            made = await keys.keys_made_by(connection, caller.user.id)
        return {
            "user": asdict(caller.user),
            "sessions": [asdict(session) for session in sessions],
            "second_factor": None if totp is None else totp.confirmed_at,
            "passkeys": [
                {
                    "id": passkey.id,
                    "name": passkey.name,
                    "created_at": passkey.created_at,
                    "last_used_at": passkey.last_used_at,
                }
                for passkey in passkeys
            ],
            "workspaces": [
                {"id": found.workspace.id, "name": found.workspace.name, "role": found.role}
                for found in memberships
            ],
            "keys": [
                asdict(key) | {"scopes": sorted(key.scopes), "imposed": sorted(key.imposed)} for key in made
            ],
        }

    async def delete_account(self, caller: Caller, *, password: str | None) -> None:
        """Forget the caller and everything that is theirs alone: it cannot be undone.

        Raises:
            Forbidden: the password is wrong (``wrong_password``) or missing (``confirmation_required``).
            Conflict: nobody else is owner of the house, or of a workspace that others are in (``last_owner``), or
                another room still has something running for the account.
            TooManyRequests: too many wrong passwords.
        """
        await self._accounts.confirm(caller, password)
        async with self._database.read() as connection:
            alone = await workspaces.led_alone(connection, caller.user.id)
        for leaving in (caller.user.id, *(found.workspace.id for found in alone)):
            for tie in self._accounts.ties:
                await tie(leaving)
        async with self._database.write() as connection:
            await people.lock_setup(connection)
            if caller.user.role == "owner" and not await people.is_led_without(connection, caller.user.id):
                raise Conflict(
                    "You are the only owner: without you nobody could run this Causette. "
                    "Make somebody else an owner first.",
                    code="last_owner",
                )
            # Else two owners could leave one workspace at once, each in the belief that the other stays.
            await workspaces.lock_workspaces_of(connection, caller.user.id)
            for found in await workspaces.led_alone(connection, caller.user.id):
                if found.members > 1:
                    raise Conflict(
                        f"You are the only owner of the workspace {found.workspace.name!r}, and others are in it. "
                        "Make one of them owner, or delete it.",
                        code="last_owner",
                    )
                await workspaces.delete_workspace(connection, found.workspace.id)
            await people.delete_user(connection, caller.user.id)
