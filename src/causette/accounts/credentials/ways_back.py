"""A forgotten password, another password, another address."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError

from causette.accounts import lockout, tokens
from causette.accounts import store as people
from causette.accounts.attempts import Count
from causette.accounts.credentials import store
from causette.accounts.credentials.sign_up import email_taken, invalid_link, may_write_to
from causette.accounts.credentials.types import MailedLink, Purpose
from causette.accounts.emails import Email, parse_email
from causette.accounts.letters import Letter, write
from causette.accounts.mail import Mail
from causette.accounts.service import NO_PASSWORD, Accounts
from causette.accounts.types import Caller, Locale, User, Visitor
from causette.db import Database
from causette.errors import Forbidden, InvalidRequest

#: So long is the link valid that sets a new password.
RESET_WITHIN: Final = timedelta(hours=1)
#: So long is the link valid that confirms another address.
CONFIRM_WITHIN: Final = timedelta(hours=24)


class WaysBack:
    """Passwords and addresses that change, proved by a letter or by the present password."""

    def __init__(
        self, database: Database, accounts: Accounts, mail: Mail, *, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._mail = mail
        self._now = now

    # Passwords

    async def ask_for_reset(self, email: str, *, locale: Locale, origin: str, visitor: Visitor) -> None:
        """Have a link sent that sets a new password, if there is such an account. Whether there is one is not told.

        Raises:
            TooManyRequests: too many come from this network address.
        """
        await self._accounts.attempts.count(
            [Count(lockout.subject_of_address(visitor.address, what="reset"), lockout.ADDRESS)],
            what="requests for a new password",
        )
        self._mail.post(lambda: self._reset_letter(email, locale, origin))

    async def reset(self, token: str, password: str) -> None:
        """Set a new password with a letter's link. All sessions of the account end.

        Raises:
            Forbidden: the token is no link's, or the link is over or used (``invalid_link``).
            InvalidRequest: the password is refused; the link can be used again.
        """
        token_hash = tokens.digest(token) if tokens.is_token(token) else b""
        async with self._database.read() as connection:
            link = await store.link_of(connection, token_hash, "password_reset", at=self._now())
            user = await people.user_by_id(connection, link.owner_id) if link and link.owner_id else None
        if user is None:
            raise invalid_link()
        password_hash = await self._accounts.hash_for(user, password)
        async with self._database.write() as connection:
            if await store.take_link(connection, token_hash, "password_reset", at=self._now()) is None:
                raise invalid_link()
            await people.set_password_hash(connection, user.id, password_hash)
            await people.delete_sessions_of(connection, user.id)
            await store.delete_links_of(connection, user.id)
            await store.delete_challenges_of(connection, user.id)
        self._mail.send(write("password_changed", user.locale, user.email))

    async def change_password(self, caller: Caller, *, present: str | None, new: str) -> None:
        """Set another password. The caller's other sessions end.

        Args:
            caller: Whose password.
            present: The one there is; None where there is none yet, since its person signs in by other means.
            new: The one to be.

        Raises:
            Forbidden: ``present`` is wrong (``wrong_password``) or missing (``confirmation_required``).
            InvalidRequest: the new password is refused.
            TooManyRequests: too many wrong passwords.
        """
        user = caller.user
        if present is None and await self._has_password(user.id):
            raise InvalidRequest("Send your present password too.", param="present_password")
        await self._accounts.confirm(caller, present)
        password_hash = await self._accounts.hash_for(user, new)
        async with self._database.write() as connection:
            await people.set_password_hash(connection, user.id, password_hash)
            await people.delete_sessions_of(connection, user.id, but=caller.session_id)
            await store.delete_links_of(connection, user.id)
            await store.delete_challenges_of(connection, user.id)
        self._mail.send(write("password_changed", user.locale, user.email))

    async def _has_password(self, user_id: str) -> bool:
        async with self._database.read() as connection:
            return await people.password_hash_of(connection, user_id) not in {None, NO_PASSWORD}

    async def _reset_letter(self, email: str, locale: Locale, origin: str) -> Letter | None:
        try:
            parsed = parse_email(email)
        except InvalidRequest:
            return None
        async with self._database.read() as connection:
            found = await people.user_with_password(connection, parsed.key)
        if found is None or not await may_write_to(self._accounts, parsed):
            return None
        user, _ = found
        token = await self._new_link(user, "password_reset", user.email, RESET_WITHIN)
        link = f"{origin}/password-reset?token={token}"
        return write("password_reset", user.locale or locale, user.email, link=link)

    # Addresses

    async def ask_for_email(
        self, caller: Caller, email: str, *, password: str | None, locale: Locale, origin: str
    ) -> None:
        """Have a link sent to ``email`` that makes it the caller's address. Whether somebody has it is not told.

        Raises:
            InvalidRequest: ``email`` has no address's shape.
            Forbidden: the password is wrong (``wrong_password``) or missing (``confirmation_required``).
            TooManyRequests: too many wrong passwords.
        """
        parsed = parse_email(email)
        await self._accounts.confirm(caller, password)
        self._mail.post(lambda: self._email_letter(caller.user, parsed, locale, origin))

    async def confirm_email(self, caller: Caller, token: str) -> None:
        """Give the caller the address that a letter's link was sent to, and tell the old one.

        The link alone proves only who reads that address, which may be somebody else's by a slip of the keyboard.

        Raises:
            Forbidden: the token is no link's, or the link is over or used (``invalid_link``), or somebody else has
                asked for it (``other_account``); it stays good for them.
            Conflict: somebody has got the address meanwhile (``email_taken``).
        """
        token_hash = tokens.digest(token) if tokens.is_token(token) else b""
        taken: Email | None = None
        try:
            async with self._database.write() as connection:
                link = await store.take_link(connection, token_hash, "email_change", at=self._now())
                if link is None:
                    raise invalid_link()
                if link.owner_id != caller.user.id:
                    raise Forbidden(
                        "Another account has asked for this address. Sign in to that account and open the link again.",
                        code="other_account",
                    )
                user = caller.user
                taken = parse_email(link.email)
                if not await people.set_email(connection, user.id, email=taken.address, email_key=taken.key):
                    raise email_taken(taken)
                # What was sent to the old address opens nothing any more.
                await store.delete_links_of(connection, user.id)
        except IntegrityError:
            # Somebody took the address between our look and our writing.
            assert taken is not None
            raise email_taken(taken) from None
        self._mail.send(write("email_changed", user.locale, user.email, email=taken.address))

    async def _email_letter(self, user: User, email: Email, locale: Locale, origin: str) -> Letter | None:
        if not await may_write_to(self._accounts, email):
            return None
        async with self._database.read() as connection:
            found = await people.user_with_password(connection, email.key)
        if found is not None and found[0].id != user.id:
            holder = found[0]
            return write("has_account", holder.locale or locale, holder.email, link=f"{origin}/sign-in")
        token = await self._new_link(user, "email_change", email.address, CONFIRM_WITHIN)
        link = f"{origin}/email-change?token={token}"
        return write("confirm_email", user.locale or locale, email.address, link=link)

    async def _new_link(self, user: User, purpose: Purpose, email: str, lifetime: timedelta) -> str:
        token, now = tokens.new_token(), self._now()
        link = MailedLink(
            purpose=purpose, owner_id=user.id, email=email, created_at=now, expires_at=now + lifetime
        )
        async with self._database.write() as connection:
            await store.insert_link(connection, link, tokens.digest(token))
        return token
