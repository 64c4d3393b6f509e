"""Codes as a second step of signing in: from an authenticator app, or one of ten that are kept for a bad day."""

import base64
import io
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import segno
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.accounts import lockout, tokens
from causette.accounts import store as people
from causette.accounts.attempts import Count
from causette.accounts.credentials import store, totp
from causette.accounts.credentials.sealing import Sealing
from causette.accounts.credentials.types import Factors, Totp
from causette.accounts.emails import parse_email
from causette.accounts.service import NO_PASSWORD, Accounts
from causette.accounts.types import Caller, SignedIn, User, Visitor
from causette.db import Database
from causette.errors import Conflict, Forbidden, NotAuthenticated

_log = structlog.get_logger(__name__)

_ISSUER: Final = "Causette"
RECOVERY_CODES: Final = 10
_RECOVERY_BYTES: Final = 10  # 80 bits: 16 characters of base 32, too many to be tried
_SEPARATORS: Final = re.compile(r"[\s-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """A secret that is shown once. ``qr`` is a picture of ``uri``, as an SVG in a ``data:`` URI."""

    secret: str
    uri: str
    qr: str


class SecondFactors:
    """Codes: enrolled, asked for at sign-in, accepted once each."""

    def __init__(
        self, database: Database, accounts: Accounts, sealing: Sealing, *, now: Callable[[], datetime]
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._sealing = sealing
        self._now = now

    async def open(self) -> None:
        """Seal the secrets that were kept before they were sealed, and tell the log of those with another key."""
        async with self._database.read() as connection:
            if not await store.any_totp(connection):
                return
            others = await store.totps_without(connection, self._sealing.key_id)
        unread = sum(kept.key_id is not None for kept in others)
        if unread:
            _log.error(
                "secrets for codes are sealed with another key: codes of these accounts cannot be checked; put the "
                "secret key back, or see docs/operation.md",
                accounts=unread,
            )
        async with self._database.write() as connection:
            for kept in others:
                if kept.key_id is None:
                    sealed = self._sealing.seal(kept.secret, owner_id=kept.owner_id)
                    await store.replace_secret(connection, kept, sealed=sealed, key_id=self._sealing.key_id)

    async def factors(self, caller: Caller) -> Factors:
        """What the caller can sign in with."""
        owner_id = caller.user.id
        async with self._database.read() as connection:
            kept = await people.password_hash_of(connection, owner_id)
            return Factors(
                password=kept not in {None, NO_PASSWORD},
                totp=await store.has_totp(connection, owner_id),
                recovery_codes_left=await store.recovery_codes_left(connection, owner_id),
                passkeys=await store.passkeys_of(connection, owner_id),
            )

    async def enrol(self, caller: Caller, *, password: str | None) -> Enrolment:
        """Make a secret for an authenticator app. Nothing is asked for until `confirm` has seen a code of it.

        Raises:
            Forbidden: the password is wrong (``wrong_password``) or missing (``confirmation_required``).
            Conflict: there is a confirmed one (``totp_enrolled``).
        """
        await self._accounts.confirm(caller, password)
        secret = totp.new_secret()
        kept = Totp(
            owner_id=caller.user.id,
            secret=self._sealing.seal(secret, owner_id=caller.user.id),
            key_id=self._sealing.key_id,
            created_at=self._now(),
            confirmed_at=None,
            last_step=0,
        )
        async with self._database.write() as connection:
            if await store.has_totp(connection, caller.user.id):
                raise Conflict(
                    "Codes are on already. Turn them off first to use another device.", code="totp_enrolled"
                )
            await store.keep_totp(connection, kept)
        uri = totp.uri(secret, account=caller.user.email, issuer=_ISSUER)
        return Enrolment(secret=totp.written(secret), uri=uri, qr=_picture(uri))

    async def confirm(self, caller: Caller, code: str) -> tuple[str, ...]:
        """Ask for codes from now on, since the app shows the right one. The recovery codes are shown once.

        Raises:
            Forbidden: the code is wrong (``wrong_code``).
            Conflict: there is no secret to confirm (``totp_not_begun``), or it is confirmed (``totp_enrolled``).
            TooManyRequests: too many wrong codes.
        """
        counts = await self._count(caller.user, "confirm")
        codes = _new_recovery_codes()
        async with self._database.write() as connection:
            kept = await store.totp_of(connection, caller.user.id)
            if kept is None:
                raise Conflict("Begin by having a secret made.", code="totp_not_begun")
            if kept.confirmed_at is not None:
                raise Conflict("Codes are on already.", code="totp_enrolled")
            if not await self._accept_totp(connection, kept, _tidy(code)):
                raise _wrong_code()
            await store.confirm_totp(connection, caller.user.id, at=self._now())
            await store.replace_recovery_codes(connection, caller.user.id, map(_recovery_digest, codes))
            await self._accounts.attempts.forgive(connection, counts)
        return codes

    async def renew_recovery_codes(
        self, caller: Caller, *, password: str | None, code: str | None
    ) -> tuple[str, ...]:
        """Ten other recovery codes in place of those there are, shown once.

        Raises:
            Forbidden: neither password nor code is right.
            Conflict: codes are off (``totp_off``).
            TooManyRequests: too many wrong ones.
        """
        await self._prove(caller, password, code)
        codes = _new_recovery_codes()
        async with self._database.write() as connection:
            if not await store.has_totp(connection, caller.user.id):
                raise Conflict("Codes are off. Turn them on first.", code="totp_off")
            await store.replace_recovery_codes(connection, caller.user.id, map(_recovery_digest, codes))
        return codes

    async def disable(self, caller: Caller, *, password: str | None, code: str | None) -> None:
        """Ask for no code any more, and forget the secret. Doing so twice is no error.

        Raises:
            Forbidden: neither password nor code is right.
            TooManyRequests: too many wrong ones.
        """
        await self._prove(caller, password, code)
        async with self._database.write() as connection:
            await store.delete_totp(connection, caller.user.id)

    async def sign_in(self, token: str, code: str, *, visitor: Visitor) -> SignedIn:
        """The second step: start the session that the password has asked for, with a code or a recovery code.

        Raises:
            NotAuthenticated: the first step is too long ago or done with (``second_step_expired``), or the code is
                wrong or has been used (``wrong_code``).
            TooManyRequests: too many wrong codes.
        """
        token_hash = tokens.digest(token) if tokens.is_token(token) else b""
        async with self._database.read() as connection:
            user_id = await store.challenged(connection, token_hash, at=self._now())
            user = await people.user_by_id(connection, user_id) if user_id is not None else None
        if user is None:
            raise _expired()
        counts = await self._count(user, visitor.address)
        async with self._database.write() as connection:
            if not await self._accept(connection, user.id, code):
                raise NotAuthenticated(_WRONG_CODE, code="wrong_code")
            if not await store.take_challenge(connection, token_hash):
                raise _expired()
            await self._accounts.attempts.forgive(connection, counts)
            return await self._accounts.begin_session(connection, user, visitor)

    async def _prove(self, caller: Caller, password: str | None, code: str | None) -> None:
        if code is None:
            await self._accounts.confirm(caller, password)
            return
        counts = await self._count(caller.user, "prove")
        async with self._database.write() as connection:
            if not await self._accept(connection, caller.user.id, code):
                raise _wrong_code()
            await self._accounts.attempts.forgive(connection, counts)

    async def _accept(self, connection: AsyncConnection, user_id: str, typed: str) -> bool:
        """Whether ``typed`` is a code of theirs, which is thereby used up."""
        tidy = _tidy(typed)
        kept = await store.totp_of(connection, user_id)
        if kept is None or kept.confirmed_at is None or not tidy.isascii():
            return False
        if len(tidy) == totp.DIGITS:
            return await self._accept_totp(connection, kept, tidy)
        return await store.take_recovery_code(connection, user_id, _recovery_digest(tidy))

    async def _accept_totp(self, connection: AsyncConnection, kept: Totp, tidy: str) -> bool:
        secret = kept.secret
        if kept.key_id is not None:
            secret = self._sealing.unseal(secret, key_id=kept.key_id, owner_id=kept.owner_id)
        step = totp.matching_step(secret, tidy, self._now())
        return step is not None and await store.use_step(connection, kept.owner_id, step)

    async def _count(self, user: User, address: str) -> tuple[Count, ...]:
        counts = (Count(lockout.subject_of(f"code {user.id}", address), lockout.PAIR, cleared=True),)
        # Whoever has the password and guesses codes from everywhere makes nobody wait where they are signed in.
        if not await self._accounts.is_known_at(parse_email(user.email).key, address):
            account = lockout.subject_of_account(user.id, what="code")
            counts = (*counts, Count(account, lockout.CODES))
        await self._accounts.attempts.count(counts, what="wrong codes")
        return counts


_WRONG_CODE: Final = "This code is wrong or has been used. Wait for the next one and try again."


def _wrong_code() -> Forbidden:
    return Forbidden(_WRONG_CODE, code="wrong_code", param="code")


def _expired() -> NotAuthenticated:
    return NotAuthenticated(
        "This sign-in has been waiting too long. Begin again with your password.", code="second_step_expired"
    )


def _tidy(typed: str) -> str:
    """A code as it is compared: people copy spaces and hyphens along."""
    return _SEPARATORS.sub("", typed[:64]).upper()


def _new_recovery_codes() -> tuple[str, ...]:
    return tuple(_new_recovery_code() for _ in range(RECOVERY_CODES))


def _new_recovery_code() -> str:
    drawn = base64.b32encode(secrets.token_bytes(_RECOVERY_BYTES)).decode().lower()
    return "-".join(drawn[start : start + 4] for start in range(0, len(drawn), 4))


def _recovery_digest(code: str) -> bytes:
    return tokens.digest(f"recovery {_tidy(code)}")


def _picture(uri: str) -> str:
    svg = io.BytesIO()
    segno.make(uri, error="m", micro=False).save(
        svg, kind="svg", scale=4, border=4, xmldecl=False, light="#fff"
    )
    return "data:image/svg+xml;base64," + base64.b64encode(svg.getvalue()).decode()
