"""Tokens to text, one token at a time, never half a character.

A token is a piece of bytes; a character may be spread over several. Two ways, chosen by :func:`detokenizers` when a
model is loaded: where the vocabulary's bytes are the text's bytes (byte-level BPE), joining them through an
incremental UTF-8 decoder costs about a microsecond a token; for every other vocabulary a short window of tokens is
decoded again and what is new is taken, once it ends in a whole character.
"""

import codecs
from collections.abc import Callable, Sequence
from typing import Protocol

# Characters that no real text ends in: shown while the bytes of one are incomplete.
_REPLACEMENT = "\N{REPLACEMENT CHARACTER}"

# One text that meets every trap: accents, several bytes a character, joined emoji, line ends, code, spaces.
PROBE = "Hello, café naïve déjà 🙂 👩‍👩‍👧 日本語\n\tif x  == 1:\n    return 'é'\n"


class Detokenizer(Protocol):
    """The text of one growing sequence of tokens."""

    def push(self, ids: Sequence[int]) -> str:
        """The whole characters that these tokens complete."""
        ...

    def finish(self) -> str:
        """What is left at the end; bytes that never became a character show as U+FFFD."""
        ...


class ByteDetokenizer:
    """For vocabularies whose tokens are plain bytes."""

    __slots__ = ("_decoder", "_pieces")

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self._pieces = pieces
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, ids: Sequence[int]) -> str:
        """See :class:`Detokenizer`."""
        # A model's output may be wider than its vocabulary: such tokens have no text.
        pieces, size = self._pieces, len(self._pieces)
        return self._decoder.decode(b"".join([pieces[token] for token in ids if token < size]))

    def finish(self) -> str:
        """See :class:`Detokenizer`."""
        return self._decoder.decode(b"", final=True)


class WindowDetokenizer:
    """For every other vocabulary: decode a window that starts where text is settled, and take what is new."""

    __slots__ = ("_decode", "_ids", "_settled", "_shown")

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._ids: list[int] = []
        # ids[_settled:_shown] has been shown; it is decoded again as context, for tokens that change with it.
        self._settled = 0
        self._shown = 0

    def push(self, ids: Sequence[int]) -> str:
        """See :class:`Detokenizer`."""
        self._ids.extend(ids)
        text = self._new_text()
        if not text or text.endswith(_REPLACEMENT):
            return ""
        self._settled, self._shown = self._shown, len(self._ids)
        return text

    def finish(self) -> str:
        """See :class:`Detokenizer`."""
        text = self._new_text()
        self._settled = self._shown = len(self._ids)
        return text

    def _new_text(self) -> str:
        shown = self._decode(self._ids[self._settled : self._shown])
        return self._decode(self._ids[self._settled :])[len(shown) :]


class StopStrings:
    """Ends a text before the first of the given strings, holding back what may turn out to be one's beginning.

    The first is the one that is complete first, and of several complete at once the longest: so the result does not
    depend on the pieces in which the text comes.
    """

    __slots__ = ("_held", "_stops", "found")

    def __init__(self, stops: Sequence[str]) -> None:
        self._stops = stops
        self._held: str = ""
        self.found = False

    def push(self, text: str, *, last: bool = False) -> str:
        """The text that is safe to show. After a stop string is ``found``, nothing more is."""
        if self.found:
            return ""
        if not self._stops:
            return text
        text = f"{self._held}{text}"
        ends = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if ends:
            self.found, self._held = True, ""
            return text[: min(ends)[1]]
        keep = 0 if last else max(_overlap(text, stop) for stop in self._stops)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """The length of the longest end of ``text`` that is a beginning of ``stop``."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0


def detokenizers(
    vocabulary: dict[bytes, int],
    special: frozenset[int],
    encode: Callable[[str], Sequence[int]],
    decode: Callable[[Sequence[int]], str],
) -> Callable[[], Detokenizer]:
    """A maker of detokenizers for one model: the fast way if it gives back :data:`PROBE`, else the general one.

    ``special`` tokens have no text. ``encode`` and ``decode`` are the model's own tokenizer.
    """
    pieces = [b""] * (max(vocabulary.values(), default=-1) + 1)
    for piece, token in vocabulary.items():
        if token not in special:
            pieces[token] = piece
    ids = encode(PROBE)
    if (
        all(token < len(pieces) for token in ids)
        and b"".join(pieces[token] for token in ids) == PROBE.encode()
    ):
        return lambda: ByteDetokenizer(pieces)
    return lambda: WindowDetokenizer(decode)
