"""One conversation as a document: JSON with the whole tree, or Markdown of the branch that is shown.

The JSON is described in ``docs/sharing.md``; ``causette.assistant.importing.causette_format`` reads it.
"""

import re
from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, Final

import msgspec

from causette.accounts.types import Locale
from causette.assistant.types import Conversation

# What Markdown would take for a mark.
_PLAIN: Final = re.compile(r"[\\`*_\[\]<>]")

FORMAT: Final = "causette.conversation"
VERSION: Final = 1
#: In an archive of everything: the entry about the account, and the folders of conversations and of files, whose names
#: begin with their ids.
ACCOUNT: Final = "account.json"
CONVERSATIONS: Final = "conversations/"
FILES: Final = "files/"

_WORDS: Final[dict[Locale, tuple[str, str, str]]] = {
    "en": ("You", "Assistant", "Attached: "),
    "fr": ("Vous", "Assistant", "En pièce jointe : "),
}
_KEPT: Final = (
    *("id", "parent_id", "role", "content", "model", "status", "finish_reason", "created_at"),
    *("corrects_id", "parts", "assistant_id"),
)
_OF_FILES: Final = ("id", "name", "media_type", "kind", "size")
_encode: Final = msgspec.json.Encoder().encode


async def as_json(
    conversation: Conversation, project: str | None, messages: AsyncGenerator[Mapping[str, Any]]
) -> AsyncGenerator[bytes]:
    """A conversation as JSON, message by message. What a message does not have is left out of it."""
    head = {
        "id": conversation.id,
        "title": conversation.title,
        "model": conversation.model,
        "project": project,
        "pinned": conversation.pinned,
        "archived": conversation.archived,
        "created_at": conversation.created_at,
        "updated_at": conversation.updated_at,
        "current_message_id": conversation.current_message_id,
    }
    yield b'{"format":"%s","version":%d,"conversation":%s,"messages":[' % (
        FORMAT.encode(),
        VERSION,
        _encode(head),
    )
    first = True
    async for message in messages:
        kept = {name: message[name] for name in _KEPT if message[name] is not None or name == "parent_id"}
        if message["attachments"]:
            kept["attachments"] = [
                {name: each[name] for name in _OF_FILES} for each in message["attachments"]
            ]
        yield (b"\n" if first else b",\n") + _encode(kept)
        first = False
    yield b"\n]}\n"


async def as_markdown(
    title: str, branch: AsyncGenerator[Mapping[str, Any]], locale: Locale
) -> AsyncGenerator[bytes]:
    """A branch as Markdown: who said what, and to which custom assistant, under the conversation's title.

    A message has that assistant's name as ``assistant``.
    """
    you, assistant, attached = _WORDS[locale]
    yield f"# {title}\n".encode()
    first = True
    async for message in branch:
        names = ", ".join(_PLAIN.sub(r"\\\g<0>", each["name"]) for each in message["attachments"] or ())
        said = [f"*{attached}{names}*"] if names else []
        said += filter(None, [message["content"].strip()])
        if not said:
            continue
        model = f" ({message['model']})" if message["model"] else ""
        name = _PLAIN.sub(r"\\\g<0>", message["assistant"] or "")
        asking = f"{you} → {name}" if name else you
        who = asking if message["role"] == "user" else f"{name or assistant}{model}"
        rule = "" if first else "\n---\n"
        yield "\n\n".join([f"{rule}\n**{who}**", *said]).encode() + b"\n"
        first = False


def shown_branch(links: Sequence[tuple[str, str | None]], current: str | None) -> list[str]:
    """The messages from the root to the newest leaf under ``current``: what a reader has before them."""
    parents = dict(links)
    newest = {parent_id: message_id for message_id, parent_id in links}
    at = current if current in parents else None
    while at in newest:
        at = newest[at]
    path: list[str] = []
    while at is not None:
        path.append(at)
        at = parents[at]
    return path[::-1]
