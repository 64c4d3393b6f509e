"""Causette's own export: an archive of conversations, or the document of one (``docs/sharing.md``)."""

from functools import cached_property
from typing import Any, Final

import msgspec

from causette.assistant.exporting.documents import ACCOUNT, FILES, FORMAT, VERSION
from causette.assistant.feedback.types import Rating
from causette.assistant.importing.archives import Archive
from causette.assistant.importing.building import instant
from causette.assistant.importing.types import (
    ImportedConversation,
    ImportedFile,
    ImportedInstructions,
    ImportedMemory,
    ImportedMessage,
    ImportedProject,
    ImportedRating,
    Items,
    Trouble,
)
from causette.assistant.types import Role


class _File(msgspec.Struct):
    id: str
    name: str
    kind: str = "other"
    project_id: str | None = None


class _Message(msgspec.Struct):
    id: str
    role: Role
    content: str
    parent_id: str | None = None
    model: str | None = None
    created_at: str | None = None
    corrects_id: str | None = None
    parts: list[dict[str, Any]] | None = None
    attachments: list[_File] | None = None
    assistant_id: str | None = None


class _Head(msgspec.Struct):
    id: str
    title: str
    created_at: str | None = None
    updated_at: str | None = None
    current_message_id: str | None = None
    project: str | None = None
    pinned: bool = False
    archived: bool = False


class _Document(msgspec.Struct):
    format: str
    version: int
    conversation: _Head
    messages: list[_Message]


class _User(msgspec.Struct):
    email: str | None = None


class _Project(msgspec.Struct):
    name: str
    id: str = ""
    instructions: str = ""


class _Instructions(msgspec.Struct):
    about: str = ""
    answers: str = ""


class _Remembered(msgspec.Struct):
    text: str


class _Memory(msgspec.Struct):
    memories: list[_Remembered] = []


class _Feedback(msgspec.Struct):
    message_id: str
    rating: Rating | None = None
    comment: str = ""


class _Account(msgspec.Struct):
    user: _User | None = None
    projects: list[_Project] = []
    custom_instructions: _Instructions | None = None
    memory: _Memory | None = None
    files: list[_File] = []
    feedback: list[_Feedback] = []


_decode: Final = msgspec.json.Decoder(_Document).decode
_decode_account: Final = msgspec.json.Decoder(_Account).decode


class CausetteExport:
    """An archive of everything, or the document of one conversation."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._ratings: dict[str, ImportedRating] = {}

    def account(self) -> str | None:
        """See `Export`."""
        found = self._account()
        return found.user.email if found is not None and found.user is not None else None

    def beside(self) -> Items:
        """See `Export`: projects with their files, custom instructions, memories, and what was said of replies."""
        found = self._account()
        if found is None:
            return
        self._ratings = {
            said.message_id: ImportedRating(rating=said.rating, comment=said.comment)
            for said in found.feedback
            if said.rating is not None
        }
        for project in found.projects:
            yield ImportedProject(
                name=project.name,
                place=ACCOUNT,
                instructions=project.instructions,
                files=[self._file(file) for file in found.files if file.project_id == project.id],
            )
        told = found.custom_instructions
        if told is not None and (told.about or told.answers):
            yield ImportedInstructions(about=told.about, answers=told.answers)
        for memory in found.memory.memories if found.memory is not None else []:
            yield ImportedMemory(text=memory.text, place=ACCOUNT)

    def conversation(self, raw: bytes, place: str) -> Items:
        """See `Export`."""
        found = _decode(raw)
        if found.format != FORMAT or found.version > VERSION:
            yield Trouble(place=place, reason=f"its format is {found.format!r}, version {found.version}")
            return
        head = found.conversation
        yield ImportedConversation(
            id=head.id,
            title=head.title,
            created_at=instant(head.created_at),
            updated_at=instant(head.updated_at),
            messages=[
                ImportedMessage(
                    id=message.id,
                    parent_id=message.parent_id,
                    role=message.role,
                    content=message.content,
                    created_at=instant(message.created_at),
                    model=message.model,
                    parts=message.parts,
                    corrects_id=message.corrects_id,
                    files=[self._file(file) for file in message.attachments or []],
                    rating=self._ratings.get(message.id) if message.role == "assistant" else None,
                    assistant_id=message.assistant_id,
                )
                for message in found.messages
            ],
            current_id=head.current_message_id,
            place=place,
            pinned=head.pinned,
            archived=head.archived,
            project=head.project,
        )

    def _account(self) -> _Account | None:
        entry = self._archive.called(ACCOUNT)
        return None if entry is None else _decode_account(self._archive.small(entry))

    def _file(self, file: _File) -> ImportedFile:
        return ImportedFile(name=file.name, entry=self._entries.get(file.id), picture=file.kind == "image")

    @cached_property
    def _entries(self) -> dict[str, str]:
        """The archive's files by their ids, which their names begin with."""
        found = [entry for entry in self._archive.entries() if entry.startswith(FILES)]
        return {entry.removeprefix(FILES).partition(" ")[0]: entry for entry in found}
