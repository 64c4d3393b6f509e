"""Putting together what nodes of another house say into messages of ours: their texts, parts and files."""

import mimetypes
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

import msgspec

from causette.assistant.generation.parts import Part, Step, StepStatus, Thinking, stored
from causette.assistant.importing.types import ImportedFile, ImportedMessage
from causette.assistant.types import Role

_LONGEST_SUMMARY = 4_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(slots=True)
class Draft:
    """A message as far as it is known. Copies share nothing that changes."""

    texts: list[str] = field(default_factory=list[str])
    parts: list[Part] = field(default_factory=list[Part])
    files: list[ImportedFile] = field(default_factory=list[ImportedFile])

    def copy(self) -> "Draft":
        """One that goes on by itself: what follows in one branch is not in another."""
        parts = [msgspec.structs.replace(part) for part in self.parts]
        return Draft(list(self.texts), parts, list(self.files))

    @property
    def blank(self) -> bool:
        """Whether there is nothing of it to show."""
        return not (self.texts or self.parts or self.files)

    @property
    def text(self) -> str:
        """All of the text."""
        return "\n\n".join(self.texts)

    def say(self, text: str) -> None:
        """Add a paragraph."""
        if text.strip():
            self.texts.append(text.strip())

    def attach(self, files: Iterable[ImportedFile]) -> None:
        """Add files, each once."""
        self.files += [file for file in dict.fromkeys(files) if file not in self.files]

    def think(self, text: str, at: datetime | None, seconds: float | None = None) -> None:
        """Add what was thought at this point of the text."""
        if text.strip():
            self.parts.append(Thinking(len(self.text), at or _EPOCH, text.strip(), seconds or 0.0))

    def step(
        self, step_id: str, name: str, title: str, arguments: dict[str, object], at: datetime | None
    ) -> None:
        """Add a tool's run, of which nothing came yet."""
        self.parts.append(
            Step(
                id=f"step_{step_id}",
                at=len(self.text),
                round=len(self.parts),
                name=name,
                title=title,
                arguments=arguments,
                status=StepStatus.DONE,
                began_at=at or _EPOCH,
            )
        )

    def found(self, text: str, *, failed: bool = False, step_id: str | None = None) -> None:
        """Add what came of a run: of the one with this id, or of the last one."""
        steps = [part for part in self.parts if isinstance(part, Step)]
        if step_id is not None:
            steps = [step for step in steps if step.id == f"step_{step_id}"]
        if not steps:
            return
        step = steps[-1]
        step.summary = (step.summary + "\n" + text).strip()[:_LONGEST_SUMMARY]
        if failed:
            step.status = StepStatus.FAILED

    def stored(self) -> list[dict[str, object]] | None:
        """The parts as a message keeps them."""
        return stored(self.parts)


def instant(value: float | str | None) -> datetime | None:
    """An instant as exports write it: seconds since 1970, or ISO 8601; None for none, or for one that cannot be."""
    try:
        if isinstance(value, str):
            found = datetime.fromisoformat(value.replace("Z", "+00:00"))
            return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
        if value:
            # Some write milliseconds or nanoseconds.
            scale = 1e9 if value > 1e17 else 1e6 if value > 1e14 else 1e3 if value > 1e11 else 1.0
            return datetime.fromtimestamp(value / scale, UTC)
    except (ValueError, OverflowError, OSError):
        pass
    return None


def mapping(value: object) -> dict[str, Any]:
    """``value`` if it is an object of JSON's, else an empty one."""
    return cast("dict[str, Any]", value) if isinstance(value, dict) else {}


def text_file(name: str, text: str) -> ImportedFile:
    """A file of which there is the text: what was no text itself is called one."""
    plain = (mimetypes.guess_type(name)[0] or "text/plain").startswith(("text/", "application/json"))
    return ImportedFile(name=name if plain else f"{name}.txt", content=text.encode("utf-8", "replace"))


def is_picture(name: str) -> bool:
    """Whether a file is called as pictures are."""
    return (mimetypes.guess_type(name)[0] or "").startswith("image/")


def fenced(text: str, language: str = "") -> str:
    """A text as a Markdown code block, with a fence that it does not have itself."""
    fence = "```"
    while fence in text:
        fence += "`"
    return f"{fence}{language}\n{text.strip(chr(10))}\n{fence}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one node says."""

    role: Role
    draft: Draft
    at: datetime | None
    model: str | None = None


def messages_of(
    parents: dict[str, str | None], said: Callable[[str], Said | None]
) -> tuple[list[ImportedMessage], dict[str, str | None]]:
    """The messages of nodes that say one each, and for every node the message that it is shown as.

    Where a node says nothing, that is the message above it, which those below it follow.
    """
    messages: list[ImportedMessage] = []
    shown_as: dict[str, str | None] = {}
    for node in parents_first(parents):
        told, parent = said(node), parents[node]
        above = shown_as.get(parent) if parent is not None else None
        if told is None or told.draft.blank:
            shown_as[node] = above
            continue
        shown_as[node] = node
        person = told.role == "user"
        messages.append(
            ImportedMessage(
                id=node,
                parent_id=above,
                role=told.role,
                content=told.draft.text,
                created_at=told.at,
                model=None if person else told.model,
                parts=None if person else told.draft.stored(),
                files=told.draft.files,
            )
        )
    return messages, shown_as


def parents_first(parents: dict[str, str | None]) -> list[str]:
    """Nodes in an order in which each comes after its parent; those whose parents form a circle are left out."""
    children: dict[str | None, list[str]] = {}
    for node, parent in parents.items():
        children.setdefault(parent if parent in parents else None, []).append(node)
    order: list[str] = []
    level: Sequence[str] = children.get(None, [])
    while level:
        order += level
        level = [child for each in level for child in children.get(each, [])]
    return order
