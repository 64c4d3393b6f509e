"""Which house an archive is from, and all that it says, one thing after another."""

from collections.abc import Callable
from itertools import chain
from typing import Final

import msgspec

from causette.assistant.exporting.documents import CONVERSATIONS
from causette.assistant.importing.archives import DAMAGED, Archive, TooMuch, unreadable
from causette.assistant.importing.causette_format import CausetteExport
from causette.assistant.importing.chatgpt import ChatGPTExport
from causette.assistant.importing.claude import ClaudeExport
from causette.assistant.importing.json_items import LONGEST_ITEM, Element, Malformed, elements
from causette.assistant.importing.open_webui import OpenWebUIExport
from causette.assistant.importing.types import (
    Contents,
    Export,
    ImportedConversation,
    ImportedFile,
    ImportedInstructions,
    ImportedMemory,
    ImportedProject,
    Item,
    Items,
    Source,
    Trouble,
)

_EXPORTS: Final[dict[Source, Callable[[Archive], Export]]] = {
    "chatgpt": ChatGPTExport,
    "claude": ClaudeExport,
    "open_webui": OpenWebUIExport,
    "causette": CausetteExport,
}
_UNKNOWN: Final = (
    "is no export that is known here. Choose the ZIP that ChatGPT or Claude sent you, the JSON file that Open WebUI "
    "exports, or an export of Causette's."
)


def source_of(archive: Archive) -> Source:
    """Which house made it.

    Raises:
        InvalidRequest: none that is known here (``unreadable_archive``).
    """
    if archive.is_zip and _documents(archive):
        return "causette"
    entries = archive.conversations()
    for entry in entries[:1]:
        try:
            with archive.open(entry) as file:
                begin = file.read(256).removeprefix(b"\xef\xbb\xbf").lstrip()
            if not begin.startswith((b"[", b"{")):
                break
            if begin.startswith(b"{") and not archive.is_zip:
                return _source_of_element(begin, archive)
            with archive.open(entry) as file:
                first = next(elements(file), None)
        except (Malformed, TooMuch, *DAMAGED) as error:
            raise unreadable(f"{entry} cannot be read: {error}.") from None
        if first is not None and first.raw is not None:
            return _source_of_element(first.raw, archive)
    raise unreadable(f"{archive.name} {_UNKNOWN}")


def _source_of_element(raw: bytes, archive: Archive) -> Source:
    if b'"mapping"' in raw:
        return "chatgpt"
    if b'"chat_messages"' in raw:
        return "claude"
    if b'"history"' in raw:
        return "open_webui"
    if raw.replace(b" ", b"").startswith(b'{"format":"causette.conversation"'):
        return "causette"
    raise unreadable(f"{archive.name} {_UNKNOWN}")


def read(archive: Archive, source: Source) -> Items:
    """All that an archive says: what is beside its conversations first. What cannot be read is among it as trouble."""
    export = _EXPORTS[source](archive)
    told = False
    for item in chain(_beside(archive, export), _conversations(archive, export, source)):
        # ChatGPT repeats them in each conversation.
        if isinstance(item, ImportedInstructions):
            if told:
                continue
            told = True
        yield item
        if isinstance(item, ImportedConversation | ImportedProject):
            for file in _files_of(item):
                if file.missing:
                    yield Trouble(place=item.place, reason=f"the file {file.name} is not in the archive")


def _files_of(item: Item) -> list[ImportedFile]:
    match item:
        case ImportedConversation():
            return [file for message in item.messages for file in message.files]
        case ImportedProject():
            return item.files
        case _:
            return []


def _beside(archive: Archive, export: Export) -> Items:
    try:
        yield from export.beside()
    except (msgspec.MsgspecError, TooMuch, *DAMAGED) as error:
        yield Trouble(place=archive.name, reason=str(error))


def _conversations(archive: Archive, export: Export, source: Source) -> Items:
    if source == "causette":
        for entry in _documents(archive) if archive.is_zip else [archive.name]:
            yield from _of_document(archive, export, entry)
        return
    for entry in archive.conversations():
        try:
            with archive.open(entry) as file:
                for element in elements(file):
                    yield from _of_element(export, entry, element)
        except (Malformed, TooMuch, *DAMAGED) as error:
            yield Trouble(place=entry, reason=str(error))


def _of_element(export: Export, entry: str, element: Element) -> Items:
    place = f"{entry}, conversation {element.number} (byte {element.offset})"
    if element.raw is None:
        yield Trouble(place=place, reason=f"it has more than {LONGEST_ITEM >> 20} MiB")
        return
    yield from _parsed(export, element.raw, place)


def _of_document(archive: Archive, export: Export, entry: str) -> Items:
    try:
        with archive.open(entry) as file:
            raw = file.read(LONGEST_ITEM + 1)
    except (TooMuch, *DAMAGED) as error:
        yield Trouble(place=entry, reason=str(error))
        return
    if len(raw) > LONGEST_ITEM:
        yield Trouble(place=entry, reason=f"it has more than {LONGEST_ITEM >> 20} MiB")
        return
    yield from _parsed(export, raw, entry)


def _parsed(export: Export, raw: bytes, place: str) -> Items:
    try:
        for item in export.conversation(raw, place):
            if isinstance(item, ImportedConversation) and not item.messages:
                yield Trouble(place=place, reason="it has no message to show")
            else:
                yield item
    except (msgspec.MsgspecError, RecursionError, AttributeError, TypeError) as error:
        yield Trouble(place=place, reason=str(error))


def _documents(archive: Archive) -> list[str]:
    """The entries of an archive of ours that are conversations, in order."""
    return sorted(
        entry for entry in archive.entries() if entry.startswith(CONVERSATIONS) and entry.endswith(".json")
    )


def account_of(archive: Archive, source: Source) -> str | None:
    """Whose archive it says it is."""
    try:
        return _EXPORTS[source](archive).account()
    except (msgspec.MsgspecError, TooMuch, *DAMAGED):
        return None


def count(contents: Contents, item: Item) -> None:
    """Count one thing of an archive."""
    brought = [file for file in _files_of(item) if not file.missing]
    contents.pictures += sum(file.picture for file in brought)
    contents.files += sum(not file.picture for file in brought)
    match item:
        case ImportedConversation():
            contents.conversations += 1
            contents.messages += len(item.messages)
        case ImportedProject():
            contents.projects += 1
        case ImportedInstructions():
            contents.instructions = True
        case ImportedMemory():
            contents.memories += 1
        case Trouble():
            contents.note(item)
