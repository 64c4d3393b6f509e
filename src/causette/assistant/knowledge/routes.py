"""``/api/knowledge``."""

from typing import Annotated, Literal, Protocol

from fastapi import APIRouter, Query, Request, status
from pydantic import BaseModel, ConfigDict, Field

from causette.accounts.authentication import SignedInCaller
from causette.assistant.knowledge.service import Excerpt, Knowledge
from causette.assistant.knowledge.types import IndexStatus

_MOST_FILES = 200
_LAST_PASSAGE = 2**31 - 1


class House(Protocol):
    """As much of the application's state as these routes need."""

    @property
    def knowledge(self) -> Knowledge: ...


def _knowledge(request: Request) -> Knowledge:
    house: House = request.app.state.house
    return house.knowledge


class DocumentOut(BaseModel):
    """How far a file is to be searched."""

    model_config = ConfigDict(from_attributes=True, title="KnowledgeDocument")

    file_id: str
    title: str
    status: IndexStatus
    passages: Annotated[int, Field(description="How many it has")]
    embedded: Annotated[int, Field(description="How many of them are found by their meaning so far")]
    error_code: str | None
    error_message: str | None


class DocumentList(BaseModel):
    """Some files."""

    items: list[DocumentOut]


class PlaceOut(BaseModel):
    """Where in a document something stands."""

    model_config = ConfigDict(from_attributes=True, title="Place")

    kind: Literal["page", "slide", "sheet"]
    name: str


class PassageOut(BaseModel):
    """A piece of a document."""

    model_config = ConfigDict(from_attributes=True, title="Passage")

    number: int
    start: Annotated[int, Field(description="Where it begins in the document's text, in code points")]
    end: int
    headings: list[str]
    place: PlaceOut | None
    text: str


class ExcerptOut(BaseModel):
    """A document around a passage. Passages may overlap: each begins at its ``start``."""

    model_config = ConfigDict(title="Excerpt")

    document: DocumentOut
    passages: list[PassageOut]

    @classmethod
    def of(cls, excerpt: Excerpt) -> "ExcerptOut":
        """The public form."""
        return cls(
            document=DocumentOut.model_validate(excerpt.document),
            passages=[PassageOut.model_validate(quote) for quote in excerpt.quotes],
        )


def router() -> APIRouter:
    """The routes."""
    routes = APIRouter(prefix="/api/knowledge", tags=["knowledge"])

    @routes.get("")
    async def knowledge_states(
        caller: SignedInCaller,
        request: Request,
        file: Annotated[list[str], Query(max_length=_MOST_FILES, description="Ids of one's files")],
    ) -> DocumentList:
        """How far files are to be searched; those that have not been read, and others' files, are left out."""
        found = await _knowledge(request).states(caller, file)
        return DocumentList(items=[DocumentOut.model_validate(document) for document in found])

    @routes.get("/{file_id}")
    async def open_document(
        file_id: str,
        caller: SignedInCaller,
        request: Request,
        around: Annotated[int, Query(ge=0, le=_LAST_PASSAGE, description="The number of a passage")] = 0,
        conversation_id: Annotated[
            str | None,
            Query(
                max_length=64, description="A conversation that may read the file, when it is not one's own"
            ),
        ] = None,
    ) -> ExcerptOut:
        """What a file says around a passage."""
        excerpt = await _knowledge(request).opened(
            caller, file_id, around=around, conversation_id=conversation_id
        )
        return ExcerptOut.of(excerpt)

    @routes.post("/{file_id}/retry", status_code=status.HTTP_202_ACCEPTED)
    async def retry_document(file_id: str, caller: SignedInCaller, request: Request) -> DocumentOut:
        """Try again to make a file searchable that could not be."""
        return DocumentOut.model_validate(await _knowledge(request).retry(caller, file_id))

    return routes
