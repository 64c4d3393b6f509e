"""The composition root: reading it top to bottom tells how the house is wired."""

import asyncio
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

import causette
import causette.accounts.routes
import causette.assistant.routes
import causette.platform.routes
from causette.accounts.authentication import SignedInCaller, session_token
from causette.accounts.routes import UserOut
from causette.accounts.service import Accounts
from causette.assistant.service import Assistant
from causette.assistant.store import AssistantStore
from causette.db import Database
from causette.engines.supervisor import EmbeddedEngine, State
from causette.errors import CausetteError, UnsupportedContentType
from causette.fleet import Fleet, deploy
from causette.gateway import Gateway
from causette.http.disconnect import ClientLeft
from causette.http.middleware import BodyTooLarge, BrowserGuard, RequestContext
from causette.http.problems import problem, problem_of, problem_of_validation
from causette.http.static_web import web_app
from causette.models import Catalogue, Models
from causette.observability import Metrics
from causette.platform import errors as openai_errors
from causette.settings import Settings


@dataclass(frozen=True, slots=True)
class House:
    """Everything that is wired together, as routes find it at ``app.state.house``."""

    settings: Settings
    database: Database
    metrics: Metrics
    models: Models
    accounts: Accounts
    gateway: Gateway
    assistant: Assistant
    fleet: Fleet

    async def open(self) -> None:
        """Bring the database up to date and begin to start the engines."""
        # Loading a model takes seconds: it goes on while everything else gets ready.
        self.fleet.start()
        await self.database.upgrade()
        self.assistant.open()

    async def drain(self) -> None:
        """Let replies end for as long as the settings grant, hand the others over, send their readers away."""
        await self.assistant.close(self.settings.shutdown_grace)

    async def close(self) -> None:
        """Drain, end the engines, close what is open."""
        await self.drain()
        await self.fleet.stop()
        await self.accounts.close()
        await self.database.close()


def build_house(settings: Settings, fleet: Fleet | None = None) -> House:
    """Wire the rooms together as ``settings`` say, around ``fleet`` if there is one already. Nothing is started.

    Raises:
        ConfigurationError: a model to deploy is unknown, not on disk, or of the wrong kind.
    """
    metrics = Metrics()
    models = Models(settings.models_folder, Catalogue.load(settings.catalogue_file))
    fleet = fleet or deploy(settings, models)
    for engine in fleet.embedded:
        engine.on_restart = lambda name: metrics.engine_restarts.labels(name).inc()
    database = Database.from_url(settings.resolved_database_url)
    accounts = Accounts(database)
    gateway = Gateway(fleet.deployments, metrics)
    return House(
        settings=settings,
        database=database,
        metrics=metrics,
        models=models,
        accounts=accounts,
        gateway=gateway,
        assistant=Assistant(AssistantStore(database), gateway, accounts.caller_of),
        fleet=fleet,
    )


def app_of(house: House) -> FastAPI:
    """The web application around ``house``, which its maker opens and closes."""
    app = _api(secure_cookies=house.settings.secure_cookies)
    app.state.house = house
    # Not mounted at "/": that would match before a known path with the wrong method could be refused as such.
    app.router.default = _web_outside_the_api()
    _handle_errors(app)
    # The last one added is the first one passed.
    app.add_middleware(BrowserGuard, answer=_error_answer)
    app.add_middleware(RequestContext, metrics=house.metrics, answer=_error_answer)
    return app


def openapi_document() -> dict[str, Any]:
    """The description of every route, from which the web client's types are generated. Starts nothing."""
    return _api(secure_cookies=False).openapi()


def _api(*, secure_cookies: bool) -> FastAPI:
    app = FastAPI(
        title="Causette",
        version=causette.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        separate_input_output_schemas=False,
        generate_unique_id_function=lambda route: route.name,
    )
    app.include_router(causette.platform.routes.router())
    app.include_router(causette.accounts.routes.router(secure_cookies=secure_cookies))
    app.include_router(causette.assistant.routes.router())
    app.include_router(_own_routes())
    return app


class ModelOut(BaseModel):
    """A model that a conversation can use."""

    model_config = ConfigDict(title="Model")

    name: str
    title: str
    description: str
    context: Annotated[int, Field(description="Tokens")]
    kind: Literal["text", "embedding"]
    default: bool
    state: Literal["ready", "starting", "down"]


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
            models=_text_models(house) if caller else [],
        )

    @routes.get("/api/models", tags=["web"])
    async def models(caller: SignedInCaller, request: Request) -> ModelList:
        """The models that conversations can use."""
        return ModelList(items=_text_models(request.app.state.house))

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
        """Prometheus metrics."""
        house: House = request.app.state.house
        await asyncio.gather(*(_observe(engine, house.metrics) for engine in house.fleet.embedded))
        return Response(generate_latest(house.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    return routes


def _text_models(house: House) -> list[ModelOut]:
    return [
        ModelOut(
            name=item.name,
            title=item.title,
            description=item.description,
            context=item.engine.context,
            kind=item.kind,
            default="default" in item.aliases or item.name == "default",
            state=item.engine.state.value if isinstance(item.engine, EmbeddedEngine) else "ready",
        )
        for item in house.gateway.deployments
        if item.kind == "text"
    ]


async def _observe(engine: EmbeddedEngine, metrics: Metrics) -> None:
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


def _web_outside_the_api() -> ASGIApp:
    """The web app for every path that no route takes, except where a program would not know what to do with a page."""
    web = web_app()

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"].startswith(("/v1/", "/api/")):
            raise HTTPException(404)
        await web(scope, receive, send)

    return serve
