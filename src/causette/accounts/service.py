"""People: who they are, how they prove it, and what they hold for proving it again."""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, TypedDict, Unpack

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts import lockout, store, tokens
from causette.accounts.attempts import Attempts, Count
from causette.accounts.credentials import store as factors
from causette.accounts.directory import store as directory
from causette.accounts.emails import Email, parse_email
from causette.accounts.keys.service import Keys
from causette.accounts.names import checked_name
from causette.accounts.ownership import owned
from causette.accounts.passwords import Passwords, check_password
from causette.accounts.types import (
    Caller,
    Locale,
    Role,
    SecondStep,
    Session,
    SignedIn,
    Theme,
    Tie,
    User,
    Visitor,
)
from causette.accounts.vigil import Vigil
from causette.accounts.workspaces import store as workspaces
from causette.accounts.workspaces.service import Workspaces
from causette.accounts.workspaces.types import Member, Workspace
from causette.accounts.write_behind import WriteBehind
from causette.clock import utc_now
from causette.db import Database
from causette.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    NotFound,
)
from causette.ids import new_id

#: A session that is not used for so long is over.
SESSION_LIFETIME: Final = timedelta(days=30)
#: So long after signing in nobody is asked again whether it is they.
FRESH_FOR: Final = timedelta(minutes=15)
#: So long after the password the code has to come.
SECOND_STEP_LIFETIME: Final = timedelta(minutes=10)
#: What is kept in place of a password's hash for who has none and signs in by other means.
NO_PASSWORD: Final = "none"  # noqa: S105 - no hash looks like it, so that nothing typed can match
#: So long is a link valid that makes the owner's account.
SETUP_LINK_LIFETIME: Final = timedelta(hours=24)

_SESSION_WRITTEN_EVERY: Final = timedelta(minutes=5)
# What servers are sent as a user agent can be of any length.
_LONGEST_USER_AGENT: Final = 400


class UserChanges(TypedDict, total=False):
    """What people may change of themselves. ``locale`` None follows the browser again."""

    name: str
    locale: Locale | None
    theme: Theme


