"""The web application around a house: which routes there are, and how what they raise is answered."""

import asyncio
from functools import cache
from hmac import compare_digest
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import causette
import causette.accounts.credentials.factor_routes
import causette.accounts.credentials.routes
import causette.accounts.keys.routes
import causette.accounts.routes
import causette.accounts.sign_on.routes
import causette.accounts.workspaces.routes
import causette.assistant.assistants.routes
import causette.assistant.exporting.routes
import causette.assistant.feedback.routes
import causette.assistant.files.routes
import causette.assistant.importing.routes
import causette.assistant.instructions.routes
import causette.assistant.knowledge.routes
import causette.assistant.memory.routes
import causette.assistant.projects.routes
import causette.assistant.routes
import causette.assistant.search.routes
import causette.assistant.sharing.routes
import causette.assistant.thread.routes
import causette.assistant.tools.routes
import causette.assistant.tree.routes
import causette.console.routes
import causette.jobs.routes
import causette.lab.fine_tuning.routes
import causette.lab.flywheel.routes
import causette.lab.routes
import causette.plans.routes
import causette.platform.files.routes
import causette.platform.routes
import causette.releases.routes
from causette.accounts.authentication import SignedInCaller, session_token
from causette.accounts.routes import UserOut
from causette.accounts.types import Caller, Locale
from causette.accounts.visitors import is_loopback, visitor_of
from causette.engines.supervisor import EmbeddedEngine, State
from causette.engines.types import Engine
from causette.errors import CausetteError, NotAuthenticated, UnsupportedContentType
from causette.gateway.routing import Router
from causette.gateway.versions import Versions
from causette.house import House
from causette.http.described_errors import describe_errors
from causette.http.disconnect import ClientLeft
from causette.http.middleware import BodyTooLarge, BrowserGuard, RequestContext
from causette.http.problems import problem, problem_of, problem_of_validation
from causette.http.static_web import web_app
from causette.observability import Metrics
from causette.platform import errors as openai_errors
from causette.platform.short_way import ShortWay
from causette.settings import Settings

# What a form has around the file in it.
_FORM_BYTES: Final = 64_000


def app_of(house: House) -> FastAPI:
    """The web application around ``house``, which its maker opens and closes."""
    app = _api(secure_cookies=house.settings.secure_cookies)
    app.state.house = house
    # Not mounted at "/": that would match before a known path with the wrong method could be refused as such.
    app.router.default = _web_outside_the_api()
    _handle_errors(app)
    # The last one added is the first one passed.
    app.add_middleware(ShortWay)
    larger = {"/api/files": house.files.largest, "/v1/files": house.api_files.largest + _FORM_BYTES}
    app.add_middleware(BrowserGuard, answer=_error_answer, larger=larger)
    app.add_middleware(RequestContext, metrics=house.metrics, answer=_error_answer)
    return app


def openapi_document() -> dict[str, Any]:
    """The description of every route, from which the web client's types are generated. Starts nothing."""
    return _api(secure_cookies=False).openapi()


class _Api(FastAPI):
    def openapi(self) -> dict[str, Any]:
        """The description, whose refusals are those that are answered."""
        if self.openapi_schema is None:
            describe_errors(super().openapi())
        assert self.openapi_schema is not None
        return self.openapi_schema


def _api(*, secure_cookies: bool) -> FastAPI:
    app = _Api(
        title="Causette",
        version=causette.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
    )
    for router in _routers(secure_cookies=secure_cookies):
        app.include_router(router)
    return app


