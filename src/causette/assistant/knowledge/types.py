"""Plain data of knowledge: documents as they are read, their passages, and what is found in them."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec


class Place(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Where in a document something stands, as its reader would say it."""

    kind: Literal["page", "slide", "sheet"]
    #: A number, or a sheet's name.
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """From ``start`` on, up to the next section, a document's text stands under these headings and at this place."""

    start: int
    headings: tuple[str, ...] = ()
    place: Place | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Readable:
    """A document as one text, and where in it what begins. Places in the text are code points."""

    text: str
    #: By ``start``, the first at 0.
    sections: tuple[Section, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """A piece of a document that is found, quoted and cited as one: ``text[start:end]``."""

    start: int
    end: int
    headings: tuple[str, ...] = ()
    place: Place | None = None


class Source(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A passage that a model was given for its reply, under the number that it cites it by."""

    n: int
    file_id: str
    title: str
    #: The passage's number in the document, from 0, and where it is in the document's text.
    passage: int
    start: int
    end: int
    headings: tuple[str, ...] = ()
    place: Place | None = None


class IndexStatus(StrEnum):
    """How far a document is. One that is read is found by its words already; when it is ready, by its meaning too."""

    READING = "reading"
    READY = "ready"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A file as far as it is known to be searched."""

    file_id: str
    owner_id: str
    title: str
    #: What it was read from; another version is another document.
    version: str
    status: IndexStatus
    error_code: str | None
    error_message: str | None
    #: How many there are, and how many have their vectors.
    passages: int
    embedded: int
    #: Which model made the vectors, and their length; None before there are any.
    model: str | None
    dimensions: int | None
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Quote:
    """A passage with its words."""

    file_id: str
    number: int
    start: int
    end: int
    headings: tuple[str, ...]
    place: Place | None
    text: str
