"""From a request to its caller: a session's cookie for ``/api``, an API key for ``/v1``.

Each surface looks at its own kind of credential only, so that sending both never adds up to more. What is
ambiguous (two different session cookies, two Authorization headers) proves nothing.
"""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Annotated, Any, Final, Protocol

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute

from causette.accounts.keys.scopes import SCOPES, Scope, opens
from causette.accounts.service import SESSION_LIFETIME, Accounts
from causette.accounts.types import Caller
from causette.errors import Forbidden, NotAuthenticated

SESSION_COOKIE: Final = "causette_session"
#: Names the workspace that a session acts for. A key needs none: it acts for whom it was made for.
WORKSPACE_HEADER: Final = "x-causette-workspace"


class House(Protocol):
    """As much of the application's state as this room needs."""

    @property
    def accounts(self) -> Accounts: ...


def accounts_of(request: Request) -> Accounts:
    """The application's accounts, from ``app.state.house``."""
    house: House = request.app.state.house
    return house.accounts


async def signed_in(
    request: Request,
    workspace: Annotated[
        str | None, Header(alias=WORKSPACE_HEADER, description="The workspace to act for, not oneself")
    ] = None,
) -> Caller:
    """FastAPI dependency: whoever is signed in with the session cookie, acting for the workspace that they name.

    Raises:
        NotAuthenticated: nobody is (``not_authenticated``).
        NotFound: they are not in the workspace, or there is none.
    """
    token = session_token(request)
    accounts = accounts_of(request)
    caller = None if token is None else await accounts.session_caller(token)
    if caller is None:
        raise NotAuthenticated("You are not signed in, or your session has ended. Sign in and try again.")
    return caller if workspace is None else await accounts.workspaces.acting(caller, workspace)


async def key_holder(request: Request) -> Caller:
    """FastAPI dependency: whoever holds the API key in ``Authorization: Bearer``.

    Raises:
        NotAuthenticated: there is no key (``not_authenticated``), or it is mistyped, unknown, expired or
            revoked (``invalid_api_key``).
    """
    headers = request.headers.getlist("authorization")
    if not headers:
        raise NotAuthenticated(
            "No API key was sent. Send the header 'Authorization: Bearer sk-causette-…' with a key of yours."
        )
    scheme, _, secret = headers[0].partition(" ")
    caller = None
    if len(headers) == 1 and scheme.lower() == "bearer":
        caller = await accounts_of(request).keys.caller(secret.strip(" "))
    if caller is None:
        raise NotAuthenticated(
            "The API key is not valid: it is mistyped, unknown, expired or revoked. "
            "Send one good key as 'Authorization: Bearer sk-causette-…'.",
            code="invalid_api_key",
        )
    return caller


SignedInCaller = Annotated[Caller, Depends(signed_in)]
KeyHolder = Annotated[Caller, Depends(key_holder)]


async def house_owner(caller: SignedInCaller) -> Caller:
    """FastAPI dependency: whoever is signed in and runs the house.

    Raises:
        NotAuthenticated: nobody is signed in.
        Forbidden: they only use it (``owners_only``).
    """
    if caller.user.role != "owner":
        raise Forbidden("Only those who run this house may see this. Ask one of them.", code="owners_only")
    return caller


HouseOwner = Annotated[Caller, Depends(house_owner)]


def needs(scope: Scope) -> Callable[[Caller], Awaitable[Caller]]:
    """A FastAPI dependency: whoever holds a key with ``scope``, or with all of them.

    It raises what `key_holder` does, and Forbidden (``insufficient_scope``) for a key without the scope.
    """

    async def holder(caller: KeyHolder) -> Caller:
        if caller.key is None or not opens(caller.key.scopes, scope):
            raise Forbidden(
                f"This key lacks the scope {scope!r}: {SCOPES[scope]}. Use another key, or add the scope to this one.",
                code="insufficient_scope",
            )
        return caller

    return holder


InferenceKey = Annotated[Caller, Depends(needs("inference"))]
EmbeddingsKey = Annotated[Caller, Depends(needs("embeddings"))]
ModelsKey = Annotated[Caller, Depends(needs("models"))]
FineTuningKey = Annotated[Caller, Depends(needs("fine_tuning"))]


class KeyFirst(APIRoute):
    """Looks at the key before the framework reads the body: nobody without one shall have megabytes parsed."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler, behind that look."""
        answer = super().get_route_handler()

        async def answer_holder(request: Request) -> Response:
            await key_holder(request)
            return await answer(request)

        return answer_holder


def session_token(request: Request) -> str | None:
    """The value of the session cookie; None when there is none, or several that differ."""
    values: set[str] = set()
    for header in request.headers.getlist("cookie"):
        for pair in header.split(";"):
            name, _, value = pair.partition("=")
            if name.strip() == SESSION_COOKIE:
                values.add(value.strip())
    return values.pop() if len(values) == 1 else None


def set_session_cookie(response: Response, token: str, *, secure: bool) -> None:
    """Have the browser keep ``token`` for as long as a session lasts without use."""
    response.set_cookie(
        SESSION_COOKIE,
        token,
        max_age=int(SESSION_LIFETIME.total_seconds()),
        path="/",
        secure=secure,
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(response: Response, *, secure: bool) -> None:
    """Have the browser forget its session."""
    response.delete_cookie(SESSION_COOKIE, path="/", secure=secure, httponly=True, samesite="lax")
