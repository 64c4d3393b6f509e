"""API keys: making, changing and revoking them, and who holds one."""

import hmac
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Final, TypedDict, Unpack

from causette.accounts import tokens
from causette.accounts.keys import store
from causette.accounts.keys.scopes import checked_scopes
from causette.accounts.names import checked_name
from causette.accounts.ownership import owned, require_role
from causette.accounts.types import ApiKey, Caller, KeyLimits, NewApiKey, User
from causette.accounts.write_behind import WriteBehind
from causette.db import Database
from causette.errors import Conflict, Forbidden, InvalidRequest, NotFound
from causette.ids import new_id

_USE_WRITTEN_EVERY: Final = timedelta(minutes=1)
# Whatever is counted fits into 64 bits with room to add.
_LARGEST_LIMIT: Final = 10**18
_UNLIMITED: Final = KeyLimits()
_LIMITS: Final = ("rpm", "tpm", "day_nano", "month_nano", "total_nano")


class LimitChanges(TypedDict, total=False):
    """The limits to change, as in `KeyLimits`; None lifts one."""

    rpm: int | None
    tpm: int | None
    day_nano: int | None
    month_nano: int | None
    total_nano: int | None


class KeyChanges(TypedDict, total=False):
    """What may change of a key. ``expires_at`` None has it never end."""

    name: str
    scopes: Iterable[str]
    limits: LimitChanges
    expires_at: datetime | None


class Keys:
    """API keys, kept in ``database``.

    Those of a person act for them. Those of a workspace act for it: each member makes, sees and changes their own,
    admins everybody's; they end when their maker leaves.
    """

    def __init__(self, database: Database, behind: WriteBehind, now: Callable[[], datetime]) -> None:
        self._database = database
        self._behind = behind
        self._now = now
        self._holders = database.lookup(store.HOLDER, store.api_keys.c.secret_hash)

    async def create(
        self,
        caller: Caller,
        *,
        name: str,
        scopes: Iterable[str] = ("all",),
        limits: KeyLimits = _UNLIMITED,
        expires_at: datetime | None = None,
    ) -> NewApiKey:
        """Make a key for whom the caller acts, for ever or until ``expires_at``. Its secret is shown once.

        Raises:
            InvalidRequest: the name, a scope or a limit is refused, or ``expires_at`` has passed.
        """
        now = self._now()
        secret = tokens.new_api_key()
        key = ApiKey(
            id=new_id("key"),
            maker_id=caller.user.id,
            workspace_id=caller.workspace_id,
            name=checked_name(name),
            hint=secret[-4:],
            scopes=checked_scopes(scopes),
            limits=_checked_limits(limits),
            created_at=now,
            last_used_at=None,
            expires_at=_checked_end(expires_at, now),
            revoked_at=None,
        )
        async with self._database.write() as connection:
            await store.insert_key(connection, key, tokens.digest(secret))
        return NewApiKey(key=key, secret=secret)

    async def list(self, caller: Caller) -> tuple[ApiKey, ...]:
        """The keys of whom the caller acts for that the caller may change, ended ones included, the newest first."""
        async with self._database.read() as connection:
            if caller.workspace_id is None:
                return await store.keys_of_person(connection, caller.user.id)
            own_only = caller.workspace_role == "member"
            return await store.keys_of_workspace(
                connection, caller.workspace_id, made_by=caller.user.id if own_only else None
            )

    async def list_all(
        self, query: str = "", *, before: str | None = None, limit: int | None = None
    ) -> tuple[tuple[ApiKey, User], ...]:
        """Everybody's keys with who made them, the newest first: for who runs the house, not for callers.

        Args:
            query: What their names, hints or makers' addresses hold, in capitals or not.
            before: The id of the last one of the page before.
            limit: How many at most; all of them when not given.
        """
        async with self._database.read() as connection:
            return await store.all_keys(connection, containing=query, before=before, limit=limit)

    async def end(self, key_id: str) -> ApiKey:
        """End anybody's key at once: for who runs the house, not for callers.

        Raises:
            NotFound: there is no such key.
        """
        async with self._database.write() as connection:
            await store.revoke_key(connection, key_id, at=self._now())
        key = await self._load(key_id)
        if key is None:
            raise NotFound("There is no API key with this id.")
        return key

    async def update(self, caller: Caller, key_id: str, **changes: Unpack[KeyChanges]) -> ApiKey:
        """Change what ``changes`` names; the rest stays, as do limits that ``limits`` leaves out.

        What a key may do changes from the next request on. Limits that an admin sets on another's key bind its maker.

        Raises:
            NotFound: it is not a key of whom the caller acts for.
            Forbidden: it is another member's, and the caller is no admin; or an admin has set the limit that would be
                raised or lifted (``limit_imposed``).
            InvalidRequest: the name, a scope or a limit is refused, or ``expires_at`` has passed.
            Conflict: it is revoked (``key_revoked``).
        """
        await self._own(caller, key_id)
        plain: dict[str, object] = {}
        if "name" in changes:
            plain["name"] = checked_name(changes["name"])
        if "scopes" in changes:
            plain["scopes"] = checked_scopes(changes["scopes"])
        if "expires_at" in changes:
            plain["expires_at"] = _checked_end(changes["expires_at"], self._now())
        limits = changes.get("limits", LimitChanges())
        _checked_limits(KeyLimits(**limits))
        async with self._database.write() as connection:
            key = await store.key_by_id(connection, key_id, to_change=True)
            if key is None or key.revoked_at is not None:
                raise Conflict("This key is revoked, and stays as it is. Make a new one.", code="key_revoked")
            imposed = _imposed(caller, key, limits)
            if imposed != key.imposed:
                plain["imposed"] = imposed
            await store.change_key(connection, key_id, plain | limits)
            changed = await store.key_by_id(connection, key_id)
        assert changed is not None
        return changed

    async def revoke(self, caller: Caller, key_id: str) -> ApiKey:
        """End a key at once; repeating it changes nothing.

        Raises:
            NotFound: it is not a key of whom the caller acts for.
            Forbidden: it is another member's, and the caller is no admin.
        """
        key = await self._own(caller, key_id)
        async with self._database.write() as connection:
            await store.revoke_key(connection, key.id, at=self._now())
        return await self._own(caller, key_id)

    async def caller(self, secret: str) -> Caller | None:
        """Who holds a key's ``secret``; None when it is unknown, mistyped, expired or revoked.

        Nor is anybody who is disabled, or has left the workspace that the key acts for.
        """
        if not tokens.is_api_key(secret):
            return None
        now = self._now()
        secret_hash = tokens.digest(secret)
        rows = await self._holders.find(secret_hash)
        if not rows:
            return None
        found = store.holder_in(rows[0])
        key, user = found.key, found.user
        if not hmac.compare_digest(found.secret_hash, secret_hash):
            return None
        if not found.is_let_in(now):
            return None
        if key.last_used_at is None or now - key.last_used_at >= _USE_WRITTEN_EVERY:
            self._behind.start(key.id, self._note_used(key.id, now))
        return Caller(
            user=user,
            key_id=key.id,
            key=key,
            workspace_id=key.workspace_id,
            workspace_role=found.workspace_role,
        )

    async def known(self, key_id: str) -> ApiKey | None:
        """A key by the id that the house itself has kept, ended ones included; see `Accounts.caller_of`."""
        return await self._load(key_id)

    async def _own(self, caller: Caller, key_id: str) -> ApiKey:
        key = await owned(caller, key_id, self._load, what="API key")
        if key.maker_id != caller.user.id:
            require_role(caller.workspace_role, "admin")
        return key

    async def _load(self, key_id: str) -> ApiKey | None:
        async with self._database.read() as connection:
            return await store.key_by_id(connection, key_id)

    async def _note_used(self, key_id: str, now: datetime) -> None:
        async with self._database.write() as connection:
            await store.note_key_used(connection, key_id, at=now, unless_since=now - _USE_WRITTEN_EVERY)


