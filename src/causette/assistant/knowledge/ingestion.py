"""Bringing a document into what is searched: cut into passages at once, their vectors made in a job, a few at a time.

Each batch of vectors is kept in a transaction of its own, so whoever is killed in the middle leaves nothing to be done
twice but one batch, and a model that was replaced meanwhile has the document done again with the new one.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from causette.accounts.types import Caller
from causette.assistant.files.types import File, ParsedDocument, Piece
from causette.assistant.knowledge.chunking import markdown_sections, passages_of
from causette.assistant.knowledge.embedding import Embedder
from causette.assistant.knowledge.lexical import Postings
from causette.assistant.knowledge.store import KnowledgeStore, document_of
from causette.assistant.knowledge.types import (
    Document,
    IndexStatus,
    Passage,
    Place,
    Readable,
    Section,
)
from causette.assistant.knowledge.vectors import PassageVectors
from causette.clock import utc_now
from causette.errors import CausetteError
from causette.jobs import Jobs, Work

#: The kind of the jobs that make vectors.
KIND: Final = "knowledge"
# Some 60 windows: a second or two of an embedding engine's time, in which questions wait for it.
_BATCH: Final = 16
# Longer documents are found in as much of their beginning.
_MOST_PASSAGES: Final = 4_000
# So often it is begun again before it has failed: hours of an engine that is away.
_ATTEMPTS: Final = 12


class Ingestion:
    """Makes documents searchable.

    Args:
        store: where they are kept.
        embedder: what makes vectors.
        jobs: who does it.
        caller_of: whom a document's work is done for, by the id of its owner; None when they are gone.
    """

    def __init__(
        self,
        store: KnowledgeStore,
        embedder: Embedder,
        jobs: Jobs,
        caller_of: Callable[[str, str | None], Awaitable[Caller | None]],
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._jobs = jobs
        self._caller_of = caller_of
        jobs.handle(KIND, self.embed, attempts=_ATTEMPTS)

    async def follow(self, file: File, parsed: ParsedDocument) -> None:
        """Take a file in that was read, in the place of what was read from it before. Told twice, it is taken once."""
        known = await self._store.document(file.id)
        if known is None or known.version != file.parsed_sha256:
            passages, words = await asyncio.to_thread(_read, file, parsed)
            known = document_of(
                file_id=file.id,
                owner_id=file.owner_id,
                title=file.name,
                version=file.parsed_sha256 or "",
                passages=len(passages),
                at=utc_now(),
            )
            if not await self._store.replace(known, words, passages):
                return
        if known.status is not IndexStatus.READY:
            await self.ask(known)

    async def ask(self, document: Document) -> None:
        """Have its vectors made."""
        await self._jobs.ask(
            document.owner_id,
            KIND,
            {"file_id": document.file_id, "version": document.version},
            key=f"{KIND}:{document.file_id}:{document.version}",
        )

    async def again(self, document: Document) -> None:
        """Try once more what has failed, or what another model had made."""
        await self._store.change(document.file_id, document.version, IndexStatus.READING)
        await self.ask(document)

    async def embed(self, work: Work) -> None:
        """The job: make the vectors that are missing."""
        file_id, version = str(work.job.arguments["file_id"]), str(work.job.arguments["version"])
        document = await self._store.document(file_id)
        caller = document and await self._caller_of(document.owner_id, None)
        if document is None or document.version != version or caller is None:
            return
        model = self._embedder.model
        if model is not None and document.passages:
            try:
                if not await self._embed(work, document, caller, model):
                    return
            except CausetteError as error:
                if (error.status < 500 and error.retry_after is None) or work.job.attempts >= _ATTEMPTS:
                    await self._failed(document, error)
                raise
        await self._store.change(file_id, version, IndexStatus.READY)

    async def _embed(self, work: Work, document: Document, caller: Caller, model: str) -> bool:
        """Make what is missing; False when the document is gone, or another."""
        await self._store.begin_vectors(document.file_id, document.version, model)
        there = await self._store.batches(document.file_id)
        for first in range(0, document.passages, _BATCH):
            last = min(first + _BATCH, document.passages)
            if first not in there:
                quotes = await self._store.between(document.file_id, first, last - 1)
                if len(quotes) != last - first:
                    return False
                vectors = await self._embedder.passages(
                    caller, [(quote.text, context_of(document.title, quote.headings)) for quote in quotes]
                )
                kept = await self._store.add_vectors(
                    document,
                    model,
                    first,
                    PassageVectors.of(vectors).packed(),
                    count=len(vectors),
                    dimensions=vectors[0].shape[1],
                )
                if not kept:
                    return False
            await work.report(last, document.passages)
        return True

    async def _failed(self, document: Document, error: CausetteError) -> None:
        await self._store.change(
            document.file_id,
            document.version,
            IndexStatus.FAILED,
            error_code=error.code,
            error_message=error.message.replace("\0", ""),
        )


def context_of(title: str, headings: tuple[str, ...]) -> str:
    """What stands above a passage: its words and its meaning count as the passage's own."""
    return " › ".join((title, *headings)) if title not in headings else " › ".join(headings)


def readable_of(parsed: ParsedDocument, *, markdown: bool = False) -> Readable:
    """A document as it was parsed, with its headings and places; Markdown has all the headings above each other."""
    text = parsed.text
    if markdown:
        return Readable(text=text, sections=markdown_sections(text))
    sections = [
        Section(
            start=piece.start,
            headings=() if piece.heading is None else (piece.heading,),
            place=_place_of(piece),
        )
        for piece in parsed.pieces
    ]
    return Readable(text=text, sections=tuple(sections) or (Section(start=0),))


def _place_of(piece: Piece) -> Place | None:
    if piece.page is not None:
        return Place(kind="page", name=str(piece.page))
    if piece.slide is not None:
        return Place(kind="slide", name=str(piece.slide))
    return None if piece.sheet is None else Place(kind="sheet", name=piece.sheet)


def _read(file: File, parsed: ParsedDocument) -> tuple[list[tuple[Passage, str]], bytes]:
    readable = readable_of(parsed, markdown=file.kind == "markdown")
    passages = [
        (passage, readable.text[passage.start : passage.end].replace("\0", ""))
        for passage in passages_of(readable)[:_MOST_PASSAGES]
    ]
    words = Postings.of(f"{context_of(file.name, passage.headings)}\n{text}" for passage, text in passages)
    return passages, words.packed()
