"""Claude's export: a ZIP with ``conversations.json``, ``projects.json``, ``users.json`` and ``memories.json``.

A message is a list of blocks: texts, thinking, calls to tools and what they answered. Artifacts are calls to a tool;
here they become code blocks, each version whole. Exports without ``parent_message_uuid`` are one branch. Of attachments
there is the text that was read from them, of other files mostly the name alone.
"""

import re
from collections.abc import Iterator
from typing import Any, Final, cast

import msgspec

from causette.assistant.importing.archives import Archive
from causette.assistant.importing.building import (
    Draft,
    Said,
    fenced,
    instant,
    is_picture,
    mapping,
    messages_of,
    text_file,
)
from causette.assistant.importing.types import (
    ImportedConversation,
    ImportedFile,
    ImportedMemory,
    ImportedProject,
    Items,
    Trouble,
)
from causette.assistant.memory.sayings import LONGEST

_LANGUAGES: Final = {
    "text/html": "html",
    "image/svg+xml": "svg",
    "application/vnd.ant.mermaid": "mermaid",
    "application/vnd.ant.react": "jsx",
    "text/markdown": "markdown",
}


class _Attachment(msgspec.Struct):
    file_name: str | None = None
    extracted_content: str | None = None


class _Block(msgspec.Struct):
    type: str
    text: str | None = None
    thinking: str | None = None
    id: str | None = None
    tool_use_id: str | None = None
    name: str | None = None
    input: Any = None
    content: Any = None
    is_error: bool | None = None
    start_timestamp: str | None = None
    stop_timestamp: str | None = None


class _Message(msgspec.Struct):
    uuid: str
    sender: str
    text: str | None = None
    content: list[_Block] | None = None
    created_at: str | None = None
    parent_message_uuid: str | None = None
    attachments: list[_Attachment] | None = None
    files: list[Any] | None = None


class _InProject(msgspec.Struct):
    name: str | None = None


class _Conversation(msgspec.Struct):
    uuid: str
    chat_messages: list[_Message]
    name: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    current_leaf_message_uuid: str | None = None
    is_starred: bool | None = None
    model: str | None = None
    project: _InProject | None = None


class _Document(msgspec.Struct):
    filename: str | None = None
    content: str = ""


class _Project(msgspec.Struct):
    name: str
    description: str | None = None
    prompt_template: str | None = None
    docs: list[_Document] | None = None


class _Memories(msgspec.Struct):
    conversations_memory: str | None = None
    project_memories: dict[str, Any] | None = None


_decode: Final = msgspec.json.Decoder(_Conversation).decode
_raws: Final = msgspec.json.Decoder(list[msgspec.Raw]).decode
_project: Final = msgspec.json.Decoder(_Project).decode
_memories: Final = msgspec.json.Decoder(list[_Memories]).decode
_MARKS: Final = re.compile(r"^[\s>*+-]*(?=\S)|\*\*|__|`")
_SENTENCE: Final = re.compile(r"(?<=[.!?])\s+")
_HEADING: Final = re.compile(r"#+ .*|\*\*[^*]+\*\*:?|__[^_]+__:?")


