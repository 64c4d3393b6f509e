"""The composition root: reading it top to bottom tells how the house is wired."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse
from starlette.types import Lifespan

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
from causette.errors import CausetteError
from causette.fleet import Fleet, deploy
from causette.gateway import Gateway
from causette.http.disconnect import ClientLeft
from causette.http.middleware import BrowserGuard, RequestContext
from causette.http.problems import problem, problem_of, problem_of_validation
from causette.http.static_web import web_app
from causette.models import Catalogue, Models
from causette.observability import Metrics
from causette.platform import errors as openai_errors
from causette.settings import Settings

_log = structlog.get_logger(__name__)


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

    async def close(self) -> None:
        """Let replies end, drain the engines, close what is open."""
        await self.assistant.close(self.settings.shutdown_grace)
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
    """The web application around ``house``, which it opens and closes."""

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncGenerator[None]:
        await house.open()
        try:
            yield
        finally:
            await house.close()

    app = _api(lifespan, secure_cookies=house.settings.secure_cookies)
    app.state.house = house
    app.mount("/", web_app())
    _handle_errors(app)
    # The last one added is the first one passed.
    app.add_middleware(BrowserGuard)
    app.add_middleware(RequestContext, metrics=house.metrics)
    return app


def openapi_document() -> dict[str, Any]:
    """The description of every route, from which the web client's types are generated. Starts nothing."""
    return _api(None, secure_cookies=False).openapi()


def _api(lifespan: Lifespan[FastAPI] | None, *, secure_cookies: bool) -> FastAPI:
    app = FastAPI(
        title="Causette",
        version=causette.__version__,
        lifespan=lifespan,
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
    """``/v1`` answers errors in OpenAI's envelope, everything else as problem details."""

    def speaks_openai(request: Request) -> bool:
        return request.url.path.startswith("/v1/")

    async def domain_error(request: Request, error: Exception) -> Response:
        assert isinstance(error, CausetteError)
        return openai_errors.error_response(error) if speaks_openai(request) else problem_of(error)

    async def wrong_shape(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        if speaks_openai(request):
            return openai_errors.validation_response(error)
        return problem_of_validation(error)

    async def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        detail = f"{request.method} {request.url.path}: {error.detail}"
        if speaks_openai(request):
            return openai_errors.http_response(error.status_code, detail)
        return problem(error.status_code, detail, "http_error")

    async def failed(request: Request, error: Exception) -> Response:
        _log.error("request failed", path=request.url.path, exc_info=error)
        detail = "Something went wrong on the server. Its log has the details under this request's id."
        if speaks_openai(request):
            return openai_errors.http_response(500, detail)
        return problem(500, detail, "internal_error")

    async def nobody_there(request: Request, error: Exception) -> Response:
        # 499, as proxies log it; nobody reads this answer.
        return Response(status_code=499)

    app.add_exception_handler(CausetteError, domain_error)
    app.add_exception_handler(RequestValidationError, wrong_shape)
    app.add_exception_handler(HTTPException, refused)
    app.add_exception_handler(ClientLeft, nobody_there)
    app.add_exception_handler(Exception, failed)
