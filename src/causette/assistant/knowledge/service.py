"""What knowledge does: finds what files say, gives it to whoever replies, and opens a file at the place."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from causette.accounts.ownership import owned
from causette.accounts.types import Caller
from causette.assistant.assistants.types import CustomAssistant
from causette.assistant.files.service import TOLD_WHOLE
from causette.assistant.generation.preface import Asking, Piece
from causette.assistant.knowledge.embedding import Embedder
from causette.assistant.knowledge.index import DocumentIndex, Scored, Shelf, ranked, spread
from causette.assistant.knowledge.ingestion import Ingestion
from causette.assistant.knowledge.lexical import Postings, terms_of
from causette.assistant.knowledge.quoting import HOW_TO_CITE, quotation
from causette.assistant.knowledge.store import KnowledgeStore
from causette.assistant.knowledge.types import Document, IndexStatus, Quote, Source
from causette.assistant.knowledge.vectors import PassageVectors
from causette.assistant.types import Conversation, Message
from causette.errors import Conflict, NotFound

#: How many passages a reply is given at most, by itself or by one search of its model.
MOST_PASSAGES: Final = 5
# Of so many times as many the best are chosen that do not stand beside each other.
_LOOKED_AT: Final = 3
# A question of fewer words than this goes on from the one before: "And in French?"
_FEW_WORDS: Final = 4
_LONGEST_QUESTION: Final = 1_000
# A passage has to do with a question when their vectors point alike, by the default encoder's measure, or when it has
# so many of the question's words. What has neither is not put before a model.
_LIKE: Final = 0.3
_WORDS: Final = 2
# Of a document that is open, so many passages are read before and after the one that is asked for.
_AROUND: Final = 12


@dataclass(frozen=True, slots=True)
class Collection:
    """Files that replies in a conversation may be given passages of.

    ``attached``: they are what is talked about, so that a question that has nothing to do with any of them is given
    how they begin.
    """

    files: tuple[str, ...]
    attached: bool = False


#: Says what a conversation's replies may read, for a caller whose conversation it is: its attachments, its project's
#: files, those of the assistant that answers. The third argument is the generation of one reply, None for all replies
#: there. Whoever adds one answers for it that this caller may read these files there.
Holder = Callable[[Caller, str, str | None], Awaitable[Collection]]


@dataclass(frozen=True, slots=True)
class Found:
    """A passage that answers a question, and the document that it is of."""

    document: Document
    quote: Quote
    scored: Scored

    def source(self, number: int) -> Source:
        """As it is cited under ``number``."""
        quote = self.quote
        return Source(
            n=number,
            file_id=quote.file_id,
            title=self.document.title,
            passage=quote.number,
            start=quote.start,
            end=quote.end,
            headings=quote.headings,
            place=quote.place,
        )


@dataclass(frozen=True, slots=True)
class Excerpt:
    """A document opened at a passage: as much of it as is around that."""

    document: Document
    quotes: tuple[Quote, ...]


class Knowledge:
    """What files say, for those who may read them.

    Args:
        store: where it is kept.
        embedder: what makes vectors.
        ingestion: what makes files searchable.
        conversation: finds a conversation of the caller's.
        answering: finds a custom assistant that is the caller's or shared with them; None when it is neither, or gone.
    """

    def __init__(
        self,
        store: KnowledgeStore,
        embedder: Embedder,
        ingestion: Ingestion,
        conversation: Callable[[Caller, str], Awaitable[Conversation]],
        answering: Callable[[Caller, str | None], Awaitable[CustomAssistant | None]],
    ) -> None:
        self._store = store
        self._embedder = embedder
        self._conversation = conversation
        self._answering = answering
        self.ingestion = ingestion
        #: Who has files for conversations.
        self.holders: list[Holder] = []
        self._shelf = Shelf()

    # Finding

    async def search(
        self, caller: Caller, file_ids: Sequence[str], question: str, *, limit: int = MOST_PASSAGES
    ) -> list[Found]:
        """The passages of these files that answer ``question`` best; the caller may read them all."""
        documents = {item.file_id: item for item in await self._store.documents(file_ids)}
        if not documents:
            return []
        terms = list(dict.fromkeys(terms_of(question)))
        indexes = await self._indexes(list(documents.values()))
        vector = None
        if any(index.vectors is not None for index in indexes):
            vector = await self._embedder.question(caller, question[:_LONGEST_QUESTION])
        best = ranked(indexes, terms, vector, limit=_LOOKED_AT * limit)
        return spread(await self._with_words(documents, best), _place_of, limit=limit)

    async def relevant(
        self, caller: Caller, conversation_id: str, question: str, *, generation_id: str | None = None
    ) -> list[Found]:
        """What the files of a conversation say that has to do with ``question``, the best first.

        With ``generation_id``, of those that this reply may read.
        """
        attached, kept = await self._held(caller, conversation_id, generation_id)
        if not attached and not kept:
            return []
        found = await self.search(caller, [*attached, *kept], question)
        wanted = min(_WORDS, len(set(terms_of(question))))
        good = [item for item in found if item.scored.likeness >= _LIKE or item.scored.words >= wanted > 0]
        if good or not attached:
            return good
        # "Sum this up" is about what is attached, and has no words of it.
        return await self._beginnings(attached)

    async def within(
        self, caller: Caller, conversation_id: str, query: str, *, generation_id: str | None = None
    ) -> list[Found]:
        """What the files of a conversation say about ``query``, however much it has to do with it."""
        attached, kept = await self._held(caller, conversation_id, generation_id)
        return await self.search(caller, [*attached, *kept], query)

    async def attached_to(
        self, caller: Caller, conversation_id: str, generation_id: str | None
    ) -> Collection:
        """A `Holder`: what is attached to the caller's conversation and is too long to be told whole."""
        found = await self._store.attached(caller.user.id, conversation_id, longer_than=TOLD_WHOLE)
        return Collection(tuple(found), attached=True)

    async def of_project(self, caller: Caller, conversation_id: str, generation_id: str | None) -> Collection:
        """A `Holder`: the files of the project that the caller's conversation is in."""
        return Collection(tuple(await self._store.in_project_of(caller.user.id, conversation_id)))

    async def of_assistant(
        self, caller: Caller, conversation_id: str, generation_id: str | None
    ) -> Collection:
        """A `Holder`: the files of the assistants that answer in the caller's conversation, of each for as long as the
        caller may use it."""
        found: list[str] = []
        for assistant_id in await self._store.assistants_in(caller.user.id, conversation_id, generation_id):
            custom = await self._answering(caller, assistant_id)
            if custom is not None:
                found += await self._store.of_assistant(custom.owner_id, custom.id)
        return Collection(tuple(found))

    async def _held(
        self, caller: Caller, conversation_id: str, generation_id: str | None
    ) -> tuple[list[str], list[str]]:
        """The files of a conversation: what is attached to it, and what is kept for it."""
        collections = [await holder(caller, conversation_id, generation_id) for holder in self.holders]
        attached = dict.fromkeys(file for item in collections if item.attached for file in item.files)
        kept = dict.fromkeys(file for item in collections for file in item.files if file not in attached)
        return list(attached), list(kept)

    async def _beginnings(self, file_ids: Sequence[str]) -> list[Found]:
        """How documents begin, for a question that has no words of theirs: "Sum this up"."""
        documents = {item.file_id: item for item in await self._store.documents(file_ids) if item.passages}
        each = max(1, MOST_PASSAGES // max(1, len(documents)))
        best = [
            Scored(file_id, number, 0.0, 0.0, 0)
            for file_id in file_ids
            if file_id in documents
            for number in range(min(each, documents[file_id].passages))
        ]
        return await self._with_words(documents, best[:MOST_PASSAGES])

    async def _with_words(self, documents: dict[str, Document], scored: Sequence[Scored]) -> list[Found]:
        wanted: dict[str, list[int]] = {}
        for item in scored:
            wanted.setdefault(item.file_id, []).append(item.number)
        quotes = await self._store.numbered(wanted)
        # One that was deleted since is in nobody's reply.
        return [
            Found(documents[item.file_id], quotes[item.file_id, item.number], item)
            for item in scored
            if (item.file_id, item.number) in quotes
        ]

    async def _indexes(self, documents: Sequence[Document]) -> list[DocumentIndex]:
        model = self._embedder.model
        for document in documents:
            if document.status is IndexStatus.READY and model is not None and document.model != model:
                await self.ingestion.again(document)
        kept = {item.file_id: self._shelf.find(item.file_id, _edition(item, model)) for item in documents}
        missing = [item for item in documents if kept[item.file_id] is None]
        if missing:
            words = await self._store.words(item.file_id for item in missing)
            for document in missing:
                if document.file_id not in words:
                    continue
                index = DocumentIndex(
                    document.file_id,
                    Postings.unpacked(words[document.file_id]),
                    await self._vectors(document, model),
                )
                kept[document.file_id] = index
                self._shelf.keep(_edition(document, model), index)
        return [index for index in kept.values() if index is not None and index.passages]

    async def _vectors(self, document: Document, model: str | None) -> PassageVectors | None:
        if not _has_vectors(document, model) or document.dimensions is None:
            return None
        batches = await self._store.vectors(document.file_id)
        if not batches:
            return None
        vectors = PassageVectors.unpacked(batches.values(), document.dimensions)
        return vectors if len(vectors) == document.passages else None

    # For replies

    async def preface(self, asking: Asking) -> Sequence[Piece]:
        """Passages of the conversation's files for its next reply. A reply that goes on gets those that it had."""
        if asking.cited is not None:
            given = await self._again(asking.cited)
        else:
            found = await self.relevant(
                asking.caller,
                asking.conversation_id,
                question_of(asking.branch),
                generation_id=asking.generation_id,
            )
            given = [(item.source(number), item.quote) for number, item in enumerate(found, 1)]
        return [
            Piece(
                "knowledge",
                f"{HOW_TO_CITE}\n\n{quotation(source, quote)}" if index == 0 else quotation(source, quote),
                source,
            )
            for index, (source, quote) in enumerate(given)
        ]

    async def _again(self, sources: Sequence[Source]) -> list[tuple[Source, Quote]]:
        wanted: dict[str, list[int]] = {}
        for source in sources:
            wanted.setdefault(source.file_id, []).append(source.passage)
        quotes = await self._store.numbered(wanted)
        found = [(source, quotes.get((source.file_id, source.passage))) for source in sources]
        return [(source, quote) for source, quote in found if quote is not None]

    # For people

    async def states(self, caller: Caller, file_ids: Sequence[str]) -> list[Document]:
        """How far the caller's files are of ``file_ids``; others are left out."""
        found = await self._store.documents(file_ids)
        return [document for document in found if document.owner_id == caller.user.id]

    async def retry(self, caller: Caller, file_id: str) -> Document:
        """Try again to make a file searchable.

        Raises:
            NotFound: there is none with this id, or it is somebody else's.
            Conflict: it has not failed.
        """
        document = await owned(caller, file_id, self._store.document, what="file")
        if document.status is not IndexStatus.FAILED:
            raise Conflict("This file has not failed. There is nothing to try again.", code="not_failed")
        await self.ingestion.again(document)
        return await owned(caller, file_id, self._store.document, what="file")

    async def opened(
        self, caller: Caller, file_id: str, *, around: int, conversation_id: str | None
    ) -> Excerpt:
        """A document of the caller's, or one that a conversation of theirs may read, around a passage.

        Raises:
            NotFound: there is none with this id, or the caller may not read it.
        """
        document = await self._readable(caller, file_id, conversation_id)
        first = max(0, min(around, document.passages - 1) - _AROUND)
        quotes = await self._store.between(document.file_id, first, first + 2 * _AROUND)
        return Excerpt(document, tuple(quotes))

    async def _readable(self, caller: Caller, file_id: str, conversation_id: str | None) -> Document:
        try:
            return await owned(caller, file_id, self._store.document, what="file")
        except NotFound:
            if conversation_id is None:
                raise
            conversation = await self._conversation(caller, conversation_id)
            attached, kept = await self._held(caller, conversation.id, None)
            document = await self._store.document(file_id) if file_id in {*attached, *kept} else None
            if document is None:
                raise
            return document

    async def personal_data(self, caller: Caller) -> dict[str, object]:
        """How far the caller's files are, under the key ``knowledge``: for an export. Their words are the files'."""
        found = await self._store.owned_by(caller.user.id)
        return {"knowledge": [asdict(document) for document in found]}


def question_of(branch: Sequence[Message]) -> str:
    """What is looked for: the last message, with the question before where it says little by itself."""
    asked = [message.content for message in branch if message.role == "user"]
    question = asked[-1] if asked else ""
    if len(asked) > 1 and len(set(terms_of(question))) < _FEW_WORDS:
        return f"{asked[-2][:_LONGEST_QUESTION]}\n{question}"
    return question


def _place_of(found: Found) -> tuple[str, int, tuple[str, ...]]:
    return found.quote.file_id, found.quote.number, found.quote.headings


def _has_vectors(document: Document, model: str | None) -> bool:
    return document.status is IndexStatus.READY and model is not None and document.model == model


def _edition(document: Document, model: str | None) -> str:
    """Names what an index of a document is made of."""
    return f"{document.version} {model if _has_vectors(document, model) else ''}"
