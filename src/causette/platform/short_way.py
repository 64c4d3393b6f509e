"""The short way to a chat completion: past the framework's routing and dependencies, which cost more than the answer.

What is asked as the documentation says is answered here. Everything else goes the long way, whose route is declared for
the same path: a body that is not right, to be refused field by field; another media type; another method.
"""

from contextlib import suppress
from typing import Final

from pydantic import ValidationError
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from causette.accounts.authentication import key_holder, needs
from causette.accounts.types import Caller
from causette.errors import CausetteError
from causette.http.disconnect import ClientLeft
from causette.http.middleware import BodyTooLarge
from causette.platform.errors import error_response
from causette.platform.requests import ChatCompletionBody
from causette.platform.routes import chat_completion

_PATH: Final = "/v1/chat/completions"
_JSON: Final = (b"content-type", b"application/json")

_may_infer: Final = needs("inference")


class _Route:
    """What the metrics call it."""

    path: Final = _PATH


class ShortWay:
    """ASGI middleware around the application whose ``state.house`` answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        asked = scope["type"] == "http" and scope["path"] == _PATH and scope["method"] == "POST"
        await (self._post if asked and _JSON in scope["headers"] else self._app)(scope, receive, send)

    async def _post(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            # Before the body is read: nobody without a key shall have megabytes parsed.
            caller = await _may_infer(await key_holder(request))
            content = await request.body()
        except CausetteError as error:
            scope["route"] = _Route
            await error_response(error)(scope, receive, send)
            return
        except BodyTooLarge as error:
            await error_response(error.error)(scope, receive, send)
            return
        except ClientDisconnect:
            return
        try:
            body = ChatCompletionBody.model_validate_json(content)
        except ValidationError:
            await self._app(scope, _again(content, receive), send)
            return
        scope["route"] = _Route
        with suppress(ClientLeft):
            answer = await _answered(request, caller, body)
            await answer(scope, receive, send)


async def _answered(request: Request, caller: Caller, body: ChatCompletionBody) -> Response:
    try:
        return await chat_completion(request, caller, body)
    except CausetteError as error:
        return error_response(error)


def _again(content: bytes, receive: Receive) -> Receive:
    """A channel that gives a body that was read once more, then what comes after it."""
    read = False

    async def receive_again() -> Message:
        nonlocal read
        if read:
            return await receive()
        read = True
        return {"type": "http.request", "body": content, "more_body": False}

    return receive_again
