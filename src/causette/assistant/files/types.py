"""Plain data of files."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

#: What a file is to people and models. An ``other`` is kept, and nobody can read it.
FileKind = Literal[
    "image", "pdf", "document", "slides", "sheet", "web", "markdown", "text", "code", "table", "other"
]


class FileStatus(StrEnum):
    """How far the reading of a file is. A picture has nothing to be read, and is ready at once."""

    WAITING = "waiting"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """Something that a person uploaded. Its bytes are the blob called ``sha256``."""

    id: str
    owner_id: str
    name: str
    #: As its bytes say, not as it was called.
    media_type: str
    kind: FileKind
    #: Bytes.
    size: int
    sha256: str
    #: Of a picture, in pixels as it is shown.
    width: int | None
    height: int | None
    #: A small picture of it.
    thumbnail_sha256: str | None
    status: FileStatus
    error_code: str | None
    error_message: str | None
    #: What was read from it, a `ParsedDocument` as a blob of JSON.
    parsed_sha256: str | None
    #: Characters of text that were read.
    characters: int
    #: The project that it is knowledge of, if any.
    project_id: str | None
    #: The custom assistant that it is knowledge of, if any.
    assistant_id: str | None
    created_at: datetime


class Piece(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """A stretch of a document's text that is in one place of it.

    Args:
        text: the words.
        start: where they begin in `ParsedDocument.text`, in code points.
        page: page of a PDF, from 1.
        slide: slide of a presentation, from 1.
        sheet: name of a sheet.
        heading: the nearest heading above.
    """

    text: str
    start: int
    page: int | None = None
    slide: int | None = None
    sheet: str | None = None
    heading: str | None = None


class ParsedDocument(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a file says, in the order of reading. ``truncated``: it says more than is kept."""

    pieces: tuple[Piece, ...] = ()
    truncated: bool = False

    @property
    def text(self) -> str:
        """All of it; each piece begins at its ``start``, and two line ends are between pieces."""
        return "\n\n".join(piece.text for piece in self.pieces)


#: Somebody who wants to know that a file was read. It may be told more than once, and what it raises has the file read
#: again, later.
Follower = Callable[[File, ParsedDocument], Awaitable[None]]
