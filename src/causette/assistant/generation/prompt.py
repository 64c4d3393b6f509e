"""What a model gets to see of a conversation."""

from collections.abc import Sequence
from typing import Final

from causette.assistant.types import Message
from causette.engines.types import ChatMessage

# A rough guess is enough: a prompt that is too long after all is shortened further.
_CHARACTERS_A_TOKEN: Final = 4
# A reply may take this share of the context, and no more than this many tokens.
_REPLY_SHARE: Final = 4
_LONGEST_REPLY: Final = 4096


def longest_reply(context: int) -> int:
    """Tokens a reply may have in a context of ``context`` tokens."""
    return min(_LONGEST_REPLY, max(1, context // _REPLY_SHARE))


def turns_of(branch: Sequence[Message]) -> list[ChatMessage]:
    """The branch's messages that say something, oldest first."""
    return [ChatMessage(message.role, message.content) for message in branch if message.content.strip()]


def fitting(turns: Sequence[ChatMessage], context: int) -> list[ChatMessage]:
    """The newest turns that should fit beside a reply; the last one always."""
    room = (context - longest_reply(context)) * _CHARACTERS_A_TOKEN
    kept: list[ChatMessage] = []
    for turn in reversed(turns):
        room -= len(turn.content)
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
