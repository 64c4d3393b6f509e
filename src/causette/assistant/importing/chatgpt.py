"""ChatGPT's export: a ZIP with ``conversations.json`` (or numbered parts), ``user.json`` and the files.

A conversation is a ``mapping`` of nodes. A turn of the assistant is several of them: thoughts, calls to tools, what the
tools answered, and texts; here they become one reply. System messages and hidden ones are left out; custom instructions
ride in one of those. Files lie in the archive under names that begin with their ids.
"""

import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import PurePosixPath
from typing import Any, Final, cast

import msgspec

from causette.assistant.feedback.types import Rating
from causette.assistant.importing.archives import Archive
from causette.assistant.importing.building import Draft, fenced, instant, mapping
from causette.assistant.importing.types import (
    ImportedConversation,
    ImportedFile,
    ImportedInstructions,
    ImportedMessage,
    ImportedRating,
    Items,
    Trouble,
)
from causette.assistant.types import Role

# Marks of citations: in private-use characters, or in lenticular brackets.
_CITED: Final = re.compile("\ue200[^\ue201]*\ue201|【[^】]*†[^】]*】")
_PICTURE: Final = "image_asset_pointer"
_PYTHON: Final = "python"
# What a file's name begins with, and names that say more than that.
_FILE_ID: Final = re.compile(r"file[-_][0-9A-Za-z]+")
_NAMED: Final = re.compile(r"file[-_][0-9A-Za-z]+[-_].*[^-_.].*")
_RATINGS: Final[dict[str, Rating]] = {"thumbsup": "up", "thumbsdown": "down"}


class _Author(msgspec.Struct):
    role: str
    name: str | None = None


class _Content(msgspec.Struct):
    content_type: str = "text"
    parts: list[Any] | None = None
    text: str | None = None
    language: str | None = None
    result: str | None = None
    content: Any = None
    thoughts: list[Any] | None = None
    title: str | None = None
    url: str | None = None
    user_profile: str | None = None
    user_instructions: str | None = None


class _Metadata(msgspec.Struct):
    model_slug: str | None = None
    is_visually_hidden_from_conversation: bool | None = None
    attachments: list[Any] | None = None
    citations: list[Any] | None = None
    content_references: list[Any] | None = None
    user_context_message_data: dict[str, Any] | None = None
    finished_duration_sec: float | None = None
    aggregate_result: Any = None


class _Message(msgspec.Struct):
    author: _Author
    content: _Content
    create_time: float | None = None
    metadata: _Metadata | None = None
    recipient: str | None = None


class _Node(msgspec.Struct):
    message: _Message | None = None
    parent: str | None = None
    children: list[str] | None = None


class _Conversation(msgspec.Struct):
    mapping: dict[str, _Node]
    title: str | None = None
    create_time: float | None = None
    update_time: float | None = None
    current_node: str | None = None
    conversation_id: str | None = None
    id: str | None = None
    is_archived: bool | None = None
    is_starred: bool | None = None
    gizmo_id: str | None = None
    conversation_template_id: str | None = None


class _Feedback(msgspec.Struct):
    conversation_id: str
    rating: str
    message_id: str | None = None
    id: str = ""
    content: str | None = None


_decode: Final = msgspec.json.Decoder(_Conversation).decode
_feedback: Final = msgspec.json.Decoder(list[_Feedback]).decode


