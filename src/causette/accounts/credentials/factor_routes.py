"""``/api/user/totp``, ``/api/passkeys``, ``/api/sessions``: what one signs in with, and where one has."""

from fastapi import APIRouter, Request, Response, status

from causette.accounts.authentication import SignedInCaller, accounts_of, set_session_cookie
from causette.accounts.credentials.bodies import (
    CodeBody,
    CodeProofBody,
    EnrolmentOut,
    FactorsOut,
    NameBody,
    PasskeyBody,
    PasskeyList,
    PasskeyOut,
    PasskeyQuestion,
    PasskeySignInBody,
    ProofBody,
    RecoveryCodes,
    SecondStepBody,
    SessionList,
    SessionOut,
)
from causette.accounts.credentials.routes import house_of
from causette.accounts.routes import UserOut
from causette.accounts.visitors import origin_of, visitor_of


def router(*, secure_cookies: bool) -> APIRouter:
    """The routes; ``secure_cookies`` has browsers send the session over HTTPS only."""
    routes = APIRouter(prefix="/api", tags=["accounts"])
    _add_codes(routes, secure_cookies=secure_cookies)
    _add_passkeys(routes)
    _add_passkey_sign_in(routes, secure_cookies=secure_cookies)
    _add_sessions(routes)
    return routes


def _add_codes(routes: APIRouter, *, secure_cookies: bool) -> None:
    @routes.post("/session/code", status_code=status.HTTP_201_CREATED)
    async def sign_in_with_code(body: SecondStepBody, request: Request, response: Response) -> UserOut:
        """The second step of signing in."""
        fresh = await house_of(request).credentials.second_factors.sign_in(
            body.challenge, body.code, visitor=visitor_of(request)
        )
        set_session_cookie(response, fresh.token, secure=secure_cookies)
        return UserOut.of(fresh.user)

    @routes.get("/user/factors")
    async def list_factors(caller: SignedInCaller, request: Request) -> FactorsOut:
        """What one can sign in with."""
        return FactorsOut.of(await house_of(request).credentials.second_factors.factors(caller))

    @routes.post("/user/totp", status_code=status.HTTP_201_CREATED)
    async def enrol_totp(body: ProofBody, caller: SignedInCaller, request: Request) -> EnrolmentOut:
        """Make a secret for an authenticator app. Codes are asked for once one has been confirmed."""
        enrolment = await house_of(request).credentials.second_factors.enrol(caller, password=body.password)
        return EnrolmentOut.model_validate(enrolment)

    @routes.post("/user/totp/confirm")
    async def confirm_totp(body: CodeBody, caller: SignedInCaller, request: Request) -> RecoveryCodes:
        """Ask for codes from now on. The recovery codes are shown once."""
        codes = await house_of(request).credentials.second_factors.confirm(caller, body.code)
        return RecoveryCodes(recovery_codes=list(codes))

    @routes.post("/user/totp/recovery-codes")
    async def renew_recovery_codes(
        body: CodeProofBody, caller: SignedInCaller, request: Request
    ) -> RecoveryCodes:
        """Ten other recovery codes in place of those there are. They are shown once."""
        codes = await house_of(request).credentials.second_factors.renew_recovery_codes(
            caller, password=body.password, code=body.code
        )
        return RecoveryCodes(recovery_codes=list(codes))

    @routes.post("/user/totp/disable", status_code=status.HTTP_204_NO_CONTENT)
    async def disable_totp(body: CodeProofBody, caller: SignedInCaller, request: Request) -> None:
        """Ask for no code any more."""
        await house_of(request).credentials.second_factors.disable(
            caller, password=body.password, code=body.code
        )


def _add_passkeys(routes: APIRouter) -> None:
    @routes.post("/passkeys/options")
    async def passkey_registration_options(
        body: ProofBody, caller: SignedInCaller, request: Request
    ) -> PasskeyQuestion:
        """What the browser needs to make a passkey."""
        house = house_of(request)
        options = await house.credentials.passkeys.registration(
            caller, password=body.password, origin=origin_of(request, house.settings)
        )
        return PasskeyQuestion(public_key=options)

    @routes.post("/passkeys", status_code=status.HTTP_201_CREATED)
    async def register_passkey(body: PasskeyBody, caller: SignedInCaller, request: Request) -> PasskeyOut:
        """Keep the passkey that the browser has made."""
        house = house_of(request)
        passkey = await house.credentials.passkeys.register(
            caller,
            name=body.name,
            credential=body.credential,
            origin=origin_of(request, house.settings),
        )
        return PasskeyOut.of(passkey)

    @routes.get("/passkeys")
    async def list_passkeys(caller: SignedInCaller, request: Request) -> PasskeyList:
        """One's passkeys, the newest first."""
        found = await house_of(request).credentials.passkeys.list_passkeys(caller)
        return PasskeyList(items=[PasskeyOut.of(passkey) for passkey in found])

    @routes.patch("/passkeys/{passkey_id}")
    async def rename_passkey(
        passkey_id: str, body: NameBody, caller: SignedInCaller, request: Request
    ) -> PasskeyOut:
        """Give a passkey another name."""
        return PasskeyOut.of(
            await house_of(request).credentials.passkeys.rename(caller, passkey_id, body.name)
        )

    @routes.delete("/passkeys/{passkey_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_passkey(passkey_id: str, caller: SignedInCaller, request: Request) -> None:
        """Accept a passkey no more."""
        await house_of(request).credentials.passkeys.delete(caller, passkey_id)


def _add_passkey_sign_in(routes: APIRouter, *, secure_cookies: bool) -> None:
    @routes.post("/session/passkey/options")
    async def passkey_sign_in_options(request: Request) -> PasskeyQuestion:
        """What the browser needs to sign somebody in with a passkey of theirs."""
        house = house_of(request)
        options = await house.credentials.passkeys.question(origin=origin_of(request, house.settings))
        return PasskeyQuestion(public_key=options)

    @routes.post("/session/passkey", status_code=status.HTTP_201_CREATED)
    async def sign_in_with_passkey(body: PasskeySignInBody, request: Request, response: Response) -> UserOut:
        """Sign in with a passkey; nothing else is asked for."""
        house = house_of(request)
        fresh = await house.credentials.passkeys.sign_in(
            body.credential,
            origin=origin_of(request, house.settings),
            visitor=visitor_of(request),
        )
        set_session_cookie(response, fresh.token, secure=secure_cookies)
        return UserOut.of(fresh.user)


def _add_sessions(routes: APIRouter) -> None:
    @routes.get("/sessions")
    async def list_sessions(caller: SignedInCaller, request: Request) -> SessionList:
        """The browsers in which one is signed in, the newest session first."""
        found = await accounts_of(request).list_sessions(caller)
        return SessionList(
            items=[SessionOut.of(session, current=session.id == caller.session_id) for session in found]
        )

    @routes.delete("/sessions", status_code=status.HTTP_204_NO_CONTENT)
    async def revoke_other_sessions(caller: SignedInCaller, request: Request) -> None:
        """Sign out everywhere else, at once."""
        await accounts_of(request).revoke_other_sessions(caller)

    @routes.delete("/sessions/{session_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def revoke_session(session_id: str, caller: SignedInCaller, request: Request) -> None:
        """Sign out in one browser, at once."""
        await accounts_of(request).revoke_session(caller, session_id)
