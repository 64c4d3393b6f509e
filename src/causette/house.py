"""The composition root: reading it top to bottom tells how the house is wired."""

from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from causette.accounts.credentials.sealing import Sealing
from causette.accounts.credentials.service import Credentials
from causette.accounts.mail import Mail, SmtpServer
from causette.accounts.service import Accounts
from causette.accounts.sign_on.service import SignOn
from causette.accounts.types import Caller
from causette.assistant.assistants.service import CustomAssistants
from causette.assistant.exporting.everything import Everything, Exporter
from causette.assistant.exporting.service import Exporting
from causette.assistant.feedback.service import FeedbackRoom
from causette.assistant.files.service import Files
from causette.assistant.generation.writers import Writers
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
from causette.fleet import Fleet, deploy
from causette.gateway.service import Gateway
from causette.gateway.stages import Passed, unnoticed
from causette.jobs import Jobs
from causette.lab.fine_tuning import FineTuning
from causette.lab.fine_tuning.serving import FineTunedModels
from causette.lab.flywheel.curation import Curation
from causette.lab.flywheel.turning import Flywheel
from causette.lab.running import LabRuns
from causette.laboratory import Laboratory, build_laboratory
from causette.ledger.batch import HOLDER_SILENCE
from causette.models import Models, open_models
from causette.observability import Metrics
from causette.plans import Plans
from causette.plans.billing import Recipient
from causette.platform.files import ApiFiles
from causette.releases import Releases
from causette.settings import Settings

_MEGABYTE: Final = 1_000_000
_GIGABYTE: Final = 1_000_000_000


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
    def fine_tuned(self) -> FineTunedModels:
        """The models that it has made, which answer to whom they belong."""
        return self.laboratory.fine_tuned

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

    async def model_called(caller: Caller, name: str) -> str:
        return (await fleet.deployments.find_for(caller, name, "text")).name

    custom_assistants = CustomAssistants(database, door.plans.entitlements, model_called)
    means = means_of(settings, conversations)
    writers = Writers(conversations, door.gateway, accounts.caller_of, means)
    assistant = Assistant(conversations, door.gateway, writers, projects, custom_assistants)
    means.toolbox.entitlements = door.plans.entitlements
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
    means.toolbox.add(FileSearch(knowledge))
    for engine in fleet.remote:
        engine.picture_bytes = files.bytes_of
    memories = Memories(database, door.gateway)
    means.sources.extend(
        (
            custom_assistants.preface,
            projects.preface,
            instructions.preface,
            memories.preface,
            files.preface,
            knowledge.preface,
        )
    )
    means.afterwards.append(memories.notice)
    means.toolbox.standing.append(memories.tools)
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
