"""The elements of a long JSON array, one at a time: an export of gigabytes takes the memory of its longest element.

Elements are told apart by their brackets and strings alone, so one that is malformed inside does not hide those after
it; whoever decodes it says what is wrong with it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO, Final

#: Bytes of one element: the longest conversations of real exports have a tenth of it.
LONGEST_ITEM: Final = 128 << 20
_PORTION: Final = 1 << 18
_OUTSIDE: Final = re.compile(rb'["\[\]{}]')
_INSIDE: Final = re.compile(rb'["\\]')
_BLANK: Final = b" \t\r\n,"
_BOM: Final = b"\xef\xbb\xbf"


class Malformed(ValueError):
    """The text is no array, or ends too early; what was found before it counts."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element's bytes, counted from 1, and where they begin in the text. None in place of what is too long."""

    number: int
    offset: int
    raw: bytes | None


def elements(file: IO[bytes], longest: int = LONGEST_ITEM) -> Iterator[Element]:
    """The elements of the array of objects in ``file``.

    Raises:
        Malformed: it is none, or it ends within one.
    """
    splitter = _Splitter(longest)
    first = True
    while portion := file.read(_PORTION):
        if first:
            portion, first = portion.removeprefix(_BOM), False
        yield from splitter.feed(portion)
        if splitter.over:
            return
    raise Malformed(splitter.unfinished())


class _Splitter:
    def __init__(self, longest: int) -> None:
        self._longest = longest
        self._depth = 0
        self._in_string = False
        self._escaped = False
        self._number = 0
        self._begin = 0
        self._read = 0
        self._size = 0
        self._pieces: list[bytes] = []
        self.over = False

    def unfinished(self) -> str:
        """What is missing at the end of the text."""
        if self._depth == 0:
            return "it is empty"
        if self._depth == 1:
            return f"it ends after element {self._number}, without the array's end"
        return f"it ends within element {self._number + 1}, which begins at byte {self._begin}"

    def feed(self, portion: bytes) -> Iterator[Element]:
        at = kept = 0
        while at < len(portion) and not self.over:
            if self._in_string:
                at = self._through_string(portion, at)
                continue
            found = _OUTSIDE.search(portion, at)
            stop = len(portion) if found is None else found.start()
            self._check(portion[at:stop], b"" if found is None else found[0], self._read + at)
            at = stop
            if found is None:
                break
            mark, at = found[0], found.end()
            if mark == b'"':
                self._in_string = True
            elif mark in b"[{":
                if self._depth == 1:
                    kept, self._begin = stop, self._read + stop
                self._depth += 1
            else:
                self._depth -= 1
                if self._depth == 1:
                    self._keep(portion[kept:at])
                    yield self._element()
                elif self._depth <= 0:
                    self.over = True
        if self._depth > 1 and not self.over:
            self._keep(portion[kept:])
        self._read += len(portion)

    def _check(self, between: bytes, mark: bytes, offset: int) -> None:
        """Outside of elements there is an array's begin, and then commas."""
        if self._depth == 0 and mark == b"{":
            raise Malformed("it is an object, and an array is expected")
        if self._depth <= 1 and (mark == b'"' or between.strip(_BLANK)):
            raise Malformed(f"something other than an object is at byte {offset}")

    def _through_string(self, portion: bytes, at: int) -> int:
        if self._escaped:
            self._escaped = False
            return at + 1
        found = _INSIDE.search(portion, at)
        if found is None:
            return len(portion)
        if found[0] == b"\\":
            self._escaped = True
        else:
            self._in_string = False
        return found.end()

    def _keep(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size <= self._longest:
            self._pieces.append(piece)
        else:
            self._pieces.clear()

    def _element(self) -> Element:
        self._number += 1
        raw = b"".join(self._pieces) if self._size <= self._longest else None
        self._pieces, self._size = [], 0
        return Element(self._number, self._begin, raw)