class ClaudeExport:
    """Claude's export."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def account(self) -> str | None:
        """See `Export`."""
        entry = self._archive.called("users.json")
        if entry is None:
            return None
        users: object = msgspec.json.decode(self._archive.small(entry))
        first = cast("list[object]", users)[:1] if isinstance(users, list) else []
        email = mapping(first[0]).get("email_address") if first else None
        return email if isinstance(email, str) else None

    def beside(self) -> Items:
        """See `Export`: the projects with their documents, and what is remembered."""
        if (entry := self._archive.called("projects.json")) is not None:
            for number, raw in enumerate(_raws(self._archive.small(entry)), 1):
                yield _imported_project(raw, f"{entry}, project {number}")
        if (entry := self._archive.called("memories.json")) is not None:
            for found in _memories(self._archive.small(entry)):
                yield from _remembered(found, entry)

    def conversation(self, raw: bytes, place: str) -> Items:
        """See `Export`."""
        found = _decode(raw)
        by_id = {message.uuid: message for message in found.chat_messages}
        artifacts: dict[str, str] = {}

        def said(uuid: str) -> Said:
            message = by_id[uuid]
            draft = _draft(message, artifacts)
            draft.attach(self._files(message))
            role = "user" if message.sender == "human" else "assistant"
            return Said(role=role, draft=draft, at=instant(message.created_at), model=found.model or "Claude")

        messages, shown_as = messages_of(_parents(found.chat_messages), said)
        last = found.current_leaf_message_uuid
        if last not in shown_as:
            last = found.chat_messages[-1].uuid if found.chat_messages else None
        yield ImportedConversation(
            id=found.uuid,
            title=found.name or "",
            created_at=instant(found.created_at),
            updated_at=instant(found.updated_at),
            messages=messages,
            current_id=shown_as.get(last or ""),
            place=place,
            pinned=bool(found.is_starred),
            project=found.project.name if found.project is not None else None,
        )

    def _files(self, message: _Message) -> Iterator[ImportedFile]:
        for attachment in message.attachments or []:
            name = attachment.file_name or "paste.txt"
            if attachment.extracted_content:
                yield text_file(name, attachment.extracted_content)
            else:
                yield ImportedFile(name=name, entry=self._archive.called(name))
        for file in message.files or []:
            told = mapping(file)
            name, uuid = str(told.get("file_name") or "file"), str(told.get("file_uuid") or "")
            entry = self._archive.called(uuid) or self._archive.called(name)
            yield ImportedFile(name=name, entry=entry, picture=is_picture(name))


def _imported_project(raw: msgspec.Raw, place: str) -> ImportedProject | Trouble:
    try:
        project = _project(raw)
    except msgspec.MsgspecError as error:
        return Trouble(place=place, reason=str(error))
    return ImportedProject(
        name=project.name,
        place=place,
        instructions=project.prompt_template or project.description or "",
        files=[
            text_file(document.filename or "document.txt", document.content)
            for document in project.docs or []
        ],
    )


def _remembered(found: _Memories, place: str) -> Items:
    for line in (found.conversations_memory or "").splitlines():
        text = _MARKS.sub("", line).strip()
        # What stands in bold by itself is a heading.
        if text and not _HEADING.fullmatch(line.strip()):
            for portion in _portions(text):
                yield ImportedMemory(text=portion, place=place)
    for project in found.project_memories or {}:
        yield Trouble(place=place, reason=f"what is remembered of the project {project} alone is left out")


def _portions(text: str) -> Iterator[str]:
    """A paragraph as memories of which each has room: as many of its sentences as fit."""
    portion = ""
    for sentence in _SENTENCE.split(text):
        if portion and len(portion) + 1 + len(sentence) > LONGEST:
            yield portion
            portion = ""
        portion = f"{portion} {sentence}".strip()
    if portion:
        yield portion


def _parents(messages: list[_Message]) -> dict[str, str | None]:
    """The parent of each message. Roots name one that is not there; exports of one branch name none at all."""
    known = {message.uuid for message in messages}
    branching = any(message.parent_message_uuid in known for message in messages)
    parents: dict[str, str | None] = {}
    before: str | None = None
    for message in messages:
        named = message.parent_message_uuid
        parents[message.uuid] = (named if named in known else None) if branching else before
        before = message.uuid
    return parents


def _draft(message: _Message, artifacts: dict[str, str]) -> Draft:
    draft = Draft()
    at = instant(message.created_at)
    for block in message.content or []:
        match block.type:
            case "text":
                draft.say(block.text or "")
            case "thinking":
                draft.think(block.thinking or "", instant(block.start_timestamp) or at, _seconds(block))
            case "tool_use" if block.name == "artifacts":
                draft.say(_artifact(block.input, artifacts))
            case "tool_use":
                arguments = mapping(block.input)
                name = block.name or "tool"
                draft.step(block.id or f"{message.uuid}-{len(draft.parts)}", name, name, arguments, at)
            case "tool_result" if block.name != "artifacts":
                known = block.tool_use_id if any(_has_id(b, block) for b in message.content or []) else None
                draft.found(_plain(block.content), failed=bool(block.is_error), step_id=known)
            case _:
                pass
    if not draft.texts and not draft.parts:
        draft.say(message.text or "")
    return draft


def _has_id(block: _Block, result: _Block) -> bool:
    return block.type == "tool_use" and block.id is not None and block.id == result.tool_use_id


def _seconds(block: _Block) -> float | None:
    began, ended = instant(block.start_timestamp), instant(block.stop_timestamp)
    return round((ended - began).total_seconds(), 1) if began and ended else None


def _artifact(given: object, artifacts: dict[str, str]) -> str:
    """An artifact as it is after a call, as a code block under its title."""
    told = mapping(given)
    known_as = str(told.get("id") or "")
    if told.get("command") == "update":
        before = artifacts.get(known_as, "")
        text = before.replace(str(told.get("old_str") or ""), str(told.get("new_str") or ""), 1)
    else:
        text = str(told.get("content") or "")
    artifacts[known_as] = text
    language = str(told.get("language") or _LANGUAGES.get(str(told.get("type")), ""))
    title = f"**{told['title']}**\n\n" if told.get("title") else ""
    return title + fenced(text, language) if text else ""


def _plain(content: object) -> str:
    if isinstance(content, str):
        return content
    if not isinstance(content, list):
        return ""
    blocks = cast("list[object]", content)
    return "\n".join(str(mapping(block).get("text") or "") for block in blocks).strip()