def _checked_end(expires_at: datetime | None, now: datetime) -> datetime | None:
    if expires_at is None:
        return None
    try:
        end = expires_at.astimezone(UTC)
    except OverflowError:
        raise InvalidRequest(
            f"A key cannot expire at {expires_at.isoformat()}: in UTC that is no year from 1 to 9999.",
            param="expires_at",
        ) from None
    if end <= now:
        raise InvalidRequest(
            f"A key cannot expire at {expires_at.isoformat()}, which has passed. Choose a later time.",
            param="expires_at",
        )
    return end


def _imposed(caller: Caller, key: ApiKey, changes: LimitChanges) -> frozenset[str]:
    """Which limits of ``key`` are imposed once the caller has changed these.

    Raises:
        Forbidden: the caller may not raise or lift one of them (``limit_imposed``).
    """
    is_maker = key.maker_id == caller.user.id
    imposed = set(key.imposed)
    for name in _LIMITS:
        if name not in changes:
            continue
        present: int | None = getattr(key.limits, name)
        wanted = changes.get(name)
        if is_maker and caller.workspace_role == "member" and name in imposed and present is not None:
            if wanted is None or wanted > present:
                shown = name.replace("_nano", "_usd")
                raise Forbidden(
                    f"An admin of the workspace has set the limit {shown} of this key. You may lower it; ask an admin "
                    "to raise or lift it.",
                    code="limit_imposed",
                    param=f"limits.{shown}",
                )
        elif wanted is None:
            imposed.discard(name)
        elif not is_maker:
            imposed.add(name)
    return frozenset(imposed)


def _checked_limits(limits: KeyLimits) -> KeyLimits:
    for name in KeyLimits.__dataclass_fields__:
        limit: int | None = getattr(limits, name)
        if limit is not None and not 0 <= limit <= _LARGEST_LIMIT:
            raise InvalidRequest(
                f"The limit {name} is {limit}. Choose a number from 0 to {_LARGEST_LIMIT}, or none.",
                code="invalid_limit",
                param=name,
            )
    return limits