class ChatGPTExport:
    """ChatGPT's export."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        # By the conversation, and then by the node that is rated.
        self._ratings: dict[str, dict[str, ImportedRating]] = {}

    def account(self) -> str | None:
        """See `Export`."""
        entry = self._archive.called("user.json")
        if entry is None:
            return None
        email = mapping(msgspec.json.decode(self._archive.small(entry))).get("email")
        return email if isinstance(email, str) else None

    def beside(self) -> Items:
        """See `Export`: what was said of replies is learnt here, and comes along with them."""
        if (entry := self._archive.called("message_feedback.json")) is not None:
            for found in _feedback(self._archive.small(entry)):
                if (rating := _rating(found)) is not None:
                    self._ratings.setdefault(found.conversation_id, {})[found.message_id or found.id] = rating
        if (entry := self._archive.called("shared_conversations.json")) is not None:
            yield Trouble(
                place=entry,
                reason="links that were shared there stay there; share a conversation here to have one",
            )

    def conversation(self, raw: bytes, place: str) -> Items:
        """See `Export`."""
        found = _decode(raw)
        source_id = found.conversation_id or found.id
        if not source_id:
            yield Trouble(place=place, reason="it has no id")
            return
        instructions = _instructions(found)
        if instructions is not None:
            yield instructions
        ratings = self._ratings.get(source_id, {})
        reader = _Reader(found, self._entries, ratings)
        messages = reader.messages()
        project = found.conversation_template_id or found.gizmo_id or ""
        yield ImportedConversation(
            id=source_id,
            title=found.title or "",
            created_at=instant(found.create_time),
            updated_at=instant(found.update_time),
            messages=messages,
            current_id=reader.shown,
            place=place,
            pinned=bool(found.is_starred),
            archived=bool(found.is_archived),
            # Its name is not in the export.
            project=f"ChatGPT {project[4:12]}" if project.startswith("g-p-") else None,
        )
        replies = {message.id for message in messages if message.role == "assistant"}
        for unsaid in sorted(ratings.keys() - replies):
            yield Trouble(place=place, reason=f"a rating is of the message {unsaid}, which is no reply here")

    @cached_property
    def _entries(self) -> dict[str, str]:
        """The archive's files by their ids, which their names begin with."""
        found = {entry: _FILE_ID.match(PurePosixPath(entry).name) for entry in self._archive.entries()}
        return {begin[0]: entry for entry, begin in found.items() if begin is not None}


def _rating(found: _Feedback) -> ImportedRating | None:
    """What a piece of feedback says; its tags and its words are our comment."""
    rating = _RATINGS.get(found.rating.replace("_", "").lower())
    if rating is None:
        return None
    try:
        told = mapping(msgspec.json.decode(found.content or "{}"))
    except msgspec.DecodeError:
        told = {"text": found.content}
    tags, text = told.get("tags"), told.get("text")
    said = [str(tag) for tag in cast("list[object]", tags)] if isinstance(tags, list) else []
    return ImportedRating(rating=rating, comment="\n".join([*said, str(text or "")]).strip())


def _instructions(found: _Conversation) -> ImportedInstructions | None:
    for node in found.mapping.values():
        message = node.message
        if message is None or message.content.content_type != "user_editable_context":
            continue
        told = (message.metadata and message.metadata.user_context_message_data) or {}
        about, answers = told.get("about_user_message"), told.get("about_model_message")
        about = about if isinstance(about, str) else _inner(message.content.user_profile)
        answers = answers if isinstance(answers, str) else _inner(message.content.user_instructions)
        if about or answers:
            return ImportedInstructions(about=about, answers=answers)
    return None


def _inner(text: str | None) -> str:
    """What stands between the fences that the export puts around custom instructions."""
    pieces = (text or "").split("```")
    return (pieces[1] if len(pieces) >= 3 else pieces[0]).strip()


