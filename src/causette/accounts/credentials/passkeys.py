"""Passkeys (WebAuthn): a key pair in somebody's device or password manager, in place of e-mail and password.

The authenticator has to verify its user (by finger, face or PIN), so a passkey is two factors in one and nothing
further is asked for. Attestation is not: it would tell which make a device is, and nothing depends on it.
"""

import binascii
import hashlib
import ipaddress
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final, Self
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json_dict, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from causette.accounts import store as people
from causette.accounts.credentials import store
from causette.accounts.credentials.types import Passkey
from causette.accounts.names import checked_name
from causette.accounts.ownership import owned
from causette.accounts.service import Accounts
from causette.accounts.types import Caller, SignedIn, Visitor
from causette.db import Database
from causette.errors import Conflict, InvalidRequest, NotAuthenticated
from causette.ids import new_id

#: So long a browser has to answer.
ANSWER_WITHIN: Final = timedelta(minutes=5)
#: So many passkeys somebody may have.
MOST: Final = 20

_NAME: Final = "Causette"


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """This house as passkeys are bound to it: its host name and its origin."""

    id: str
    origin: str

    @classmethod
    def at(cls, origin: str) -> Self:
        """The relying party of a house that people reach at ``origin``.

        Raises:
            Conflict: browsers offer no passkeys there (``passkeys_unavailable``).
        """
        if not can_be_used_at(origin):
            raise Conflict(
                f"Browsers offer no passkeys at {origin}: they need HTTPS and a host name. Set public_url to "
                "how people reach this server, or open it as http://localhost.",
                code="passkeys_unavailable",
            )
        return cls(id=urlsplit(origin).hostname or "", origin=origin)


def can_be_used_at(origin: str) -> bool:
    """Whether browsers offer passkeys there: over HTTPS or on localhost, and never at a bare IP address."""
    parts = urlsplit(origin)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return parts.scheme == "https" or host == "localhost" or host.endswith(".localhost")
    return False


