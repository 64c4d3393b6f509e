"""Signing up, invitations, ways back in, and leaving."""

from typing import Protocol

from fastapi import APIRouter, Request, Response, status

from causette.accounts.authentication import SignedInCaller, clear_session_cookie, set_session_cookie
from causette.accounts.credentials.bodies import (
    ConfirmSignUpBody,
    EmailBody,
    InvitationBody,
    InvitationList,
    InvitationOut,
    NewEmailBody,
    NewInvitationOut,
    NewPasswordBody,
    PasswordBody,
    ProofBody,
    ProviderOut,
    SignUpBody,
    SignUpInvitation,
    SignUpOptions,
    SignUpOut,
    TokenBody,
)
from causette.accounts.credentials.passkeys import can_be_used_at
from causette.accounts.credentials.service import Credentials
from causette.accounts.routes import UserOut
from causette.accounts.visitors import locale_of, origin_of, visitor_of
from causette.settings import Settings


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def settings(self) -> Settings: ...

    @property
    def credentials(self) -> Credentials: ...


def house_of(request: Request) -> House:
    """The application's rooms, from ``app.state.house``."""
    house: House = request.app.state.house
    return house


def router(*, secure_cookies: bool) -> APIRouter:
    """The routes; ``secure_cookies`` has browsers send the session over HTTPS only."""
    routes = APIRouter(prefix="/api", tags=["accounts"])
    _add_sign_up(routes, secure_cookies=secure_cookies)
    _add_invitations(routes)
    _add_ways_back(routes)
    _add_leaving(routes, secure_cookies=secure_cookies)
    return routes


def _add_sign_up(routes: APIRouter, *, secure_cookies: bool) -> None:
    @routes.get("/sign-up")
    async def sign_up_options(request: Request) -> SignUpOptions:
        """How a stranger can come in."""
        house = house_of(request)
        return SignUpOptions(
            mode=house.credentials.sign_ups.mode,
            providers=[
                ProviderOut(name=provider.name, title=provider.title) for provider in house.settings.sign_on
            ],
            passkeys=can_be_used_at(origin_of(request, house.settings)),
        )

    @routes.post(
        "/sign-up",
        status_code=status.HTTP_202_ACCEPTED,
        responses={status.HTTP_201_CREATED: {"model": SignUpOut, "description": "Signed in, by invitation"}},
    )
    async def sign_up(body: SignUpBody, request: Request, response: Response) -> SignUpOut:
        """Ask for an account: 202 and a letter, whether or not the address has one. 201 with an invitation."""
        house = house_of(request)
        sign_ups = house.credentials.sign_ups
        if body.invitation is None:
            await sign_ups.ask(
                name=body.name,
                email=body.email,
                password=body.password,
                locale=locale_of(request),
                origin=origin_of(request, house.settings),
                visitor=visitor_of(request),
            )
            return SignUpOut(user=None)
        fresh = await sign_ups.accept(
            body.invitation,
            name=body.name,
            password=body.password,
            locale=locale_of(request),
            visitor=visitor_of(request),
        )
        set_session_cookie(response, fresh.token, secure=secure_cookies)
        response.status_code = status.HTTP_201_CREATED
        return SignUpOut(user=UserOut.of(fresh.user))

    @routes.post("/sign-up/confirm", status_code=status.HTTP_201_CREATED)
    async def confirm_sign_up(body: ConfirmSignUpBody, request: Request, response: Response) -> UserOut:
        """Make the account that the letter is about, and sign in."""
        fresh = await house_of(request).credentials.sign_ups.confirm(
            body.token, body.password, visitor=visitor_of(request)
        )
        set_session_cookie(response, fresh.token, secure=secure_cookies)
        return UserOut.of(fresh.user)

    @routes.post("/sign-up/invitation")
    async def read_invitation(body: TokenBody, request: Request) -> SignUpInvitation:
        """What a link invites to."""
        invitation = await house_of(request).credentials.sign_ups.invitation(body.token)
        return SignUpInvitation(email=invitation.email, role=invitation.role)


def _add_invitations(routes: APIRouter) -> None:
    @routes.post("/invitations", status_code=status.HTTP_201_CREATED)
    async def invite(body: InvitationBody, caller: SignedInCaller, request: Request) -> NewInvitationOut:
        """Invite somebody. Owners only."""
        house = house_of(request)
        invitation, link = await house.credentials.sign_ups.invite(
            caller,
            email=body.email,
            role=body.role,
            locale=caller.user.locale or locale_of(request),
            origin=origin_of(request, house.settings),
        )
        return NewInvitationOut(**InvitationOut.of(invitation).model_dump(), link=link)

    @routes.get("/invitations")
    async def list_invitations(caller: SignedInCaller, request: Request) -> InvitationList:
        """The invitations that have not been accepted yet. Owners only."""
        found = await house_of(request).credentials.sign_ups.invitations(caller)
        return InvitationList(items=[InvitationOut.of(invitation) for invitation in found])

    @routes.delete("/invitations/{invitation_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def take_invitation_back(invitation_id: str, caller: SignedInCaller, request: Request) -> None:
        """End an invitation. Owners only."""
        await house_of(request).credentials.sign_ups.take_back(caller, invitation_id)


def _add_ways_back(routes: APIRouter) -> None:
    @routes.post("/password-reset", status_code=status.HTTP_202_ACCEPTED)
    async def ask_for_password_reset(body: EmailBody, request: Request) -> None:
        """Have a link sent that sets a new password. 202 whether or not there is such an account."""
        house = house_of(request)
        await house.credentials.ways_back.ask_for_reset(
            body.email,
            locale=locale_of(request),
            origin=origin_of(request, house.settings),
            visitor=visitor_of(request),
        )

    @routes.post("/password-reset/confirm", status_code=status.HTTP_204_NO_CONTENT)
    async def reset_password(body: NewPasswordBody, request: Request) -> None:
        """Set a new password with the letter's link. All sessions end."""
        await house_of(request).credentials.ways_back.reset(body.token, body.password)

    @routes.put("/user/password", status_code=status.HTTP_204_NO_CONTENT)
    async def change_password(body: PasswordBody, caller: SignedInCaller, request: Request) -> None:
        """Change one's password. All other sessions end."""
        await house_of(request).credentials.ways_back.change_password(
            caller, present=body.present_password, new=body.new_password
        )

    @routes.post("/user/email", status_code=status.HTTP_202_ACCEPTED)
    async def ask_for_email_change(body: NewEmailBody, caller: SignedInCaller, request: Request) -> None:
        """Have a link sent to another address that makes it one's own."""
        house = house_of(request)
        await house.credentials.ways_back.ask_for_email(
            caller,
            body.email,
            password=body.password,
            locale=locale_of(request),
            origin=origin_of(request, house.settings),
        )

    @routes.post("/email-change/confirm", status_code=status.HTTP_204_NO_CONTENT)
    async def confirm_email_change(body: TokenBody, caller: SignedInCaller, request: Request) -> None:
        """Change the address with the letter's link, signed in as who has asked for it."""
        await house_of(request).credentials.ways_back.confirm_email(caller, body.token)


def _add_leaving(routes: APIRouter, *, secure_cookies: bool) -> None:
    @routes.delete("/user", status_code=status.HTTP_204_NO_CONTENT)
    async def delete_account(
        body: ProofBody, caller: SignedInCaller, request: Request, response: Response
    ) -> None:
        """Delete one's account and all that is one's own. It cannot be undone."""
        await house_of(request).credentials.leaving.delete_account(caller, password=body.password)
        clear_session_cookie(response, secure=secure_cookies)