class _Reader:
    """Walks the nodes from the roots, and makes a reply of each turn of the assistant's."""

    def __init__(
        self, found: _Conversation, entries: Mapping[str, str], ratings: Mapping[str, ImportedRating]
    ) -> None:
        self._nodes = found.mapping
        self._entries = entries
        self._ratings = ratings
        self._made: list[ImportedMessage] = []
        # For each node, the message that says it, or the one before where it says nothing.
        self._said_by: dict[str, str | None] = {}
        self._current = found.current_node

    @property
    def shown(self) -> str | None:
        """The message that is shown last."""
        return self._said_by.get(self._current or "")

    def messages(self) -> list[ImportedMessage]:
        """The messages, parents first."""
        children: dict[str | None, list[str]] = {}
        for node_id, node in self._nodes.items():
            parent = node.parent if node.parent in self._nodes else None
            children.setdefault(parent, []).append(node_id)
        for parent, ids in children.items():
            # As the export lists them, which is the order of the versions.
            listed = (self._nodes[parent].children or []) if parent is not None else []
            places = {node_id: place for place, node_id in enumerate(listed)}
            ids.sort(key=lambda node_id: places.get(node_id, len(places)))
        waiting: list[tuple[str, str | None, Draft | None]] = [
            (node_id, None, None) for node_id in reversed(children.get(None, []))
        ]
        while waiting:
            node_id, parent, draft = waiting.pop()
            parent, draft = self._visit(node_id, parent, draft, children.get(node_id, []))
            waiting += [(child, parent, draft) for child in reversed(children.get(node_id, []))]
        return self._made

    def _visit(
        self, node_id: str, parent: str | None, draft: Draft | None, children: list[str]
    ) -> tuple[str | None, Draft | None]:
        """Take a node in; what those below it follow, and the turn that they go on with, if any."""
        message = self._nodes[node_id].message
        role = None if message is None or self._hidden(message) else message.author.role
        if message is not None and role == "user":
            asked = Draft()
            asked.say(self._said(message))
            asked.attach(self._files(message))
            if not asked.blank:
                parent = self._emit(node_id, parent, "user", asked, message)
                draft = None
        elif message is not None and role in {"assistant", "tool"}:
            draft = Draft() if draft is None else draft.copy()
            self._tell(draft, node_id, message)
        if draft is not None and self._ends(children) and not draft.blank:
            emitted = self._emit(node_id, parent, "assistant", draft, message)
            self._said_by[node_id] = emitted
            # What goes on with the same turn is another version of it.
            if any(not self._begins(child) for child in children):
                return parent, draft
            return emitted, None
        self._said_by.setdefault(node_id, parent)
        return parent, draft

    def _ends(self, children: list[str]) -> bool:
        return not children or any(self._begins(child) for child in children)

    def _begins(self, node_id: str) -> bool:
        """Whether a node begins another turn: something that the person said."""
        message = self._nodes[node_id].message
        return message is not None and not self._hidden(message) and message.author.role == "user"

    @staticmethod
    def _hidden(message: _Message) -> bool:
        hidden = message.metadata is not None and message.metadata.is_visually_hidden_from_conversation
        return bool(hidden) or message.content.content_type in {
            "user_editable_context",
            "model_editable_context",
        }

    def _emit(
        self,
        node_id: str,
        parent: str | None,
        role: Role,
        draft: Draft,
        message: _Message | None,
    ) -> str:
        metadata = message.metadata if message is not None else None
        self._made.append(
            ImportedMessage(
                id=node_id,
                parent_id=parent,
                role=role,
                content=draft.text,
                created_at=None if message is None else instant(message.create_time),
                model=metadata.model_slug if metadata is not None and role != "user" else None,
                parts=draft.stored(),
                files=draft.files,
                rating=self._ratings.get(node_id) if role == "assistant" else None,
            )
        )
        self._said_by[node_id] = node_id
        return node_id

    def _tell(self, draft: Draft, node_id: str, message: _Message) -> None:
        content, at = message.content, instant(message.create_time)
        metadata = message.metadata or _Metadata()
        draft.attach(self._files(message))
        if message.author.role == "tool":
            draft.found(self._said(message), failed=content.content_type == "system_error")
            return
        match content.content_type:
            case "thoughts":
                thoughts = [mapping(each) for each in content.thoughts or []]
                pieces = [
                    f"**{each.get('summary')}**\n\n{each.get('content')}"
                    if each.get("summary")
                    else str(each.get("content") or "")
                    for each in thoughts
                ]
                draft.think("\n\n".join(pieces), at, metadata.finished_duration_sec)
            case "reasoning_recap":
                pass
            case "code" if message.recipient not in {None, "all"}:
                name = message.recipient or _PYTHON
                draft.step(node_id, name, name, {"code": content.text or ""}, at)
            case _ if message.recipient not in {None, "all"}:
                name = message.recipient or ""
                draft.step(node_id, name, name, {"text": self._said(message)}, at)
            case _:
                draft.say(self._said(message))

    def _said(self, message: _Message) -> str:
        content, metadata = message.content, message.metadata or _Metadata()
        match content.content_type:
            case "code":
                text = fenced(content.text or "", (content.language or "").replace("unknown", ""))
            case "tether_quote":
                text = f"> {content.title or content.url or ''}\n\n{content.text or ''}"
            case "multimodal_text":
                text = "\n\n".join(filter(None, (_piece(part) for part in content.parts or [])))
            case _:
                pieces = [part for part in content.parts or [] if isinstance(part, str)]
                text = "\n\n".join(pieces) or content.text or content.result or ""
        return _linked(text, metadata)

    def _files(self, message: _Message) -> list[ImportedFile]:
        """The pictures and other files of a message: what was uploaded, drawn, or plotted by Python, each once."""
        metadata = message.metadata or _Metadata()
        names: dict[str, str] = {}
        pictures: set[str] = set()
        for part in message.content.parts or []:
            told = mapping(part)
            if told.get("content_type") == _PICTURE and _is_shown(message, told):
                pictures.add(_file_id(told.get("asset_pointer")))
        for run in cast("list[object]", mapping(metadata.aggregate_result).get("messages") or []):
            if mapping(run).get("message_type") == "image":
                pictures.add(_file_id(mapping(run).get("image_url")))
        for attached in metadata.attachments or []:
            told = mapping(attached)
            names[_file_id(told.get("id"))] = str(told.get("name") or "")
            if str(told.get("mimeType") or told.get("mime_type") or "").startswith("image/"):
                pictures.add(_file_id(told.get("id")))
        found: list[ImportedFile] = []
        for file_id in filter(None, dict.fromkeys((*names, *sorted(pictures)))):
            entry = self._entries.get(file_id)
            name = names.get(file_id) or _name_of(entry, file_id)
            found.append(ImportedFile(name=name, entry=entry, picture=file_id in pictures))
        return found


