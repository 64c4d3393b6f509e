"""A library on each kind of database: files that are written by hand, and an encoder that knows what words mean."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final
from zlib import crc32

import pytest_asyncio
import sqlalchemy as sa

from causette.accounts import Accounts, Caller
from causette.assistant.files.store import files
from causette.assistant.files.types import File, FileKind, FileStatus, ParsedDocument, Piece
from causette.assistant.knowledge.embedding import Embedder
from causette.assistant.knowledge.ingestion import Ingestion
from causette.assistant.knowledge.service import Collection, Knowledge
from causette.assistant.knowledge.store import KnowledgeStore
from causette.assistant.knowledge.types import Document, IndexStatus
from causette.assistant.search.words import words_of
from causette.assistant.types import Conversation
from causette.clock import utc_now
from causette.db import Database
from causette.engines.types import Compute, Embeddings, EmbedRequest, Usage
from causette.errors import CausetteError, NotFound
from causette.gateway import Deployment, Deployments
from causette.ids import new_id
from causette.jobs import Jobs
from tests.doors import open_door
from tests.scripted import ScriptedEngine
from tests.waiting import eventually

#: What is about the same: one direction each.
_TOPICS: Final = (
    {"cat", "kitten", "feline", "purrs"},
    {"money", "refund", "reimbursed", "repaid", "expenses"},
    {"tide", "sea", "harbour", "moon"},
)


# What is about nothing is like nothing.
_OTHER: Final = 1021


class Encoder(ScriptedEngine):
    """Texts in, what they are about out. Fails with ``failure`` when there is one, else counts what it read."""

    def __init__(self) -> None:
        super().__init__()
        self.read: list[str] = []
        self.failure: CausetteError | None = None

    async def embed(self, request: EmbedRequest) -> Embeddings:
        if self.failure is not None:
            raise self.failure
        self.read.extend(request.inputs)
        return Embeddings([meaning(text) for text in request.inputs], Usage(len(request.inputs)), Compute())


def meaning(text: str) -> list[float]:
    """A unit vector: the topics that a text is about, or a direction of its own for none."""
    words = set(words_of(text))
    about = [float(len(words & topic)) for topic in _TOPICS]
    other = [0.0] * _OTHER
    if not any(about):
        other[crc32(text.encode()) % _OTHER] = 1.0
    about += other
    length = sum(value * value for value in about) ** 0.5
    return [value / length for value in about]


@dataclass(kw_only=True)
class Library:
    """One process's knowledge."""

    knowledge: Knowledge
    ingestion: Ingestion
    store: KnowledgeStore
    jobs: Jobs
    encoder: Encoder
    database: Database
    #: The files of conversations, by their ids, and whose they are.
    held: dict[str, tuple[str, Collection]] = field(default_factory=dict[str, tuple[str, Collection]])

    async def add(
        self,
        owner: Caller,
        name: str,
        text: str | ParsedDocument,
        *,
        kind: FileKind = "markdown",
        file_id: str | None = None,
    ) -> File:
        """A file that was uploaded and read."""
        parsed = ParsedDocument(pieces=(Piece(text=text, start=0),)) if isinstance(text, str) else text
        digest = sha256(parsed.text.encode()).hexdigest()
        file = File(
            id=file_id or new_id("file"),
            owner_id=owner.user.id,
            name=name,
            media_type="text/markdown",
            kind=kind,
            size=len(parsed.text),
            sha256=digest,
            width=None,
            height=None,
            thumbnail_sha256=None,
            status=FileStatus.READY,
            error_code=None,
            error_message=None,
            parsed_sha256=digest,
            characters=len(parsed.text),
            project_id=None,
            assistant_id=None,
            created_at=utc_now(),
        )
        if file_id is None:
            async with self.database.write() as connection:
                row = {column.name: getattr(file, column.name) for column in files.c}
                await connection.execute(sa.insert(files).values(row))
        await self.ingestion.follow(file, parsed)
        return file

    async def delete(self, file: File) -> None:
        async with self.database.write() as connection:
            await connection.execute(sa.delete(files).where(files.c.id == file.id))

    async def in_status(self, file: File, status: IndexStatus = IndexStatus.READY) -> Document:
        """Wait until the file is so far."""

        async def there() -> Document | None:
            document = await self.store.document(file.id)
            return document if document is not None and document.status is status else None

        found = await eventually(there, f"{file.name} to be {status}", seconds=30)
        assert found is not None
        return found

    async def found(self, caller: Caller, question: str, *among: File) -> list[str]:
        """What passages say that answer, the best first."""
        found = await self.knowledge.search(caller, [file.id for file in among], question)
        return [item.quote.text for item in found]

    def hold(self, caller: Caller, *held: File, attached: bool = False) -> str:
        """A conversation of the caller's that may read these files."""
        conversation_id = new_id("conv")
        collection = Collection(tuple(file.id for file in held), attached=attached)
        self.held[conversation_id] = (caller.user.id, collection)
        return conversation_id


@asynccontextmanager
async def open_library(
    database: Database, accounts: Accounts, folder: Path, *, model: str = "vectors", jobs: Jobs | None = None
) -> AsyncGenerator[Library]:
    """Knowledge whose jobs are not worked on before `Jobs.open`."""
    encoder = Encoder()
    deployments = Deployments(
        [
            Deployment(name="scripted", kind="text", engine=encoder, title="Scripted", aliases=("default",)),
            Deployment(name=model, kind="embedding", engine=encoder, title="V", aliases=("embedding",)),
        ]
    )
    jobs = jobs or Jobs(database)
    async with open_door(database, deployments, folder) as door:
        store, embedder = KnowledgeStore(database), Embedder(door.gateway)
        ingestion = Ingestion(store, embedder, jobs, accounts.caller_of)

        async def conversation(caller: Caller, conversation_id: str) -> Conversation:
            owner, _ = library.held.get(conversation_id, ("", None))
            if owner != caller.user.id:
                raise NotFound("There is no conversation with this id, or it is not yours.")
            now = utc_now()
            return Conversation(
                id=conversation_id,
                owner_id=owner,
                title="",
                model="scripted",
                current_message_id=None,
                active_generation_id=None,
                created_at=now,
                updated_at=now,
            )

        async def holder(caller: Caller, conversation_id: str, _generation_id: str | None) -> Collection:
            owner, collection = library.held[conversation_id]
            assert owner == caller.user.id
            return collection

        async def nobody(_caller: Caller, _assistant_id: str | None) -> None:
            return None

        knowledge = Knowledge(store, embedder, ingestion, conversation, nobody)
        knowledge.holders.append(holder)
        library = Library(
            knowledge=knowledge,
            ingestion=ingestion,
            store=store,
            jobs=jobs,
            encoder=encoder,
            database=database,
        )
        try:
            yield library
        finally:
            await jobs.close()


@pytest_asyncio.fixture
async def stacks(database: Database, accounts: Accounts, tmp_path: Path) -> AsyncGenerator[Library]:
    """A library whose jobs wait until they are opened."""
    async with open_library(database, accounts, tmp_path) as library:
        yield library


@pytest_asyncio.fixture
async def library(stacks: Library) -> Library:
    """A library that works on its jobs."""
    stacks.jobs.open(2)
    return stacks