# Routes know nothing of the house they answer in: one process makes them once, however many houses it opens.
@cache
def _routers(*, secure_cookies: bool) -> tuple[APIRouter, ...]:
    return (
        causette.platform.routes.router(),
        causette.platform.files.routes.router(),
        causette.lab.fine_tuning.routes.router(),
        causette.accounts.routes.router(secure_cookies=secure_cookies),
        causette.accounts.credentials.routes.router(secure_cookies=secure_cookies),
        causette.accounts.credentials.factor_routes.router(secure_cookies=secure_cookies),
        causette.accounts.sign_on.routes.router(secure_cookies=secure_cookies),
        causette.accounts.keys.routes.router(),
        causette.accounts.workspaces.routes.router(),
        causette.assistant.routes.router(),
        causette.assistant.thread.routes.router(),
        causette.assistant.tree.routes.router(),
        causette.assistant.feedback.routes.router(),
        causette.assistant.tools.routes.router(),
        causette.assistant.search.routes.router(),
        causette.assistant.sharing.routes.router(),
        causette.assistant.exporting.routes.router(),
        causette.assistant.importing.routes.router(),
        causette.assistant.files.routes.router(),
        causette.assistant.knowledge.routes.router(),
        causette.assistant.projects.routes.router(),
        causette.assistant.instructions.routes.router(),
        causette.jobs.routes.router(),
        causette.assistant.assistants.routes.router(),
        causette.assistant.memory.routes.router(),
        causette.plans.routes.router(),
        causette.console.routes.router(),
        causette.lab.routes.router(),
        causette.releases.routes.router(),
        causette.lab.flywheel.routes.router(),
        _own_routes(),
    )


class ModelOut(BaseModel):
    """A model that a conversation can use."""

    model_config = ConfigDict(title="Model")

    name: str
    title: str
    description: Annotated[dict[Locale, str], Field(description="By language")]
    context: Annotated[int, Field(description="Tokens")]
    kind: Literal["text", "embedding"]
    default: bool
    state: Literal["ready", "starting", "down"]
    thinks: Annotated[
        bool, Field(description="Whether it thinks before it answers, for as long as it is let")
    ]
    sees: Annotated[bool, Field(description="Whether it sees pictures in messages")]


class ModelList(BaseModel):
    """The models that conversations can use."""

    items: list[ModelOut]


class Bootstrap(BaseModel):
    """What the web app needs to know before it shows anything."""

    version: str
    setup_required: bool
    user: UserOut | None
    models: list[ModelOut]