def _is_shown(message: _Message, picture: Mapping[str, Any]) -> bool:
    """Whether a picture is one that people saw. Of those in a tool's answer only what it drew is; the rest are pages of
    files, for the model's eyes."""
    drawn = mapping(picture.get("metadata"))
    return message.author.role != "tool" or bool(drawn.get("dalle") or drawn.get("generation"))


def _file_id(pointer: object) -> str:
    """The file's id in ``file-service://file-…``, ``sediment://file_…`` and the like; empty where there is none."""
    found = _FILE_ID.search(pointer.rpartition("://")[2]) if isinstance(pointer, str) else None
    return "" if found is None else found[0]


def _name_of(entry: str | None, file_id: str) -> str:
    """What a file is called without its id."""
    name = PurePosixPath(entry or "").name
    return name.removeprefix(file_id).lstrip("-_") if _NAMED.fullmatch(name) else name or file_id


def _piece(part: object) -> str:
    if isinstance(part, str):
        return part
    told = mapping(part)
    return str(told.get("text") or "") if told.get("content_type") == "audio_transcription" else ""


def _linked(text: str, metadata: _Metadata) -> str:
    """A text with links in place of the marks that the export has for its sources."""
    for reference in metadata.content_references or []:
        told = mapping(reference)
        mark, link = told.get("matched_text"), told.get("alt")
        if isinstance(mark, str) and len(mark) > 1:
            text = text.replace(mark, link if isinstance(link, str) else "")
    for citation in metadata.citations or []:
        told = mapping(mapping(citation).get("metadata"))
        found = _CITED.search(text)
        if found and isinstance(told.get("url"), str):
            link = f" ([{told.get('title') or told['url']}]({told['url']}))"
            text = text[: found.start()] + link + text[found.end() :]
    return _CITED.sub("", text)
