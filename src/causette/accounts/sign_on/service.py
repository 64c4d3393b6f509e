"""Signing in with an account elsewhere: which of our people a provider's person is."""

import contextlib
import secrets
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts import store as people
from causette.accounts import tokens
from causette.accounts.credentials import store as credentials
from causette.accounts.emails import Email, parse_email
from causette.accounts.names import checked_name
from causette.accounts.ownership import owned
from causette.accounts.service import NO_PASSWORD, Accounts
from causette.accounts.sign_on import store
from causette.accounts.sign_on.provider import Provider
from causette.accounts.sign_on.types import Identity, PendingSignOn, Person
from causette.accounts.types import Caller, SecondStep, SignedIn, User, Visitor
from causette.clock import utc_now
from causette.db import Database
from causette.errors import Conflict, Forbidden, InvalidRequest, NotAuthenticated, NotFound
from causette.ids import new_id
from causette.settings import SignOnProvider

#: So long a browser may stay at the provider.
BACK_WITHIN: Final = timedelta(minutes=10)


class SignOn:
    """Providers, and the identities there that our people sign in with.

    An identity is linked to an account that was there before only if the provider has verified its address and the
    account asks for no code. Otherwise its person signs in first and links it from the settings. A linked identity is
    one factor, as a password is: an account that asks for a code asks for it here too, unless the owner says that the
    provider has asked for a second factor itself.
    """

    def __init__(
        self,
        database: Database,
        accounts: Accounts,
        providers: Iterable[SignOnProvider],
        *,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._providers = {config.name: Provider(config) for config in providers}
        self._now = now

    async def begin(self, provider: str, *, origin: str, linking: Caller | None = None) -> tuple[str, str]:
        """Where to send a browser, and the state to keep in it until it comes back.

        Args:
            provider: The provider's name.
            origin: How people reach this house.
            linking: Who wants their identity there linked; None to sign in.

        Raises:
            NotFound: there is no such provider.
            Unavailable: the provider does not answer (``sign_on_unavailable``).
        """
        known, state, now = self._known(provider), tokens.new_token(), self._now()
        pending = PendingSignOn(
            provider=provider,
            nonce=tokens.new_token(),
            code_verifier=secrets.token_urlsafe(48),
            redirect_uri=f"{origin}/api/sign-on/{provider}/callback",
            owner_id=None if linking is None else linking.user.id,
            expires_at=now + BACK_WITHIN,
        )
        url = await known.authorization_url(
            state=state,
            nonce=pending.nonce,
            code_verifier=pending.code_verifier,
            redirect_uri=pending.redirect_uri,
        )
        async with self._database.write() as connection:
            await store.insert_state(connection, pending, tokens.digest(state), at=now)
        return url, state

    async def finish(
        self, provider: str, *, state: str, kept_state: str | None, code: str, visitor: Visitor
    ) -> SignedIn | SecondStep | None:
        """Sign in whoever came back from a provider, or say that a code is to come before (`SecondFactors.sign_in`).

        None when they have linked their identity there instead.

        Args:
            provider: The provider's name.
            state: What the browser came back with.
            kept_state: What the same browser was given to keep.
            code: What the provider gave it for us.
            visitor: Where the request comes from.

        Raises:
            NotFound: there is no such provider.
            NotAuthenticated: this browser was not sent there, or too long ago, or has come back already
                (``sign_on_expired``); or what the provider says does not hold (``sign_on_failed``).
            Forbidden: its person may not come in: ``email_not_verified``, ``domain_not_allowed``, ``no_account``,
                ``link_required``, ``account_disabled``.
            Conflict: the identity is linked to somebody else (``identity_taken``).
            Unavailable: the provider does not answer (``sign_on_unavailable``).
        """
        known = self._known(provider)
        if kept_state is None or state != kept_state or not tokens.is_token(state):
            raise _expired()
        async with self._database.write() as connection:
            pending = await store.take_state(connection, tokens.digest(state), provider, at=self._now())
        if pending is None:
            raise _expired()
        person = await known.person(
            code,
            nonce=pending.nonce,
            code_verifier=pending.code_verifier,
            redirect_uri=pending.redirect_uri,
        )
        _check_domain(known.config, person)
        if pending.owner_id is not None:
            await self._link(provider, person, pending.owner_id)
            return None
        return await self._sign_in(known.config, person, visitor)

    async def identities(self, caller: Caller) -> tuple[Identity, ...]:
        """The caller's identities elsewhere, the oldest first."""
        async with self._database.read() as connection:
            return await store.identities_of(connection, caller.user.id)

    def title_of(self, provider: str) -> str:
        """What people call a provider; its name when it is configured no more."""
        known = self._providers.get(provider)
        return provider if known is None else known.config.title

    async def unlink(self, caller: Caller, identity_id: str) -> None:
        """Sign the caller in with one of their identities no more.

        Raises:
            NotFound: the caller has no such identity.
            Conflict: they have nothing else to sign in with (``last_way_in``).
        """
        identity = await owned(caller, identity_id, self._load, what="identity")
        async with self._database.write() as connection:
            others = len(await store.identities_of(connection, caller.user.id)) > 1
            password = await people.password_hash_of(connection, caller.user.id) != NO_PASSWORD
            if not (others or password or await credentials.passkeys_of(connection, caller.user.id)):
                raise Conflict(
                    "Without it you could not sign in. Set a password or add a passkey first.",
                    code="last_way_in",
                )
            await store.delete_identity(connection, identity.id)

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """What is kept of the caller's identities elsewhere, under the key ``sign_on``."""
        return {
            "sign_on": [
                {
                    "provider": identity.provider,
                    "subject": identity.subject,
                    "email": identity.email,
                    "created_at": identity.created_at,
                    "last_used_at": identity.last_used_at,
                }
                for identity in await self.identities(caller)
            ]
        }

    async def _sign_in(
        self, config: SignOnProvider, person: Person, visitor: Visitor
    ) -> SignedIn | SecondStep:
        async with self._database.write() as connection:
            identity = await store.identity_of(connection, config.name, person.subject)
            if identity is None:
                user = await self._person_of(connection, config, person)
                identity = self._identity(config.name, person, user.id)
                if not await store.insert_identity(connection, identity):
                    raise _expired()
            else:
                found = await people.user_by_id(connection, identity.owner_id)
                assert found is not None, "an identity is deleted with its owner"
                user = found
            await store.note_identity_used(connection, identity.id, at=self._now())
            enter = self._accounts.begin_session if config.trusts_second_factor else self._accounts.enter
            return await enter(connection, user, visitor)

    async def _person_of(self, connection: AsyncConnection, config: SignOnProvider, person: Person) -> User:
        """The account that an unknown identity belongs to: the one of its address, or a new one."""
        email = _address(person)
        if email is None:
            raise Forbidden(
                f"{config.title} does not say that your e-mail address is yours. If you have an account here, sign in "
                "with your password and link it in the settings.",
                code="email_not_verified",
            )
        found = await people.user_with_password(connection, email.key)
        if found is not None:
            if await credentials.has_totp(connection, found[0].id):
                raise Forbidden(
                    "Your account asks for a code. Sign in with your password and the code, and link "
                    f"{config.title} in the settings.",
                    code="link_required",
                )
            return found[0]
        if not config.create_accounts:
            raise Forbidden(
                f"There is no account with the address {email.address}. Ask whoever runs this Causette for one.",
                code="no_account",
            )
        user, _, password_hash = await self._accounts.prepare_user(
            _name(person, email), email.address, None, "member"
        )
        if not await people.insert_user(connection, user, email_key=email.key, password_hash=password_hash):
            raise _expired()
        return user

    async def _link(self, provider: str, person: Person, owner_id: str) -> None:
        async with self._database.write() as connection:
            known = await store.identity_of(connection, provider, person.subject)
            if known is not None and known.owner_id == owner_id:
                return
            identity = self._identity(provider, person, owner_id)
            if known is not None or not await store.insert_identity(connection, identity):
                raise Conflict(
                    f"This account at {self.title_of(provider)} signs somebody else in already.",
                    code="identity_taken",
                )

    def _identity(self, provider: str, person: Person, owner_id: str) -> Identity:
        return Identity(
            id=new_id("ident"),
            owner_id=owner_id,
            provider=provider,
            subject=person.subject,
            email=person.email,
            created_at=self._now(),
            last_used_at=None,
        )

    def _known(self, provider: str) -> Provider:
        known = self._providers.get(provider)
        if known is None:
            raise NotFound(f"There is no sign-on provider called {provider!r}.")
        return known

    async def _load(self, identity_id: str) -> Identity | None:
        async with self._database.read() as connection:
            return await store.identity_by_id(connection, identity_id)


def _check_domain(config: SignOnProvider, person: Person) -> None:
    if not config.allowed_domains:
        return
    domain = (person.email or "").rpartition("@")[2].lower()
    if domain not in {allowed.lower() for allowed in config.allowed_domains}:
        raise Forbidden(
            f"Only people with a verified address at {', '.join(config.allowed_domains)} may come in by way of "
            f"{config.title}.",
            code="domain_not_allowed",
        )


def _address(person: Person) -> Email | None:
    if person.email is None:
        return None
    with contextlib.suppress(InvalidRequest):
        return parse_email(person.email)
    return None


def _name(person: Person, email: Email) -> str:
    """What the provider calls them if that can be a name here, or else what stands before the @."""
    if person.name is not None:
        with contextlib.suppress(InvalidRequest):
            return checked_name(person.name)
    return email.address.partition("@")[0]


def _expired() -> NotAuthenticated:
    return NotAuthenticated(
        "This sign-in was begun elsewhere, too long ago, or is done with. Begin again.",
        code="sign_on_expired",
    )
