"""What an imported conversation is in our tables.

Ids are made of the source's: importing something again finds what it wrote before. They begin with the time, as all ids
do, so a tree's messages are in the order in which they were said.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

from causette.assistant.feedback.service import LONGEST_COMMENT
from causette.assistant.generation.parts import Part, Step
from causette.assistant.generation.titles import first_words
from causette.assistant.importing.types import (
    ImportedConversation,
    ImportedFile,
    ImportedMessage,
    ImportedRating,
    Source,
)
from causette.assistant.types import Status
from causette.ids import new_id, public_id

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND: Final = timedelta(milliseconds=1)
_LONGEST_TITLE: Final = 200
_LONGEST_MESSAGE: Final = 400_000
_TIME_BITS: Final = 48
_HASH_BITS: Final = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """A conversation in our tables."""

    conversation: dict[str, Any]
    #: Its messages, parents before their children.
    messages: list[dict[str, Any]]
    #: The message that is shown last.
    current_id: str | None
    #: What was said of replies. No consent was asked for it.
    ratings: list[dict[str, Any]]
    #: By message, what is to be attached to it.
    files: dict[str, list[ImportedFile]]


def rows_of(
    conversation: ImportedConversation, *, owner_id: str, source: Source, model: str, project_id: str | None
) -> Rows:
    """The rows of a conversation, of its messages and of the ratings of these."""
    times = [message.created_at for message in conversation.messages if message.created_at]
    created_at = conversation.created_at or min(times, default=_EPOCH)
    updated_at = max(conversation.updated_at or created_at, created_at)
    scope = f"{owner_id}\0{source}\0{conversation.id}"
    conversation_id = _id("conv", scope, _milliseconds(created_at))
    ids: dict[str, str] = {}
    moments: dict[str, int] = {}
    nodes: list[dict[str, Any]] = []
    ratings: list[dict[str, Any]] = []
    files: dict[str, list[ImportedFile]] = {}
    for message in conversation.messages:
        if message.id in ids:
            continue
        # Whatever the clocks there said: a message is older than those that follow it.
        at = message.created_at or created_at
        parent = message.parent_id if message.parent_id in ids else None
        moment = _milliseconds(at)
        if parent is not None:
            moment = max(moment, moments[parent] + 1)
        moments[message.id] = moment
        ids[message.id] = _id("msg", f"{scope}\0{message.id}", moment)
        nodes.append(
            {
                "id": ids[message.id],
                "conversation_id": conversation_id,
                "parent_id": None if parent is None else ids[parent],
                "role": message.role,
                "content": _text(message.content),
                "model": _text(message.model) if message.model else None,
                "status": Status.COMPLETE,
                "created_at": at,
                "corrects_id": ids.get(message.corrects_id or ""),
                "parts": _parts(message),
                "attachments": None,
                "assistant_id": message.assistant_id,
            }
        )
        if message.files:
            files[ids[message.id]] = message.files
        if message.rating is not None:
            ratings.append(_rating(message.rating, nodes[-1], owner_id))
    title = " ".join(_text(conversation.title).split())[:_LONGEST_TITLE]
    row = {
        "id": conversation_id,
        "owner_id": owner_id,
        "title": title or first_words(nodes[0]["content"] if nodes else ""),
        "title_is_given": True,
        "model": model,
        "created_at": created_at,
        "updated_at": updated_at,
        "project_id": project_id,
        "pinned_at": updated_at if conversation.pinned else None,
        "archived_at": updated_at if conversation.archived else None,
    }
    shown = ids.get(conversation.current_id or "") or (nodes[-1]["id"] if nodes else None)
    return Rows(conversation=row, messages=nodes, current_id=shown, ratings=ratings, files=files)


def _rating(said: ImportedRating, reply: Mapping[str, Any], owner_id: str) -> dict[str, Any]:
    return {
        "id": new_id("fb"),
        "owner_id": owner_id,
        "conversation_id": reply["conversation_id"],
        "kind": "rating",
        "message_id": reply["id"],
        "subject": reply["id"],
        "rating": said.rating,
        "reasons": [],
        "comment": _text(said.comment)[:LONGEST_COMMENT],
        "created_at": reply["created_at"],
        "updated_at": reply["created_at"],
    }


def _id(prefix: str, key: str, milliseconds: int) -> str:
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()
    rest = int.from_bytes(digest[: _HASH_BITS // 8])
    return public_id(prefix, (milliseconds << _HASH_BITS) | rest)


def _milliseconds(at: datetime) -> int:
    return min(max((at - _EPOCH) // _MILLISECOND, 0), 2**_TIME_BITS - 1)


def _text(text: str) -> str:
    # PostgreSQL's text cannot hold a NUL, and no encoding a half of a character.
    return text.replace("\0", "").encode("utf-8", "replace").decode()[:_LONGEST_MESSAGE]


def _parts(message: ImportedMessage) -> list[dict[str, object]] | None:
    """Thinking and tools' runs, if they are such. Their results in full stayed where they were."""
    if not message.parts:
        return None
    try:
        parts = msgspec.convert(message.parts, list[Part])
    except msgspec.ValidationError:
        return None
    for part in parts:
        if isinstance(part, Step):
            part.result = False
    return msgspec.json.decode(msgspec.json.encode(parts).replace(b"\\u0000", b""))
