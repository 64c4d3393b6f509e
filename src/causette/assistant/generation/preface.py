"""What a model is told before a conversation: instructions, memories, passages, each from the room that knows it.

A preface takes a share of the context and no more, whatever its sources bring: instructions get room before memories,
memories before passages. So a long document cannot push out what the reader or the owner asked for.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from causette.accounts.types import Caller
from causette.assistant.knowledge.types import Source as Passage
from causette.assistant.types import Message
from causette.engines.types import ChatMessage

#: What a piece is: a custom assistant's instructions, its project's, the reader's own, what is remembered of them, how
#: tools are used, and passages of files that have to do with the question.
Kind = Literal["assistant", "project", "custom", "memory", "tools", "knowledge"]

# In the order of the prompt; what changes least comes first, so that engines find it in their prefix caches.
_ORDER: Final[tuple[Kind, ...]] = ("assistant", "project", "custom", "tools", "memory", "knowledge")
# In the order in which room is given.
_IMPORTANCE: Final[tuple[Kind, ...]] = ("tools", "assistant", "project", "custom", "memory", "knowledge")
_CHARACTERS_A_TOKEN: Final = 4
# A third of the context: a quarter is the reply's, the rest the conversation's.
_SHARE: Final = 3
# The beginning of a piece that is shorter than this says nothing.
_SHORTEST_CUT: Final = 200


@dataclass(frozen=True, slots=True)
class Piece:
    """Some text for the model, and what it is; ``passage`` where it is one of a file, that can be cited."""

    kind: Kind
    text: str
    passage: Passage | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """The reply that a preface is for.

    ``branch`` is the conversation up to the message that is answered, as much of its end as the model can read.
    ``cited`` are the passages that a reply was begun with; None where it has not been begun.
    """

    caller: Caller
    conversation_id: str
    generation_id: str
    model: str
    branch: Sequence[Message]
    cited: Sequence[Passage] | None = None

    @property
    def question(self) -> str:
        """The message that is answered."""
        return self.branch[-1].content if self.branch else ""


#: A room that has something to say before a conversation. It is asked once for each reply that is begun or taken over;
#: what it raises has the reply wait as it does for a database that is away.
Source = Callable[[Asking], Awaitable[Sequence[Piece]]]


@dataclass(frozen=True, slots=True)
class Preface:
    """Pieces, in any order; of one kind they keep theirs."""

    pieces: tuple[Piece, ...] = ()

    def plus(self, pieces: Iterable[Piece]) -> "Preface":
        """This with more pieces."""
        return Preface((*self.pieces, *pieces))

    def text(self, context: int) -> str:
        """The pieces as one text that fits into its share of a context of ``context`` tokens."""
        kept = self._kept(context)
        shown = sorted(kept, key=lambda at: (_ORDER.index(self.pieces[at].kind), at))
        return "\n\n".join(kept[at] for at in shown)

    def passages(self, context: int) -> list[Passage]:
        """The passages of files that are in that text."""
        found = [self.pieces[at].passage for at in sorted(self._kept(context))]
        return [passage for passage in found if passage is not None]

    def _kept(self, context: int) -> dict[int, str]:
        """As much of the pieces as there is room for, by their place."""
        room = context * _CHARACTERS_A_TOKEN // _SHARE
        kept: dict[int, str] = {}
        ranked = sorted(range(len(self.pieces)), key=lambda at: _IMPORTANCE.index(self.pieces[at].kind))
        for at in ranked:
            text = cut(self.pieces[at].text.strip(), room)
            if text:
                kept[at] = text
                room -= len(text) + 2
        return kept

    def turns(self, context: int) -> list[ChatMessage]:
        """The system turn that opens the prompt; none where there is nothing to say."""
        text = self.text(context)
        return [ChatMessage("system", text)] if text else []


async def preface_of(sources: Iterable[Source], asking: Asking) -> Preface:
    """What all ``sources`` say before this reply."""
    preface = Preface()
    for source in sources:
        preface = preface.plus(await source(asking))
    return preface


def cut(text: str, room: int) -> str:
    """The beginning of ``text`` that has ``room`` characters, ended between lines or words; "" when it says nothing."""
    if len(text) <= room:
        return text
    if room < _SHORTEST_CUT:
        return ""
    head = text[: room - 1]
    for end in ("\n", " "):
        at = head.rfind(end)
        if at >= len(head) // 2:
            head = head[:at]
            break
    return head.rstrip() + "…"
