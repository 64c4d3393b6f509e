"""Open WebUI's export: a JSON list of chats, each with a map of messages under ``chat.history``."""

import base64
import binascii
import html
import mimetypes
import re
from contextlib import suppress
from pathlib import PurePosixPath
from typing import Any, Final

import msgspec

from causette.assistant.importing.archives import Archive
from causette.assistant.importing.building import (
    Draft,
    Said,
    instant,
    is_picture,
    mapping,
    messages_of,
    text_file,
)
from causette.assistant.importing.types import ImportedConversation, ImportedFile, Items

_DETAILS: Final = re.compile(
    r'<details type="(\w+)"([^>]*)>\s*(?:<summary>.*?</summary>)?(.*?)</details>', re.S
)
_DATA: Final = re.compile(r"data:(?P<kind>[\w.+-]+/[\w.+-]+);base64,(?P<bytes>[A-Za-z0-9+/=]+)")
_IN_TEXT: Final = re.compile(rf"!\[[^\]]*\]\({_DATA.pattern}\)")
# Knowledge, searches and other chats that a message drew on.
_NO_FILES: Final = frozenset({"collection", "web_search", "web_search_results", "chat", "note", "folder"})
_ATTRIBUTE: Final = re.compile(r'(\w+)="([^"]*)"')


class _Message(msgspec.Struct):
    role: str
    content: str | None = None
    parentId: str | None = None
    timestamp: float | None = None
    model: str | None = None
    files: list[Any] | None = None


class _History(msgspec.Struct):
    messages: dict[str, _Message]
    currentId: str | None = None


class _Chat(msgspec.Struct):
    history: _History
    title: str | None = None


class _Conversation(msgspec.Struct):
    id: str
    chat: _Chat
    title: str | None = None
    created_at: float | None = None
    updated_at: float | None = None
    archived: bool | None = None
    pinned: bool | None = None


_decode: Final = msgspec.json.Decoder(_Conversation).decode


class OpenWebUIExport:
    """Open WebUI's export: chats alone."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    def account(self) -> str | None:
        """See `Export`: it does not say."""
        return None

    def beside(self) -> Items:
        """See `Export`: there is nothing."""
        return iter(())

    def conversation(self, raw: bytes, place: str) -> Items:
        """See `Export`."""
        found = _decode(raw)
        nodes = found.chat.history.messages

        def said(node_id: str) -> Said | None:
            node = nodes[node_id]
            if node.role not in {"user", "assistant"}:
                return None
            draft = _draft(node)
            draft.attach(filter(None, (self._file(mapping(file)) for file in node.files or [])))
            role = "user" if node.role == "user" else "assistant"
            return Said(role=role, draft=draft, at=instant(node.timestamp), model=node.model)

        messages, shown_as = messages_of({each: node.parentId for each, node in nodes.items()}, said)
        yield ImportedConversation(
            id=found.id,
            title=found.title or found.chat.title or "",
            created_at=instant(found.created_at),
            updated_at=instant(found.updated_at),
            messages=messages,
            current_id=shown_as.get(found.chat.history.currentId or ""),
            place=place,
            pinned=bool(found.pinned),
            archived=bool(found.archived),
        )

    def _file(self, told: dict[str, Any]) -> ImportedFile | None:
        """A file of a message, whose bytes are in a ``data:`` address, or whose text was read from it."""
        kind, address = told.get("type"), str(told.get("url") or "")
        if kind in _NO_FILES:
            return None
        inner = mapping(told.get("file"))
        name = str(told.get("name") or inner.get("filename") or "")
        picture = kind == "image" or address.startswith("data:image/")
        if (whole := _DATA.fullmatch(address)) is not None:
            return _from_address(whole, name)
        text = mapping(inner.get("data")).get("content")
        if isinstance(text, str) and text and not picture:
            return text_file(name or "document.txt", text)
        name = name or PurePosixPath(address.removesuffix("/content")).name or "file"
        return ImportedFile(name=name, entry=self._archive.called(name), picture=picture or is_picture(name))


def _from_address(found: re.Match[str], name: str = "") -> ImportedFile:
    """The file that a ``data:`` address is; one without bytes where they are damaged."""
    kind = found["kind"]
    name = name or f"picture{mimetypes.guess_extension(kind) or ''}"
    with suppress(binascii.Error):
        content = base64.b64decode(found["bytes"], validate=True)
        return ImportedFile(name=name, content=content, picture=kind.startswith("image/"))
    return ImportedFile(name=name)


def _draft(node: _Message) -> Draft:
    """A message whose folded details are parts: thinking, and tools' runs."""
    draft, at = Draft(), instant(node.timestamp)
    draft.attach(_from_address(found) for found in _IN_TEXT.finditer(node.content or ""))
    text = _IN_TEXT.sub("", node.content or "")
    if node.role != "assistant":
        draft.say(text)
        return draft
    end = 0
    for number, found in enumerate(_DETAILS.finditer(text)):
        draft.say(text[end : found.start()])
        end = found.end()
        told = {name: html.unescape(value) for name, value in _ATTRIBUTE.findall(found[2])}
        lines = html.unescape(found[3]).strip().splitlines()
        body = "\n".join(line.removeprefix(">").removeprefix(" ") for line in lines)
        if found[1] == "reasoning":
            duration = told.get("duration", "")
            draft.think(body, at, float(duration) if duration.isdecimal() else None)
        elif found[1] == "tool_calls":
            name = told.get("name", "tool")
            given: dict[str, object] = {"arguments": told.get("arguments", "")}
            draft.step(f"{told.get('id', number)}", name, name, given, at)
            draft.found(told.get("result", ""))
    draft.say(text[end:])
    return draft
