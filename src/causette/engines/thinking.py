"""What a model thinks before it answers, told apart from the answer.

Models that think write it between ``<think>`` and ``</think>`` at the beginning of their reply. Some chat templates
open the block themselves, so that the reply begins inside. This is the only place where the two are told apart; from
here on they travel in fields of their own.
"""

from typing import Final, Literal

import msgspec

from causette.engines.types import Completed, Delta

OPEN: Final = "<think>"
CLOSE: Final = "</think>"

#: Where a model's thinking is: nowhere in its text, between tags, or from the beginning on until the closing tag.
Tags = Literal["none", "tagged", "prefilled"]


class Thoughts:
    """Splits one growing reply.

    Args:
        tags: where the thinking is.
        inside: the reply goes on in the middle of it.
    """

    __slots__ = ("_begun", "_held", "_trim", "inside")

    def __init__(self, tags: Tags, *, inside: bool | None = None) -> None:
        #: Whether what comes next is thought.
        self.inside = tags != "none" and (tags == "prefilled" if inside is None else inside)
        # Only the beginning of a reply can open the block: later on, the tag is something that is talked about.
        self._begun = tags == "none" or (inside is False)
        self._held = ""
        # The line ends around a block belong to neither side.
        self._trim = True

    def push(self, text: str, *, last: bool = False) -> tuple[str, str]:
        """The thinking and the answer that ``text`` adds. What may be the beginning of a tag is held back."""
        text = self._held + text
        self._held = ""
        if not self.inside and not self._begun:
            text = self._opened(text, last=last)
        if not self.inside:
            return "", self._trimmed(text) if self._begun else ""
        thought, tag, rest = text.partition(CLOSE)
        if tag:
            self.inside, self._begun = False, True
            thought = self._trimmed(thought).rstrip()
            self._trim = True
            return thought, self._trimmed(rest)
        keep = 0 if last else _kept(text)
        self._held = text[len(text) - keep :]
        return self._trimmed(text[: len(text) - keep]), ""

    def finish(self) -> tuple[str, str]:
        """What was held back, now that nothing follows."""
        return self.push("", last=True)

    def _opened(self, text: str, *, last: bool) -> str:
        start = text.lstrip()
        if start.startswith(OPEN):
            self.inside = True
            return start[len(OPEN) :]
        if OPEN.startswith(start) and not last:
            self._held = text
            return ""
        self._begun, self._trim = True, False
        return text

    def _trimmed(self, text: str) -> str:
        if not self._trim:
            return text
        text = text.lstrip("\n")
        self._trim = not text
        return text


def _kept(text: str) -> int:
    """How much of the end of ``text`` may be the beginning of the closing tag, line ends before it included."""
    for size in range(min(len(CLOSE) - 1, len(text)), 0, -1):
        if CLOSE.startswith(text[-size:]):
            break
    else:
        size = 0
    head = text[: len(text) - size]
    return size + len(head) - len(head.rstrip("\n"))


def written(reasoning: str, content: str) -> str:
    """An assistant's turn as its model wrote it; with no content, still in the middle of its thinking."""
    if not reasoning:
        return content
    return f"{OPEN}\n{reasoning}\n{CLOSE}\n\n{content}" if content else f"{OPEN}\n{reasoning}"


class SplitReplies:
    """All the replies of a request, with their thinking in its own field and counted, where the engine does not.

    Args:
        tags: where the thinking is.
        inside: the reply goes on in the middle of it, or after it; None for one that begins.
    """

    __slots__ = ("_counted", "_inside", "_replies", "_tags", "_thought")

    def __init__(self, tags: Tags, *, inside: bool | None = None) -> None:
        self._tags: Tags = tags
        self._inside = inside
        self._replies: dict[int, Thoughts] = {}
        self._counted = 0
        self._thought = 0

    def push(self, item: Delta | Completed) -> list[Delta | Completed]:
        """``item`` as it is to be handed on; before the account, what was still held back."""
        if isinstance(item, Completed):
            return [*self._left(), self._with_thinking(item)]
        if self._tags == "none" and not item.reasoning:
            self._counted = item.output_tokens
            return [item]
        thoughts = self._replies.setdefault(item.index, Thoughts(self._tags, inside=self._inside))
        if item.reasoning:
            # This server tells them apart itself.
            thoughts = self._replies[item.index] = Thoughts("none")
        was_inside = thoughts.inside
        thought, answer = thoughts.push(item.text)
        if item.finish_reason:
            more, end = thoughts.finish()
            thought, answer = thought + more, answer + end
        thought = item.reasoning + thought
        made = item.output_tokens - self._counted
        if thought and answer:
            # They came together: their lengths say about how many tokens are whose.
            self._thought += round(made * len(thought) / (len(thought) + len(answer)))
        elif thought or was_inside:
            self._thought += made
        self._counted = item.output_tokens
        return [msgspec.structs.replace(item, text=answer, reasoning=thought)]

    def _left(self) -> list[Delta]:
        ends = [(index, thoughts.finish()) for index, thoughts in self._replies.items()]
        return [
            Delta(index, answer, output_tokens=self._counted, reasoning=thought)
            for index, (thought, answer) in ends
            if thought or answer
        ]

    def _with_thinking(self, done: Completed) -> Completed:
        usage = done.usage
        if usage.reasoning_tokens or not self._thought:
            return done
        thought = min(self._thought, usage.output_tokens)
        return Completed(msgspec.structs.replace(usage, reasoning_tokens=thought), done.compute)
