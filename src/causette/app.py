"""The composition root: reading it top to bottom tells how the house is wired."""

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from functools import cache, partial
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
from causette.accounts.credentials.sealing import Sealing
from causette.accounts.credentials.service import Credentials
from causette.accounts.mail import Mail, SmtpServer
from causette.accounts.routes import UserOut
from causette.accounts.service import Accounts
from causette.accounts.sign_on.service import SignOn
from causette.accounts.visitors import is_loopback, visitor_of
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.exporting.everything import Everything, Exporter
from causette.assistant.exporting.service import Exporting
from causette.assistant.feedback.service import FeedbackRoom
from causette.assistant.files.service import Files
from causette.assistant.importing.service import Importing
from causette.assistant.instructions.service import CustomInstructions
from causette.assistant.knowledge.embedding import Embedder
from causette.assistant.knowledge.ingestion import Ingestion
from causette.assistant.knowledge.search_files import FileSearch
from causette.assistant.knowledge.service import Knowledge
from causette.assistant.knowledge.store import KnowledgeStore
from causette.assistant.memory.service import Memories
from causette.assistant.projects.service import Projects
from causette.assistant.search.service import Search
from causette.assistant.service import Assistant
from causette.assistant.sharing.service import Sharing
from causette.assistant.store import AssistantStore
from causette.assistant.thread.service import Threads
from causette.assistant.tools.service import Tools
from causette.assistant.tools.shelf import means_of
from causette.assistant.tree.service import Tree
from causette.blobs import Blobs, Bucket, FolderBucket, S3Bucket
from causette.console import Console
from causette.db import Database
from causette.door import Door, build_door
from causette.engines.supervisor import EmbeddedEngine, State
from causette.engines.types import Engine
from causette.errors import CausetteError, NotAuthenticated, UnsupportedContentType
from causette.fleet import Fleet, deploy
from causette.gateway.routing import Router
from causette.gateway.service import Gateway
from causette.gateway.stages import Passed, unnoticed
from causette.gateway.versions import Versions
from causette.http.described_errors import describe_errors
from causette.http.disconnect import ClientLeft
from causette.http.middleware import BodyTooLarge, BrowserGuard, RequestContext
from causette.http.problems import problem, problem_of, problem_of_validation
from causette.http.static_web import web_app
from causette.jobs import Jobs
from causette.lab.fine_tuning import FineTuning
from causette.lab.flywheel.curation import Curation
from causette.lab.flywheel.turning import Flywheel
from causette.lab.running import LabRuns
from causette.laboratory import Laboratory, build_laboratory
from causette.ledger.batch import HOLDER_SILENCE
from causette.models import Models, open_models
from causette.observability import Metrics
from causette.plans import Plans
from causette.plans.billing import Recipient
from causette.platform import errors as openai_errors
from causette.platform.files import ApiFiles
from causette.platform.short_way import ShortWay
from causette.releases import Releases
from causette.settings import Settings

_MEGABYTE: Final = 1_000_000
_GIGABYTE: Final = 1_000_000_000
# What a form has around the file in it.
_FORM_BYTES: Final = 64_000