class Accounts:
    """People, their sessions and their API keys, kept in ``database``; call `close` when done.

    Nothing is cached: who is signed out or whose key is revoked is a stranger from the next request on, in
    every process.
    """

    def __init__(
        self,
        database: Database,
        *,
        passwords: Passwords | None = None,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._passwords = passwords or Passwords()
        self._now = now
        self.attempts = Attempts(database, now)
        self._sessions = database.lookup(store.SESSION, store.sessions.c.token_hash)
        self._behind = WriteBehind()
        self.keys = Keys(database, self._behind, now)
        #: What other rooms have to say before an account or a workspace is deleted.
        self.ties: list[Tie] = []
        self.workspaces = Workspaces(database, now, self.ties)
        self.vigil = Vigil(database, now)

    async def close(self) -> None:
        """Write what is still to be written. The database is its maker's to close."""
        await self.vigil.close()
        await self._behind.settle()
        self._passwords.close()

    # The owner's account

    async def setup_required(self) -> bool:
        """Whether nobody is owner yet."""
        async with self._database.read() as connection:
            return not await store.an_owner_exists(connection)

    async def issue_setup_link(self) -> str:
        """The token of a fresh link that makes the owner's account, once, within 24 hours.

        Links issued before stay valid until they expire or an owner exists: another process may show one.

        Raises:
            Conflict: there is an owner.
        """
        token = tokens.new_token()
        now = self._now()
        async with self._database.write() as connection:
            await store.lock_setup(connection)
            if await store.an_owner_exists(connection):
                raise Conflict("There is an owner already. Sign in instead.", code="owner_exists")
            await store.insert_setup_link(
                connection, tokens.digest(token), created_at=now, expires_at=now + SETUP_LINK_LIFETIME
            )
        return token

    async def create_owner(
        self, token: str, *, name: str, email: str, password: str, visitor: Visitor | None = None
    ) -> SignedIn:
        """Make the owner's account with a link's token, and sign them in.

        However many try at once, one owner comes of it.

        Raises:
            Forbidden: the token is no link's, or the link is over, or an owner exists (``invalid_link``).
            InvalidRequest: ``name``, ``email`` or ``password`` is refused.
            Conflict: a member has this address (``email_taken``).
        """
        token_hash = tokens.digest(token) if tokens.is_token(token) else b""
        async with self._database.read() as connection:
            if not await store.setup_link_is_valid(connection, token_hash, at=self._now()):
                raise _invalid_link()
        user, parsed, password_hash = await self.prepare_user(name, email, password, "owner")
        async with self._database.write() as connection:
            await store.lock_setup(connection)
            if not await store.setup_link_is_valid(connection, token_hash, at=self._now()):
                raise _invalid_link()
            if not await store.insert_user(
                connection, user, email_key=parsed.key, password_hash=password_hash
            ):
                raise _email_taken(parsed)
            await store.delete_setup_links(connection)
            return await self.begin_session(connection, user, visitor)

    # People

    async def create_user(self, *, name: str, email: str, password: str, role: Role = "member") -> User:
        """Make an account. A first owner made so ends all links that would make one.

        Raises:
            InvalidRequest: ``name``, ``email`` or ``password`` is refused.
            Conflict: somebody has this address (``email_taken``).
        """
        user, parsed, password_hash = await self.prepare_user(name, email, password, role)
        async with self._database.write() as connection:
            if role == "owner":
                await store.lock_setup(connection)
                await store.delete_setup_links(connection)
            if not await store.insert_user(
                connection, user, email_key=parsed.key, password_hash=password_hash
            ):
                raise _email_taken(parsed)
        return user

    async def list_users(
        self, query: str = "", *, after: str = "", limit: int | None = None
    ) -> tuple[User, ...]:
        """People, the oldest account first: for who runs the house, not for callers.

        Args:
            query: What their names or addresses hold, in capitals or not.
            after: The id of the last one of the page before.
            limit: How many at most; all of them when not given.
        """
        async with self._database.read() as connection:
            return await store.users_page(connection, containing=query, after=after, limit=limit)

    async def set_role(self, user_id: str, role: Role) -> User:
        """Let somebody run the house, or only use it.

        Raises:
            NotFound: nobody has this id.
            Conflict: nobody would be left to run the house (``last_owner``).
        """
        return await self._change_standing(user_id, {"role": role}, leads=role == "owner")

    async def disable_user(self, user_id: str) -> User:
        """Refuse somebody from the next request on: their sessions are over, and their keys good for nothing.

        Raises:
            NotFound: nobody has this id.
            Conflict: nobody would be left to run the house (``last_owner``).
        """
        return await self._change_standing(user_id, {"disabled_at": self._now()}, leads=False)

    async def forget_codes(self, user_id: str) -> User:
        """Ask somebody for no code any more, for who can show none. They have to sign in anew, with what is left.

        Raises:
            NotFound: nobody has this id.
        """
        async with self._database.write() as connection:
            user = await store.user_by_id(connection, user_id)
            if user is None:
                raise NotFound("There is no account with this id.")
            await factors.delete_totp(connection, user_id)
            await factors.delete_challenges_of(connection, user_id)
            await store.delete_sessions_of(connection, user_id)
        return user

    async def enable_user(self, user_id: str) -> User:
        """Let somebody in again. Their keys are good as before; they have to sign in anew.

        Raises:
            NotFound: nobody has this id.
        """
        return await self._change_standing(user_id, {"disabled_at": None}, leads=True)

    async def end_sessions_of(self, user_id: str) -> None:
        """End all of somebody's sessions: for who runs the house, not for callers."""
        async with self._database.write() as connection:
            await store.delete_sessions_of(connection, user_id)

    async def members_of(self, workspace_id: str) -> tuple[Workspace, tuple[Member, ...]] | None:
        """A workspace and everybody in it: for who runs the house, not for callers. None when there is none."""
        async with self._database.read() as connection:
            found = await directory.workspace_by_id(connection, workspace_id)
            return None if found is None else (found, await workspaces.members_of(connection, workspace_id))

    async def names_of(self, ids: Iterable[str]) -> dict[str, str]:
        """What these people (by address), workspaces and keys are called; the gone are left out."""
        wanted = tuple(set(ids))
        if not wanted:
            return {}
        async with self._database.read() as connection:
            return await directory.names_of(connection, wanted)

    async def find_user(self, email: str) -> User | None:
        """The person with this address, however it is capitalised.

        Raises:
            InvalidRequest: ``email`` has no address's shape.
        """
        async with self._database.read() as connection:
            found = await store.user_with_password(connection, parse_email(email).key)
        return None if found is None else found[0]

    async def caller_of(
        self, user_id: str, workspace_id: str | None = None, key_id: str | None = None
    ) -> Caller | None:
        """A caller to finish what a person has begun, from ids that the house itself has kept.

        The limits of the key that they began it with hold, whether or not it has been revoked since.

        None when the account is gone, or the person not in the workspace any more. Ids that somebody sent prove nothing
        and do not belong here.
        """
        async with self._database.read() as connection:
            user = await store.user_by_id(connection, user_id)
        key = None if key_id is None else await self.keys.known(key_id)
        caller = None if user is None else Caller(user=user, key_id=None if key is None else key.id, key=key)
        if caller is None or workspace_id is None:
            return caller
        with suppress(NotFound):
            return await self.workspaces.acting(caller, workspace_id)
        return None

    async def addressee(self, payer_id: str) -> tuple[str, str]:
        """The name and address that a bill goes to: a person's, or a workspace's with its first owner's address.

        Raises:
            NotFound: the account or workspace is gone.
        """
        async with self._database.read() as connection:
            user = await store.user_by_id(connection, payer_id)
            found = (user.name, user.email) if user else await workspaces.addressee(connection, payer_id)
        if found is None:
            raise NotFound(f"There is no account {payer_id} any more.")
        return found

    async def update_user(self, caller: Caller, **changes: Unpack[UserChanges]) -> User:
        """Change what the caller asks for of their own account; the rest stays.

        Raises:
            InvalidRequest: the name is empty, too long or holds control characters.
            NotAuthenticated: the account is gone.
        """
        if not changes:
            return caller.user
        if "name" in changes:
            changes["name"] = checked_name(changes["name"])
        async with self._database.write() as connection:
            user = await store.update_user(connection, caller.user.id, changes)
        if user is None:
            raise NotAuthenticated("This account has been deleted. Sign in with another one.")
        return user

    async def prepare_user(
        self, name: str, email: str, password: str | None, role: Role
    ) -> tuple[User, Email, str]:
        """A person to be kept, their address, and their password's hash (`NO_PASSWORD` when they have none).

        Raises:
            InvalidRequest: ``name``, ``email`` or ``password`` is refused.
        """
        name, parsed = checked_name(name), parse_email(email)
        if password is not None:
            check_password(password, email=parsed.address, name=name)
        user = User(
            id=new_id("user"),
            email=parsed.address,
            name=name,
            role=role,
            locale=None,
            theme="system",
            created_at=self._now(),
        )
        return user, parsed, NO_PASSWORD if password is None else await self._passwords.hash(password)

    async def hash_for(self, user: User, password: str) -> str:
        """The hash of another password of somebody's.

        Raises:
            InvalidRequest: the password is refused.
        """
        check_password(password, email=user.email, name=user.name)
        return await self._passwords.hash(password)

    async def verify_password(self, password: str, kept: str | None) -> bool:
        """Whether ``password`` is the one whose hash is ``kept``; None (nobody) takes as long, and is never."""
        return await self._passwords.verify(password, None if kept == NO_PASSWORD else kept)

    # Sessions

    async def sign_in(
        self, email: str, password: str, *, address: str, user_agent: str | None = None
    ) -> SignedIn | SecondStep:
        """Start a session, or say that a code is to come before one is (see `SecondFactors.sign_in`).

        Args:
            email: Who it claims to be.
            password: What is to prove it.
            address: Where the attempt comes from; guesses from there are counted.
            user_agent: What the browser calls itself.

        Raises:
            NotAuthenticated: no account has this address and password (``wrong_credentials``); which of the
                two is wrong is said neither in words nor by the time it takes.
            TooManyRequests: too many guesses; ``retry_after`` says when the next one is looked at.
            Unavailable: too many people are signing in at this moment.
        """
        try:
            email_key: str | None = parse_email(email).key
        except InvalidRequest:
            email_key = None
        counts = await self._count_sign_in(email_key or email, address)
        found: tuple[User, str] | None = None
        if email_key is not None:
            async with self._database.read() as connection:
                found = await store.user_with_password(connection, email_key)
        matches = await self.verify_password(password, None if found is None else found[1])
        if found is None or not matches:
            raise NotAuthenticated(
                "The e-mail address or the password is wrong. Check both and try again.",
                code="wrong_credentials",
            )
        user, kept = found
        renewed = await self._passwords.hash(password) if self._passwords.needs_rehash(kept) else None
        async with self._database.write() as connection:
            await self.attempts.forgive(connection, counts)
            if renewed is not None:
                await store.replace_password_hash(connection, user.id, old=kept, new=renewed)
            return await self.enter(connection, user, Visitor(address=address, user_agent=user_agent))

    async def enter(self, connection: AsyncConnection, user: User, visitor: Visitor) -> SignedIn | SecondStep:
        """Start a session for whoever has proved by one means to be ``user``, or say that a code is to come before.

        It belongs inside the transaction of that proof.

        Raises:
            Forbidden: they are disabled (``account_disabled``).
        """
        if await factors.has_totp(connection, user.id):
            return await self._begin_second_step(connection, user)
        return await self.begin_session(connection, user, visitor)

    async def begin_session(
        self, connection: AsyncConnection, user: User, visitor: Visitor | None
    ) -> SignedIn:
        """Start a session for whoever has just proved to be ``user``, inside the transaction of that proof.

        Raises:
            Forbidden: they are disabled (``account_disabled``).
        """
        if user.disabled_at is not None:
            raise Forbidden("This account is disabled. Ask whoever runs this house.", code="account_disabled")
        now, token = self._now(), tokens.new_token()
        session = Session(
            id=new_id("sess"),
            owner_id=user.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LIFETIME,
            user_agent=_kept_user_agent(visitor),
            network=None if visitor is None else lockout.network_of(visitor.address),
        )
        await store.insert_session(connection, session, tokens.digest(token))
        return SignedIn(user=user, session=session, token=token)

    async def confirm(self, caller: Caller, password: str | None) -> None:
        """Make sure that it is still the caller who asks: by their password, or by a session just begun.

        Raises:
            Forbidden: the session is older than 15 minutes and no password came (``confirmation_required``), or
                the password is wrong (``wrong_password``).
            TooManyRequests: too many wrong passwords.
        """
        if password is None:
            if not await self._is_fresh(caller):
                raise Forbidden(
                    "Send your password with this request, or sign in again: your session is more than "
                    f"{FRESH_FOR.seconds // 60} minutes old.",
                    code="confirmation_required",
                    param="password",
                )
            return
        counts = (
            Count(lockout.subject_of_account(caller.user.id, what="confirm"), lockout.PAIR, cleared=True),
        )
        await self.attempts.count(counts, what="wrong passwords")
        async with self._database.read() as connection:
            kept = await store.password_hash_of(connection, caller.user.id)
        if not await self.verify_password(password, kept):
            raise Forbidden("This is not your password.", code="wrong_password", param="password")
        async with self._database.write() as connection:
            await self.attempts.forgive(connection, counts)

    async def session_caller(self, token: str) -> Caller | None:
        """Who holds a session's ``token``; None when it is unknown or over. Use keeps a session alive."""
        if not tokens.is_token(token):
            return None
        now = self._now()
        rows = await self._sessions.find(tokens.digest(token))
        if not rows:
            return None
        session, user = store.signed_in_person(rows[0])
        if session.expires_at <= now or user.disabled_at is not None:
            return None
        if now - session.last_seen_at >= _SESSION_WRITTEN_EVERY:
            self._behind.start(session.id, self._extend_session(session.id, now))
        return Caller(user=user, session_id=session.id)

    async def sign_out(self, token: str) -> None:
        """End the session of ``token``, if there is one."""
        if tokens.is_token(token):
            async with self._database.write() as connection:
                await store.delete_session_by_token(connection, tokens.digest(token))

    async def list_sessions(self, caller: Caller) -> tuple[Session, ...]:
        """The caller's sessions, the newest first."""
        async with self._database.read() as connection:
            return await store.sessions_of(connection, caller.user.id, at=self._now())

    async def revoke_session(self, caller: Caller, session_id: str) -> None:
        """End one of the caller's sessions.

        Raises:
            NotFound: the caller has no such session.
        """
        session = await owned(caller, session_id, self._load_session, what="session")
        async with self._database.write() as connection:
            await store.delete_session(connection, session.id)

    async def revoke_other_sessions(self, caller: Caller) -> None:
        """End all of the caller's sessions but the one they ask from."""
        async with self._database.write() as connection:
            await store.delete_sessions_of(connection, caller.user.id, but=caller.session_id)

    # Inside

    async def _count_sign_in(self, email: str, address: str) -> tuple[Count, ...]:
        counts = (
            Count(lockout.subject_of(email, address), lockout.PAIR, cleared=True),
            Count(lockout.subject_of_address(address), lockout.ADDRESS),
        )
        # Whoever guesses from everywhere does not make somebody wait where they are signed in already.
        if not await self.is_known_at(email, address):
            counts = (*counts, Count(lockout.subject_of_account(email), lockout.ACCOUNT))
        await self.attempts.count(counts, what="wrong passwords")
        return counts

    async def is_known_at(self, email_key: str, address: str) -> bool:
        """Whether somebody with this address is signed in from the same network."""
        network = lockout.network_of(address)
        if network is None or "\0" in email_key or not email_key.isprintable():
            return False
        async with self._database.read() as connection:
            return await store.network_is_known(connection, email_key, network, at=self._now())

    async def _begin_second_step(self, connection: AsyncConnection, user: User) -> SecondStep:
        step = SecondStep(token=tokens.new_token(), expires_at=self._now() + SECOND_STEP_LIFETIME)
        await factors.insert_challenge(
            connection, tokens.digest(step.token), user.id, at=self._now(), expires_at=step.expires_at
        )
        return step

    async def _is_fresh(self, caller: Caller) -> bool:
        if caller.session_id is None:
            return False
        async with self._database.read() as connection:
            session = await store.session_by_id(connection, caller.session_id)
        return session is not None and self._now() - session.created_at < FRESH_FOR

    async def _extend_session(self, session_id: str, now: datetime) -> None:
        async with self._database.write() as connection:
            await store.extend_session(connection, session_id, seen_at=now, expires_at=now + SESSION_LIFETIME)

    async def _change_standing(self, user_id: str, changes: Mapping[str, object], *, leads: bool) -> User:
        """Change what somebody may do. Unless one who ``leads`` comes of it, somebody else has to."""
        async with self._database.write() as connection:
            await store.lock_setup(connection)
            before = await store.user_by_id(connection, user_id)
            if before is None:
                raise NotFound("There is no account with this id.")
            if not leads and before.role == "owner" and not await store.is_led_without(connection, user_id):
                raise Conflict(
                    "Nobody would be left to run the house. Make somebody else owner first.",
                    code="last_owner",
                )
            changed = await store.update_user(connection, user_id, changes)
            if changes.get("disabled_at") is not None:
                await store.delete_sessions_of(connection, user_id)
        assert changed is not None
        return changed

    async def _load_session(self, session_id: str) -> Session | None:
        async with self._database.read() as connection:
            return await store.session_by_id(connection, session_id)


def _kept_user_agent(visitor: Visitor | None) -> str | None:
    if visitor is None or visitor.user_agent is None:
        return None
    kept = "".join(character for character in visitor.user_agent if character.isprintable())
    return kept[:_LONGEST_USER_AGENT] or None


def _invalid_link() -> Forbidden:
    return Forbidden(
        "This link has been used, has expired or never was one. Restart the server to get a new one.",
        code="invalid_link",
    )


def _email_taken(email: Email) -> Conflict:
    return Conflict(
        f"There is an account with the address {email.address} already.", code="email_taken", param="email"
    )
