"""What a model gets to see of a conversation."""

from collections.abc import Collection, Sequence
from typing import Final

from causette.assistant.types import Message
from causette.engines.types import ChatMessage, Picture

# A rough guess is enough: a prompt that is too long after all is shortened further.
_CHARACTERS_A_TOKEN: Final = 4
# What a picture takes of the context, about, and how many of the newest ones are shown.
_PICTURE_CHARACTERS: Final = 4_000
_MOST_PICTURES: Final = 8
# A reply may take this share of the context, and no more than this many tokens.
_REPLY_SHARE: Final = 4
_LONGEST_REPLY: Final = 4096


def longest_reply(context: int) -> int:
    """Tokens a reply may have in a context of ``context`` tokens."""
    return min(_LONGEST_REPLY, max(1, context // _REPLY_SHARE))


def readable(context: int) -> int:
    """Characters of a conversation's end that are as much as a model with ``context`` tokens may get to see."""
    return context * _CHARACTERS_A_TOKEN


def turns_of(branch: Sequence[Message], *, sees: bool = False) -> list[ChatMessage]:
    """What the branch's messages say, oldest first. Messages of one role in a row are one turn: templates want that.

    A model that ``sees`` is shown the newest pictures; of all others it is told that they are there.
    """
    shown = set(_newest_pictures(branch)) if sees else set[str]()
    turns: list[ChatMessage] = []
    for message in branch:
        turn = _turn(message, shown)
        if not turn.content.strip() and not turn.pictures:
            continue
        if turns and turns[-1].role == turn.role:
            before = turns[-1]
            content = "\n\n".join(filter(None, (before.content, turn.content)))
            turns[-1] = ChatMessage(turn.role, content, pictures=(*before.pictures, *turn.pictures))
        else:
            turns.append(turn)
    return turns


def _newest_pictures(branch: Sequence[Message]) -> list[str]:
    pictures = [
        str(attached["id"])
        for message in branch
        # Models are shown what people send; there is no place for pictures in what they said themselves.
        if message.role == "user"
        for attached in message.attachments or ()
        if attached["kind"] == "image"
    ]
    return pictures[-_MOST_PICTURES:]


def _turn(message: Message, shown: Collection[str]) -> ChatMessage:
    if not message.attachments:
        return ChatMessage(message.role, message.content)
    notes: list[str] = []
    pictures: list[Picture] = []
    for attached in message.attachments:
        name = attached["name"]
        if attached["id"] in shown:
            pictures.append(
                Picture(
                    sha256=str(attached["sha256"]),
                    owner_id=message.owner_id,
                    media_type=str(attached["media_type"]),
                )
            )
        elif attached["kind"] == "image":
            notes.append(f"[Attached: the picture {name}, which you cannot see. Say so if it matters.]")
        else:
            notes.append(f"[Attached: the file {name}]")
    content = "\n\n".join(filter(None, ("\n".join(notes), message.content)))
    return ChatMessage(message.role, content, pictures=tuple(pictures))


def fitting(turns: Sequence[ChatMessage], context: int, taken: int = 0) -> list[ChatMessage]:
    """The newest turns that should fit beside a reply and ``taken`` other characters; the last one always."""
    room = (context - longest_reply(context)) * _CHARACTERS_A_TOKEN - taken
    kept: list[ChatMessage] = []
    for turn in reversed(turns):
        room -= len(turn.content) + _PICTURE_CHARACTERS * len(turn.pictures)
        if room < 0 and kept:
            break
        kept.append(turn)
    kept.reverse()
    return _from_a_question(kept)


def shortened(turns: Sequence[ChatMessage]) -> list[ChatMessage]:
    """Without the older half; the last turn stays."""
    return _from_a_question(list(turns[max(1, len(turns) // 2) :]) or list(turns[-1:]))


def _from_a_question(turns: list[ChatMessage]) -> list[ChatMessage]:
    """A conversation that does not begin with an answer to nothing."""
    while len(turns) > 1 and turns[0].role == "assistant":
        del turns[0]
    return turns