@dataclass(frozen=True, slots=True)
class House:
    """Everything that is wired together, as routes find it at ``app.state.house``."""

    settings: Settings
    database: Database
    metrics: Metrics
    models: Models
    accounts: Accounts
    credentials: Credentials
    sign_on: SignOn
    door: Door
    assistant: Assistant
    projects: Projects
    instructions: CustomInstructions
    custom_assistants: CustomAssistants
    threads: Threads
    memories: Memories
    tree: Tree
    feedback: FeedbackRoom
    tools: Tools
    search: Search
    blobs: Blobs
    files: Files
    knowledge: Knowledge
    jobs: Jobs
    sharing: Sharing
    exporting: Exporting
    everything: Everything
    importing: Importing
    console: Console
    api_files: ApiFiles
    laboratory: Laboratory
    fleet: Fleet

    @property
    def exporters(self) -> tuple[Exporter, ...]:
        """What each room keeps of a person, their conversations aside: for an archive of everything."""
        return (
            self.credentials.leaving.personal_data,
            self.sign_on.personal_data,
            self.projects.personal_data,
            self.instructions.personal_data,
            self.custom_assistants.personal_data,
            self.memories.personal_data,
            self.feedback.personal_data,
            self.files.personal_data,
            self.knowledge.personal_data,
            self.jobs.personal_data,
            self.sharing.personal_data,
            self.importing.personal_data,
            self.plans.personal_data,
            self.api_files.personal_data,
            self.fine_tuning.personal_data,
        )

    @property
    def gateway(self) -> Gateway:
        """The door itself, for the rooms that only send requests through it."""
        return self.door.gateway

    @property
    def plans(self) -> Plans:
        """The plans, for those who choose one."""
        return self.door.plans

    @property
    def releases(self) -> Releases:
        """Artifacts, and what is served of them."""
        return self.laboratory.releases

    @property
    def lab_runs(self) -> LabRuns:
        """The lab's runs."""
        return self.laboratory.lab_runs

    @property
    def fine_tuning(self) -> FineTuning:
        """Customers' fine-tuning."""
        return self.laboratory.fine_tuning

    @property
    def curation(self) -> Curation:
        """What models may learn from."""
        return self.laboratory.curation

    @property
    def flywheel(self) -> Flywheel:
        """From what people said to a release."""
        return self.laboratory.flywheel

    async def open(self) -> None:
        """Bring the database up to date and begin to start the engines."""
        # Loading a model takes seconds: it goes on while everything else gets ready.
        self.fleet.start()
        await self.database.upgrade()
        await self.credentials.open()
        await self.door.open()
        await self.assistant.open()
        self.search.open()
        self.importing.open()
        self.everything.open()
        self.blobs.open()
        await self.laboratory.open()
        self.jobs.open(self.settings.jobs_at_once)

    async def open_for_jobs(self, at_once: int) -> None:
        """Only what background work needs, for a process that does nothing else; engines start when they are asked."""
        await self.database.upgrade()
        await self.door.open()
        self.blobs.open()
        await self.laboratory.open()
        self.jobs.open(at_once)

    async def drain(self) -> None:
        """Let replies end for as long as the settings grant, hand the others over, send their readers away."""
        await self.assistant.close(self.settings.shutdown_grace)

    async def close(self) -> None:
        """Drain, end the engines, close what is open."""
        await self.drain()
        await self.jobs.close()
        await self.importing.close()
        await self.everything.close()
        await self.blobs.close()
        await self.search.close()
        # What is broken off is settled by what the engines say of it.
        await self.door.close_gateway()
        await self.laboratory.close()
        await self.fleet.stop()
        await self.door.close()
        await self.credentials.close()
        await self.accounts.close()
        await self.database.close()


def build_house(settings: Settings, fleet: Fleet | None = None) -> House:
    """Wire the rooms together as ``settings`` say, around ``fleet`` if there is one already. Nothing is started.

    Raises:
        ConfigurationError: a model to deploy is unknown, not on disk, or of the wrong kind.
    """
    metrics = Metrics()
    models = open_models(settings)
    fleet = fleet or deploy(settings, models)
    for engine in fleet.embedded:
        engine.on_restart = lambda name: metrics.engine_restarts.labels(name).inc()
    database = Database.from_url(settings.resolved_database_url)
    accounts = Accounts(database)
    return furnish(
        settings, database=database, metrics=metrics, models=models, accounts=accounts, fleet=fleet
    )


