"""The tables of what is searched, and every query on them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from causette.assistant.files.store import files, message_files
from causette.assistant.knowledge.types import Document, IndexStatus, Passage, Place, Quote
from causette.assistant.tables import conversations, generations, messages
from causette.clock import utc_now
from causette.db import Database, UtcDateTime, metadata

knowledge_documents = sa.Table(
    "knowledge_documents",
    metadata,
    sa.Column("file_id", sa.Text, sa.ForeignKey("files.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("owner_id", sa.Text, sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("version", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("error_code", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("passages", sa.Integer, nullable=False),
    sa.Column("embedded", sa.Integer, nullable=False),
    sa.Column("model", sa.Text),
    sa.Column("dimensions", sa.Integer),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    # `Postings`, packed: all of a document's words are read at once, never one of them.
    sa.Column("words", sa.LargeBinary, nullable=False),
    sa.Index(None, "owner_id"),
)

knowledge_passages = sa.Table(
    "knowledge_passages",
    metadata,
    sa.Column(
        "file_id", sa.Text, sa.ForeignKey("knowledge_documents.file_id", ondelete="CASCADE"), primary_key=True
    ),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("start", sa.Integer, nullable=False),
    sa.Column("end", sa.Integer, nullable=False),
    sa.Column("headings", sa.JSON, nullable=False),
    sa.Column("place", sa.JSON(none_as_null=True)),
    sa.Column("text", sa.Text, nullable=False),
)

knowledge_vectors = sa.Table(
    "knowledge_vectors",
    metadata,
    sa.Column(
        "file_id", sa.Text, sa.ForeignKey("knowledge_documents.file_id", ondelete="CASCADE"), primary_key=True
    ),
    # The number of the first of its passages.
    sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("vectors", sa.LargeBinary, nullable=False),
)

_DOCUMENT: Final = [knowledge_documents.c[name] for name in Document.__slots__]
_INSERTED_AT_ONCE: Final = 500


class KnowledgeStore:
    """Documents, their passages and vectors in the database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def documents(self, file_ids: Iterable[str]) -> list[Document]:
        """Those of the files that are here."""
        query = sa.select(*_DOCUMENT).where(knowledge_documents.c.file_id.in_(list(file_ids)))
        async with self._database.read() as connection:
            return [_to_document(row) for row in (await connection.execute(query)).mappings()]

    async def document(self, file_id: str) -> Document | None:
        """One of them."""
        found = await self.documents([file_id])
        return found[0] if found else None

    async def attached(self, owner_id: str, conversation_id: str, *, longer_than: int) -> list[str]:
        """The files with more characters than that which messages of an owner's conversation have."""
        query = (
            sa.select(files.c.id)
            .join(message_files, message_files.c.file_id == files.c.id)
            .join(messages, messages.c.id == message_files.c.message_id)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(
                conversations.c.id == conversation_id,
                conversations.c.owner_id == owner_id,
                files.c.owner_id == owner_id,
                files.c.characters > longer_than,
            )
            .distinct()
            .order_by(files.c.id.desc())
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def in_project_of(self, owner_id: str, conversation_id: str) -> list[str]:
        """The files of the project that an owner's conversation is in."""
        query = (
            sa.select(files.c.id)
            .join(conversations, conversations.c.project_id == files.c.project_id)
            .where(
                conversations.c.id == conversation_id,
                conversations.c.owner_id == owner_id,
                files.c.owner_id == owner_id,
            )
            .order_by(files.c.id)
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def assistants_in(
        self, owner_id: str, conversation_id: str, generation_id: str | None
    ) -> list[str]:
        """The custom assistants that replies of an owner's conversation are by: of all, or of one generation."""
        mine = (conversations.c.id == conversation_id, conversations.c.owner_id == owner_id)
        query = (
            sa.select(messages.c.assistant_id)
            .join(conversations, conversations.c.id == messages.c.conversation_id)
            .where(*mine, messages.c.role == "assistant", messages.c.assistant_id.is_not(None))
            .distinct()
        )
        if generation_id is not None:
            query = query.join(generations, generations.c.message_id == messages.c.id).where(
                generations.c.id == generation_id
            )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def of_assistant(self, owner_id: str, assistant_id: str) -> list[str]:
        """The files that an owner's assistant holds."""
        query = (
            sa.select(files.c.id)
            .where(files.c.assistant_id == assistant_id, files.c.owner_id == owner_id)
            .order_by(files.c.id)
        )
        async with self._database.read() as connection:
            return list((await connection.execute(query)).scalars())

    async def owned_by(self, owner_id: str) -> list[Document]:
        """All of an owner's."""
        query = sa.select(*_DOCUMENT).where(knowledge_documents.c.owner_id == owner_id)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(knowledge_documents.c.file_id))
            return [_to_document(row) for row in rows.mappings()]

    async def replace(
        self, document: Document, words: bytes, passages: Sequence[tuple[Passage, str]]
    ) -> bool:
        """Put a document in the place of whatever version of it there was, with its passages and their words.

        False when its file has been deleted.
        """
        row: dict[str, object] = {name: getattr(document, name) for name in Document.__slots__}
        rows: list[dict[str, object]] = [
            {
                "file_id": document.file_id,
                "number": number,
                "start": passage.start,
                "end": passage.end,
                "headings": list(passage.headings),
                "place": None if passage.place is None else msgspec.to_builtins(passage.place),
                "text": text,
            }
            for number, (passage, text) in enumerate(passages)
        ]
        # Whoever deletes the file meanwhile waits, and takes the document along.
        there = sa.select(files.c.id).where(files.c.id == document.file_id).with_for_update(key_share=True)
        async with self._database.write() as connection:
            if (await connection.execute(there)).first() is None:
                return False
            await connection.execute(
                sa.delete(knowledge_documents).where(knowledge_documents.c.file_id == document.file_id)
            )
            await connection.execute(sa.insert(knowledge_documents).values(**row, words=words))
            for at in range(0, len(rows), _INSERTED_AT_ONCE):
                await connection.execute(sa.insert(knowledge_passages), rows[at : at + _INSERTED_AT_ONCE])
        return True

    async def words(self, file_ids: Iterable[str]) -> dict[str, bytes]:
        """The documents' postings, packed, by their files."""
        table = knowledge_documents
        query = sa.select(table.c.file_id, table.c.words).where(table.c.file_id.in_(list(file_ids)))
        async with self._database.read() as connection:
            return {row.file_id: row.words for row in await connection.execute(query)}

    async def vectors(self, file_id: str) -> dict[int, bytes]:
        """A document's vectors, by the number of the first passage of each batch, in order."""
        table = knowledge_vectors
        query = sa.select(table.c.first, table.c.vectors).where(table.c.file_id == file_id)
        async with self._database.read() as connection:
            rows = await connection.execute(query.order_by(table.c.first))
            return {row.first: row.vectors for row in rows}

    async def batches(self, file_id: str) -> set[int]:
        """The first passages of the batches that have their vectors."""
        query = sa.select(knowledge_vectors.c.first).where(knowledge_vectors.c.file_id == file_id)
        async with self._database.read() as connection:
            return set((await connection.execute(query)).scalars())

    async def begin_vectors(self, file_id: str, version: str, model: str) -> None:
        """Have the vectors that a document gets be ``model``'s; another model's are no use beside them."""
        mine = sa.and_(
            knowledge_documents.c.file_id == file_id,
            knowledge_documents.c.version == version,
            knowledge_documents.c.model.is_distinct_from(model),
        )
        changes = {"model": model, "dimensions": None, "embedded": 0, "status": IndexStatus.READING}
        async with self._database.write() as connection:
            changed = await connection.execute(sa.update(knowledge_documents).where(mine).values(**changes))
            if changed.rowcount:
                await connection.execute(
                    sa.delete(knowledge_vectors).where(knowledge_vectors.c.file_id == file_id)
                )

    async def add_vectors(
        self, document: Document, model: str, first: int, vectors: bytes, *, count: int, dimensions: int
    ) -> bool:
        """Keep the vectors of ``count`` passages from ``first`` on; False when the document is not that any more."""
        table = knowledge_documents
        mine = sa.and_(
            table.c.file_id == document.file_id, table.c.version == document.version, table.c.model == model
        )
        async with self._database.write() as connection:
            found = await connection.execute(sa.select(table.c.embedded).where(mine).with_for_update())
            embedded = found.scalar_one_or_none()
            if embedded is None:
                return False
            there = sa.select(knowledge_vectors.c.first).where(
                knowledge_vectors.c.file_id == document.file_id, knowledge_vectors.c.first == first
            )
            if (await connection.execute(there)).first() is None:
                row = {"file_id": document.file_id, "first": first, "vectors": vectors}
                await connection.execute(sa.insert(knowledge_vectors).values(**row))
                changes = {"embedded": embedded + count, "dimensions": dimensions}
                await connection.execute(sa.update(table).where(mine).values(**changes))
            return True

    async def change(
        self,
        file_id: str,
        version: str,
        status: IndexStatus,
        *,
        error_code: str | None = None,
        error_message: str | None = None,
    ) -> None:
        """Say how far this version of a document is, and why it goes no further."""
        table = knowledge_documents
        changes = {
            "status": status,
            "error_code": error_code,
            "error_message": error_message,
            "updated_at": utc_now(),
        }
        async with self._database.write() as connection:
            await connection.execute(
                sa.update(table)
                .where(table.c.file_id == file_id, table.c.version == version)
                .values(**changes)
            )

    async def numbered(self, wanted: Mapping[str, Sequence[int]]) -> dict[tuple[str, int], Quote]:
        """Passages with their words, by file and number."""
        table = knowledge_passages
        pairs = [(file_id, number) for file_id, numbers in wanted.items() for number in numbers]
        if not pairs:
            return {}
        query = sa.select(table).where(sa.tuple_(table.c.file_id, table.c.number).in_(pairs))
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings()
            return {(quote.file_id, quote.number): quote for quote in map(_to_quote, rows)}

    async def between(self, file_id: str, first: int, last: int) -> list[Quote]:
        """A document's passages from number ``first`` to ``last``, in order."""
        async with self._database.read() as connection:
            return await self._between(connection, file_id, first, last)

    async def _between(self, connection: AsyncConnection, file_id: str, first: int, last: int) -> list[Quote]:
        table = knowledge_passages
        query = sa.select(table).where(table.c.file_id == file_id, table.c.number.between(first, last))
        rows = (await connection.execute(query.order_by(table.c.number))).mappings()
        return [_to_quote(row) for row in rows]


def document_of(
    *, file_id: str, owner_id: str, title: str, version: str, passages: int, at: datetime
) -> Document:
    """A document that is to be given its vectors."""
    return Document(
        file_id=file_id,
        owner_id=owner_id,
        title=title,
        version=version,
        status=IndexStatus.READING,
        error_code=None,
        error_message=None,
        passages=passages,
        embedded=0,
        model=None,
        dimensions=None,
        updated_at=at,
    )


def _to_document(row: sa.RowMapping) -> Document:
    return Document(**{**row, "status": IndexStatus(row["status"])})  # pyright: ignore[reportArgumentType]


def _to_quote(row: sa.RowMapping) -> Quote:
    place = row["place"]
    return Quote(
        file_id=row["file_id"],
        number=row["number"],
        start=row["start"],
        end=row["end"],
        headings=tuple(row["headings"]),
        place=None if place is None else msgspec.convert(place, Place),
        text=row["text"],
    )