class Passkeys:
    """Passkeys: registered by whoever is signed in, and signed in with."""

    def __init__(self, database: Database, accounts: Accounts, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._accounts = accounts
        self._now = now

    # Having them

    async def registration(self, caller: Caller, *, password: str | None, origin: str) -> dict[str, Any]:
        """What ``navigator.credentials.create()`` is to be given, as JSON (``PublicKeyCredentialCreationOptions``).

        Raises:
            Forbidden: the password is wrong (``wrong_password``) or missing (``confirmation_required``).
            Conflict: no passkeys at this ``origin`` (``passkeys_unavailable``), or the caller has 20 already.
        """
        party, user = RelyingParty.at(origin), caller.user
        await self._accounts.confirm(caller, password)
        async with self._database.read() as connection:
            known = await store.passkeys_of(connection, user.id)
        if len(known) >= MOST:
            raise Conflict(f"You have {MOST} passkeys already. Delete one that you do not use any more.")
        options = webauthn.generate_registration_options(
            rp_id=party.id,
            rp_name=_NAME,
            user_id=user.id.encode(),
            user_name=user.email,
            user_display_name=user.name,
            timeout=int(ANSWER_WITHIN.total_seconds() * 1000),
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED,
                user_verification=UserVerificationRequirement.REQUIRED,
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=key.credential_id) for key in known],
        )
        await self._remember(options.challenge, user.id)
        return options_to_json_dict(options)

    async def register(
        self, caller: Caller, *, name: str, credential: Mapping[str, Any], origin: str
    ) -> Passkey:
        """Keep the passkey that a browser has made.

        Raises:
            InvalidRequest: the name is refused, or the answer is none to a question that was asked here
                (``invalid_passkey``).
            Conflict: the passkey is known already (``passkey_known``).
        """
        party, name, now = RelyingParty.at(origin), checked_name(name), self._now()
        challenge = await self._take_challenge(credential, caller.user.id)
        try:
            verified = webauthn.verify_registration_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=party.id,
                expected_origin=party.origin,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError) as error:
            raise _invalid(error) from None
        passkey = Passkey(
            id=new_id("pk"),
            owner_id=caller.user.id,
            credential_id=verified.credential_id,
            public_key=verified.credential_public_key,
            sign_count=verified.sign_count,
            name=name,
            synced=verified.credential_backed_up,
            created_at=now,
            last_used_at=None,
        )
        async with self._database.write() as connection:
            if not await store.insert_passkey(connection, passkey):
                raise Conflict("This passkey is known already.", code="passkey_known")
        return passkey

    async def list_passkeys(self, caller: Caller) -> tuple[Passkey, ...]:
        """The caller's passkeys, the newest first."""
        async with self._database.read() as connection:
            return await store.passkeys_of(connection, caller.user.id)

    async def rename(self, caller: Caller, passkey_id: str, name: str) -> Passkey:
        """Give one of the caller's passkeys another name.

        Raises:
            NotFound: the caller has no such passkey.
            InvalidRequest: the name is refused.
        """
        passkey = await owned(caller, passkey_id, self._load, what="passkey")
        name = checked_name(name)
        async with self._database.write() as connection:
            await store.rename_passkey(connection, passkey.id, name)
        return replace(passkey, name=name)

    async def delete(self, caller: Caller, passkey_id: str) -> None:
        """Accept one of the caller's passkeys no more.

        Raises:
            NotFound: the caller has no such passkey.
        """
        passkey = await owned(caller, passkey_id, self._load, what="passkey")
        async with self._database.write() as connection:
            await store.delete_passkey(connection, passkey.id)

    # Signing in with them

    async def question(self, *, origin: str) -> dict[str, Any]:
        """What ``navigator.credentials.get()`` is to be given, as JSON (``PublicKeyCredentialRequestOptions``).

        It names nobody: the browser offers whatever passkeys it has for this house.

        Raises:
            Conflict: no passkeys at this ``origin`` (``passkeys_unavailable``).
        """
        options = webauthn.generate_authentication_options(
            rp_id=RelyingParty.at(origin).id,
            timeout=int(ANSWER_WITHIN.total_seconds() * 1000),
            user_verification=UserVerificationRequirement.REQUIRED,
        )
        await self._remember(options.challenge, None)
        return options_to_json_dict(options)

    async def sign_in(self, credential: Mapping[str, Any], *, origin: str, visitor: Visitor) -> SignedIn:
        """Start a session with a passkey.

        Raises:
            NotAuthenticated: the passkey is unknown, or its answer is wrong, late, from another site or from a
                copy of it (``wrong_passkey``).
            Conflict: no passkeys at this ``origin`` (``passkeys_unavailable``).
        """
        party = RelyingParty.at(origin)
        try:
            challenge = await self._take_challenge(credential, None)
            credential_id = base64url_to_bytes(credential["id"])
            async with self._database.read() as connection:
                passkey = await store.passkey_by_credential(connection, credential_id)
            if passkey is None:
                raise _wrong()
            verified = webauthn.verify_authentication_response(
                credential=dict(credential),
                expected_challenge=challenge,
                expected_rp_id=party.id,
                expected_origin=party.origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.sign_count,
                require_user_verification=True,
            )
        except (WebAuthnException, ValueError, KeyError, TypeError, InvalidRequest):
            raise _wrong() from None
        async with self._database.write() as connection:
            user = await people.user_by_id(connection, passkey.owner_id)
            if user is None or not await store.note_passkey_used(
                connection,
                passkey.id,
                seen=passkey.sign_count,
                sign_count=verified.new_sign_count,
                at=self._now(),
            ):
                raise _wrong()
            return await self._accounts.begin_session(connection, user, visitor)

    async def _remember(self, challenge: bytes, owner_id: str | None) -> None:
        now = self._now()
        async with self._database.write() as connection:
            await store.insert_passkey_challenge(
                connection, _digest(challenge), owner_id, at=now, expires_at=now + ANSWER_WITHIN
            )

    async def _take_challenge(self, credential: Mapping[str, Any], owner_id: str | None) -> bytes:
        """The challenge that an answer is to, which was asked here a moment ago and is thereby used up."""
        try:
            challenge = parse_client_data_json(
                base64url_to_bytes(credential["response"]["clientDataJSON"])
            ).challenge
        except (WebAuthnException, binascii.Error, ValueError, KeyError, TypeError) as error:
            raise _invalid(error) from None
        async with self._database.write() as connection:
            if not await store.take_passkey_challenge(
                connection, _digest(challenge), owner_id, at=self._now()
            ):
                raise _invalid(None)
        return challenge

    async def _load(self, passkey_id: str) -> Passkey | None:
        async with self._database.read() as connection:
            return await store.passkey_by_id(connection, passkey_id)


def _digest(challenge: bytes) -> bytes:
    return hashlib.sha256(challenge).digest()


def _invalid(error: Exception | None) -> InvalidRequest:
    reason = "" if error is None else f": {error}"
    return InvalidRequest(
        f"This passkey cannot be used{reason}. Begin again, in this browser and within 5 minutes.",
        code="invalid_passkey",
        param="credential",
    )


def _wrong() -> NotAuthenticated:
    return NotAuthenticated(
        "This passkey is not known here, or its answer came too late. Try again, or sign in with your password.",
        code="wrong_passkey",
    )
