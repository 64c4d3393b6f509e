"""``/api/sign-on`` and ``/api/user/identities``: signing in with an account elsewhere."""

from datetime import datetime
from typing import Annotated, Final, Protocol
from urllib.parse import quote, unquote, urlencode

from fastapi import APIRouter, Query, Request, status
from fastapi.responses import RedirectResponse
from pydantic import BaseModel, ConfigDict
from starlette.responses import Response

from causette.accounts.authentication import SignedInCaller, accounts_of, session_token, set_session_cookie
from causette.accounts.credentials.bodies import ProofBody
from causette.accounts.sign_on.service import BACK_WITHIN, SignOn
from causette.accounts.types import SecondStep
from causette.accounts.visitors import origin_of, visitor_of
from causette.errors import CausetteError, NotAuthenticated
from causette.settings import Settings

#: Holds the state while its browser is at the provider: nobody else can finish what it has begun.
STATE_COOKIE: Final = "causette_sign_on"
#: Holds the page that its browser wanted to see.
NEXT_COOKIE: Final = "causette_sign_on_next"
_COOKIE_PATH: Final = "/api/sign-on"

_Parameter = Annotated[str | None, Query(max_length=4096)]


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def settings(self) -> Settings: ...

    @property
    def sign_on(self) -> SignOn: ...


class ProviderUrl(BaseModel):
    """Where to send the browser."""

    url: str


class IdentityOut(BaseModel):
    """An account elsewhere that signs one in."""

    model_config = ConfigDict(title="Identity")

    id: str
    provider: str
    title: str
    email: str | None
    created_at: datetime
    last_used_at: datetime | None


class IdentityList(BaseModel):
    """One's accounts elsewhere, the oldest first."""

    items: list[IdentityOut]


def router(*, secure_cookies: bool) -> APIRouter:
    """The routes; ``secure_cookies`` has browsers send the session over HTTPS only."""
    routes = APIRouter(prefix="/api", tags=["accounts"])

    def keep(response: Response, cookie: str, value: str) -> None:
        response.set_cookie(
            cookie,
            value,
            max_age=int(BACK_WITHIN.total_seconds()),
            path=_COOKIE_PATH,
            secure=secure_cookies,
            httponly=True,
            samesite="lax",
        )

    def forget(response: Response, cookie: str) -> None:
        response.delete_cookie(
            cookie, path=_COOKIE_PATH, secure=secure_cookies, httponly=True, samesite="lax"
        )

    @routes.get("/sign-on/{provider}", status_code=status.HTTP_303_SEE_OTHER, response_class=RedirectResponse)
    async def begin_sign_on(
        provider: str,
        request: Request,
        onward: Annotated[str | None, Query(alias="next", max_length=2048)] = None,
    ) -> RedirectResponse:
        """Send the browser to a provider. It comes back signed in, to the page ``next``, or to the sign-in page.

        That page is given ``#challenge=…`` when a code is to follow, or ``?error=CODE``.
        """
        house = _house_of(request)
        try:
            url, state = await house.sign_on.begin(provider, origin=origin_of(request, house.settings))
        except CausetteError as error:
            return _told(error, "/sign-in")
        response = RedirectResponse(url, status.HTTP_303_SEE_OTHER)
        keep(response, STATE_COOKIE, state)
        if onward is not None and _is_page(onward):
            keep(response, NEXT_COOKIE, quote(onward, safe=""))
        else:
            forget(response, NEXT_COOKIE)
        return response

    @routes.post("/sign-on/{provider}/link")
    async def link_identity(
        provider: str, body: ProofBody, caller: SignedInCaller, request: Request, response: Response
    ) -> ProviderUrl:
        """Have one's account at a provider linked. It comes back to ``/settings`` with ``linked`` or ``error``."""
        house = _house_of(request)
        await accounts_of(request).confirm(caller, body.password)
        url, state = await house.sign_on.begin(
            provider, origin=origin_of(request, house.settings), linking=caller
        )
        keep(response, STATE_COOKIE, state)
        return ProviderUrl(url=url)

    @routes.get(
        "/sign-on/{provider}/callback",
        status_code=status.HTTP_303_SEE_OTHER,
        response_class=RedirectResponse,
    )
    async def finish_sign_on(
        provider: str,
        request: Request,
        state: _Parameter = None,
        code: _Parameter = None,
        error: _Parameter = None,
    ) -> RedirectResponse:
        """Where a provider sends the browser back to."""
        try:
            if error is not None or code is None or state is None:
                raise NotAuthenticated("The provider has not let you in.", code="sign_on_refused")
            fresh = await _house_of(request).sign_on.finish(
                provider,
                state=state,
                kept_state=request.cookies.get(STATE_COOKIE),
                code=code,
                visitor=visitor_of(request),
            )
        except CausetteError as problem:
            token = session_token(request)
            inside = token is not None and await accounts_of(request).session_caller(token) is not None
            response = _told(problem, "/settings" if inside else "/sign-in")
        else:
            if fresh is None:
                response = RedirectResponse(
                    f"/settings?{urlencode({'linked': provider})}", status.HTTP_303_SEE_OTHER
                )
            elif isinstance(fresh, SecondStep):
                # After the #, so that it is in no server's log.
                asked = urlencode({"next": _onward(request)})
                page = f"/sign-in?{asked}#{urlencode({'challenge': fresh.token})}"
                response = RedirectResponse(page, status.HTTP_303_SEE_OTHER)
            else:
                response = RedirectResponse(_onward(request), status.HTTP_303_SEE_OTHER)
                set_session_cookie(response, fresh.token, secure=secure_cookies)
        forget(response, STATE_COOKIE)
        forget(response, NEXT_COOKIE)
        return response

    _add_identities(routes)
    return routes


def _add_identities(routes: APIRouter) -> None:
    @routes.get("/user/identities")
    async def list_identities(caller: SignedInCaller, request: Request) -> IdentityList:
        """One's accounts elsewhere, the oldest first."""
        sign_on = _house_of(request).sign_on
        return IdentityList(
            items=[
                IdentityOut(
                    id=identity.id,
                    provider=identity.provider,
                    title=sign_on.title_of(identity.provider),
                    email=identity.email,
                    created_at=identity.created_at,
                    last_used_at=identity.last_used_at,
                )
                for identity in await sign_on.identities(caller)
            ]
        )

    @routes.delete("/user/identities/{identity_id}", status_code=status.HTTP_204_NO_CONTENT)
    async def unlink_identity(identity_id: str, caller: SignedInCaller, request: Request) -> None:
        """Sign in with an account elsewhere no more."""
        await _house_of(request).sign_on.unlink(caller, identity_id)


def _house_of(request: Request) -> House:
    house: House = request.app.state.house
    return house


def _onward(request: Request) -> str:
    """The page that the browser wanted to see when it was sent to a provider."""
    page = unquote(request.cookies.get(NEXT_COOKIE, "/"))
    return page if _is_page(page) else "/"


def _is_page(place: str) -> bool:
    """Whether it is a place of this house, and nothing that a browser would read as another host's."""
    return place.startswith("/") and not place.startswith(("//", "/\\")) and place.isprintable()


def _told(error: CausetteError, page: str) -> RedirectResponse:
    """A person is looking at this, not a program: the page tells them in their language what the code means."""
    return RedirectResponse(f"{page}?{urlencode({'error': error.code})}", status.HTTP_303_SEE_OTHER)
