"""People: who they are, how they prove it, and what they hold for proving it again."""

import asyncio
import contextlib
import hmac
import math
import unicodedata
from collections.abc import Callable, Coroutine
from datetime import datetime, timedelta
from typing import Final, TypedDict, Unpack

from causette.accounts import lockout, store, tokens
from causette.accounts.emails import Email, parse_email
from causette.accounts.ownership import owned
from causette.accounts.passwords import Passwords, check_password
from causette.accounts.types import (
    ApiKey,
    Caller,
    Locale,
    NewApiKey,
    Role,
    Session,
    SignedIn,
    Theme,
    User,
)
from causette.clock import utc_now
from causette.db import Database
from causette.errors import (
    Conflict,
    Forbidden,
    InvalidRequest,
    NotAuthenticated,
    TooManyRequests,
    Unavailable,
)
from causette.ids import new_id

#: A session that is not used for so long is over.
SESSION_LIFETIME: Final = timedelta(days=30)
#: So long is a link valid that makes the owner's account.
SETUP_LINK_LIFETIME: Final = timedelta(hours=24)

_SESSION_WRITTEN_EVERY: Final = timedelta(minutes=5)
_KEY_USE_WRITTEN_EVERY: Final = timedelta(minutes=1)
_LONGEST_NAME: Final = 100
# More than one attempt can add, so that the table does not grow for ever.
_ATTEMPTS_DROPPED_AT_ONCE: Final = 10


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
        self._behind: dict[str, asyncio.Task[None]] = {}

    async def close(self) -> None:
        """Write what is still to be written. The database is its maker's to close."""
        await asyncio.gather(*self._behind.values(), return_exceptions=True)
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

    async def create_owner(self, token: str, *, name: str, email: str, password: str) -> SignedIn:
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
        user, parsed, password_hash = await self._prepare_user(name, email, password, "owner")
        async with self._database.write() as connection:
            await store.lock_setup(connection)
            if not await store.setup_link_is_valid(connection, token_hash, at=self._now()):
                raise _invalid_link()
            if not await store.insert_user(
                connection, user, email_key=parsed.key, password_hash=password_hash
            ):
                raise _email_taken(parsed)
            await store.delete_setup_links(connection)
            session, session_token = self._new_session(user)
            await store.insert_session(connection, session, tokens.digest(session_token))
        return SignedIn(user=user, session=session, token=session_token)

    # People

    async def create_user(self, *, name: str, email: str, password: str, role: Role = "member") -> User:
        """Make an account. A first owner made so ends all links that would make one.

        Raises:
            InvalidRequest: ``name``, ``email`` or ``password`` is refused.
            Conflict: somebody has this address (``email_taken``).
        """
        user, parsed, password_hash = await self._prepare_user(name, email, password, role)
        async with self._database.write() as connection:
            if role == "owner":
                await store.lock_setup(connection)
                await store.delete_setup_links(connection)
            if not await store.insert_user(
                connection, user, email_key=parsed.key, password_hash=password_hash
            ):
                raise _email_taken(parsed)
        return user

    async def list_users(self) -> tuple[User, ...]:
        """Everybody, the oldest account first."""
        async with self._database.read() as connection:
            return await store.all_users(connection)

    async def find_user(self, email: str) -> User | None:
        """The person with this address, however it is capitalised.

        Raises:
            InvalidRequest: ``email`` has no address's shape.
        """
        async with self._database.read() as connection:
            found = await store.user_with_password(connection, parse_email(email).key)
        return None if found is None else found[0]

    async def caller_of(self, user_id: str) -> Caller | None:
        """A caller to finish what a person has begun, from an id that the house itself has kept.

        None when the account is gone. An id that somebody sent proves nothing and does not belong here.
        """
        async with self._database.read() as connection:
            user = await store.user_by_id(connection, user_id)
        return None if user is None else Caller(user=user)

    async def update_user(self, caller: Caller, **changes: Unpack[UserChanges]) -> User:
        """Change what the caller asks for of their own account; the rest stays.

        Raises:
            InvalidRequest: the name is empty, too long or holds control characters.
            NotAuthenticated: the account is gone.
        """
        if not changes:
            return caller.user
        if "name" in changes:
            changes["name"] = _checked_name(changes["name"])
        async with self._database.write() as connection:
            user = await store.update_user(connection, caller.user.id, changes)
        if user is None:
            raise NotAuthenticated("This account has been deleted. Sign in with another one.")
        return user

    # Sessions

    async def sign_in(self, email: str, password: str, *, address: str) -> SignedIn:
        """Start a session. ``address`` is where the attempt comes from; guesses from there are counted.

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
        subject = lockout.subject_of(email_key or email, address)
        await self._count_attempt(subject)
        found: tuple[User, str] | None = None
        if email_key is not None:
            async with self._database.read() as connection:
                found = await store.user_with_password(connection, email_key)
        matches = await self._passwords.verify(password, None if found is None else found[1])
        if found is None or not matches:
            raise NotAuthenticated(
                "The e-mail address or the password is wrong. Check both and try again.",
                code="wrong_credentials",
            )
        user, kept = found
        renewed = await self._passwords.hash(password) if self._passwords.needs_rehash(kept) else None
        session, token = self._new_session(user)
        async with self._database.write() as connection:
            await store.forget_attempts(connection, subject)
            await store.insert_session(connection, session, tokens.digest(token))
            if renewed is not None:
                await store.replace_password_hash(connection, user.id, old=kept, new=renewed)
        return SignedIn(user=user, session=session, token=token)

    async def session_caller(self, token: str) -> Caller | None:
        """Who holds a session's ``token``; None when it is unknown or over. Use keeps a session alive."""
        if not tokens.is_token(token):
            return None
        now = self._now()
        async with self._database.read() as connection:
            found = await store.session_by_token(connection, tokens.digest(token), at=now)
        if found is None:
            return None
        session, user = found
        if now - session.last_seen_at >= _SESSION_WRITTEN_EVERY:
            self._write_behind(session.id, self._extend_session(session.id, now))
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

    # API keys

    async def create_key(self, caller: Caller, *, name: str, expires_at: datetime | None = None) -> NewApiKey:
        """Make a key that acts as the caller, for ever or until ``expires_at``. Its secret is shown once.

        Raises:
            InvalidRequest: the name is refused, or ``expires_at`` has passed.
        """
        now = self._now()
        if expires_at is not None and expires_at <= now:
            raise InvalidRequest(
                f"A key cannot expire at {expires_at.isoformat()}, which has passed. Choose a later time.",
                param="expires_at",
            )
        secret = tokens.new_api_key()
        key = ApiKey(
            id=new_id("key"),
            owner_id=caller.user.id,
            name=_checked_name(name),
            hint=secret[-4:],
            created_at=now,
            last_used_at=None,
            expires_at=expires_at,
            revoked_at=None,
        )
        async with self._database.write() as connection:
            await store.insert_key(connection, key, tokens.digest(secret))
        return NewApiKey(key=key, secret=secret)

    async def list_keys(self, caller: Caller) -> tuple[ApiKey, ...]:
        """The caller's keys, revoked and expired ones included, the newest first."""
        async with self._database.read() as connection:
            return await store.keys_of(connection, caller.user.id)

    async def list_all_keys(self) -> tuple[tuple[ApiKey, User], ...]:
        """Everybody's keys with their owners, the newest first: for who runs the house, not for callers."""
        async with self._database.read() as connection:
            return await store.all_keys(connection)

    async def revoke_key(self, caller: Caller, key_id: str) -> ApiKey:
        """End one of the caller's keys at once; repeating it changes nothing.

        Raises:
            NotFound: the caller has no such key.
        """
        key = await owned(caller, key_id, self._load_key, what="API key")
        async with self._database.write() as connection:
            await store.revoke_key(connection, key.id, at=self._now())
        return await owned(caller, key_id, self._load_key, what="API key")

    async def key_caller(self, secret: str) -> Caller | None:
        """Who holds an API key's ``secret``; None when it is unknown, mistyped, expired or revoked."""
        if not tokens.is_api_key(secret):
            return None
        now = self._now()
        secret_hash = tokens.digest(secret)
        async with self._database.read() as connection:
            found = await store.key_by_secret(connection, secret_hash, at=now)
        if found is None:
            return None
        key, user, kept = found
        if not hmac.compare_digest(kept, secret_hash):
            return None
        if key.last_used_at is None or now - key.last_used_at >= _KEY_USE_WRITTEN_EVERY:
            self._write_behind(key.id, self._note_key_used(key.id, now))
        return Caller(user=user, key_id=key.id)

    # Inside

    async def _prepare_user(
        self, name: str, email: str, password: str, role: Role
    ) -> tuple[User, Email, str]:
        name, parsed = _checked_name(name), parse_email(email)
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
        return user, parsed, await self._passwords.hash(password)

    def _new_session(self, user: User) -> tuple[Session, str]:
        now = self._now()
        session = Session(
            id=new_id("sess"),
            owner_id=user.id,
            created_at=now,
            last_seen_at=now,
            expires_at=now + SESSION_LIFETIME,
        )
        return session, tokens.new_token()

    async def _count_attempt(self, subject: bytes) -> None:
        now = self._now()
        async with self._database.write() as connection:
            failures, last_at, blocked_until = await store.lock_attempts(connection, subject, at=now)
            if blocked_until <= now:
                failures = 1 + (failures if now - last_at < lockout.FORGOTTEN_AFTER else 0)
                await store.record_attempt(
                    connection,
                    subject,
                    failures=failures,
                    at=now,
                    blocked_until=now + lockout.delay_after(failures),
                )
                await store.forget_attempts_before(
                    connection, now - lockout.FORGOTTEN_AFTER, most=_ATTEMPTS_DROPPED_AT_ONCE
                )
                return
        seconds = math.ceil((blocked_until - now).total_seconds())
        raise TooManyRequests(
            f"Too many wrong passwords. Wait {seconds} s and try again.",
            code="too_many_attempts",
            retry_after=float(seconds),
        )

    def _write_behind(self, record_id: str, write: Coroutine[None, None, None]) -> None:
        """Let ``write`` run beside the request, and only one for each record at a time."""
        if record_id in self._behind:
            write.close()
            return
        task = asyncio.get_running_loop().create_task(write)
        self._behind[record_id] = task
        task.add_done_callback(lambda _: self._behind.pop(record_id))

    async def _extend_session(self, session_id: str, now: datetime) -> None:
        # A use that is not noted costs nobody anything, so a busy database is no error here.
        with contextlib.suppress(Unavailable):
            async with self._database.write() as connection:
                await store.extend_session(
                    connection, session_id, seen_at=now, expires_at=now + SESSION_LIFETIME
                )

    async def _note_key_used(self, key_id: str, now: datetime) -> None:
        with contextlib.suppress(Unavailable):
            async with self._database.write() as connection:
                await store.note_key_used(
                    connection, key_id, at=now, unless_since=now - _KEY_USE_WRITTEN_EVERY
                )

    async def _load_session(self, session_id: str) -> Session | None:
        async with self._database.read() as connection:
            return await store.session_by_id(connection, session_id)

    async def _load_key(self, key_id: str) -> ApiKey | None:
        async with self._database.read() as connection:
            return await store.key_by_id(connection, key_id)


def _checked_name(name: str) -> str:
    name = unicodedata.normalize("NFC", name[: 4 * _LONGEST_NAME]).strip()
    if not 1 <= len(name) <= _LONGEST_NAME:
        raise InvalidRequest(
            f"A name has 1 to {_LONGEST_NAME} characters.", code="invalid_name", param="name"
        )
    if any(unicodedata.category(character) in {"Cc", "Cs", "Zl", "Zp"} for character in name):
        raise InvalidRequest(
            "The name holds a line break or a control character. Leave it out.",
            code="invalid_name",
            param="name",
        )
    return name


def _invalid_link() -> Forbidden:
    return Forbidden(
        "This link has been used, has expired or never was one. Restart the server to get a new one.",
        code="invalid_link",
    )


def _email_taken(email: Email) -> Conflict:
    return Conflict(
        f"There is an account with the address {email.address} already.", code="email_taken", param="email"
    )
