"""An import as it is kept."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from causette.assistant.importing.types import Contents, Source, Troubles


class ImportStatus(StrEnum):
    """Where an import is: its archive is read; it waits for its owner's choice; it is carried out; it is over."""

    READING = "reading"
    READY = "ready"
    IMPORTING = "importing"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """An archive that somebody brought, what it has, and what came of it."""

    id: str
    owner_id: str
    #: The file's name, as it was sent.
    name: str
    #: Bytes.
    size: int
    status: ImportStatus
    source: Source | None
    contents: Contents | None
    report: "Report | None"
    #: The job that reads it or carries it out.
    job_id: str | None
    #: Why it failed.
    error: str | None
    created_at: datetime
    finished_at: datetime | None


@dataclass(slots=True, kw_only=True)
class Report(Troubles):
    """What came of an import."""

    #: Conversations that are new, that got messages, and that were there already.
    added: int = 0
    extended: int = 0
    unchanged: int = 0
    messages: int = 0
    projects: int = 0
    instructions: bool = False
    memories: int = 0
    ratings: int = 0
    #: Files that are new here, pictures among them.
    files: int = 0