def furnish(
    settings: Settings,
    *,
    database: Database,
    metrics: Metrics,
    models: Models,
    accounts: Accounts,
    fleet: Fleet,
    passed: Passed = unnoticed,
    silence: timedelta = HOLDER_SILENCE,
) -> House:
    """The house on these foundations.

    ``passed`` is told of each stage that a request passes at the gateway; a process that has shown no life for
    ``silence`` is taken for dead.
    """
    door = build_door(
        settings,
        database,
        fleet.deployments,
        metrics,
        recipient_of=partial(_recipient, accounts),
        passed=passed,
        silence=silence,
    )
    accounts.ties.append(door.plans.hold_back)
    projects, instructions = Projects(database), CustomInstructions(database)
    conversations = AssistantStore(database)
    custom_assistants = CustomAssistants(
        database, door.plans.entitlements, lambda name: door.gateway.deployments.find(name, "text").name
    )
    assistant = Assistant(conversations, door.gateway, accounts.caller_of, projects, custom_assistants)
    assistant.means = means_of(settings, conversations)
    assistant.means.toolbox.entitlements = door.plans.entitlements
    jobs, blobs = Jobs(database), Blobs(database, bucket_of(settings), settings.data / "incoming")
    files = Files(
        database,
        blobs,
        jobs,
        projects,
        custom_assistants,
        door.plans.entitlements,
        largest=settings.largest_file_mb * _MEGABYTE,
        together=int(settings.files_gb * _GIGABYTE),
    )
    assistant.files = files
    embedder, shelves = Embedder(door.gateway), KnowledgeStore(database)
    ingestion = Ingestion(shelves, embedder, jobs, accounts.caller_of)
    knowledge = Knowledge(shelves, embedder, ingestion, assistant.find, custom_assistants.answering)
    knowledge.holders.extend((knowledge.attached_to, knowledge.of_project, knowledge.of_assistant))
    files.followers.append(ingestion.follow)
    assistant.means.toolbox.add(FileSearch(knowledge))
    for engine in fleet.remote:
        engine.picture_bytes = files.bytes_of
    memories = Memories(database, door.gateway)
    assistant.means.sources.extend(
        (
            custom_assistants.preface,
            projects.preface,
            instructions.preface,
            memories.preface,
            files.preface,
            knowledge.preface,
        )
    )
    assistant.means.afterwards.append(memories.notice)
    assistant.means.toolbox.standing.append(memories.tools)
    api_files = ApiFiles(
        database,
        blobs,
        door.plans.entitlements,
        largest=settings.largest_file_mb * _MEGABYTE,
        together=int(settings.files_gb * _GIGABYTE),
    )
    exporting = Exporting(database, assistant, custom_assistants)
    everything = Everything(
        exporting,
        files,
        jobs=jobs,
        caller_of=accounts.caller_of,
        exporters=lambda: house.exporters,
        folder=settings.data / "exports",
    )
    feedback = FeedbackRoom(database, assistant)
    house = House(
        settings=settings,
        database=database,
        metrics=metrics,
        models=models,
        accounts=accounts,
        credentials=Credentials.on(
            database, accounts, mail_of(settings), sign_up=settings.sign_up, sealing=sealing_of(settings)
        ),
        sign_on=SignOn(database, accounts, settings.sign_on),
        door=door,
        assistant=assistant,
        projects=projects,
        instructions=instructions,
        custom_assistants=custom_assistants,
        threads=Threads(database, assistant),
        memories=memories,
        tree=Tree(database, assistant),
        feedback=feedback,
        tools=Tools(conversations, assistant),
        search=Search(database),
        jobs=jobs,
        sharing=Sharing(
            database,
            assistant,
            accounts=accounts,
            assistants=custom_assistants,
            files=files,
            plans=door.plans,
            deployments=fleet.deployments,
            sealing=sealing_of(settings),
            mode=settings.sharing,
        ),
        exporting=exporting,
        everything=everything,
        importing=Importing(
            database,
            jobs=jobs,
            projects=projects,
            assistants=custom_assistants,
            instructions=instructions,
            files=files,
            memories=memories,
            deployments=fleet.deployments,
            caller_of=accounts.caller_of,
            folder=settings.data / "imports",
        ),
        blobs=blobs,
        files=files,
        knowledge=knowledge,
        console=Console(
            database,
            accounts=accounts,
            plans=door.plans,
            ledger=door.ledger,
            deployments=fleet.deployments,
            plans_file=settings.data / "plans.toml",
        ),
        api_files=api_files,
        laboratory=build_laboratory(
            settings,
            database,
            door=door,
            fleet=fleet,
            accounts=accounts,
            models=models,
            jobs=jobs,
            api_files=api_files,
            feedback=feedback,
        ),
        fleet=fleet,
    )
    return house


async def _recipient(accounts: Accounts, payer_id: str) -> Recipient:
    name, email = await accounts.addressee(payer_id)
    return Recipient(name=name, email=email)


def sealing_of(settings: Settings) -> Sealing:
    """What secrets are sealed with, as ``settings`` say; made in the data folder when it is first needed."""
    secret = settings.secret_key
    return Sealing(None if secret is None else secret.get_secret_value(), settings.data)


def bucket_of(settings: Settings) -> Bucket:
    """Where people's files lie, as ``settings`` say: a folder of the data folder, or an S3-compatible store."""
    if settings.s3 is None:
        return FolderBucket(settings.data / "blobs")
    return S3Bucket(
        settings.s3.endpoint,
        settings.s3.bucket,
        access_key_id=settings.s3.access_key_id,
        secret_access_key=settings.s3.secret_access_key.get_secret_value(),
        region=settings.s3.region,
        prefix=settings.s3.prefix,
    )


def mail_of(settings: Settings) -> Mail:
    """Mail as ``settings`` say; without a server, what it would have said goes to the log.

    Raises:
        ConfigurationError: the server's URL or the sender's address is malformed.
    """
    url = settings.smtp_url
    server = None if url is None else SmtpServer.from_url(url.get_secret_value())
    return Mail(sender=settings.mail_from, server=server)


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
    description: str
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
        """Prometheus metrics: for this machine, and for who has the token."""
        house: House = request.app.state.house
        _check_may_measure(request, house.settings)
        await asyncio.gather(*(_observe(item.engine, house.metrics) for item in house.gateway.deployments))
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


def _text_models(house: House) -> list[ModelOut]:
    return [
        ModelOut(
            name=item.name,
            title=item.title,
            description=item.description,
            context=item.engine.context,
            kind=item.kind,
            default="default" in item.aliases or item.name == "default",
            state=_state_of(item.engine),
            thinks=item.thinks,
            sees=item.sees,
        )
        for item in house.gateway.deployments
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
