"""``/api/setup``, ``/api/session`` and ``/api/user``: becoming somebody, and saying who one is."""

from datetime import datetime
from typing import Annotated, Final

from fastapi import APIRouter, Request, Response, status
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import (
    SignedInCaller,
    accounts_of,
    clear_session_cookie,
    session_token,
    set_session_cookie,
)
from causette.accounts.service import UserChanges
from causette.accounts.types import Locale, Role, SecondStep, SignedIn, Theme, User
from causette.accounts.visitors import visitor_of

# Bounds on what is read at all; what makes a good name, address or password is the service's to say.
_LONGEST_FIELD: Final = 1024
_Field = Annotated[str, Field(max_length=_LONGEST_FIELD)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SetupBody(_Body):
    """The token of the set-up link, and who the owner is."""

    token: _Field
    name: _Field
    email: _Field
    password: _Field


class SignInBody(_Body):
    """What somebody signs in with."""

    email: _Field
    password: _Field


class UserPatch(_Body):
    """What to change of oneself; what is left out stays. ``locale`` null follows the browser again."""

    name: _Field = ""
    locale: Locale | None = None
    theme: Theme = "system"

    def changes(self) -> UserChanges:
        """What the body names, and nothing else."""
        changes = UserChanges()
        if "name" in self.model_fields_set:
            changes["name"] = self.name
        if "locale" in self.model_fields_set:
            changes["locale"] = self.locale
        if "theme" in self.model_fields_set:
            changes["theme"] = self.theme
        return changes


class UserOut(BaseModel):
    """A person as they see themselves."""

    model_config = ConfigDict(from_attributes=True, title="User")

    id: str
    email: str
    name: str
    role: Role
    locale: Locale | None
    theme: Theme
    created_at: datetime

    @classmethod
    def of(cls, user: User) -> "UserOut":
        """The public form of ``user``."""
        return cls.model_validate(user)


class SecondStepOut(BaseModel):
    """The password was right; the session begins when a code comes with this ``challenge``."""

    model_config = ConfigDict(title="SecondStep")

    challenge: str
    expires_at: datetime


def router(*, secure_cookies: bool) -> APIRouter:
    """The routes; ``secure_cookies`` has browsers send the session over HTTPS only."""
    routes = APIRouter(prefix="/api", tags=["accounts"])

    def welcome(response: Response, fresh: SignedIn) -> UserOut:
        set_session_cookie(response, fresh.token, secure=secure_cookies)
        return UserOut.of(fresh.user)

    @routes.post("/setup", status_code=status.HTTP_201_CREATED)
    async def set_up(body: SetupBody, request: Request, response: Response) -> UserOut:
        """Make the owner's account with the link that the first start printed, and sign in."""
        fresh = await accounts_of(request).create_owner(
            body.token,
            name=body.name,
            email=body.email,
            password=body.password,
            visitor=visitor_of(request),
        )
        return welcome(response, fresh)

    @routes.post(
        "/session",
        status_code=status.HTTP_201_CREATED,
        response_model=UserOut,
        responses={
            status.HTTP_202_ACCEPTED: {"model": SecondStepOut, "description": "A code is asked for as well"}
        },
    )
    async def sign_in(body: SignInBody, request: Request, response: Response) -> UserOut | Response:
        """Sign in. 202 says that a code is to follow, at ``POST /api/session/code``."""
        visitor = visitor_of(request)
        outcome = await accounts_of(request).sign_in(
            body.email, body.password, address=visitor.address, user_agent=visitor.user_agent
        )
        if isinstance(outcome, SecondStep):
            waiting = SecondStepOut(challenge=outcome.token, expires_at=outcome.expires_at)
            return JSONResponse(waiting.model_dump(mode="json"), status.HTTP_202_ACCEPTED)
        return welcome(response, outcome)

    @routes.get("/session")
    async def who_am_i(caller: SignedInCaller, request: Request, response: Response) -> UserOut:
        """Who is signed in. Renews the cookie, so that it lasts as long as the session does."""
        token = session_token(request)
        if token is not None:
            set_session_cookie(response, token, secure=secure_cookies)
        return UserOut.of(caller.user)

    @routes.delete("/session", status_code=status.HTTP_204_NO_CONTENT)
    async def sign_out(request: Request, response: Response) -> None:
        """Sign out. Doing so twice is no error."""
        token = session_token(request)
        if token is not None:
            await accounts_of(request).sign_out(token)
        clear_session_cookie(response, secure=secure_cookies)

    @routes.patch("/user")
    async def update_user(body: UserPatch, caller: SignedInCaller, request: Request) -> UserOut:
        """Change one's name, language or theme."""
        return UserOut.of(await accounts_of(request).update_user(caller, **body.changes()))

    return routes