def _own_routes() -> APIRouter:
    """What belongs to no room: the web app's first question, and the owner's instruments."""
    routes = APIRouter()

    @routes.get("/api/bootstrap", tags=["web"])
    async def bootstrap(request: Request) -> Bootstrap:
        """Who is there, and what there is. Strangers learn only whether an owner is still to be made."""
        house: House = request.app.state.house
        token = session_token(request)
        caller = await house.accounts.session_caller(token) if token else None
        return Bootstrap(
            version=causette.__version__,
            setup_required=caller is None and await house.accounts.setup_required(),
            user=UserOut.of(caller.user) if caller else None,
            models=await _text_models(house, caller) if caller else [],
        )

    @routes.get("/api/models", tags=["web"])
    async def models(caller: SignedInCaller, request: Request) -> ModelList:
        """The models that the caller's conversations can use: the house's, and their own, the newest first."""
        return ModelList(items=await _text_models(request.app.state.house, caller))

    @routes.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, str]:
        """This process answers."""
        return {"status": "ok"}

    @routes.get("/readyz", include_in_schema=False)
    async def readyz(request: Request) -> JSONResponse:
        """Whether a reply asked for now would be written."""
        house: House = request.app.state.house
        default = house.gateway.deployments.find("default", "text")
        ready = await default.engine.ready()
        return JSONResponse({"status": "ready" if ready else "starting"}, 200 if ready else 503)

    @routes.get("/metrics", include_in_schema=False)
    async def metrics(request: Request) -> Response:
        """Prometheus metrics: for this machine, and for who has the token."""
        house: House = request.app.state.house
        _check_may_measure(request, house.settings)
        await asyncio.gather(*(_observe(item.engine, house.metrics) for item in house.gateway.deployments))
        for model, count in house.laboratory.staging.unserved().items():
            house.metrics.unserved.labels(model).set(count)
        return Response(generate_latest(house.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def _check_may_measure(request: Request, settings: Settings) -> None:
    if is_loopback(visitor_of(request).address):
        return
    expected = settings.metrics_token
    scheme, _, sent = request.headers.get("authorization", "").partition(" ")
    if (
        expected is None
        or scheme.lower() != "bearer"
        or not compare_digest(sent.strip().encode(), expected.get_secret_value().encode())
    ):
        raise NotAuthenticated(
            "From another machine, /metrics takes 'Authorization: Bearer …' with the token that whoever runs this "
            "server has set as CAUSETTE_METRICS_TOKEN."
        )


async def _text_models(house: House, caller: Caller) -> list[ModelOut]:
    own = await house.gateway.deployments.own.of(caller)
    return [
        ModelOut(
            name=item.name,
            title=item.title,
            description=dict(item.description),
            context=item.engine.context,
            kind=item.kind,
            default="default" in item.aliases or item.name == "default",
            state=_state_of(item.engine),
            thinks=item.thinks,
            sees=item.sees,
        )
        for item in (*house.gateway.deployments, *own)
        if item.kind == "text"
    ]


def _state_of(engine: Engine) -> Literal["ready", "starting", "down"]:
    if isinstance(engine, Versions):
        engine = engine.stable.engine
    if isinstance(engine, EmbeddedEngine):
        return engine.state.value
    return "down" if isinstance(engine, Router) and not engine.seems_up() else "ready"


async def _observe(engine: Engine, metrics: Metrics) -> None:
    if isinstance(engine, Versions):
        engine = engine.stable.engine
    if not isinstance(engine, EmbeddedEngine):
        return
    name = engine.config.name
    metrics.engine_up.labels(name).set(engine.state is State.READY)
    if engine.state is not State.READY:
        return
    try:
        stats = await engine.stats()
    except CausetteError:
        return
    metrics.engine_queue.labels(name, "running").set(stats.running)
    metrics.engine_queue.labels(name, "waiting").set(stats.waiting)
    metrics.engine_cache.labels(name).set(stats.cache_usage)


def _handle_errors(app: FastAPI) -> None:
    """What rooms and the framework raise, as answers in the envelope of the path's surface."""

    async def domain_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CausetteError)
        return _error_answer(request.url.path, error)

    async def wrong_shape(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if isinstance(error.body, bytes):
            kind = request.headers.get("content-type") or "none"
            refusal = UnsupportedContentType(
                f"The body's content type is {kind}. Send JSON, as application/json."
            )
            return _error_answer(request.url.path, refusal)
        if _speaks_openai(request.url.path):
            return openai_errors.validation_response(error)
        return problem_of_validation(error)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, BodyTooLarge):
            return _error_answer(request.url.path, error.error)
        detail = f"{request.method} {request.url.path}: {error.detail}"
        headers = dict(error.headers or {})
        if _speaks_openai(request.url.path):
            return openai_errors.http_response(error.status_code, detail, headers)
        return problem(error.status_code, detail, "http_error", headers=headers)

    async def nobody_there(request: Request, error: Exception) -> Response:
        # 499, as proxies log it; nobody reads this answer.
        return Response(status_code=499)

    app.add_exception_handler(CausetteError, domain_error)
    app.add_exception_handler(RequestValidationError, wrong_shape)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(ClientLeft, nobody_there)


def _error_answer(path: str, error: CausetteError) -> Response:
    """``/v1`` answers errors in OpenAI's envelope, everything else as problem details."""
    return openai_errors.error_response(error) if _speaks_openai(path) else problem_of(error)


def _speaks_openai(path: str) -> bool:
    return path.startswith("/v1/")


@cache
def _web_outside_the_api() -> ASGIApp:
    """The web app for every path that no route takes, except where a program would not know what to do with a page."""
    web = web_app()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(("/v1/", "/api/")):
            raise HTTPException(404)
        await web(scope, receive, send)

    return serve
