"""Becoming somebody: an account that one asks for, or that one is invited to.

Nobody's account exists before its address is proved: until then there is a link, and what the account would be
made of beside it. Whoever opens the link must also know the password, so that a stranger who signs up with your
address gets nothing from your click.
"""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Literal

from causette.accounts import lockout, tokens
from causette.accounts import store as people
from causette.accounts.attempts import Count
from causette.accounts.credentials import store
from causette.accounts.credentials.types import Invitation, MailedLink
from causette.accounts.emails import Email, parse_email
from causette.accounts.letters import Letter, write
from causette.accounts.mail import Mail
from causette.accounts.service import Accounts
from causette.accounts.types import Caller, Locale, Role, SignedIn, Visitor
from causette.db import Database
from causette.errors import Conflict, Forbidden, NotAuthenticated, NotFound, TooManyRequests
from causette.ids import new_id

Mode = Literal["closed", "invitation", "open"]

#: So long is the link valid that confirms a sign-up.
CONFIRM_WITHIN: Final = timedelta(hours=24)
#: So long is an invitation open.
INVITED_FOR: Final = timedelta(days=7)


class SignUps:
    """Accounts that people make themselves, as far as ``mode`` lets them."""

    def __init__(
        self, database: Database, accounts: Accounts, mail: Mail, *, mode: Mode, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._mail = mail
        self._now = now
        self.mode: Mode = mode

    # Asked for

    async def ask(
        self, *, name: str, email: str, password: str, locale: Locale, origin: str, visitor: Visitor
    ) -> None:
        """Have a letter sent that makes the account, or says that there is one. Which of the two is not told here.

        Raises:
            Forbidden: nobody may sign up of their own accord (``sign_up_closed``).
            InvalidRequest: ``name``, ``email`` or ``password`` is refused.
            TooManyRequests: too many come from this network address.
        """
        if self.mode != "open":
            raise _closed(self.mode)
        await self._accounts.attempts.count(
            [Count(lockout.subject_of_address(visitor.address, what="sign-up"), lockout.ADDRESS)],
            what="requests for an account",
        )
        user, parsed, password_hash = await self._accounts.prepare_user(name, email, password, "member")
        link = MailedLink(
            purpose="sign_up",
            owner_id=None,
            email=user.email,
            name=user.name,
            password_hash=password_hash,
            locale=locale,
            created_at=self._now(),
            expires_at=self._now() + CONFIRM_WITHIN,
        )
        self._mail.post(lambda: self._answer(parsed, link, origin))

    async def confirm(self, token: str, password: str, *, visitor: Visitor) -> SignedIn:
        """Make the account of a confirmed link for whoever knows its password, and sign them in.

        Raises:
            Forbidden: the token is no link's, or the link is over or used (``invalid_link``).
            NotAuthenticated: the password is not the one chosen at sign-up (``wrong_credentials``).
            Conflict: the address has got an account meanwhile (``email_taken``).
            TooManyRequests: too many wrong passwords.
        """
        token_hash = tokens.digest(token) if tokens.is_token(token) else b""
        async with self._database.read() as connection:
            link = await store.link_of(connection, token_hash, "sign_up", at=self._now())
        if self.mode != "open" or link is None or link.name is None or link.password_hash is None:
            raise invalid_link()
        guesses = [
            Count(lockout.subject_of_account(token_hash.hex(), what="sign-up"), lockout.PAIR, cleared=True)
        ]
        await self._accounts.attempts.count(guesses, what="wrong passwords")
        if not await self._accounts.verify_password(password, link.password_hash):
            raise NotAuthenticated(
                "This is not the password that you chose for this account. Try again, or sign up anew.",
                code="wrong_credentials",
            )
        user, parsed, _ = await self._accounts.prepare_user(link.name, link.email, None, "member")
        async with self._database.write() as connection:
            if await store.take_link(connection, token_hash, "sign_up", at=self._now()) is None:
                raise invalid_link()
            user = replace(user, locale=link.locale)
            if not await people.insert_user(
                connection, user, email_key=parsed.key, password_hash=link.password_hash
            ):
                raise email_taken(parsed)
            await self._accounts.attempts.forgive(connection, guesses)
            return await self._accounts.begin_session(connection, user, visitor)

    async def _answer(self, email: Email, link: MailedLink, origin: str) -> Letter | None:
        if not await may_write_to(self._accounts, email):
            return None
        token = tokens.new_token()
        async with self._database.write() as connection:
            known = await people.user_with_password(connection, email.key)
            if known is not None:
                user, _ = known
                return write("has_account", user.locale or link.locale, user.email, link=f"{origin}/sign-in")
            await store.insert_link(connection, link, tokens.digest(token))
        return write(
            "confirm_sign_up", link.locale, link.email, link=f"{origin}/sign-up/confirm?token={token}"
        )

    # Invited

    async def invite(
        self, caller: Caller, *, email: str, role: Role, locale: Locale | None, origin: str
    ) -> tuple[Invitation, str]:
        """Keep a place for ``email`` and send the link to it; the link is returned for handing over otherwise.

        Raises:
            Forbidden: the caller is no owner, or sign-up is closed (``sign_up_closed``).
            InvalidRequest: ``email`` has no address's shape.
            Conflict: the address has an account (``email_taken``).
        """
        _owners_only(caller)
        if self.mode == "closed":
            raise _closed(self.mode)
        parsed, token, now = parse_email(email), tokens.new_token(), self._now()
        invitation = Invitation(
            id=new_id("inv"),
            owner_id=caller.user.id,
            email=parsed.address,
            role=role,
            created_at=now,
            expires_at=now + INVITED_FOR,
        )
        async with self._database.write() as connection:
            if await people.user_with_password(connection, parsed.key) is not None:
                raise email_taken(parsed)
            await store.insert_invitation(connection, invitation, tokens.digest(token))
        link = f"{origin}/sign-up?invitation={token}"
        written_in = locale or caller.user.locale
        self._mail.send(write("invitation", written_in, parsed.address, link=link, by=caller.user.name))
        return invitation, link

    async def invitations(self, caller: Caller) -> tuple[Invitation, ...]:
        """The open invitations, the newest first.

        Raises:
            Forbidden: the caller is no owner.
        """
        _owners_only(caller)
        async with self._database.read() as connection:
            return await store.all_invitations(connection, at=self._now())

    async def take_back(self, caller: Caller, invitation_id: str) -> None:
        """End an invitation.

        Raises:
            Forbidden: the caller is no owner.
            NotFound: there is no such invitation, or it has been accepted.
        """
        _owners_only(caller)
        async with self._database.write() as connection:
            if not await store.delete_invitation(connection, invitation_id):
                raise NotFound("There is no invitation with this id; it may have been accepted already.")

    async def invitation(self, token: str) -> Invitation:
        """What a link invites to.

        Raises:
            Forbidden: the token is no invitation's, or it is over, used or taken back, or who made it may invite
                nobody any more (``invalid_link``).
        """
        token_hash = tokens.digest(token) if tokens.is_token(token) else b""
        async with self._database.read() as connection:
            found = await store.invitation_of(connection, token_hash, at=self._now())
        if self.mode == "closed" or found is None:
            raise invalid_link()
        return found

    async def accept(
        self, token: str, *, name: str, password: str, locale: Locale, visitor: Visitor
    ) -> SignedIn:
        """Make the account that an invitation is for, and sign its person in.

        Raises:
            Forbidden: the token is no invitation's, or it is over, used or taken back (``invalid_link``).
            InvalidRequest: ``name`` or ``password`` is refused.
            Conflict: the address has got an account meanwhile (``email_taken``).
        """
        invitation = await self.invitation(token)
        user, parsed, password_hash = await self._accounts.prepare_user(
            name, invitation.email, password, invitation.role
        )
        async with self._database.write() as connection:
            still_good = await store.invitation_of(connection, tokens.digest(token), at=self._now())
            if still_good is None or not await store.delete_invitation(connection, invitation.id):
                raise invalid_link()
            user = replace(user, locale=locale)
            if not await people.insert_user(
                connection, user, email_key=parsed.key, password_hash=password_hash
            ):
                raise email_taken(parsed)
            return await self._accounts.begin_session(connection, user, visitor)


async def may_write_to(accounts: Accounts, email: Email) -> bool:
    """Whether this address may get another letter now: a stranger shall not fill somebody's post box."""
    count = Count(lockout.subject_of_account(email.key, what="mail"), lockout.MAIL)
    try:
        await accounts.attempts.count([count], what="letters")
    except TooManyRequests:
        return False
    return True


def invalid_link() -> Forbidden:
    """The answer to a token that opens nothing."""
    return Forbidden(
        "This link has been used, has expired or never was one. Ask for a new one.", code="invalid_link"
    )


def email_taken(email: Email) -> Conflict:
    """The answer to who may know that an address has an account."""
    return Conflict(
        f"There is an account with the address {email.address} already.", code="email_taken", param="email"
    )


def _closed(mode: Mode) -> Forbidden:
    how = "by invitation only" if mode == "invitation" else "not possible"
    return Forbidden(
        f"Signing up is {how} here. Ask whoever runs this Causette for an account.", code="sign_up_closed"
    )


def _owners_only(caller: Caller) -> None:
    if caller.user.role != "owner":
        raise Forbidden("Only an owner may invite people.")
